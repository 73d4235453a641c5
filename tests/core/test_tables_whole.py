"""The tables are whole: a pair is listed and followed, or refused with the state as it was."""

from collections.abc import Mapping
from enum import Enum
from itertools import product
from typing import Any

import pytest

from edgepind.core.pin_lifecycle import PIN_TABLE, PinEvent, Stage, enter, leave, move
from edgepind.core.posture import EVENTS, POSTURE_TABLE, WHY, PostureEvent
from edgepind.core.restarts import RESTART_TABLE, RestartEvent, go
from edgepind.core.state_machine import IllegalTransitionError, step
from edgepind.lab.sim_observations import EPOCH, fingerprint
from edgepind.model.enums import Origin, PinKind, Posture, Role
from edgepind.model.pin import Pin
from edgepind.model.state import Debt, Edge, Idle, Owing, Restart, RestartPhase, State
from tests.core.situations import IN_EACH_PHASE, NOW, tick

_MACHINES: list[Any] = [
    pytest.param(PIN_TABLE, Stage, PinEvent, Stage.UNKNOWN, id="pin"),
    pytest.param(POSTURE_TABLE, Posture, PostureEvent, Posture.ENFORCING, id="posture"),
    pytest.param(RESTART_TABLE, RestartPhase, RestartEvent, RestartPhase.IDLE, id="restart"),
]
_PIN = Pin(fingerprint("a"), PinKind.CERTIFICATE, Role.PENDING, Origin.OBSERVED, EPOCH)
_NO_PIN = {
    Stage.UNKNOWN: State(),
    Stage.RETIRED: State(retired=(_PIN.fingerprint,)),
    Stage.REMOVED: State(removed=(_PIN.fingerprint,)),
}


def _in(stage: Stage) -> Pin:
    return Pin(_PIN.fingerprint, _PIN.kind, Role(stage), _PIN.origin, EPOCH)


@pytest.mark.parametrize(("table", "states", "events", "first"), _MACHINES)
def test_every_state_is_reached_and_every_event_happens(
    table: Mapping[tuple[Enum, Enum], Enum], states: type[Enum], events: type[Enum], first: Enum
) -> None:
    """No state without a way in and, but for the first, none without a way out."""
    reached = {first}
    while more := {to for (at, _), to in table.items() if at in reached} - reached:
        reached |= more
    assert reached == set(states)
    assert {at for at, _ in table} == set(states)
    assert {event for _, event in table} == set(events)


@pytest.mark.parametrize(("restart", "event"), list(product(IN_EACH_PHASE, RestartEvent)))
def test_a_restart_follows_its_table_or_refuses(restart: Restart, event: RestartEvent) -> None:
    """`go` gives the phase that is listed, with the debt; what is not listed raises."""
    edge, debt, now = Edge(restart=restart), Debt(NOW, failures=2), tick()
    following = RESTART_TABLE.get((restart.phase, event))
    if following is None:
        with pytest.raises(IllegalTransitionError, match=f"{event} cannot happen in"):
            go(edge, event, debt, now)
        return
    after = go(edge, event, debt, now).restart
    assert after.phase is following
    assert isinstance(after, Idle) or after.debt == debt


@pytest.mark.parametrize(("stage", "event"), list(product(Stage, PinEvent)))
def test_a_fingerprint_follows_its_table_or_refuses(stage: Stage, event: PinEvent) -> None:
    """Each of the three ways to change a stage obeys the table, and refuses the rest."""
    following = PIN_TABLE.get((stage, event))
    if stage in _NO_PIN:
        state = _NO_PIN[stage]
        if following is None:
            with pytest.raises(IllegalTransitionError):
                enter(_PIN, event, state)
        else:
            assert Stage(enter(_PIN, event, state).role) is following
        assert _in(Stage.PENDING) == _PIN
        return
    pin, other = _in(stage), Pin(fingerprint("b"), _PIN.kind, Role.CURRENT, _PIN.origin, EPOCH)
    pins = (pin, other)
    if following is None:
        with pytest.raises(IllegalTransitionError):
            move(pin, event, EPOCH)
        with pytest.raises(IllegalTransitionError):
            leave(pins, (), pin, event)
    elif following in _NO_PIN:
        left = (pin.fingerprint,) if following is Stage.RETIRED else ()
        assert leave(pins, (), pin, event) == ((other,), left)
    else:
        assert Stage(move(pin, event, EPOCH).role) is following
    assert (pin, pins) == (_in(stage), (pin, other))


def test_what_can_end_a_posture_is_what_its_table_lists() -> None:
    """No condition leads to a pair that is not listed, and no listed pair lacks its condition."""
    asked = {(posture, event) for posture, events in EVENTS.items() for event, _ in events}
    assert asked == set(POSTURE_TABLE)
    assert set(WHY) == set(PostureEvent)


def test_a_retired_fingerprint_has_no_row_for_an_announcement() -> None:
    """The defence against replay is that the pair is not there at all."""
    assert (Stage.RETIRED, PinEvent.ANNOUNCED) not in PIN_TABLE


def test_only_an_operator_leads_out_of_what_an_operator_removed() -> None:
    """No other event has a row, whatever will be invented."""
    ways = {event for stage, event in PIN_TABLE if stage is Stage.REMOVED}
    assert ways == {PinEvent.ADDED_BACKUP, PinEvent.ADDED_CURRENT}


def test_no_debt_is_idle() -> None:
    """Every phase in which a restart is owed has a way on; only the other two may rest."""
    owing = {it.phase for it in IN_EACH_PHASE if isinstance(it, Owing)}
    assert set(RestartPhase) - owing == {RestartPhase.IDLE, RestartPhase.SETTLING}
    assert {at for at, _ in RESTART_TABLE} >= owing


def test_a_machine_does_what_its_table_lists_and_nothing_else() -> None:
    """A row is followed; without one it is an error that names state and event."""
    table = {("shut", "push"): "open"}
    assert step(table, "shut", "push") == "open"
    with pytest.raises(IllegalTransitionError, match="push cannot happen in open"):
        step(table, "open", "push")
