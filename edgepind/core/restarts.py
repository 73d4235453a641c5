"""The restart machine: its table, and when a restart is asked for (CONTRACT section 8).

Theory of operation. The Edge reads its document when it starts, so what is written and not loaded
is a debt, and only a restart pays it. The debt is not queued: it follows from `written` and
`loaded` at each tick, so it outlives any crash. What a phase remembers stands in its class in
`model.state`:

- `Idle`: the Edge has loaded what is written, and is well. A new debt leads to `Owed`.
- `Owed`: a restart is asked for as soon as the unit can be started and no job of it is under way,
  the wait after a failure is over, the budget allows it, and `ready_command` agrees or its deadline
  is over. Done, it leads to `Settling`; failed, to `RollingBack` where there is a way back, and
  else to `Owed` again, under backoff; a debt that somebody else paid leads to `Idle`.
- `Settling`: the Edge is watched (`core.restart_verification`). Well for `settle`, its document is
  the good one, and it is `Idle`; one that does not stay well is a restart that failed.
- `RollingBack`: the good document is put back and loaded by one more restart, which waits for no
  `ready_command`; done or failed, it leads to `RolledBack`.
- `RolledBack`: the Edge runs with the good document until the new one may be tried again.

A way back that accepts nothing of what is live is left for `Owed` at once. Restarts count against
the budget when they are asked for, rollbacks included, so that no failure can exceed it. A restart
is never asked for behind another action, for a document that is not known to stand at the path, or
for a unit that an operator stopped.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from edgepind.core.desired import desired, rollback_target, wanted, way_back
from edgepind.core.lockout import accepts_live, is_locked_out
from edgepind.core.messages import span
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
from edgepind.model.state import (
    Debt,
    Edge,
    Idle,
    Owed,
    Owing,
    Restart,
    RestartPhase,
    RolledBack,
    RollingBack,
    Settling,
    Starting,
    State,
)


class RestartEvent(StrEnum):
    """What can happen to a restart."""

    DEBT = "debt"
    """The document says something that the Edge has not loaded."""
    NO_DEBT = "no_debt"
    """The Edge has loaded what the document says."""
    RESTARTED = "restarted"
    UNCLEAR = "unclear"
    """It was restarted, and something changed the document meanwhile: what it read is not known."""
    FAILED = "failed"
    """The restart failed, or the Edge did not stay well, and there is a document to go back to."""
    FAILED_FOR_GOOD = "failed_for_good"
    """The same, and there is no such document."""
    OVERTAKEN = "overtaken"
    """The document that was put back, or would be, accepts nothing of what is live now."""
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

_STARTABLE = frozenset({UnitState.ACTIVE, UnitState.FAILED})
"""A unit that an operator stopped is not started; one in between is left to finish."""


def restarts_in_window(edge: Edge, now: Monotonic, window: float) -> tuple[Monotonic, ...]:
    """The restarts that still count against the budget."""
    return tuple(instant for instant in edge.restarts if instant > now - window)


def restarts_in_hand(edge: Edge, tick: Tick) -> int:
    """How many restarts the budget allows from now on, without waiting."""
    rules = tick.rules.restart
    return rules.budget - len(restarts_in_window(edge, tick.now.monotonic, rules.window))


def debt_of(restart: Restart, now: Monotonic) -> Debt:
    """The debt that `restart` carries; for an idle one, such as would arise `now`."""
    return Debt(now) if isinstance(restart, Idle) else restart.debt


def with_debt(restart: Restart, debt: Debt) -> Restart:
    """`restart` with this debt; an idle one carries none."""
    return restart if isinstance(restart, Idle) else replace(restart, debt=debt)


def forgive(edge: Edge, tick: Tick) -> Edge:
    """`edge` with no failed restart held against the document that it is owed."""
    debt = debt_of(edge.restart, tick.now.monotonic)
    forgiven = replace(debt, failures=0, not_before=None)
    return replace(edge, restart=with_debt(edge.restart, forgiven))


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
    if not alone or _was_deferred(tick):
        return state, (), ()
    match state.edge.restart:
        case Owed() | RollingBack() as restart:
            return _ask(state, restart, tick)
        case RolledBack(debt) if tick.passed_or_unset(debt.not_before):
            # The budget keeps it here: else `leave_rollback` had led to `Owed`.
            return defer(state, _spent(state, tick))
        case Idle() | Settling() | RolledBack():
            return state, (), ()
        case _:
            assert_never(state.edge.restart)


def _was_deferred(tick: Tick) -> bool:
    """Whether the restart was deferred or refused in this tick: it is not asked for twice."""
    return any(isinstance(it, RestartDeferred | RestartRefused) for it in tick.seen.outcomes)


def _note_debt(state: State, tick: Tick) -> State:
    edge = state.edge
    owes = is_debt(edge, tick)
    stands = not owes and is_up(tick) and edge.written == wanted(state)
    match edge.restart:
        case Idle() if owes:
            edge = go(edge, RestartEvent.DEBT, Debt(tick.now.monotonic), tick)
        case Settling(debt) if owes:
            debt = replace(debt, since=tick.now.monotonic)
            # A run that has not settled is not taken for one that has.
            edge = replace(go(edge, RestartEvent.DEBT, debt, tick), watched_run="")
        case Idle() if stands:
            edge = replace(edge, good=edge.good or edge.loaded, watched_run=edge.invocation)
        case Owed(debt) if stands and edge.invocation == edge.watched_run:
            edge = replace(go(edge, RestartEvent.NO_DEBT, debt, tick), good=edge.loaded)
        case Idle() | Owed() | Settling() | RollingBack() | RolledBack():
            pass
        case _:
            assert_never(edge.restart)
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


def go(edge: Edge, event: RestartEvent, debt: Debt, tick: Tick) -> Edge:
    """Follow the table into a phase that begins now, with this debt where it carries one.

    Raises IllegalTransitionError where the table has no row.
    """
    phase = step(RESTART_TABLE, edge.restart.phase, event)
    return replace(edge, restart=_begun(phase, debt, tick))


def _begun(phase: RestartPhase, debt: Debt, tick: Tick) -> Restart:
    match phase:
        case RestartPhase.IDLE:
            return Idle()
        case RestartPhase.OWED:
            return Owed(debt)
        case RestartPhase.SETTLING:
            return Settling(debt, since=tick.now.monotonic)
        case RestartPhase.ROLLING_BACK:
            return RollingBack(debt)
        case RestartPhase.ROLLED_BACK:
            return RolledBack(debt)
        case _:
            assert_never(phase)


def leave_rollback(state: State, tick: Tick) -> State:
    """Leave a rolled-back document behind when the time for another attempt has come.

    Until the budget allows that, the document stays the one that the Edge is well with. Where it
    connects the Edge no more, nothing is waited for.
    """
    edge, now = state.edge, tick.now.monotonic
    match edge.restart:
        case RollingBack(debt) | RolledBack(debt) if _is_overtaken(state, tick):
            debt = replace(debt, since=now, not_before=None)
            edge = go(edge, RestartEvent.OVERTAKEN, debt, tick)
        case RolledBack(debt) if tick.passed_or_unset(debt.not_before):
            if debt.failures and budget_frees(state, tick) is not None:
                return state
            edge = go(edge, RestartEvent.RETRY_DUE, replace(debt, since=now), tick)
        case Idle() | Owed() | Settling() | RollingBack() | RolledBack():
            return state
        case _:
            assert_never(edge.restart)
    return replace(state, edge=edge)


def _is_overtaken(state: State, tick: Tick) -> bool:
    """Whether the way back, which is being taken or was, leads into a lockout.

    One that was taken already is left only for a document with which the Edge connects.
    """
    target, goal = rollback_target(state), wanted(state)
    if target is None or goal is None or accepts_live(target, state, tick.rules):
        return False
    return isinstance(state.edge.restart, RollingBack) or accepts_live(goal, state, tick.rules)


# --- asking ---------------------------------------------------------------------------------


def _ask(
    state: State, restart: Owed | RollingBack, tick: Tick
) -> tuple[State, tuple[Action, ...], tuple[Event, ...]]:
    edge, debt, goal = state.edge, restart.debt, _to_load(state)
    if goal is None:
        return state, (), ()
    if not _may_start(edge, tick):
        why = _hindrance(tick.seen.unit) if isinstance(tick.seen.unit, Unit) else None
        return defer(state, why) if why else (state, (), ())
    unwritten = edge.write_failures > 0 and not (is_closing(state) and _stands(edge, tick))
    if unwritten or edge.document_problem is not None:
        return state, (), ()  # what stands at the path may be another's
    rolling_back = isinstance(restart, RollingBack)
    if not rolling_back and not tick.passed_or_unset(debt.not_before):
        return state, (), ()
    recent = restarts_in_window(edge, tick.now.monotonic, tick.rules.restart.window)
    if len(recent) > _most_before(state, tick):
        return defer(state, _spent(state, tick))
    forced = rolling_back or tick.passed_or_unset(ready_ends(debt, state, tick))
    events = () if debt.asked else (_requested(restart),)
    restart = replace(restart, debt=replace(debt, asked=True))
    edge = replace(edge, restart=restart, restarts=(*recent, tick.now.monotonic), starting=None)
    return replace(state, edge=edge), (RestartEdge(goal, forced=forced),), events


def _to_load(state: State) -> Pinning | None:
    """What a restart would load now; None where another document has to be written first.

    A document that switches validation on is loaded though it may lack a pin: an Edge that stays
    open because a disk is full has no pin at all.
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


