"""The operator's own word on pins: it is done at once, and refused only where it would lock out."""

from collections.abc import Iterable

from edgepind.core.pin_lifecycle import PinEvent, bar, enter, leave, move, put
from edgepind.core.sentences import pin_activated, pin_prepared, pin_refused, pin_retired
from edgepind.core.tick import Tick
from edgepind.model.decision import Event
from edgepind.model.enums import Finding, Origin, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import OperatorWord, PinAdd, PinRemove
from edgepind.model.pin import Pin, accepted, with_role
from edgepind.model.replacing import replace
from edgepind.model.state import State


def obey(
    state: State, words: Iterable[OperatorWord], tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    """Carry out each word in turn. Said twice, a word changes nothing the second time."""
    events: tuple[Event, ...] = ()
    for word in words:
        if isinstance(word, PinAdd):
            state, more = _add(state, word, tick)
        else:
            state, more = _remove(state, word, tick)
        events += more
    return state, events


def refusal_to_remove(state: State, fingerprint: Fingerprint) -> str | None:
    """Why `pin remove` of this pin would be refused; None where it would be done."""
    named = _named(state, fingerprint)
    if not named:
        return "it is not in the pin set; `edgepind pin list` shows what is"
    if not any(pin.accepted for pin in named):
        return None
    others = tuple(it for it in accepted(state.pins) if it.fingerprint != fingerprint)
    if not others:
        return "it is the only accepted pin, and without one the Edge would be locked out"
    live = _live(state)
    if fingerprint in live and not any(it.fingerprint in live for it in others):
        return "it is the only accepted pin that the cloud serves; add its successor first"
    if any(pin.ever_live for pin in named) and not any(it.ever_live for it in others):
        return "it is the only accepted pin that was ever seen live; wait until another was"
    return None


def demote_current(pins: tuple[Pin, ...], tick: Tick) -> tuple[Pin, ...]:
    """Make room for a new current pin: the present one retires, or waits if it never was live.

    One that waits is no longer vouched for by having been found as the current one.
    """
    for pin in with_role(pins, Role.CURRENT):
        event = PinEvent.SUPERSEDED if pin.ever_live else PinEvent.SET_BEHIND
        vouched = pin.vouched and pin.ever_live
        moved = replace(move(pin, event, tick.now.wall), unseen=0.0, vouched=vouched)
        pins = put(pins, moved)
    return pins


def _live(state: State) -> frozenset[Fingerprint]:
    return frozenset(
        it.fingerprint
        for it in state.addresses
        if it.fingerprint is not None and it.verdict is not Finding.UNREACHABLE
    )


def _named(state: State, fingerprint: Fingerprint) -> tuple[Pin, ...]:
    """The pin of these octets; two, where the settings asked for both kinds one after the other."""
    return tuple(pin for pin in state.pins if pin.fingerprint == fingerprint)


def _add(state: State, word: PinAdd, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    kind = tick.rules.pins.kind
    known = next((it for it in _named(state, word.fingerprint) if it.kind is kind), None)
    role = _role_asked(state, known, word)
    if known is not None and known.role is role and known.origin is Origin.OPERATOR:
        return state, ()
    newly_current = role is Role.CURRENT and (known is None or known.role is not role)
    event = PinEvent.ADDED_CURRENT if role is Role.CURRENT else PinEvent.ADDED_BACKUP
    pins = demote_current(state.pins, tick) if newly_current else state.pins
    if known is not None:
        moved = move(known, event, tick.now.wall)
        pin = replace(moved, origin=Origin.OPERATOR, seen_at=(), last_seen=None, unseen=0.0)
    else:
        seed = Pin(word.fingerprint, kind, role, Origin.OPERATOR, tick.now.wall)
        pin = enter(seed, event, state)
    state = replace(
        state,
        pins=put(pins, pin),
        retired=tuple(it for it in state.retired if it != word.fingerprint),
        removed=tuple(it for it in state.removed if it != word.fingerprint),
    )
    return state, (pin_activated(pin) if newly_current else pin_prepared(pin),)


def _role_asked(state: State, known: Pin | None, word: PinAdd) -> Role:
    """Which role the word asks for: where there is no current pin, that; it is never lowered."""
    if known is not None and known.role is Role.CURRENT:
        return Role.CURRENT
    return (word.role or Role.BACKUP) if with_role(state.pins, Role.CURRENT) else Role.CURRENT


def _remove(state: State, word: PinRemove, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    named = _named(state, word.fingerprint)
    if not named:
        return bar(state, word.fingerprint), ()
    refusal = refusal_to_remove(state, word.fingerprint)
    if refusal is not None:
        return state, (pin_refused(word.fingerprint, refusal),)
    state = bar(state, word.fingerprint)
    for pin in named:
        pins, retired = leave(state.pins, state.retired, pin, PinEvent.REMOVED)
        state = replace(state, pins=pins, retired=retired)
    gone = pin_retired(named[0], "an operator removed it")
    if not any(pin.role is Role.CURRENT for pin in named):
        return state, (gone,)
    live = _live(state)
    heir = max(accepted(state.pins), key=lambda it: (it.fingerprint in live, it.ever_live))
    heir = move(heir, PinEvent.NEXT_IN_LINE, tick.now.wall)
    return replace(state, pins=put(state.pins, heir)), (gone, pin_activated(heir))
