"""Hold-down: how a leaf that is merely seen earns acceptance, by age and sightings (RFC 5011).

Theory of operation. `core.admission` says what a pending pin has to serve, by its origin and the
policy; this module counts it. Each look at the link gives one `Sight` for each address that serves
an unpinned leaf. A look then does, in this order:

1. `_carry_on`: a pending pin is *contradicted* if any address serves another unpinned leaf, if an
   address where it had been seen serves a pinned leaf again, or if the evidence for it is of
   another kind now. Its age and its sightings start again from zero.
   Otherwise it is *counted*: one sighting for each address that serves it, and as age the time
   since its previous sighting. A gap of more than three intervals adds nothing to its age, and
   neither grows while the clock keeps the leaf from being judged: both pause the hold-down and do
   not restart it.
2. `_refused`: a leaf that can never be accepted is reported, once.
3. `_begin`: a leaf that is seen for the first time becomes a pending pin. There are at most
   `MOST_PENDING`, so that a server with a new leaf for each handshake does not fill the state.
4. `_accept`: a pending pin is accepted if this look shows it, no other unpinned leaf and the same
   evidence, the clock lets it be judged, and `_is_served`: the age and the sightings are reached
   or, for the very first pin, the sightings at each address that answers. The first pin becomes the
   current one, any other a backup.
5. `_forget`: a pending pin that was not served for `pins.hold_down` of observed time is dropped.

Age is the sum of observed intervals on the monotonic clock: setting the clock changes none of it,
and no time counts in which nobody looked. A removed fingerprint never enters, whatever is seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgepind.core.admission import ORIGIN, Condition, Evidence, condition, hold_down
from edgepind.core.diagnosis import judge_leaf, may_judge, pin_of
from edgepind.core.messages import IS_REMOVED, pin_activated, pin_pending, pin_prepared
from edgepind.core.pin_lifecycle import (
    PinEvent,
    enter,
    is_removed,
    leave,
    move,
    put,
    report_refusals,
)
from edgepind.core.tick import Tick, served
from edgepind.model.decision import Event
from edgepind.model.enums import Bootstrap, Finding, Origin, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf, Link
from edgepind.model.pin import Pin, with_role
from edgepind.model.rules import PinRules
from edgepind.model.state import State

MOST_PENDING = 4
"""A peer that shows a new leaf at each handshake must not make the state grow."""
_WAITS_FOR_OPERATOR = 'no pin is known and bootstrap = "operator" waits for `edgepind pin add`'


@dataclass(frozen=True, slots=True)
class Sight:
    """An unpinned leaf at one address; `evidence` None: it is no evidence, for the reason `why`.

    `timely`: the clock keeps nothing from being concluded about it (`diagnosis.may_judge`).
    """

    address: str
    fingerprint: Fingerprint
    evidence: Evidence | None
    why: str
    timely: bool


def note_sightings(state: State, link: Link, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Update every hold-down by what `link` shows, and accept the pins that have served theirs."""
    sights = _sights(state, link, tick)
    pinned_at = frozenset(
        address for address, it in served(link) if pin_of(it.leaf, state.pins) is not None
    )
    pins = tuple(
        _carry_on(pin, sights, pinned_at, tick) if pin.role is Role.PENDING else pin
        for pin in state.pins
    )
    state = replace(state, pins=pins)
    state, refused = report_refusals(state, _refused(sights, tick))
    state, begun = _begin(state, sights, tick)
    state, accepted = _accept(state, sights, link, tick)
    state = _forget(state, sights, link, tick)
    return state, (*refused, *begun, *accepted)


def _sights(state: State, link: Link, tick: Tick) -> tuple[Sight, ...]:
    return tuple(
        _sight(address, it.leaf, state, tick)
        for address, it in served(link)
        if pin_of(it.leaf, state.pins) is None
    )


def _sight(address: str, leaf: Leaf, state: State, tick: Tick) -> Sight:
    evidence, why = _evidence(leaf, state, tick)
    timely = may_judge(leaf, state.pins, tick, state.floor)
    return Sight(address, leaf.value(tick.rules.pins.kind), evidence, why, timely)


