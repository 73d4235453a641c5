"""The invariants of the design, checked after every decision, in tests and in the running daemon.

A violation is a programming error, and costs one decision: `core.guarded` drops it and decides
again with less. Liveness (6) and convergence (8) concern many decisions and are held by tests
alone.
"""

from collections.abc import Iterator

from edgepind.core.admission import Condition, Evidence, condition
from edgepind.core.desired import VALIDATION_OFF
from edgepind.core.restarts import restarts_in_window
from edgepind.core.tick import served
from edgepind.model.action import RestartEdge, RestoreDocument, WriteDocument
from edgepind.model.bundle import Bundle, SignedBundle
from edgepind.model.decision import Decision
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel, ExceptionPin, Origin, PinKind, Policy, Posture, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment
from edgepind.model.observation import Observations, PinRemove, StatusAnswer, StatusUnchanged
from edgepind.model.pin import accepted, with_role
from edgepind.model.state import Owing, State

_Key = tuple[PinKind, Fingerprint]
"""`Pin.key`. A value alone is not compared: it may be a pin of the other kind, by mistake or by an
attack, for both hashes of a live leaf are public."""


def violations(before: State, seen: Observations, decision: Decision, now: Moment) -> Iterator[str]:
    """Name each invariant that `decision` breaks."""
    after = decision.state
    yield from _allowlist(decision)
    yield from faults_of_pins(after)
    yield from _entries(before, after, seen)
    yield from _sources(before, after, seen)
    yield from _removals(before, after, seen)
    yield from _switched_off(after, decision)
    yield from _budget(decision, seen, now)


def _written(decision: Decision) -> tuple[Pinning, ...]:
    return tuple(
        action.pinning
        for action in decision.actions
        if isinstance(action, WriteDocument | RestoreDocument) and action.pinning is not None
    )


def _allowlist(decision: Decision) -> Iterator[str]:
    """1: never empty, and never anything that is not accepted (emptiness is refused by type)."""
    allowed = {pin.fingerprint for pin in accepted(decision.state.pins)}
    for pinning in _written(decision):
        if not set(pinning.accepted) <= allowed:
            yield "1: a document is to be written with a pin that is not accepted"


def faults_of_pins(after: State) -> Iterator[str]:
    """1 and 2, as far as a pin set shows them by itself, whatever it came from."""
    currents = len(with_role(after.pins, Role.CURRENT))
    if currents != (1 if accepted(after.pins) else 0):
        yield f"1: there are {currents} current pins among {len(accepted(after.pins))} accepted"
    if len({pin.key for pin in after.pins}) != len(after.pins):
        yield "1: a pin is twice in the pin set"
    if any(pin.fingerprint in after.removed for pin in after.pins):
        yield "2: a pin is back that was removed"
    announced = sum(  # one that was live may be there twice, once in each kind
        pin.origin is Origin.ANNOUNCED and pin.role is Role.BACKUP and not pin.ever_live
        for pin in after.pins
    )
    if announced > 1:
        yield "2: more than one backup pin is announced"


def _entries(before: State, after: State, seen: Observations) -> Iterator[str]:
    """2 and 7: what is newly accepted came by a row of the policy table, never a strict one."""
    known = {pin.key for pin in accepted(before.pins)}
    had_pin = bool(known)
    translated = _live(seen) if known else frozenset()
    for pin in accepted(after.pins):
        if pin.key in known:
            continue
        if pin.kind is seen.rules.pins.kind and pin.ever_live and pin.key in translated:
            twin = any(
                it.kind is not pin.kind and it.origin is pin.origin for it in accepted(after.pins)
            )
            if twin:
                continue
        if pin.origin is Origin.OBSERVED and seen.rules.pins.policy is Policy.STRICT:
            yield f"7: {pin.fingerprint.short} was accepted unannounced under policy strict"
        if pin.origin is Origin.BOOTSTRAP and had_pin:
            yield f"2: {pin.fingerprint.short} was adopted as the first pin beside others"
        if pin.origin is Origin.ANNOUNCED and pin.fingerprint in before.retired:
            yield f"2: {pin.fingerprint.short} was retired and came back by announcement"
        by_leaf = seen.rules.pins.exception_pin is ExceptionPin.LEAF
        waits = by_leaf and not before.resumed_after_damage  # it may have served it before that
        held = pin.origin is Origin.OBSERVED or (pin.origin is Origin.EXCEPTION and waits)
        if held and pin.held < _least_age(pin.origin, seen):
            yield f"2: {pin.fingerprint.short} was accepted before its hold-down was served"
        if held and pin.sightings < seen.rules.pins.sightings:
            yield f"2: {pin.fingerprint.short} was accepted with too few sightings"


