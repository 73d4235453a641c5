"""What became of a restart: whether the Edge settles, and the way back where it does not.

Theory of operation. The outcome of a restart that was asked for moves the machine of
`core.restarts` out of `Owed` or `RollingBack`: deferred or refused, it was not made, is taken back
from the budget and stays owed; failed, it is followed by the way back; done while something else
changed the document, nothing is known of what was loaded, and it stays owed. A job that has not
ended is followed from tick to tick: how long a stop and a start may take is for the unit's owner
to say, and for systemd to enforce, unless `edge.start_timeout` sets a time. Done is not yet well:
in `Settling` the unit must be active and `health_command` content for `settle`, in one and the
same run. Troubles that no patience mends (a unit that died) end it at once, others after
`health_deadline`, which begins when the unit is up. An Edge whose way back is a lockout is waited
for instead, as long as its unit is active. A restart whose outcome the daemon did not live to learn
is found by its run, and a daemon that was started anew begins `settle` anew. Nothing here asks for
a restart.
"""

from dataclasses import replace
from math import inf
from typing import assert_never

from edgepind.core.desired import desired, rollback_target, way_back
from edgepind.core.messages import span
from edgepind.core.restarts import (
    RestartEvent,
    debt_of,
    defer,
    go,
    is_debt,
    is_overdue,
    is_up,
    loads,
    with_debt,
)
from edgepind.core.scheduling import backoff
from edgepind.core.tick import Tick
from edgepind.model.action import (
    RestartDeferred,
    RestartDone,
    RestartFailed,
    RestartOutcome,
    RestartRefused,
    RestartUnderWay,
)
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import NoUnit, Unit, UnitState, UnitUnknown
from edgepind.model.state import (
    Edge,
    Idle,
    Owed,
    Restart,
    RolledBack,
    RollingBack,
    Settling,
    Starting,
    State,
)


