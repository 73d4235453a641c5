"""Edges that a restart is owed to, settles in or was taken back from, and ticks that saw them."""

from dataclasses import replace
from typing import Any

from edgepind.core.live_leaves import note_served
from edgepind.core.restarts import debt_of, pursue_restart, with_debt
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import leaf, link
from edgepind.model.enums import Role
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    EdgeUnit,
    Health,
    Observations,
    Unit,
    UnitState,
)
from edgepind.model.rules import RestartRules
from edgepind.model.state import Debt, Edge, Guard, Owed, RolledBack, Settling, State
from tests.core.situations import NOW, RULES, pin, pinning, rules, state_of, tick

OLD, NEW = pinning("a"), pinning("b", "a")
UP = Unit(UnitState.ACTIVE, "run 2")
WELL = Health(well=True)
PINS = (pin("b", Role.CURRENT), pin("a"))
EARLIER = Monotonic(NOW - 5.0)
DEBT = Debt(since=Monotonic(NOW - 60.0))
FAILED = replace(DEBT, failures=1, not_before=EARLIER)
OWED = Edge(written=NEW, digest="digest", loaded=OLD, good=OLD, restart=Owed(DEBT))
SETTLING = Edge(
    written=NEW,
    loaded=NEW,
    good=OLD,
    invocation="run 2",
    watched_run="run 2",
    restart=Settling(FAILED, since=EARLIER, settled=4.0, seen_well=True),
)
WAITING = replace(SETTLING, restart=RolledBack(FAILED), loaded=OLD, written=OLD)


def debt(edge: Edge) -> Debt:
    """What this Edge owes."""
    return debt_of(edge.restart, NOW)


def owing(edge: Edge, **changes: Any) -> Edge:
    """The Edge, with its debt changed."""
    return replace(edge, restart=with_debt(edge.restart, replace(debt(edge), **changes)))


def amid(edge: Edge, **changes: Any) -> Edge:
    """The Edge, with what its phase remembers changed."""
    return replace(edge, restart=replace(edge.restart, **changes))


def state(edge: Edge) -> State:
    """A state with this Edge, in a run that has ticked before."""
    return replace(state_of(PINS, edge), last=tick().now)


def saw(
    unit: EdgeUnit | None = UP, health: Health | None = WELL, restart: RestartRules | None = None
) -> Tick:
    """A tick that looked at the unit, and asked `health_command`."""
    its = rules(restart=restart) if restart else RULES
    return tick(Observations(its, unit=unit, health=health))


def asks(edge: Edge, seen: Tick | None = None, guard: Guard | None = None) -> bool:
    """Whether a restart is asked for."""
    before = replace(state(edge), guard=guard or Guard())
    return bool(pursue_restart(before, seen or saw(), alone=True)[1])


def serving(edge: Edge, *names: str) -> State:
    """A state with this Edge, and a cloud whose addresses serve these leaves."""
    seen = tick(Observations(RULES, link=link({name: leaf(name) for name in names})))
    return note_served(state(edge), seen)


def spent(*ages: float) -> tuple[Monotonic, ...]:
    """Restarts that were made so many seconds ago."""
    return tuple(Monotonic(NOW - age) for age in ages)
