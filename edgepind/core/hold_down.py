"""Hold-downs: how what is merely seen earns acceptance, by age and by sightings (RFC 5011).

A pending pin serves its hold-down only while it is being seen, by a clock that is not known to
be wrong. A contradiction starts it again; a gap pauses it. Elapsed time is monotonic, so a
clock that is set cannot shorten or lengthen it.
"""

from dataclasses import dataclass

from edgepind.core.admission import ORIGIN, Condition, Evidence, condition, hold_down
from edgepind.core.diagnosis import judge_leaf, pin_of
from edgepind.core.pin_lifecycle import PinEvent, enter, leave, move, put
from edgepind.core.removed import BY_AN_OPERATOR_ALONE, is_removed
from edgepind.core.sentences import pin_activated, pin_pending, pin_prepared, pin_refused
from edgepind.core.tick import Tick, served
from edgepind.model.decision import Event
from edgepind.model.enums import Bootstrap, Finding, Origin, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf, Link
from edgepind.model.pin import Pin, with_role
from edgepind.model.replacing import replace
from edgepind.model.rules import PinRules
from edgepind.model.state import State

MOST_PENDING = 4
"""A peer that shows a new leaf at each handshake must not make the state grow."""
REFUSALS_KEPT = 16
_WAITS_FOR_OPERATOR = 'no pin is known and bootstrap = "operator" waits for `edgepind pin add`'


@dataclass(frozen=True, slots=True)
class Sight:
    """An unpinned leaf at one address; `evidence` None: it counts for nothing, `why` says why."""

    address: str
    fingerprint: Fingerprint
    evidence: Evidence | None
    why: str


