"""What an owed restart waits for before `ready_command` is asked: a window, and the end of calls.

The window first, then the drain. Once the Edge is out of service no window is waited for any more,
whatever the clock says by then. Nothing is waited for twice: the time that `ready_command` may take
(`Debt.due`) begins when both are over.
"""

from dataclasses import dataclass, replace

from edgepind.core.drain import drain_first
from edgepind.core.planning import plan_told, planned
from edgepind.core.tick import Tick
from edgepind.model.action import Action
from edgepind.model.decision import Event
from edgepind.model.document import Pinning
from edgepind.model.state import Debt, DrainPhase, Owed, State


@dataclass(frozen=True, slots=True)
class Waited:
    """The state with what is remembered of the wait, and what it takes; `waits`: it goes on."""

    state: State
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    waits: bool = True


def wait_first(
    state: State, restart: Owed, goal: Pinning, tick: Tick, *, urgent: bool, spent: bool
) -> Waited:
    """Whether the restart that would load `goal` waits; `spent`: the budget allows none now."""
    out = state.drain.phase in {DrainPhase.DRAINING, DrainPhase.DRAINED}
    plan = None if out else planned(state, goal, restart.debt, tick, urgent=urgent)
    if plan is not None:
        events = () if restart.plan == plan else (plan_told(plan),)
        debt = replace(restart.debt, due=None)
        return Waited(_with(state, replace(restart, plan=plan, debt=debt)), events=events)
    if restart.plan is not None:
        restart = replace(restart, plan=None, debt=_due(restart.debt, tick))
        state = _with(state, restart)
    if spent:
        return Waited(state, waits=False)
    drained = drain_first(state, restart.debt, tick, urgent=urgent)
    state = drained.state
    if not drained.holds and drained.events:
        state = _with(state, replace(restart, debt=_due(restart.debt, tick)))
    return Waited(state, drained.actions, drained.events, waits=drained.holds)


def _due(debt: Debt, tick: Tick) -> Debt:
    return replace(debt, due=tick.now.monotonic)


def _with(state: State, restart: Owed) -> State:
    return replace(state, edge=replace(state.edge, restart=restart))
