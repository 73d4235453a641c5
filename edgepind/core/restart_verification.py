"""What became of a restart: whether the Edge settles, and the way back where it does not.

A restart that is done is not yet well: the unit must be active and `health_command` content for
`settle` (CONTRACT section 8). Asking for the next one is the business of `core.restarts`.
"""

from typing import assert_never

from edgepind.core.desired import desired, rollback_target, way_back
from edgepind.core.restarts import RestartEvent, defer, go, is_debt, is_up, loads
from edgepind.core.scheduling import backoff
from edgepind.core.sentences import span, told
from edgepind.core.tick import Tick
from edgepind.model.action import (
    RestartDeferred,
    RestartDone,
    RestartFailed,
    RestartRefused,
)
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.observation import NoUnit, Unit, UnitState, UnitUnknown
from edgepind.model.replacing import replace
from edgepind.model.state import Edge, RestartPhase, State

_GOING = frozenset({RestartPhase.OWED, RestartPhase.ROLLING_BACK})


def learn_restart(
    state: State,
    outcome: RestartDone | RestartFailed | RestartDeferred | RestartRefused,
    tick: Tick,
) -> tuple[State, tuple[Event, ...]]:
    """Take in what became of a restart that was asked for."""
    edge = state.edge
    match outcome:
        case RestartDeferred(detail=detail):
            state = replace(state, edge=replace(edge, restarts=edge.restarts[:-1]))
            state, _, events = defer(state, f"ready_command says that it would disturb ({detail})")
            return state, events
        case RestartRefused(error=error):
            wait = tick.after(tick.rules.interval)
            edge = replace(edge, restarts=edge.restarts[:-1], not_before=wait)
            state, _, events = defer(replace(state, edge=edge), error)
            return state, events
        case RestartFailed(loading=loading, error=error):
            # Its job may yet end well, when nobody looks.
            edge = replace(edge, may_be_off=edge.may_be_off or not loading.enabled)
            return _fail(replace(state, edge=edge), error, tick)
        case RestartDone(read=read) if not read or read != edge.digest:
            return _note_unclear(state, tick)
        case RestartDone(loading=loading, invocation=invocation):
            edge = loads(replace(edge, invocation=invocation or edge.invocation), loading)
            return _begin_settling(replace(state, edge=edge), invocation, tick)
        case _:
            assert_never(outcome)


