"""Announcements: what the status endpoint names, and what follows from it (CONTRACT section 12).

Theory of operation. An answer names the leaf in use and, before a rotation, the next one. It counts
only over a channel whose leaf is pinned with standing (`core.standing`); over any other it changes
nothing. One that counts does this:

- `_note_kind`: where the endpoint names hashes of another kind than `pins.kind`, its answers are
  ignored: the hash of a certificate cannot pin a key.
- `_why_refused`: a named fingerprint that was removed or retired, or that is the other hash of a
  live leaf, is refused, and that is reported once.
- `_vouch`: an accepted pin that is named gains standing.
- `_prepare`: the first named fingerprint that is not accepted becomes the announced backup. It
  replaces an announced backup that was never live, and never one that was.

There is at most one announced backup that was never live. An announcement removes nothing else, it
makes nothing current, and brings nothing back that was retired or removed.
"""

from dataclasses import replace

from edgepind.core.activation import LAPSING
from edgepind.core.messages import IS_REMOVED, IS_RETIRED, pin_prepared, pin_replaced
from edgepind.core.pin_lifecycle import (
    PinEvent,
    enter,
    is_removed_hash,
    leave,
    move,
    put,
    report_refusals,
)
from edgepind.core.standing import STANDING, Standing
from edgepind.core.tick import Tick, leaves_in
from edgepind.model.decision import Event
from edgepind.model.enums import Channel, Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Status, StatusAnswer, StatusUnchanged
from edgepind.model.pin import Pin
from edgepind.model.state import State


def note_announcement(state: State, status: Status, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Prepare what `status` announces, if its channel has standing."""
    if not isinstance(status, StatusAnswer | StatusUnchanged):
        return state, ()
    if status.channel is not Channel.PINNED:
        return state, ()
    state = _note_kind(state, tick)
    if state.status.other_kind:
        return state, ()
    both = (state.status.announced_current, state.status.announced_next)
    refused_for = {it: why for it in both if it and (why := _why_refused(it, state, tick))}
    named = tuple(it for it in both if it and it not in refused_for)
    state, refused = report_refusals(state, refused_for.items())
    state = _vouch(state, named, tick)
    wanted = _wanted(state, named, tick)
    if wanted is None:
        return state, refused
    state, prepared = _prepare(state, wanted, tick)
    return state, (*refused, *prepared)


def _note_kind(state: State, tick: Tick) -> State:
    """Learn from what is live whether the endpoint names hashes of the pinned kind."""
    named = state.status.announced_current
    kinds = {
        kind for leaf in leaves_in(tick.seen.link) for kind in PinKind if leaf.value(kind) == named
    }
    if not kinds:
        return state
    other = tick.rules.pins.kind not in kinds
    return replace(state, status=replace(state.status, other_kind=other))


def _why_refused(fingerprint: Fingerprint, state: State, tick: Tick) -> str | None:
    """Why no announcement admits it; None where one may, or where it is accepted already."""
    if any(pin.accepted and pin.fingerprint == fingerprint for pin in state.pins):
        return None
    if is_removed_hash(fingerprint, tick.seen.link, state):
        return IS_REMOVED
    if fingerprint in state.retired:
        return IS_RETIRED
    if _is_other_hash(fingerprint, tick):
        kind = tick.rules.pins.kind
        return (
            f"it is the other hash of a leaf that is live, and pins here are of kind {kind} "
            "(pins.kind); have the cloud's operator name hashes of that kind"
        )
    return None


def _is_other_hash(fingerprint: Fingerprint, tick: Tick) -> bool:
    """Whether it is a hash, of the kind that is not pinned here, of a leaf that is live."""
    kind, leaves = tick.rules.pins.kind, leaves_in(tick.seen.link)
    others = (other for other in PinKind if other is not kind)
    return any(leaf.value(other) == fingerprint for other in others for leaf in leaves)


def _vouch(state: State, named: tuple[Fingerprint, ...], tick: Tick) -> State:
    """Give standing to the accepted pins that are named; a named backup does not lapse."""
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
    """The first named fingerprint that is to become the announced backup, if any.

    None where a backup is named that does not lapse. One that would lapse becomes an announced
    one, which does not.
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
    """Whether it is served in this tick, which `ever_live` does not show yet."""
    return any(it.value(pin.kind) == pin.fingerprint for it in leaves_in(tick.seen.link))


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
