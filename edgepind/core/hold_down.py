"""Hold-down: how a leaf that is merely seen earns acceptance, by age and sightings (RFC 5011).

Theory of operation. `core.admission` says what a pending pin has to serve, by its origin and the
policy; this module counts it. Each look at the link gives one `Sight` for each address that serves
an unpinned leaf. A look then does, in this order:

1. `_carry_on`: a pending pin is *contradicted* if an address that does not serve it as well serves
   another unpinned leaf, if one where it had been seen has not served it for ten looks, or if the
   evidence for it is of another kind now. Its age and its sightings start again from zero. Leaves
   of one named CA contradict nothing among themselves.
   Otherwise it is *counted*: one sighting for each address that serves it, and as age the time
   since its previous sighting. A gap of more than three intervals adds nothing to its age (three
   intervals where leaves are served in turn), and neither grows while the clock keeps the leaf from
   being judged: both pause the hold-down and do not restart it.
2. `_refused`: a leaf that can never be accepted is reported, once.
3. `_begin`: a leaf that is seen for the first time becomes a pending pin. There are at most
   `MOST_PENDING`, so that a server with a new leaf for each handshake does not fill the state.
4. `_accept`: a pending pin is accepted if this look shows it, uncontradicted and with the same
   evidence, the clock lets it be judged, and `_is_served`: the age and the sightings are reached
   (four times the age in turn with a pinned leaf) or, for the very first pin, as many sightings as
   for each address that answers. The first pin becomes the current one, any other a backup.
5. `_forget`: a pending pin that was not served for `pins.hold_down` of observed time, nor at any of
   the last `live_leaves.TURN` looks, in which its turn would have come, is dropped.

Age is the sum of observed intervals on the monotonic clock: setting the clock changes none of it,
and no time counts in which nobody looked. A removed fingerprint never enters, whatever is seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgepind.core.admission import (
    ORIGIN,
    Condition,
    Evidence,
    condition,
    hold_down,
)
from edgepind.core.diagnosis import judge_leaf, may_judge, pin_of
from edgepind.core.live_leaves import (
    RECENT,
    TURN,
    answering,
    keys_of,
    live_at,
    pinned_in_turn,
    serves_lately,
)
from edgepind.core.messages import (
    BREAKS_A_RULE,
    IS_REMOVED,
    changing_ca,
    pin_activated,
    pin_pending,
    pin_prepared,
)
from edgepind.core.pin_lifecycle import (
    PinEvent,
    enter,
    is_removed,
    leave,
    move,
    put,
    report_refusals,
)
from edgepind.core.tick import GAP_TICKS, Tick, leaves_in, served
from edgepind.model.decision import Event
from edgepind.model.enums import Bootstrap, Finding, Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf, Link
from edgepind.model.pin import Pin, accepted, with_role
from edgepind.model.rules import PinRules
from edgepind.model.state import Breach, LastServed, State

_SEVERAL = 3
"""The first pin is sighted at this many addresses at least, where so many answer."""
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
    pins = tuple(
        _carry_on(pin, sights, state, tick) if pin.role is Role.PENDING else pin
        for pin in state.pins
    )
    state = replace(state, pins=pins)
    state = _note_breaches(state, link, tick)
    state, refused = report_refusals(state, _refused(sights, tick))
    state, begun = _begin(state, sights, tick)
    state, accepted = _accept(state, sights, link, tick)
    state = _forget(state, sights, link, tick)
    return state, (*refused, *begun, *accepted)


def _sights(state: State, link: Link, tick: Tick) -> tuple[Sight, ...]:
    return tuple(
        _sight(address, leaf, state, tick)
        for address, it in served(link)
        if not it.wider_only  # an Edge is not served that one
        for leaf in (it.leaf, *it.others)
        if pin_of(leaf, state.pins) is None
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
    if leaf.breach is not None:
        return None, f"{BREAKS_A_RULE}: {leaf.breach}" if leaf.breach else ""
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


def _carry_on(pin: Pin, sights: tuple[Sight, ...], state: State, tick: Tick) -> Pin:
    mine = tuple(sight for sight in sights if sight.fingerprint == pin.fingerprint)
    origin = _origin(mine)
    other_evidence = origin not in {None, pin.origin}
    if other_evidence or _is_contradicted(pin, sights, state):
        pin = _start_again(move(pin, PinEvent.CONTRADICTED, tick.now.wall), origin)
    if not tick.clock.trusted and not (mine and all(it.timely for it in mine)):
        return replace(pin, last_seen=None)
    return pin if origin is None else _count(pin, mine, state, tick)


def _is_contradicted(pin: Pin, sights: tuple[Sight, ...], state: State) -> bool:
    """Whether what is seen elsewhere speaks against the pin.

    An address where it is one of a set contradicts nothing, as long as the others of that set could
    be accepted as well; one that has left it for good does.
    """
    at = {it.address: it for it in answering(state)}
    for sight in sights:
        other = _origin((sight,))
        if sight.fingerprint == pin.fingerprint or _named_alike(pin, other):
            continue
        if other is None or not (sight.address in at and serves_lately(pin.key, at[sight.address])):
            return True
    return any(address in at and _has_left(pin, at[address], state) for address, _ in pin.seen_at)


def _has_left(pin: Pin, it: LastServed, state: State) -> bool:
    """Whether an address serves others for good, and not only others of the CAs that are named."""
    if it.looks < RECENT or serves_lately(pin.key, it):
        return False
    origins = {
        other.origin
        for other in accepted(state.pins)
        for leaf in live_at(it)
        if other.key in keys_of(leaf)
    }
    return not any(_named_alike(pin, origin) for origin in origins)


def _named_alike(pin: Pin, other: Origin | None) -> bool:
    """Whether both are of inspecting CAs that the site has named: they contradict nothing."""
    return pin.origin is Origin.EXCEPTION and other is Origin.EXCEPTION


def _note_breaches(state: State, link: Link, tick: Tick) -> State:
    """Remember which rules the leaves break that would be adopted but for that."""
    if not served(link):
        return state
    rules = {
        leaf.value(tick.rules.pins.kind): leaf.breach
        for leaf in leaves_in(link)
        if leaf.breach and pin_of(leaf, state.pins) is None
    }
    breaches = tuple(Breach(leaf, rule) for leaf, rule in rules.items())
    return state if breaches == state.breaches else replace(state, breaches=breaches)


def _origin(mine: tuple[Sight, ...]) -> Origin | None:
    """The origin of a pin with these sights; None where their evidence differs or admits no pin."""
    evidences = {sight.evidence for sight in mine}
    evidence = evidences.pop() if len(evidences) == 1 else None
    return ORIGIN.get(evidence) if evidence else None


def _start_again(pin: Pin, origin: Origin | None) -> Pin:
    again = replace(pin, held=0.0, sightings=0, seen_at=(), last_seen=None)
    return replace(again, origin=origin) if origin else again


def _count(pin: Pin, mine: tuple[Sight, ...], state: State, tick: Tick) -> Pin:
    """Count a look that showed the pin.

    Where its leaf is served in turn with others, a look without it is no gap.
    """
    here = {sight.address for sight in mine}
    turns = any(it.address in here and it.in_turn for it in answering(state))
    now = tick.now.monotonic
    gap = 0.0 if pin.last_seen is None else now - pin.last_seen
    watched = min(gap, GAP_TICKS * tick.rules.interval) if turns else tick.watched(gap)
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
        need = hold_down(origin, rules, in_turn=pinned_in_turn(state)) if origin else None
        pins = _evict_if_full(state.pins, seen)
        if fingerprint in known or origin is None or need is None or pins is None:
            continue
        seed = Pin(fingerprint, rules.kind, Role.PENDING, origin, tick.now.wall)
        pin = _count(enter(seed, PinEvent.SIGHTED, state), mine, state, tick)
        evicted = len(pins) < len(state.pins)
        state = replace(state, pins=(*pins, pin))
        if origin is Origin.EXCEPTION and (evicted or state.changing_ca_told):
            state, told = _note_changing_ca(state, pin)
            events += told
        elif need.sightings > 1:
            events.append(pin_pending(pin, need))
    return state, tuple(events)


def _note_changing_ca(state: State, pin: Pin) -> tuple[State, tuple[Event, ...]]:
    """Tell once that the leaves of a named CA change; further ones come and go in silence."""
    if state.changing_ca_told:
        return state, ()
    return replace(state, changing_ca_told=True), (changing_ca(pin),)


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
        if pin.role is not Role.PENDING or not _is_served(pin, sights, link, state, tick):
            continue
        if _crowded(state, pin, link) and pin.sightings < tick.rules.pins.sightings:
            continue
        bootstrap = not any(other.accepted for other in state.pins)
        event = PinEvent.BOOTSTRAPPED if bootstrap else PinEvent.HELD_DOWN
        settled = replace(move(pin, event, tick.now.wall), seen_at=(), last_seen=None)
        retired = tuple(other for other in state.retired if other != pin.fingerprint)
        settling = pin.origin is Origin.EXCEPTION and pin.sightings >= tick.rules.pins.sightings
        told = state.changing_ca_told and not settling
        state = replace(
            state, pins=put(state.pins, settled), retired=retired, changing_ca_told=told
        )
        events.append(pin_prepared(settled))
        if bootstrap:
            events.append(pin_activated(settled))
    return state, tuple(events)


def _crowded(state: State, pin: Pin, link: Link) -> bool:
    """Whether so many leaves of named CAs are accepted and gone that one more is of no use.

    A CA that makes a leaf for each connection must not fill the document.
    """
    if pin.origin is not Origin.EXCEPTION:
        return False
    live = {leaf.value(kind) for leaf in leaves_in(link) for kind in PinKind}
    gone = (it for it in state.pins if it.accepted and it.fingerprint not in live)
    return sum(it.origin is Origin.EXCEPTION for it in gone) >= MOST_PENDING


def _is_served(pin: Pin, sights: tuple[Sight, ...], link: Link, state: State, tick: Tick) -> bool:
    """Whether the hold-down of `pin` is served, and this look shows it and nothing against it."""
    need = hold_down(pin.origin, tick.rules.pins, in_turn=pinned_in_turn(state))
    mine = tuple(sight for sight in sights if sight.fingerprint == pin.fingerprint)
    counted = _origin(mine) is pin.origin and not _is_contradicted(pin, sights, state)
    if need is None or not (counted and all(it.timely for it in mine)):
        return False
    if need.everywhere:
        answers = len(served(link))
        several = len(pin.seen_at) >= min(answers, _SEVERAL)
        return several and pin.sightings >= need.sightings * answers
    return pin.held >= need.age and pin.sightings >= need.sightings


def _forget(state: State, sights: tuple[Sight, ...], link: Link, tick: Tick) -> State:
    if not served(link):
        return state
    seen = {sight.fingerprint for sight in sights}
    for pin in state.pins:
        if pin.role is not Role.PENDING or pin.fingerprint in seen:
            continue
        unseen = pin.unseen + tick.observed
        turn_may_come = any(serves_lately(pin.key, it, TURN) for it in answering(state))
        if unseen > tick.rules.pins.hold_down and not turn_may_come:
            pins, retired = leave(state.pins, state.retired, pin, PinEvent.FORGOTTEN)
            state = replace(state, pins=pins, retired=retired)
        else:
            state = replace(state, pins=put(state.pins, replace(pin, unseen=unseen)))
    return state
