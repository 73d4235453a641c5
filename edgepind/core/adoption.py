"""What follows from the document and the unit as they were found.

The pins in a document that edgepind never wrote are an operator's, and the first; where it could
not be read before, those that an operator named meanwhile stay beside them. After the state was
lost, the document is the best record of what was accepted, and gives no reason for it. What the
Edge has loaded follows from when it was started; where that is uncertain it counts as not known,
which owes a restart.
"""

from dataclasses import replace
from datetime import datetime

from edgepind.core.live_leaves import keys_of
from edgepind.core.messages import pin_refused
from edgepind.core.pin_lifecycle import REFUSALS_KEPT
from edgepind.core.restarts import debt_of, loads
from edgepind.core.tick import Tick, leaves_in
from edgepind.model.decision import Event
from edgepind.model.document import Pinning
from edgepind.model.enums import Origin, PinKind, Role, Validator
from edgepind.model.observation import DocumentRead, NoUnit, Unit, UnitState
from edgepind.model.pin import Pin, PinKey
from edgepind.model.state import State


def adopt(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Take the first pins, and what the Edge has loaded, from the document and the unit."""
    document = tick.seen.document
    if document is None:
        return state, ()
    events: tuple[Event, ...] = ()
    state = _adopt_unit(state, tick)
    if isinstance(document, DocumentRead):
        no_pin = not any(pin.accepted for pin in state.pins)
        first = state.edge.written is None and (no_pin or _was_unread(state))
        if first or state.resumed_after_damage:
            state, events = _adopt_pins(state, document, tick)
        edge = replace(state.edge, digest=document.digest)
        state = replace(state, edge=edge, resumed_after_damage=False)
    return _know_exceptions(state, tick), events


def _know_exceptions(state: State, tick: Tick) -> State:
    """Mark a pin found in a document whose leaf turns out to be that of a CA in `exceptions`.

    The lost state knew it as an exception, over whose channel nothing is believed.
    """
    if tick.seen.link is None:
        return state
    keys: frozenset[PinKey] = frozenset().union(
        *(
            keys_of(leaf)
            for leaf in leaves_in(tick.seen.link)
            if leaf.public.window is None and leaf.exception and leaf.exception.window
        )
    )
    if not keys:
        return state
    pins = tuple(
        replace(pin, origin=Origin.EXCEPTION, vouched=False)
        if pin.origin is Origin.DOCUMENT and pin.key in keys
        else pin
        for pin in state.pins
    )
    return replace(state, pins=pins)


def _was_unread(state: State) -> bool:
    """Whether a document was there at the last look that nobody could read yet."""
    return state.edge.written is None and state.edge.document_problem is not None


def pins_in(
    document: DocumentRead, kind: PinKind, wall: datetime, *, lost: bool
) -> tuple[Pin, ...]:
    """The pins in a document: the current one, or else the first, and the others as backups.

    `lost`: the state was lost, so that it is not known who added them. The current one is vouched
    for nevertheless, for there is no other pin to begin with.
    """
    order, origin = document.named, Origin.DOCUMENT if lost else Origin.OPERATOR
    first = [Pin(it, kind, Role.CURRENT, origin, wall, vouched=lost) for it in order[:1]]
    return (*first, *(Pin(it, kind, Role.BACKUP, origin, wall) for it in order[1:]))


def _adopt_pins(
    state: State, document: DocumentRead, tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    state, events = _report_refused(state, document)
    kind, lost = tick.rules.pins.kind, state.resumed_after_damage
    found = pins_in(document, kind, tick.now.wall, lost=lost)
    found = tuple(it for it in found if it.fingerprint not in state.removed)
    if not found:
        return state, events
    known = {pin.fingerprint: pin for pin in state.pins if pin.accepted}
    roles = (Role.CURRENT, *(Role.BACKUP for _ in found[1:]))  # the first may have been removed
    pins = tuple(
        _as_found(known.get(it.fingerprint, it), role)
        for it, role in zip(found, roles, strict=True)
    )
    order = {it.fingerprint for it in found}
    beside = tuple(
        _as_found(it, Role.BACKUP)
        for it in state.pins
        if it.fingerprint not in order and (not it.accepted or _was_unread(state))
    )
    return replace(state, pins=(*pins, *beside)), events


def _as_found(pin: Pin, found_as: Role) -> Pin:
    if found_as is Role.CURRENT:
        return replace(pin, role=Role.CURRENT)
    return replace(pin, role=Role.BACKUP) if pin.role is Role.CURRENT else pin


def _report_refused(state: State, document: DocumentRead) -> tuple[State, tuple[Event, ...]]:
    """Report each value once that is not a valid fingerprint."""
    reported = state.refusals_text_told
    new = {it.text: it for it in document.refused if it.text not in reported}
    if not new:
        return state, ()
    events = tuple(pin_refused(None, it.reason, it.text) for it in new.values())
    return replace(state, refusals_text_told=(*reported, *new)[-REFUSALS_KEPT:]), events


def _adopt_unit(state: State, tick: Tick) -> State:
    """Update what the Edge has loaded, by when it was started and by whom."""
    unit, edge = tick.seen.unit, state.edge
    if isinstance(unit, NoUnit):
        failures = debt_of(edge.restart, tick.now.monotonic).failures
        edge = loads(replace(edge, active=failures == 0), _loaded_unseen(state, tick))
        return replace(state, edge=edge)
    if not isinstance(unit, Unit):
        return state
    active = unit.state is UnitState.ACTIVE
    edge = replace(edge, active=active)
    if active and unit.invocation != edge.invocation:
        edge = loads(replace(edge, invocation=unit.invocation), _loaded_at_start(unit, tick))
    return replace(state, edge=edge)


def _loaded_unseen(state: State, tick: Tick) -> Pinning | None:
    """What an Edge has loaded whose starts cannot be seen, because it has no unit.

    Whatever replaced the document may have restarted the Edge as well, as software updates do.
    """
    written, found = state.edge.written, _found(tick)
    if state.resumed_after_damage:
        return None
    if written is None:
        return state.edge.loaded or found
    same = found is not None and found.accepts_like(written, tick.rules.restart.validator)
    return state.edge.loaded if same else None


def _loaded_at_start(unit: Unit, tick: Tick) -> Pinning | None:
    """What a unit has loaded that was not restarted by edgepind: the document, if unchanged since.

    A start in the future was timed by a clock that was set back since, and proves nothing.
    """
    document = tick.seen.document
    if not isinstance(document, DocumentRead) or unit.started_at is None:
        return None
    in_order = document.changed <= unit.started_at <= tick.now.wall
    return _found(tick) if in_order else None


def _found(tick: Tick) -> Pinning | None:
    document = tick.seen.document
    if not isinstance(document, DocumentRead):
        return None
    order = document.named
    unread = document.current is None and tick.rules.restart.validator is Validator.SINGLE
    return None if unread or not order else Pinning(document.enabled is True, order[0], order)