def note_sightings(state: State, link: Link, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Carry every hold-down on by what `link` shows, and accept what has served its own."""
    sights = _sights(state, link, tick)
    pinned_at = frozenset(
        address for address, it in served(link) if pin_of(it.leaf, state.pins) is not None
    )
    pins = tuple(
        _carry_on(pin, sights, pinned_at, tick) if pin.role is Role.PENDING else pin
        for pin in state.pins
    )
    state = replace(state, pins=pins)
    state, told = _refuse(state, sights, tick)
    state, begun = _begin(state, sights, tick)
    state, accepted = _accept(state, sights, link, tick)
    state = _forget(state, sights, link, tick)
    return state, (*told, *begun, *accepted)


def _sights(state: State, link: Link, tick: Tick) -> tuple[Sight, ...]:
    return tuple(
        _sight(address, it.leaf, state, tick)
        for address, it in served(link)
        if pin_of(it.leaf, state.pins) is None
    )


def _sight(address: str, leaf: Leaf, state: State, tick: Tick) -> Sight:
    evidence, why = _evidence(leaf, state, tick)
    return Sight(address, leaf.value(tick.rules.pins.kind), evidence, why)


def _evidence(leaf: Leaf, state: State, tick: Tick) -> tuple[Evidence | None, str]:
    if is_removed(leaf, state):
        return None, BY_AN_OPERATOR_ALONE
    finding = judge_leaf(leaf, state.pins, tick, state.floor)
    if finding is Finding.INTERCEPTION:
        return _private_evidence(leaf, state, tick)
    if finding is Finding.UNANNOUNCED_ROTATION:
        return _public_evidence(leaf, state, tick.rules.pins)
    return None, ""


def _public_evidence(leaf: Leaf, state: State, rules: PinRules) -> tuple[Evidence | None, str]:
    if rules.issuers and not rules.issuers & leaf.public.issuers:
        return None, f"its issuer {leaf.issuer} is none of the configured pins.issuers"
    if any(pin.accepted for pin in state.pins):
        return Evidence.UNANNOUNCED, "policy strict accepts no unannounced rotation"
    if rules.bootstrap is Bootstrap.OPERATOR:
        return None, _WAITS_FOR_OPERATOR
    return Evidence.BOOTSTRAP, ""


def _private_evidence(leaf: Leaf, state: State, tick: Tick) -> tuple[Evidence | None, str]:
    window = leaf.exception.window if leaf.exception else None
    if window is None:
        return Evidence.INTERCEPTION, f"its issuer {leaf.issuer} reaches no public root"
    if not (window.holds_at(tick.now.wall) and leaf.name_matches and tick.clock.trusted):
        return None, ""
    first = not any(pin.accepted for pin in state.pins)
    if first and tick.rules.pins.bootstrap is Bootstrap.OPERATOR:
        return None, _WAITS_FOR_OPERATOR
    return Evidence.EXCEPTION, ""


def _carry_on(pin: Pin, sights: tuple[Sight, ...], pinned_at: frozenset[str], tick: Tick) -> Pin:
    mine = tuple(sight for sight in sights if sight.fingerprint == pin.fingerprint)
    origin = _origin(mine)
    others = len(mine) < len(sights)
    rolled_back = any(address in pinned_at for address, _ in pin.seen_at)
    other_evidence = origin not in {None, pin.origin}
    if others or rolled_back or other_evidence:
        pin = _start_again(move(pin, PinEvent.CONTRADICTED, tick.now.wall), origin)
    if not tick.clock.trusted:
        return replace(pin, last_seen=None)
    return pin if origin is None else _count(pin, mine, tick)


def _origin(mine: tuple[Sight, ...]) -> Origin | None:
    """The origin that these sights of one leaf would give a pin; None where they give none."""
    evidences = {sight.evidence for sight in mine}
    evidence = evidences.pop() if len(evidences) == 1 else None
    return ORIGIN.get(evidence) if evidence else None


def _start_again(pin: Pin, origin: Origin | None) -> Pin:
    again = replace(pin, held=0.0, sightings=0, seen_at=(), last_seen=None)
    return replace(again, origin=origin) if origin else again


def _count(pin: Pin, mine: tuple[Sight, ...], tick: Tick) -> Pin:
    now = tick.now.monotonic
    watched = 0.0 if pin.last_seen is None else tick.watched(now - pin.last_seen)
    counts = dict(pin.seen_at)
    for sight in mine:
        counts[sight.address] = counts.get(sight.address, 0) + 1
    return replace(
        pin,
        held=pin.held + watched,
        sightings=pin.sightings + len(mine),
        seen_at=tuple(sorted(counts.items())),
        last_seen=now,
        unseen=0.0,
        ever_live=True,
    )


def _refuse(state: State, sights: tuple[Sight, ...], tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Tell, once a fingerprint, of those that no time and no number of sightings will let in."""
    events = []
    for sight in sights:
        never = sight.evidence is None or _never(sight.evidence, tick)
        if never and sight.why and sight.fingerprint not in state.refusals_told:
            told = (*state.refusals_told, sight.fingerprint)[-REFUSALS_KEPT:]
            state = replace(state, refusals_told=told)
            events.append(pin_refused(sight.fingerprint, sight.why))
    return state, tuple(events)


def _never(evidence: Evidence, tick: Tick) -> bool:
    return condition(evidence, tick.rules.pins.policy) is Condition.NEVER


def _begin(state: State, sights: tuple[Sight, ...], tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Put what is seen for the first time, and may be accepted one day, into hold-down."""
    events: list[Event] = []
    rules = tick.rules.pins
    known = {pin.fingerprint for pin in state.pins if pin.kind is rules.kind}
    seen = tuple(dict.fromkeys(sight.fingerprint for sight in sights))
    for fingerprint in seen:
        mine = tuple(sight for sight in sights if sight.fingerprint == fingerprint)
        origin = _origin(mine)
        need = hold_down(origin, rules) if origin else None
        pins = _with_room(state.pins, seen)
        if fingerprint in known or origin is None or need is None or pins is None:
            continue
        seed = Pin(fingerprint, rules.kind, Role.PENDING, origin, tick.now.wall)
        pin = _count(enter(seed, PinEvent.SIGHTED, state), mine, tick)
        state = replace(state, pins=(*pins, pin))
        events.append(pin_pending(pin, need))
    return state, tuple(events)


def _with_room(pins: tuple[Pin, ...], seen: tuple[Fingerprint, ...]) -> tuple[Pin, ...] | None:
    """The pins with room for one more that waits: the oldest that is gone makes way, if any is."""
    waiting = with_role(pins, Role.PENDING)
    if len(waiting) < MOST_PENDING:
        return pins
    gone = next((pin for pin in waiting if pin.fingerprint not in seen), None)
    return None if gone is None else tuple(pin for pin in pins if pin is not gone)


def _accept(
    state: State, sights: tuple[Sight, ...], link: Link, tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    events = []
    for pin in state.pins:
        if pin.role is not Role.PENDING or not _served(pin, sights, link, tick):
            continue
        bootstrap = not any(other.accepted for other in state.pins)
        event = PinEvent.BOOTSTRAPPED if bootstrap else PinEvent.HELD_DOWN
        settled = replace(move(pin, event, tick.now.wall), seen_at=(), last_seen=None)
        retired = tuple(other for other in state.retired if other != pin.fingerprint)
        state = replace(state, pins=put(state.pins, settled), retired=retired)
        events.append(pin_prepared(settled))
        if bootstrap:
            events.append(pin_activated(settled))
    return state, tuple(events)


def _served(pin: Pin, sights: tuple[Sight, ...], link: Link, tick: Tick) -> bool:
    """Whether `pin` has served all of its hold-down and is seen now, uncontradicted."""
    need = hold_down(pin.origin, tick.rules.pins)
    mine = tuple(sight for sight in sights if sight.fingerprint == pin.fingerprint)
    alone = len(mine) == len(sights)
    counted = _origin(mine) is pin.origin
    if need is None or not (counted and alone and tick.clock.trusted):
        return False
    if need.everywhere:
        counts = dict(pin.seen_at)
        return all(counts.get(address, 0) >= need.sightings for address, _ in served(link))
    return pin.held >= need.age and pin.sightings >= need.sightings


def _forget(state: State, sights: tuple[Sight, ...], link: Link, tick: Tick) -> State:
    if not served(link):
        return state
    seen = {sight.fingerprint for sight in sights}
    for pin in state.pins:
        if pin.role is not Role.PENDING or pin.fingerprint in seen:
            continue
        unseen = pin.unseen + tick.observed
        if unseen > tick.rules.pins.hold_down:
            pins, retired = leave(state.pins, state.retired, pin, PinEvent.FORGOTTEN)
            state = replace(state, pins=pins, retired=retired)
        else:
            state = replace(state, pins=put(state.pins, replace(pin, unseen=unseen)))
    return state