def learn_restart(
    state: State,
    outcome: RestartOutcome | RestartDeferred,
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
            debt = debt_of(edge.restart, tick.now.monotonic)
            debt = replace(debt, not_before=tick.after(tick.rules.interval))
            restart = with_debt(edge.restart, debt)
            edge = replace(edge, restarts=edge.restarts[:-1], restart=restart)
            state, _, events = defer(replace(state, edge=edge), error)
            return state, events
        case RestartFailed(loading=loading, error=error):
            # Its job may still end well after the daemon stopped waiting for it.
            edge = replace(edge, may_be_off=edge.may_be_off or not loading.enabled)
            return _fail(replace(state, edge=edge), error, tick)
        case RestartUnderWay(loading=loading, starting=seconds):
            since = Monotonic(tick.now.monotonic - seconds)
            off = edge.may_be_off or not loading.enabled
            edge = replace(edge, starting=Starting(since), may_be_off=off)
            return replace(state, edge=edge), (_under_way(tick),)
        case RestartDone(read=read) if not read or read != edge.digest:
            return _note_unclear(state, tick)
        case RestartDone(loading=loading, invocation=invocation):
            edge = loads(replace(edge, invocation=invocation or edge.invocation), loading)
            return _begin_settling(replace(state, edge=edge), invocation, tick)
        case _:
            assert_never(outcome)


def watch_restarted(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """See how a restarted Edge does, and find a restart whose outcome nobody lived to learn."""
    state, failure = _follow_start(state, tick)
    if failure is not None:
        return _fail(state, failure, tick)
    edge = state.edge
    if is_debt(edge, tick):
        return state, ()
    match edge.restart:
        case Settling() as settling if tick.seen.health is not None:
            if state.last is None:
                state, settling = _watch_anew(state, settling, tick)
            return _watch(state, settling, tick)
        case Owed() | RollingBack() if _is_new_run(edge, tick) and edge.written == desired(state):
            return _begin_settling(state, edge.invocation, tick)
        case Idle() | Owed() | Settling() | RollingBack() | RolledBack():
            return state, ()
        case _:
            assert_never(edge.restart)


def _follow_start(state: State, tick: Tick) -> tuple[State, str | None]:
    """Follow a start that is awaited from tick to tick; a clause where it has failed."""
    edge, unit, before = state.edge, tick.seen.unit, state.edge.starting
    awaited = _awaits_start(edge.restart)
    if not isinstance(unit, Unit) or (before is None and not awaited):
        return state, None
    if state.last is None and before is not None and before.run not in {"", unit.invocation}:
        before = None if unit.invocation else before  # the host was rebooted meanwhile
    starting = _start_seen(unit, before, tick)
    edge = replace(edge, starting=starting)
    if starting is not None and isinstance(edge.restart, Settling):
        # The time to become well begins when the unit is up.
        edge = replace(edge, restart=replace(edge.restart, since=tick.now.monotonic))
    elif starting is not None and unit.state is not UnitState.ACTIVE:
        edge = replace(edge, loaded=None)  # the run that had loaded it is over
    failure = _start_failure(unit, before, starting, tick) if awaited else None
    return replace(state, edge=edge), failure


def _awaits_start(restart: Restart) -> bool:
    match restart:
        case Settling():
            return True
        case Owed(debt=debt) | RollingBack(debt=debt):
            return debt.asked
        case Idle() | RolledBack():
            return False
        case _:
            assert_never(restart)


def _start_seen(unit: Unit, before: Starting | None, tick: Tick) -> Starting | None:
    """The start that is under way; None: there is none.

    Its time begins when the Edge has stopped and its turn has come.
    """
    now = tick.now.monotonic
    match unit:
        case Unit(state=UnitState.ACTIVATING, invocation=run) if run:
            known = before is not None and before.run in {"", run}
            return Starting(before.since if before is not None and known else now, run)
        case Unit(state=UnitState.ACTIVATING | UnitState.DEACTIVATING):
            return Starting(now)
        case Unit(job=True) if before is not None:
            return Starting(now)
        case _:
            return None


def _start_failure(
    unit: Unit, before: Starting | None, starting: Starting | None, tick: Tick
) -> str | None:
    if before is not None and unit.state is UnitState.FAILED:
        return "its unit has failed in its start"
    if starting is None:
        return None
    if before is not None and before.run and starting.run not in {"", before.run}:
        return "its start failed, and systemd began another"
    if is_overdue(starting, tick):
        return "it has been starting for longer than edge.start_timeout allows"
    return None


def _is_new_run(edge: Edge, tick: Tick) -> bool:
    return edge.invocation != edge.watched_run and is_up(tick)


def _note_unclear(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Something changed the document while the Edge was restarted: the debt stands.

    With no run that is known, the next look at the unit says whether what it read lies there still.
    """
    debt = debt_of(state.edge.restart, tick.now.monotonic)
    failures = debt.failures + 1
    wait = backoff(tick.rules.interval, failures, tick.rules.restart.window)
    debt = replace(debt, failures=failures, not_before=tick.after(wait), asked=False)
    edge = go(state.edge, RestartEvent.UNCLEAR, debt, tick)
    edge = replace(edge, loaded=None, may_be_off=True, invocation="")
    text = (
        "The Edge was restarted, and something else changed the pinning config meanwhile, so that "
        f"it is not known what the Edge has loaded; it is restarted again in {span(wait)}; find "
        "out what changes it."
    )
    return replace(state, edge=edge), (Event(EventName.RESTART_FAILED, Severity.ERR, text),)


def _begin_settling(state: State, run: str, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    debt = replace(debt_of(state.edge.restart, tick.now.monotonic), asked=False)
    edge = replace(go(state.edge, RestartEvent.RESTARTED, debt, tick), watched_run=run)
    if isinstance(edge.restart, RolledBack):
        text = (
            "The Edge was restarted with the last pinning config that was loaded well; `edgepind "
            "status` shows whether it stays up; the new one is tried again later; see the Edge's "
            "own journal for why it did not come up."
        )
        event = Event(EventName.ROLLED_BACK, Severity.ERR, text)
        return replace(state, edge=edge), (event,)
    return replace(state, edge=edge), ()


def _watch_anew(state: State, settling: Settling, tick: Tick) -> tuple[State, Settling]:
    """Begin `settle` anew, in the present run: the host may have been rebooted meanwhile.

    What the daemon has not seen is not held against the Edge.
    """
    unit = tick.seen.unit
    run = unit.invocation if isinstance(unit, Unit) else ""
    settling = replace(settling, since=tick.now.monotonic, settled=0.0, seen_well=False)
    edge = replace(state.edge, watched_run=run, restart=settling)
    return replace(state, edge=edge), settling


def _watch(state: State, settling: Settling, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    edge, unwell = state.edge, _unwell(settling, tick)
    waits = unwell is not None and is_up(tick) and _leads_nowhere(state, tick)
    trouble = _died(edge, tick) or (None if waits else unwell)
    if trouble is not None:
        return _fail(state, trouble, tick)
    events = (_waits(unwell),) if unwell is not None and not settling.wait_told else ()
    settling = replace(settling, wait_told=settling.wait_told or waits)
    if _is_well(tick):
        settled = settling.settled + tick.observed if settling.seen_well else 0.0
        settling = replace(settling, settled=settled, seen_well=True)
    elif not isinstance(tick.seen.unit, UnitUnknown):
        settling = replace(settling, settled=0.0, seen_well=False)
    if settling.settled < tick.rules.restart.settle:
        return replace(state, edge=replace(edge, restart=settling)), events
    edge = replace(
        go(edge, RestartEvent.SETTLED, settling.debt, tick),
        good=edge.loaded,
        attributes_changed=False,
    )
    text = "The restarted Edge has settled and is well."
    return replace(state, edge=edge), (Event(EventName.RESTART_SUCCEEDED, Severity.NOTICE, text),)


def _is_well(tick: Tick) -> bool:
    unit, health = tick.seen.unit, tick.seen.health
    up = isinstance(unit, NoUnit) or (isinstance(unit, Unit) and unit.state is UnitState.ACTIVE)
    return up and health is not None and health.well


def _died(edge: Edge, tick: Tick) -> str | None:
    """How the run of a settling Edge has ended; None: it has not."""
    unit = tick.seen.unit
    if not isinstance(unit, Unit):
        return None
    if unit.state in {UnitState.FAILED, UnitState.INACTIVE}:
        return f"its unit is {unit.state} after the restart"
    runs = unit.state in {UnitState.ACTIVE, UnitState.ACTIVATING} and unit.invocation
    if runs and edge.watched_run not in {"", unit.invocation}:
        return "its unit died after the restart and was started again"
    return None


def _unwell(settling: Settling, tick: Tick) -> str | None:
    """Why a settling Edge must be called not well; None while there is still hope."""
    unit, health = tick.seen.unit, tick.seen.health
    if isinstance(unit, Unit) and unit.state in {UnitState.ACTIVATING, UnitState.DEACTIVATING}:
        return None  # systemd says when that has lasted too long
    if tick.now.monotonic - settling.since < tick.rules.restart.health_deadline:
        return None
    if health is not None and not health.well:
        return f"health_command does not call it well ({health.detail or 'no word'})"
    return None if _is_well(tick) or isinstance(unit, UnitUnknown) else "its unit is not active"


def _leads_nowhere(state: State, tick: Tick) -> bool:
    """Whether there is a document to go back to, and only a lockout in it."""
    return rollback_target(state) is not None and way_back(state, tick.rules) is None


def _under_way(tick: Tick) -> Event:
    own = tick.rules.restart.start_timeout < inf
    until = "edge.start_timeout allows" if own else "the unit's own TimeoutStartSec allows"
    text = (
        f"The restart of the Edge has not ended yet; it is waited for as long as {until}; "
        "`systemctl status` for the Edge's unit shows what it is at, `systemctl list-jobs` what it "
        "waits for."
    )
    return Event(None, Severity.NOTICE, text)


def _waits(unwell: str) -> Event:
    text = (
        f"The restarted Edge is not well yet: {unwell}; it keeps the new pinning config and is "
        "waited for, because the last one that it was well with accepts nothing of what the cloud "
        "serves now; see `journalctl -u` for the Edge's own unit."
    )
    return Event(None, Severity.WARNING, text)


def _fail(state: State, why: str, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """A restart that failed: go back to the good document, or wait and try again.

    What the Edge has loaded is not known from then on, so that the debt remains.
    """
    edge, debt = state.edge, debt_of(state.edge.restart, tick.now.monotonic)
    back = way_back(state, tick.rules) is not None
    giving_up = back and isinstance(edge.restart, RollingBack)
    failures = debt.failures + (not giving_up)
    wait = backoff(tick.rules.interval, failures, tick.rules.restart.window)
    debt = replace(debt, failures=failures, not_before=tick.after(wait), asked=False)
    event = RestartEvent.FAILED if back else RestartEvent.FAILED_FOR_GOOD
    edge = replace(go(edge, event, debt, tick), loaded=None)
    following = (
        "the last document that was loaded well is put back and the Edge restarted once more"
        if back and not giving_up
        else f"it is tried again in {span(wait)}"
    )
    text = (
        f"The Edge did not come back well: {why}; {following}; see `journalctl -u` for the Edge's "
        "own unit."
    )
    return replace(state, edge=edge), (Event(EventName.RESTART_FAILED, Severity.ERR, text),)