def _evidence(leaf: Leaf, state: State, tick: Tick) -> tuple[Evidence | None, str]:
    if is_removed(leaf, state):
        return None, IS_REMOVED
    finding = judge_leaf(leaf, state.pins, tick, state.floor)
    if finding is Finding.INTERCEPTION:
        return _private_evidence(leaf, state, tick)
    if finding is Finding.UNANNOUNCED_ROTATION:
        return _public_evidence(leaf, state, tick.rules.pins)
    return None, ""


def _public_evidence(leaf: Leaf, state: State, rules: PinRules) -> tuple[Evidence | None, str]:
    if rules.issuers and not rules.issuers & leaf.public.issuers:
        return None, f"its issuer {leaf.issuer} is not one of the configured pins.issuers"
    if any(pin.accepted for pin in state.pins):
        return Evidence.UNANNOUNCED, "policy strict accepts no unannounced rotation"
    if rules.bootstrap is Bootstrap.OPERATOR:
        return None, _WAITS_FOR_OPERATOR
    return Evidence.BOOTSTRAP, ""


def _private_evidence(leaf: Leaf, state: State, tick: Tick) -> tuple[Evidence | None, str]:
    window = leaf.exception.window if leaf.exception else None
    if window is None:
        return Evidence.INTERCEPTION, f"its issuer {leaf.issuer} reaches no public root"
    if not (window.holds_at(tick.now.wall) and leaf.name_matches):
        return None, ""
    if not may_judge(leaf, state.pins, tick, state.floor):
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
    if not tick.clock.trusted and not (mine and all(it.timely for it in mine)):
        return replace(pin, last_seen=None)
    return pin if origin is None else _count(pin, mine, tick)


def _origin(mine: tuple[Sight, ...]) -> Origin | None:
    """The origin of a pin with these sights; None where their evidence differs or admits no pin."""
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


def _refused(sights: tuple[Sight, ...], tick: Tick) -> Iterator[tuple[Fingerprint, str]]:
    """Each fingerprint that no age and no number of sightings will admit, with the reason."""
    for sight in sights:
        if sight.why and (sight.evidence is None or _never(sight.evidence, tick)):
            yield sight.fingerprint, sight.why


def _never(evidence: Evidence, tick: Tick) -> bool:
    return condition(evidence, tick.rules.pins.policy) is Condition.NEVER


def _begin(state: State, sights: tuple[Sight, ...], tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Put leaves that are seen for the first time, and may be accepted later, into hold-down."""
    events: list[Event] = []
    rules = tick.rules.pins
    known = {pin.fingerprint for pin in state.pins if pin.kind is rules.kind}
    seen = tuple(dict.fromkeys(sight.fingerprint for sight in sights))
    for fingerprint in seen:
        mine = tuple(sight for sight in sights if sight.fingerprint == fingerprint)
        origin = _origin(mine)
        need = hold_down(origin, rules) if origin else None
        pins = _evict_if_full(state.pins, seen)
        if fingerprint in known or origin is None or need is None or pins is None:
            continue
        seed = Pin(fingerprint, rules.kind, Role.PENDING, origin, tick.now.wall)
        pin = _count(enter(seed, PinEvent.SIGHTED, state), mine, tick)
        state = replace(state, pins=(*pins, pin))
        events.append(pin_pending(pin, need))
    return state, tuple(events)


def _evict_if_full(pins: tuple[Pin, ...], seen: tuple[Fingerprint, ...]) -> tuple[Pin, ...] | None:
    """The pins with a place for one more pending pin; None where there is none.

    The oldest that is not served now is dropped for it.
    """
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
        if pin.role is not Role.PENDING or not _is_served(pin, sights, link, tick):
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


def _is_served(pin: Pin, sights: tuple[Sight, ...], link: Link, tick: Tick) -> bool:
    """Whether the hold-down of `pin` is served, and this look shows it and nothing against it."""
    need = hold_down(pin.origin, tick.rules.pins)
    mine = tuple(sight for sight in sights if sight.fingerprint == pin.fingerprint)
    alone = len(mine) == len(sights)
    counted = _origin(mine) is pin.origin
    if need is None or not (counted and alone and all(it.timely for it in mine)):
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
