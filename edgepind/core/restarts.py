"""The restart machine: its table, and when a restart is asked for (CONTRACT section 8).

A debt exists where the document says something that the Edge has not loaded. It is not stored as
a queue: it follows from `written` and `loaded`, so it outlives any crash. Restarts are counted
when they are asked for, rollbacks included, so that no failure can exceed the budget. What
became of one is judged in `core.restart_verification`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

from edgepind.core.desired import desired, rollback_target, wanted, way_back
from edgepind.core.lockout import accepts_live, is_locked_out
from edgepind.core.sentences import span, told
from edgepind.core.state_machine import step
from edgepind.core.tick import Tick
from edgepind.model.action import Action, RestartDeferred, RestartEdge, RestartRefused
from edgepind.model.decision import Event
from edgepind.model.document import Pinning
from edgepind.model.enums import EventName, Posture, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    DocumentRead,
    NoUnit,
    Unit,
    UnitState,
    UnitUnknown,
    cannot_start,
)
from edgepind.model.replacing import replace
from edgepind.model.state import Edge, RestartPhase, State


class RestartEvent(StrEnum):
    """What can happen to a restart."""

    DEBT = "debt"
    """The document says something that the Edge has not loaded."""
    NO_DEBT = "no_debt"
    """The Edge has loaded what the document says."""
    RESTARTED = "restarted"
    UNCLEAR = "unclear"
    """It was restarted, and something changed the document meanwhile: who knows what it read."""
    FAILED = "failed"
    """The restart failed, or the Edge did not stay well, and there is a document to go back to."""
    FAILED_FOR_GOOD = "failed_for_good"
    """The same, and there is none."""
    OVERTAKEN = "overtaken"
    """What was put back, or would be, accepts nothing of what is live by now."""
    SETTLED = "settled"
    RETRY_DUE = "retry_due"


RESTART_TABLE: Mapping[tuple[RestartPhase, RestartEvent], RestartPhase] = {
    (RestartPhase.IDLE, RestartEvent.DEBT): RestartPhase.OWED,
    (RestartPhase.OWED, RestartEvent.NO_DEBT): RestartPhase.IDLE,
    (RestartPhase.OWED, RestartEvent.RESTARTED): RestartPhase.SETTLING,
    (RestartPhase.OWED, RestartEvent.UNCLEAR): RestartPhase.OWED,
    (RestartPhase.OWED, RestartEvent.FAILED): RestartPhase.ROLLING_BACK,
    (RestartPhase.OWED, RestartEvent.FAILED_FOR_GOOD): RestartPhase.OWED,
    (RestartPhase.SETTLING, RestartEvent.DEBT): RestartPhase.OWED,
    (RestartPhase.SETTLING, RestartEvent.SETTLED): RestartPhase.IDLE,
    (RestartPhase.SETTLING, RestartEvent.FAILED): RestartPhase.ROLLING_BACK,
    (RestartPhase.SETTLING, RestartEvent.FAILED_FOR_GOOD): RestartPhase.OWED,
    (RestartPhase.ROLLING_BACK, RestartEvent.RESTARTED): RestartPhase.ROLLED_BACK,
    (RestartPhase.ROLLING_BACK, RestartEvent.UNCLEAR): RestartPhase.ROLLED_BACK,
    (RestartPhase.ROLLING_BACK, RestartEvent.OVERTAKEN): RestartPhase.OWED,
    (RestartPhase.ROLLING_BACK, RestartEvent.FAILED): RestartPhase.ROLLED_BACK,
    (RestartPhase.ROLLING_BACK, RestartEvent.FAILED_FOR_GOOD): RestartPhase.OWED,
    (RestartPhase.ROLLED_BACK, RestartEvent.RETRY_DUE): RestartPhase.OWED,
    (RestartPhase.ROLLED_BACK, RestartEvent.OVERTAKEN): RestartPhase.OWED,
}

OWING = frozenset({RestartPhase.OWED, RestartPhase.ROLLING_BACK, RestartPhase.ROLLED_BACK})
"""The phases in which a restart is owed."""

_STARTABLE = frozenset({UnitState.ACTIVE, UnitState.FAILED})
"""A unit that an operator stopped is not started; one in between is left to finish."""


def restarts_in_window(edge: Edge, now: Monotonic, window: float) -> tuple[Monotonic, ...]:
    """The restarts that still count against the budget."""
    return tuple(instant for instant in edge.restarts if instant > now - window)


def restarts_in_hand(edge: Edge, tick: Tick) -> int:
    """How many restarts the budget allows from now on, without waiting."""
    rules = tick.rules.restart
    return rules.budget - len(restarts_in_window(edge, tick.now.monotonic, rules.window))


def loads(edge: Edge, loaded: Pinning | None) -> Edge:
    """`edge`, having loaded this; None: that is not known."""
    off = edge.may_be_off if loaded is None else not loaded.enabled
    return replace(edge, loaded=loaded, may_be_off=off)


def is_closing(state: State) -> bool:
    """Whether the Edge may have validation off, and the restart that it is owed ends that."""
    goal = desired(state)
    return state.edge.may_be_off and goal is not None and goal.enabled


# --- one tick of the machine ----------------------------------------------------------------


def pursue_restart(
    state: State, tick: Tick, *, alone: bool
) -> tuple[State, tuple[Action, ...], tuple[Event, ...]]:
    """Note the debt, and ask for a restart where one may be had.

    A restart is only asked for `alone`: behind another action that fails it would never be made,
    and would count against the budget all the same.
    """
    state = _note_debt(state, tick)
    if not alone or _was_put_off(tick):
        return state, (), ()
    if state.edge.phase is RestartPhase.ROLLED_BACK and tick.reached(state.edge.not_before):
        return defer(state, _spent(state, tick))  # it would be owed by now: see `leave_rollback`
    return _ask(state, tick)


def _was_put_off(tick: Tick) -> bool:
    """Whether the restart was put off within this very tick: it is not asked for twice."""
    return any(isinstance(it, RestartDeferred | RestartRefused) for it in tick.seen.outcomes)


def _note_debt(state: State, tick: Tick) -> State:
    edge = state.edge
    debt = is_debt(edge, tick)
    if debt and edge.phase in {RestartPhase.IDLE, RestartPhase.SETTLING}:
        run = "" if edge.phase is RestartPhase.SETTLING else edge.settling_run
        edge = replace(go(edge, RestartEvent.DEBT), owed_since=tick.now.monotonic)
        # One that has not settled is not taken as well.
        edge = replace(edge, settling_run=run, wait_told=False)
    elif not debt and is_up(tick) and edge.written == wanted(state):
        if edge.phase is RestartPhase.OWED and edge.invocation == edge.settling_run:
            edge = replace(go(edge, RestartEvent.NO_DEBT), good=edge.loaded, failures=0)
            edge = replace(edge, owed_since=None, not_before=None, asked=False)
        elif edge.phase is RestartPhase.IDLE:
            edge = replace(edge, good=edge.good or edge.loaded, settling_run=edge.invocation)
    return replace(state, edge=edge)


def is_up(tick: Tick) -> bool:
    """Whether the Edge runs, as far as can be seen."""
    unit = tick.seen.unit
    return not isinstance(unit, Unit) or unit.state is UnitState.ACTIVE


def is_debt(edge: Edge, tick: Tick) -> bool:
    """Whether the document says something that the Edge has not loaded."""
    if edge.written is None:
        return False
    validator = tick.rules.restart.validator
    return edge.loaded is None or not edge.written.accepts_like(edge.loaded, validator)


def go(edge: Edge, event: RestartEvent) -> Edge:
    """Follow the table."""
    phase = step(RESTART_TABLE, edge.phase, event)
    return replace(edge, phase=phase, deferral_told=False)


def leave_rollback(state: State, tick: Tick) -> State:
    """Leave a rolled-back document behind when the time for another attempt has come.

    Until the budget allows that, the document stays the one that the Edge is well with. Where it
    connects the Edge no more, nothing is waited for.
    """
    edge = state.edge
    if _is_overtaken(state, tick):
        edge = replace(go(edge, RestartEvent.OVERTAKEN), not_before=None)
    elif edge.phase is RestartPhase.ROLLED_BACK and tick.reached(edge.not_before):
        if edge.failures and budget_frees(state, tick) is not None:
            return state
        edge = go(edge, RestartEvent.RETRY_DUE)
    else:
        return state
    return replace(state, edge=replace(edge, owed_since=tick.now.monotonic))


def _is_overtaken(state: State, tick: Tick) -> bool:
    """Whether the way back leads into a lockout.

    One that was taken already is left only for a document with which the Edge connects.
    """
    target, goal = rollback_target(state), wanted(state)
    if target is None or goal is None or accepts_live(target, state, tick.rules):
        return False
    phase = state.edge.phase
    return phase is RestartPhase.ROLLING_BACK or (
        phase is RestartPhase.ROLLED_BACK and accepts_live(goal, state, tick.rules)
    )


# --- asking ---------------------------------------------------------------------------------


def _ask(state: State, tick: Tick) -> tuple[State, tuple[Action, ...], tuple[Event, ...]]:
    edge, goal = state.edge, _to_load(state)
    asking = edge.phase in {RestartPhase.OWED, RestartPhase.ROLLING_BACK}
    if not asking or goal is None:
        return state, (), ()
    if not _may_start(tick):
        why = cannot_start(tick.seen.unit.state) if isinstance(tick.seen.unit, Unit) else None
        return defer(state, why) if why else (state, (), ())
    unwritten = edge.write_failures > 0 and not (is_closing(state) and _stands(edge, tick))
    if unwritten or edge.document_problem is not None:
        return state, (), ()  # what stands at the path may be another's
    rolling_back = edge.phase is RestartPhase.ROLLING_BACK
    if not rolling_back and not tick.reached(edge.not_before):
        return state, (), ()
    recent = restarts_in_window(edge, tick.now.monotonic, tick.rules.restart.window)
    if len(recent) > _most_before(state, tick):
        return defer(state, _spent(state, tick))
    forced = rolling_back or tick.reached(ready_ends(state, tick))
    edge = replace(edge, restarts=(*recent, tick.now.monotonic))
    events = () if edge.asked else (_requested(state),)
    return (
        replace(state, edge=replace(edge, asked=True)),
        (RestartEdge(goal, forced=forced),),
        events,
    )


def _to_load(state: State) -> Pinning | None:
    """What a restart would load now; None where another document is wanted at the path first.

    One that closes the Edge is loaded though it may lack a pin: an Edge that stays open because a
    disk is full has no pin at all.
    """
    goal, written = desired(state), state.edge.written
    if goal is None or written is None:
        return None
    closes = is_closing(state) and written.lacks_only_pins_of(goal)
    return written if closes or written == goal else None


def _stands(edge: Edge, tick: Tick) -> bool:
    """Whether what was written last is what stands at the path."""
    document = tick.seen.document
    return isinstance(document, DocumentRead) and document.digest == edge.digest


def ready_ends(state: State, tick: Tick) -> Monotonic | None:
    """When a restart that is owed waits for `ready_command` no longer; None: nothing is owed."""
    if state.edge.owed_since is None:
        return None
    rules = tick.rules.restart
    asked_for = state.guard.posture is Posture.OVERRIDE
    urgent = asked_for or is_closing(state) or is_locked_out(state, tick.rules)
    wait = rules.urgent_ready_deadline if urgent else rules.ready_deadline
    return Monotonic(state.edge.owed_since + min(wait, rules.ready_deadline))


def budget_frees(state: State, tick: Tick) -> Monotonic | None:
    """When the budget allows another restart; None where it does now."""
    window, most = tick.rules.restart.window, _most_before(state, tick)
    recent = restarts_in_window(state.edge, tick.now.monotonic, window)
    if len(recent) <= most or not recent:
        return None
    return Monotonic(recent[-(most + 1)] + window)


def _most_before(state: State, tick: Tick) -> int:
    """How many restarts may lie in the window before the next; -1: none is ever allowed."""
    return max(-1, tick.rules.restart.budget - (2 if _leaves_one(state, tick) else 1))


def _leaves_one(state: State, tick: Tick) -> bool:
    """Whether the next restart may not be the last one that is left.

    One that lets go leaves the one that closes again, which itself may be the last. A document
    that failed before is not tried again without a way back; an Edge that is locked out has
    nothing to lose.
    """
    edge, goal, more = state.edge, desired(state), tick.rules.restart.budget > 1
    if goal is not None and not goal.enabled:
        return more or state.guard.posture is not Posture.OVERRIDE
    retrying = edge.failures > 0 and edge.phase is not RestartPhase.ROLLING_BACK
    if not retrying or edge.may_be_off or is_locked_out(state, tick.rules):
        return False
    return more and way_back(state, tick.rules) is not None


def _may_start(tick: Tick) -> bool:
    match tick.seen.unit:
        case Unit(state=state):
            return state in _STARTABLE
        case NoUnit() | UnitUnknown():
            return True
        case None:
            return False
        case _:
            assert_never(tick.seen.unit)


def _requested(state: State) -> Event:
    back = state.edge.phase is RestartPhase.ROLLING_BACK
    why = (
        "to load the last good pinning config again"
        if back
        else "so that it loads the new pinning config"
    )
    text = f"A restart of the Edge is asked for, {why}; nothing to do."
    return told(EventName.RESTART_REQUESTED, Severity.NOTICE, text)


def _spent(state: State, tick: Tick) -> str:
    rules = tick.rules.restart
    made = len(restarts_in_window(state.edge, tick.now.monotonic, rules.window))
    goal = desired(state)
    kept = ""
    if made < rules.budget:
        closes = goal is not None and not goal.enabled
        kept = f", the last of them {'to close the Edge again' if closes else 'for a way back'}"
    return (
        f"{made} restarts were made in {span(rules.window)} and no more than {rules.budget} are "
        f"allowed{kept}; restart the Edge by hand if it cannot wait"
    )


def defer(state: State, why: str) -> tuple[State, tuple[Action, ...], tuple[Event, ...]]:
    """Tell, once a debt, why its restart has to wait."""
    if state.edge.deferral_told:
        return state, (), ()
    text = f"The restart that the Edge needs is put off: {why}."
    event = told(EventName.RESTART_DEFERRED, Severity.WARNING, text)
    return replace(state, edge=replace(state.edge, deferral_told=True)), (), (event,)
