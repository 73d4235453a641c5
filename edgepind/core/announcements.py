"""What the status endpoint's word is worth.

Over a channel with standing it vouches for the pins that it names and prepares one backup pin, and
never more: it takes nothing away, makes nothing current, and brings nothing back that was retired
or removed. Over any other channel it is a hint that changes nothing.
"""

from collections.abc import Mapping

from edgepind.core.activation import LAPSING
from edgepind.core.hold_down import REFUSALS_KEPT
from edgepind.core.pin_lifecycle import PinEvent, enter, leave, move, put
from edgepind.core.removed import BY_AN_OPERATOR_ALONE, is_removed_hash
from edgepind.core.sentences import pin_prepared, pin_refused, pin_replaced
from edgepind.core.standing import STANDING, Standing
from edgepind.core.tick import Tick, served
from edgepind.model.decision import Event
from edgepind.model.enums import Channel, Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Status, StatusAnswer, StatusUnchanged
from edgepind.model.pin import Pin
from edgepind.model.replacing import replace
from edgepind.model.state import State


def note_announcement(state: State, status: Status, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Prepare what `status` announces, where the channel entitles it to."""
    if not isinstance(status, StatusAnswer | StatusUnchanged):
        return state, ()
    if status.channel is not Channel.PINNED:
        return state, ()
    state = _note_kind(state, tick)
    if state.status.other_kind:
        return state, ()
    both = (state.status.announced_current, state.status.announced_next)
    barred = {it: why for it in both if it and (why := _why_barred(it, state, tick))}
    named = tuple(it for it in both if it and it not in barred)
    state, refused = _refuse(state, barred)
    state = _vouch(state, named, tick)
    wanted = _wanted(state, named, tick)
    if wanted is None:
        return state, refused
    state, prepared = _prepare(state, wanted, tick)
    return state, (*refused, *prepared)


def _note_kind(state: State, tick: Tick) -> State:
    """Learn from what is live whether the endpoint names what is pinned here (`pins.kind`).

    One that names certificates where keys are pinned announces nothing: no certificate's hash
    pins a key, whatever is to come.
    """
    link, named = tick.seen.link, state.status.announced_current
    leaves = () if link is None else tuple(it.leaf for _, it in served(link))
    kinds = {kind for leaf in leaves for kind in PinKind if leaf.value(kind) == named}
    if not kinds:
        return state
    other = tick.rules.pins.kind not in kinds
    return replace(state, status=replace(state.status, other_kind=other))


def _refuse(state: State, barred: Mapping[Fingerprint, str]) -> tuple[State, tuple[Event, ...]]:
    events = []
    for fingerprint, why in barred.items():
        if fingerprint not in state.refusals_told:
            told = (*state.refusals_told, fingerprint)[-REFUSALS_KEPT:]
            state = replace(state, refusals_told=told)
            events.append(pin_refused(fingerprint, why))
    return state, tuple(events)


def _why_barred(fingerprint: Fingerprint, state: State, tick: Tick) -> str | None:
    """Why no announcement lets it in; None where one may, or where it is accepted already."""
    if any(pin.accepted and pin.fingerprint == fingerprint for pin in state.pins):
        return None
    if is_removed_hash(fingerprint, tick.seen.link, state):
        return BY_AN_OPERATOR_ALONE
    if fingerprint in state.retired:
        return "it was retired, and no announcement brings a retired pin back"
    if _is_other_hash(fingerprint, tick):
        kind = tick.rules.pins.kind
        return (
            f"it is the other hash of a leaf that is live, and pins here are of kind {kind} "
            "(pins.kind); have the cloud's operator name hashes of that kind"
        )
    return None


def _is_other_hash(fingerprint: Fingerprint, tick: Tick) -> bool:
    """Whether it is a hash, of the kind that is not pinned here, of a leaf that is live."""
    link, kind = tick.seen.link, tick.rules.pins.kind
    leaves = () if link is None else tuple(it.leaf for _, it in served(link))
    others = (other for other in PinKind if other is not kind)
    return any(leaf.value(other) == fingerprint for other in others for leaf in leaves)


def _vouch(state: State, named: tuple[Fingerprint, ...], tick: Tick) -> State:
    """Believe what the believed name; a backup that is awaited has not been away."""
    pins = tuple(
        replace(pin, vouched=True, unseen=0.0 if pin.role is Role.BACKUP else pin.unseen)
        if pin.fingerprint in named and _can_be_vouched_for(pin, tick)
        else pin
        for pin in state.pins
    )
    return replace(state, pins=pins)


def _can_be_vouched_for(pin: Pin, tick: Tick) -> bool:
    earns = STANDING[pin.origin] is Standing.EARNED
    return pin.accepted and earns and pin.kind is tick.rules.pins.kind


def _wanted(state: State, named: tuple[Fingerprint, ...], tick: Tick) -> Fingerprint | None:
    """The first that is named and not yet accepted; None while the announced backup is it.

    A backup that would lapse was accepted for want of a better reason, and is given this one.
    """
    known = {pin.fingerprint: pin for pin in state.pins if pin.accepted}
    for fingerprint in named:
        pin = known.get(fingerprint)
        if pin is not None and pin.role is Role.BACKUP:
            lapses = pin.origin in LAPSING and STANDING[pin.origin] is not Standing.NEVER
            return fingerprint if lapses and pin.kind is tick.rules.pins.kind else None
        if pin is None:
            return fingerprint
    return None


def _is_live(pin: Pin, tick: Tick) -> bool:
    """Whether it is live in this very tick, which the pin itself does not know yet."""
    link = tick.seen.link
    return link is not None and any(
        it.leaf.value(pin.kind) == pin.fingerprint for _, it in served(link)
    )


def _prepare(state: State, fingerprint: Fingerprint, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    events: list[Event] = []
    for pin in state.pins:
        if pin.role is not Role.BACKUP or pin.origin is not Origin.ANNOUNCED:
            continue
        if pin.ever_live or _is_live(pin, tick):
            return state, ()
        pins, retired = leave(state.pins, state.retired, pin, PinEvent.REPLACED)
        state = replace(state, pins=pins, retired=retired)
        events.append(pin_replaced(pin))
    kind = tick.rules.pins.kind
    waiting = next((pin for pin in state.pins if pin.key == (kind, fingerprint)), None)
    if waiting is not None:
        moved = move(waiting, PinEvent.ANNOUNCED, tick.now.wall)
        new = replace(moved, origin=Origin.ANNOUNCED, seen_at=(), last_seen=None)
    else:
        seed = Pin(fingerprint, kind, Role.BACKUP, Origin.ANNOUNCED, tick.now.wall)
        new = enter(seed, PinEvent.ANNOUNCED, state)
    state = replace(state, pins=put(state.pins, new))
    return state, (*events, pin_prepared(new))
