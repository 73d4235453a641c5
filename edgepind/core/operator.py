"""The operator's own word on pins: it is done at once, and refused only where it would lock out."""

from collections.abc import Iterable
from dataclasses import replace

from edgepind.core.sentences import pin_activated, pin_prepared, pin_refused, pin_retired
from edgepind.core.standing import PinEvent, enter, leave, move, put
from edgepind.core.tick import Tick
from edgepind.model.event import Event
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import OperatorWord, PinAdd, PinRemove
from edgepind.model.pin import Pin, accepted, with_role
from edgepind.model.state import State
from edgepind.model.words import Finding, Origin, Role


def obey(
    state: State, words: Iterable[OperatorWord], tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    """Carry out each word in turn. Said twice, a word changes nothing the second time."""
    events: tuple[Event, ...] = ()
    for word in words:
        if isinstance(word, PinAdd):
            state, more = _add(state, word, tick)
        else:
            state, more = _remove(state, word)
        events += more
    return state, events


def refusal_to_remove(state: State, fingerprint: Fingerprint) -> str | None:
    """Why `pin remove` of this pin would be refused; None where it would be done."""
    pin = _find(state, fingerprint)
    if pin is None:
        return "it is not in the pin set; `edgepind pin list` shows what is"
    others = tuple(it for it in accepted(state.pins) if it.fingerprint != fingerprint)
    if pin.accepted and not others:
        return "it is the only accepted pin, and without one the Edge would be locked out"
    live = _live(state)
    if fingerprint in live and not any(it.fingerprint in live for it in others):
        return "it is the only accepted pin that the cloud serves; add its successor first"
    return None


def demote_current(pins: tuple[Pin, ...], tick: Tick) -> tuple[Pin, ...]:
    """Make room for a new current pin: the present one retires, or waits if it never was live."""
    for pin in with_role(pins, Role.CURRENT):
        event = PinEvent.SUPERSEDED if pin.ever_live else PinEvent.SET_BEHIND
        pins = put(pins, replace(move(pin, event, tick.now.wall), unseen=0.0))
    return pins


def _live(state: State) -> frozenset[Fingerprint]:
    return frozenset(
        it.fingerprint
        for it in state.addresses
        if it.fingerprint is not None and it.verdict is not Finding.UNREACHABLE
    )


def _find(state: State, fingerprint: Fingerprint) -> Pin | None:
    return next((pin for pin in state.pins if pin.fingerprint == fingerprint), None)


def _add(state: State, word: PinAdd, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    has_current = bool(with_role(state.pins, Role.CURRENT))
    role = word.role or (Role.BACKUP if has_current else Role.CURRENT)
    known = _find(state, word.fingerprint)
    wants_backup = role is Role.BACKUP and has_current
    if known is not None and (known.role is role or (known.role is Role.CURRENT and wants_backup)):
        return state, ()
    event = PinEvent.ADDED_BACKUP if wants_backup else PinEvent.ADDED_CURRENT
    pins = state.pins if wants_backup else demote_current(state.pins, tick)
    if known is not None:
        moved = move(known, event, tick.now.wall)
        pin = replace(moved, origin=Origin.OPERATOR, seen_at=(), last_seen=None, unseen=0.0)
    else:
        kind = tick.rules.pins.kind
        seed = Pin(word.fingerprint, kind, role, Origin.OPERATOR, tick.now.wall)
        pin = enter(seed, event, state.retired)
    retired = tuple(it for it in state.retired if it != word.fingerprint)
    state = replace(state, pins=put(pins, pin), retired=retired)
    return state, (pin_prepared(pin) if wants_backup else pin_activated(pin),)


def _remove(state: State, word: PinRemove) -> tuple[State, tuple[Event, ...]]:
    pin = _find(state, word.fingerprint)
    if pin is None:
        return state, ()
    refusal = refusal_to_remove(state, word.fingerprint)
    if refusal is not None:
        return state, (pin_refused(word.fingerprint, refusal),)
    pins, retired = leave(state.pins, state.retired, pin, PinEvent.REMOVED)
    return replace(state, pins=pins, retired=retired), (pin_retired(pin, "an operator removed it"),)
