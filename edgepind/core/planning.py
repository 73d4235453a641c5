"""For when a planned restart is planned (CONTRACT sections 7 and 8).

Theory of operation. A restart that only prepares (a backup pin to be loaded, a former one to be
given up) may wait for a window of `edge.maintenance`. It waits no longer than the earliest of
these, each less the time that the restart itself needs:

- `maintenance_deadline` after the debt arose;
- the time for which a rotation is announced with standing, or forecast by those before it, where
  the restart loads a pin; where the leaf's own dates are all that is known, its end.

It waits for no window at all where the Edge is locked out, is to be closed, or does not run; where
a pin that it has yet to load is served already, for then the rotation has begun; where nothing is
known of what it has loaded; and where an operator said so (`edgepind restart --now`). A way back is
never asked about here. Nothing is remembered but the plan itself, so that it is told once.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from edgepind.core.forecast import Sureness, forecast
from edgepind.core.live_leaves import live_keys
from edgepind.core.tick import Tick
from edgepind.core.windows import local_name, next_open
from edgepind.model.decision import Event
from edgepind.model.document import Pinning
from edgepind.model.enums import EventName, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import OperatorWord, RestartNow, Unit, UnitState
from edgepind.model.rules import Rules
from edgepind.model.state import Debt, Edge, Owed, Owing, Plan, State

_MARGIN = 3
"""Intervals before a rotation that a restart is begun at the latest, beside the time it takes."""
_FIRST = datetime.min.replace(tzinfo=UTC)
_SAME = timedelta(minutes=1)
"""Two clocks that run apart by less make no other plan."""


def planned(state: State, goal: Pinning, debt: Debt, tick: Tick, *, urgent: bool) -> Plan | None:
    """What the restart that would load `goal` is planned for; None: it waits for no window."""
    rules, loaded = tick.rules.restart, state.edge.loaded
    if not rules.maintenance or urgent or debt.go_ahead or loaded is None or not _runs(tick):
        return None
    new = goal.read_under(rules.validator) - loaded.read_under(rules.validator)
    if not goal.enabled or _is_live(new, state):
        return None
    now, offsets = tick.now.wall, tick.seen.offsets
    opens = next_open(rules.maintenance, offsets, now)
    until, why = min(_latest(state, debt, tick, adds=bool(new)))
    at = until
    if opens is not None and opens.begins <= until:
        at, why = opens.begins, "a window of edge.maintenance begins then"
    if at <= now:
        return None
    what = "a pin is to be loaded" if new else "a pin is to be given up"
    plan = Plan(at, local_name(at, offsets, now), until, f"{what}, and {why}")
    return _kept(state.edge, plan)


def _runs(tick: Tick) -> bool:
    """Whether there is something to disturb: an Edge that failed carries no calls."""
    return not isinstance(tick.seen.unit, Unit) or tick.seen.unit.state is UnitState.ACTIVE


def _is_live(new: frozenset[Fingerprint], state: State) -> bool:
    return any(value in new for _, value in live_keys(state))


def _latest(state: State, debt: Debt, tick: Tick, *, adds: bool) -> Iterator[tuple[datetime, str]]:
    """The times beyond which no window is waited for, each with why, a clause."""
    now, rules = tick.now, tick.rules.restart
    left = debt.since + rules.maintenance_deadline - now.monotonic
    yield now.wall + timedelta(seconds=left), "edge.maintenance_deadline is over then"
    for rotation, why in _rotations(state) if adds else ():
        # A time that no calendar holds is none to wait for.
        spare = min(timedelta(seconds=time_before(tick.rules)), rotation - _FIRST)
        yield rotation - spare, f"the rotation that is {why} needs it by then"


def _rotations(state: State) -> Iterator[tuple[datetime, str]]:
    """When a rotation may come, each with how that is known."""
    if state.status.rotation_due is not None:
        yield state.status.rotation_due, "announced"
    if (due := forecast(state)) is not None:
        yield due.ends if due.sureness is Sureness.DATES else due.begins, "forecast"


def time_before(rules: Rules) -> float:
    """Seconds that a restart, with what it may wait for, may take at its usual pace."""
    own = rules.restart
    ready = own.ready_deadline if own.asks_ready else 0.0
    return own.drain_timeout + ready + own.health_deadline + own.settle + _MARGIN * rules.interval


def _kept(edge: Edge, plan: Plan) -> Plan:
    """The plan that was told, where this one differs by no more than the clocks do."""
    before = edge.restart.plan if isinstance(edge.restart, Owed) else None
    if before is None or before.because != plan.because:
        return plan
    apart = max(abs(before.at - plan.at), abs(before.until - plan.until))
    return before if apart < _SAME else plan


def plan_told(plan: Plan) -> Event:
    """A restart is planned, or planned anew."""
    text = (
        f"A restart of the Edge is planned for {plan.named}, because {plan.because}; `edgepind "
        "restart --now` goes ahead with it."
    )
    return Event(EventName.RESTART_PLANNED, Severity.NOTICE, text)


def note_go_ahead(state: State, words: tuple[OperatorWord, ...]) -> State:
    """Take in `edgepind restart --now`, where a restart is owed."""
    restart = state.edge.restart
    if not any(isinstance(it, RestartNow) for it in words) or not isinstance(restart, Owing):
        return state
    restart = replace(restart, debt=replace(restart.debt, go_ahead=True))
    return replace(state, edge=replace(state.edge, restart=restart))
