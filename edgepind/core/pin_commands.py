"""`pin add` and `pin remove`: carried out at once, and refused only where they would lock out.

How a pin is added and taken away by the operator's word serves bundles as well (`core.bundles`).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from edgepind.core.messages import pin_activated, pin_prepared, pin_refused, pin_retired
from edgepind.core.pin_lifecycle import PinEvent, enter, leave, mark_removed, move, put
from edgepind.core.tick import Tick
from edgepind.model.decision import Event
from edgepind.model.enums import Finding, Origin, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import OperatorWord, PinAdd, PinRemove
from edgepind.model.pin import Pin, accepted, with_role
from edgepind.model.state import State


def apply_commands(
    state: State, commands: Iterable[OperatorWord], tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    """Carry out each command in order; each is idempotent."""
    events: tuple[Event, ...] = ()
    for command in commands:
        match command:
            case PinAdd(fingerprint, role):
                state, more = add_pin(state, fingerprint, role, Origin.OPERATOR, tick)
            case PinRemove():
                state, more = _remove(state, command, tick)
            case _:
                continue  # a bundle, for `core.bundles`
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
    """The pins without a current one: it retires or, if it was never live, becomes a backup.

    As a backup it is no longer vouched for by having been found as the current pin.
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
    """The pins of this value: two where `pins.kind` was changed between two `pin add`."""
    return tuple(pin for pin in state.pins if pin.fingerprint == fingerprint)


def add_pin(
    state: State,
    fingerprint: Fingerprint,
    asked: Role | None,
    origin: Origin,
    tick: Tick,
    not_after: datetime | None = None,
) -> tuple[State, tuple[Event, ...]]:
    """Accept a pin at once on the operator's word; `asked` None: whatever role is free."""
    kind = tick.rules.pins.kind
    known = next((it for it in _named(state, fingerprint) if it.kind is kind), None)
    role = _role_asked(state, known, asked)
    given = (role, origin, not_after)
    if known is not None and (known.role, known.origin, known.not_after) == given:
        return state, ()
    newly_current = role is Role.CURRENT and (known is None or known.role is not role)
    event = PinEvent.ADDED_CURRENT if role is Role.CURRENT else PinEvent.ADDED_BACKUP
    pins = demote_current(state.pins, tick) if newly_current else state.pins
    if known is not None:
        moved = move(known, event, tick.now.wall)
        pin = replace(moved, origin=origin, seen_at=(), last_seen=None, unseen=0.0)
    else:
        seed = Pin(fingerprint, kind, role, origin, tick.now.wall)
        pin = enter(seed, event, state)
    pin = replace(pin, not_after=not_after)
    state = replace(
        state,
        pins=put(pins, pin),
        retired=tuple(it for it in state.retired if it != fingerprint),
        removed=tuple(it for it in state.removed if it != fingerprint),
    )
    return state, (pin_activated(pin) if newly_current else pin_prepared(pin),)


def _role_asked(state: State, known: Pin | None, asked: Role | None) -> Role:
    """The role after `pin add`: current where there is no current pin; it is never lowered."""
    if known is not None and known.role is Role.CURRENT:
        return Role.CURRENT
    return (asked or Role.BACKUP) if with_role(state.pins, Role.CURRENT) else Role.CURRENT


def _remove(state: State, command: PinRemove, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    if _named(state, command.fingerprint):
        refusal = refusal_to_remove(state, command.fingerprint)
        if refusal is not None:
            return state, (pin_refused(command.fingerprint, refusal),)
    return take_away(state, command.fingerprint, "an operator removed it", tick)


def take_away(
    state: State, fingerprint: Fingerprint, why: str, tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    """Remove a fingerprint for good; another accepted pin, if it is one, must remain.

    Where it is the current pin, the likeliest of the others becomes it.
    """
    named = _named(state, fingerprint)
    state = mark_removed(state, fingerprint)
    if not named:
        return state, ()
    for pin in named:
        pins, retired = leave(state.pins, state.retired, pin, PinEvent.REMOVED)
        state = replace(state, pins=pins, retired=retired)
    gone = pin_retired(named[0], why)
    if not any(pin.role is Role.CURRENT for pin in named):
        return state, (gone,)
    live = _live(state)
    heir = max(accepted(state.pins), key=lambda it: (it.fingerprint in live, it.ever_live))
    heir = move(heir, PinEvent.NEXT_IN_LINE, tick.now.wall)
    return replace(state, pins=put(state.pins, heir)), (gone, pin_activated(heir))