def ready_ends(debt: Debt, state: State, tick: Tick) -> Monotonic:
    """When a restart that is owed waits for `ready_command` no longer."""
    rules = tick.rules.restart
    asked_for = state.guard.posture is Posture.OVERRIDE
    urgent = asked_for or is_closing(state) or is_locked_out(state, tick.rules)
    wait = rules.urgent_ready_deadline if urgent else rules.ready_deadline
    return Monotonic(debt.since + min(wait, rules.ready_deadline))


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

    One that switches validation off leaves one to switch it on again, which itself may be the
    last. A document that failed before is not tried again unless a rollback can follow; an Edge
    that is locked out has nothing to lose.
    """
    edge, goal, more = state.edge, desired(state), tick.rules.restart.budget > 1
    if goal is not None and not goal.enabled:
        return more or state.guard.posture is not Posture.OVERRIDE
    failures = debt_of(edge.restart, tick.now.monotonic).failures
    retrying = failures > 0 and not isinstance(edge.restart, RollingBack)
    if not retrying or edge.may_be_off or is_locked_out(state, tick.rules):
        return False
    return more and way_back(state, tick.rules) is not None


def is_overdue(starting: Starting, tick: Tick) -> bool:
    """Whether a start lasts longer than the settings allow; without a word there, systemd ends it.

    That knows what no property tells: a service that asked for more time (EXTEND_TIMEOUT_USEC,
    sd_notify(3)), and that each command before the main one has the time of its own.
    """
    return tick.now.monotonic - starting.since >= tick.rules.restart.start_timeout


def _may_start(edge: Edge, tick: Tick) -> bool:
    match tick.seen.unit:
        case Unit(state=UnitState.ACTIVATING):
            return edge.starting is not None and is_overdue(edge.starting, tick)
        case Unit(state=state, job=job):
            return state in _STARTABLE and not job
        case NoUnit() | UnitUnknown():
            return True
        case None:
            return False
        case _:
            assert_never(tick.seen.unit)


def _hindrance(unit: Unit) -> str | None:
    """Why a unit is not restarted now, where that is not for it to finish what it is at."""
    if unit.job:
        return "systemd has a job for its unit that has not ended (`systemctl list-jobs`)"
    return cannot_start(unit.state)


def _requested(restart: Owed | RollingBack) -> Event:
    why = (
        "to load the last good pinning config again"
        if isinstance(restart, RollingBack)
        else "so that it loads the new pinning config"
    )
    text = f"A restart of the Edge is asked for, {why}."
    return Event(EventName.RESTART_REQUESTED, Severity.NOTICE, text)


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
    """Tell, once in a phase, why the restart that is owed has to wait."""
    restart = state.edge.restart
    text = f"The restart that the Edge needs is deferred: {why}."
    event = Event(EventName.RESTART_DEFERRED, Severity.WARNING, text)
    if isinstance(restart, Owing):  # else `core.guarded` asked, which keeps no account of a debt
        if restart.deferral_told:
            return state, (), ()
        edge = replace(state.edge, restart=replace(restart, deferral_told=True))
        state = replace(state, edge=edge)
    return state, (), (event,)