def _sources(before: State, after: State, seen: Observations) -> Iterator[str]:
    """2: announcements need a channel with standing, pins from the document a lost state."""
    known, status = accepted(before.pins), seen.status
    believed = (
        isinstance(status, StatusAnswer | StatusUnchanged) and status.channel is Channel.PINNED
    )
    for pin in accepted(after.pins):
        twin = any(it.kind is not pin.kind and it.origin is pin.origin for it in known)
        if twin or any(it.key == pin.key for it in known):
            continue
        if pin.origin is Origin.ANNOUNCED and not believed:
            yield f"2: {pin.fingerprint.short} was announced over a channel without standing"
        if pin.origin is Origin.BUNDLE and pin.fingerprint not in _by_bundle(before, seen):
            yield f"2: {pin.fingerprint.short} was accepted, and no bundle names it"
        if pin.origin is Origin.DOCUMENT and not before.resumed_after_damage:
            yield f"2: {pin.fingerprint.short} came from the document without a lost state"


def _new_bundles(before: State, seen: Observations) -> tuple[Bundle, ...]:
    known = before.bundle.accepted.serial
    signed = (it.bundle for it in seen.words if isinstance(it, SignedBundle))
    return tuple(it for it in signed if it.serial > known)


def _by_bundle(before: State, seen: Observations) -> set[Fingerprint]:
    """What a bundle may let in now: one that comes with this tick, or the one in force."""
    named = (pin for it in _new_bundles(before, seen) for pin in it.pins)
    return {pin.fingerprint for pin in (*named, *before.bundle.waiting)}


def _least_age(origin: Origin, seen: Observations) -> float:
    rules = seen.rules.pins
    short = (
        origin is Origin.OBSERVED
        and condition(Evidence.UNANNOUNCED, rules.policy) is Condition.SHORT_HOLD_DOWN
    )
    return rules.hold_down * (0.1 if short else 1.0)


def _live(seen: Observations) -> frozenset[_Key]:
    if seen.link is None:
        return frozenset()
    return frozenset((kind, it.leaf.value(kind)) for _, it in served(seen.link) for kind in PinKind)


def _removals(before: State, after: State, seen: Observations) -> Iterator[str]:
    """3: nothing live is removed, and nothing before its replacement is proven."""
    if before.resumed_after_damage:
        return  # the pin set was an older one; the document has taken its place
    by_hand = {it.fingerprint for it in seen.words if isinstance(it, PinRemove)}
    by_hand.update(*(it.revoked for it in _new_bundles(before, seen)))
    still = {pin.key for pin in accepted(after.pins)}
    live = _live(seen)
    if accepted(before.pins) and not still:
        yield "1: no accepted pin is left"
    for pin in accepted(before.pins):
        if pin.key in still or pin.fingerprint in by_hand:
            continue
        if pin.key in live:
            yield f"3: {pin.fingerprint.short} is live and was removed"
        proven = any(it.proven and it.key in live for it in accepted(after.pins))
        replaced = pin.origin is Origin.ANNOUNCED and not pin.ever_live
        if not proven and not replaced:
            yield f"3: {pin.fingerprint.short} was removed before another pin was proven"


def _switched_off(after: State, decision: Decision) -> Iterator[str]:
    """4: validation is off only in a posture with a deadline; so it is by what is loaded."""
    guard, edge = after.guard, after.edge
    loaded_off = edge.loaded is not None and not edge.loaded.enabled
    owed = isinstance(edge.restart, Owing)
    ends = owed or edge.write_failures or edge.document_problem or _written(decision)
    if loaded_off and accepted(after.pins) and guard.posture not in VALIDATION_OFF and not ends:
        yield f"4: the Edge has validation off in posture {guard.posture}, and is owed no restart"
    off = any(not pinning.enabled for pinning in _written(decision))
    if off and guard.posture not in VALIDATION_OFF:
        yield f"4: validation is to be switched off in posture {guard.posture}"
    if guard.posture is Posture.OPEN and guard.open_ends is None:
        yield "4: the Edge is open without a deadline"
    if guard.posture is Posture.OVERRIDE and guard.override is None:
        yield "4: an override is in force without a deadline"


def _budget(decision: Decision, seen: Observations, now: Moment) -> Iterator[str]:
    """5: restarts stay within the budget of any settings that are in force."""
    rules = seen.rules.restart
    asked = any(isinstance(action, RestartEdge) for action in decision.actions)
    recent = restarts_in_window(decision.state.edge, now.monotonic, rules.window)
    if asked and len(recent) > rules.budget:
        yield f"5: {len(recent)} restarts in the window, where {rules.budget} are allowed"