def watch_restarted(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """See how a restarted Edge does, and find a restart whose outcome nobody lived to learn."""
    edge = state.edge
    if is_debt(edge, tick):
        return state, ()
    if edge.phase is RestartPhase.SETTLING and tick.seen.health is not None:
        if state.last is None:
            state = _watch_anew(state, tick)
        return _watch(state, tick)
    if edge.phase in _GOING and _is_new_run(edge, tick) and edge.written == desired(state):
        return _begin_settling(state, edge.invocation, tick)
    return state, ()


def _is_new_run(edge: Edge, tick: Tick) -> bool:
    return edge.invocation != edge.settling_run and is_up(tick)


def _note_unclear(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Something changed the document while the Edge was restarted: the debt stands.

    With no run that is known, the next look at the unit says whether what it read lies there still.
    """
    failures = state.edge.failures + 1
    wait = backoff(tick.rules.interval, failures, tick.rules.restart.window)
    edge = replace(go(state.edge, RestartEvent.UNCLEAR), loaded=None, may_be_off=True)
    edge = replace(edge, invocation="", failures=failures, not_before=tick.after(wait), asked=False)
    text = (
        "The Edge was restarted, and something else changed the pinning config meanwhile, so that "
        f"it is not known what the Edge has loaded; it is restarted again in {span(wait)}; find "
        "out what changes it."
    )
    return replace(state, edge=edge), (told(EventName.RESTART_FAILED, Severity.ERR, text),)


def _begin_settling(state: State, run: str, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    edge = replace(go(state.edge, RestartEvent.RESTARTED), settling_run=run, asked=False)
    if edge.phase is RestartPhase.ROLLED_BACK:
        text = (
            "The Edge runs again with the last pinning config that was loaded well; the new one is "
            "tried again later; see the Edge's own journal for why it did not come up."
        )
        event = told(EventName.ROLLED_BACK, Severity.ERR, text)
        return replace(state, edge=edge), (event,)
    edge = replace(edge, settling_since=tick.now.monotonic, settled=0.0, seen_well=False)
    return replace(state, edge=replace(edge, wait_told=False)), ()


def _watch_anew(state: State, tick: Tick) -> State:
    """Nobody has watched it until now, and the host may have been rebooted: it settles anew.

    In whichever run it is; what the daemon has not seen is not held against it.
    """
    unit = tick.seen.unit
    run = unit.invocation if isinstance(unit, Unit) else ""
    edge = replace(state.edge, settling_run=run, settling_since=tick.now.monotonic)
    return replace(state, edge=replace(edge, settled=0.0, seen_well=False))


def _watch(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    edge, unwell = state.edge, _unwell(state.edge, tick)
    waits = unwell is not None and is_up(tick) and _leads_nowhere(state, tick)
    trouble = _died(edge, tick) or (None if waits else unwell)
    if trouble is not None:
        return _fail(state, trouble, tick)
    events = (_waits(unwell),) if unwell is not None and not edge.wait_told else ()
    edge = replace(edge, wait_told=edge.wait_told or waits)
    if _is_well(tick):
        settled = edge.settled + tick.observed if edge.seen_well else 0.0
        edge = replace(edge, settled=settled, seen_well=True)
    elif not isinstance(tick.seen.unit, UnitUnknown):
        edge = replace(edge, settled=0.0, seen_well=False)
    if edge.settled < tick.rules.restart.settle:
        return replace(state, edge=edge), events
    edge = replace(go(edge, RestartEvent.SETTLED), good=edge.loaded, failures=0)
    edge = replace(edge, owed_since=None, not_before=None, settling_since=None, settled=0.0)
    edge = replace(edge, wait_told=False)
    text = "The restarted Edge has settled and is well; nothing to do."
    return replace(state, edge=edge), (told(EventName.RESTART_SUCCEEDED, Severity.NOTICE, text),)


def _is_well(tick: Tick) -> bool:
    unit, health = tick.seen.unit, tick.seen.health
    up = isinstance(unit, NoUnit) or (isinstance(unit, Unit) and unit.state is UnitState.ACTIVE)
    return up and health is not None and health.well


def _died(edge: Edge, tick: Tick) -> str | None:
    """How a settling Edge has come to its end; None: it has not."""
    unit = tick.seen.unit
    if not isinstance(unit, Unit):
        return None
    if unit.state in {UnitState.FAILED, UnitState.INACTIVE}:
        return f"its unit is {unit.state} after the restart"
    if unit.state is UnitState.ACTIVE and edge.settling_run not in {"", unit.invocation}:
        return "its unit died after the restart and was started again"
    return None


def _unwell(edge: Edge, tick: Tick) -> str | None:
    """Why a settling Edge must be called not well; None while there is still hope."""
    unit, health, since = tick.seen.unit, tick.seen.health, edge.settling_since
    if isinstance(unit, Unit) and unit.state is UnitState.ACTIVATING and not unit.invocation:
        return None  # it waits for its turn, as at boot
    if since is None or tick.now.monotonic - since < tick.rules.restart.health_deadline:
        return None
    if health is not None and not health.well:
        return f"health_command does not call it well ({health.detail or 'no word'})"
    return None if _is_well(tick) or isinstance(unit, UnitUnknown) else "its unit is not active"


def _leads_nowhere(state: State, tick: Tick) -> bool:
    """Whether there is a document to go back to, and only a lockout in it."""
    return rollback_target(state) is not None and way_back(state, tick.rules) is None


def _waits(unwell: str) -> Event:
    text = (
        f"The restarted Edge is not well yet: {unwell}; it keeps the new pinning config and is "
        "waited for, because the last one that it was well with accepts nothing of what the cloud "
        "serves now; see `journalctl -u` for the Edge's own unit."
    )
    return Event(None, Severity.WARNING, text)


def _fail(state: State, why: str, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """A restart that did not do: go back to what was good, or wait and try again.

    What the Edge has loaded counts as not known then, so that the debt remains.
    """
    edge = state.edge
    back = way_back(state, tick.rules) is not None
    giving_up = back and edge.phase is RestartPhase.ROLLING_BACK
    failures = edge.failures + (not giving_up)
    wait = backoff(tick.rules.interval, failures, tick.rules.restart.window)
    edge = go(edge, RestartEvent.FAILED if back else RestartEvent.FAILED_FOR_GOOD)
    edge = replace(edge, failures=failures, not_before=tick.after(wait), loaded=None, asked=False)
    edge = replace(edge, settling_since=None, settled=0.0, seen_well=False, wait_told=False)
    following = (
        "the last document that was loaded well is put back and the Edge restarted once more"
        if back and not giving_up
        else f"it is tried again in {span(wait)}"
    )
    text = (
        f"The Edge did not come back well: {why}; {following}; see `journalctl -u` for the Edge's "
        "own unit."
    )
    return replace(state, edge=edge), (told(EventName.RESTART_FAILED, Severity.ERR, text),)
