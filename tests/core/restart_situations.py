"""Edges that a restart is owed to, settles in or was taken back from, and ticks that saw them."""

from dataclasses import replace

from edgepind.core.lockout import note_served
from edgepind.core.restarts import pursue_restart
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
from edgepind.model.state import Edge, Guard, RestartPhase, State
from tests.core.situations import NOW, RULES, pin, pinning, rules, state_of, tick

OLD, NEW = pinning("a"), pinning("b", "a")
UP = Unit(UnitState.ACTIVE, "run 2")
WELL = Health(well=True)
PINS = (pin("b", Role.CURRENT), pin("a"))
EARLIER = Monotonic(NOW - 5.0)
OWED = Edge(
    written=NEW,
    digest="digest",
    loaded=OLD,
    good=OLD,
    phase=RestartPhase.OWED,
    owed_since=Monotonic(NOW - 60.0),
)
SETTLING = Edge(
    written=NEW,
    loaded=NEW,
    good=OLD,
    invocation="run 2",
    phase=RestartPhase.SETTLING,
    owed_since=Monotonic(NOW - 60.0),
    settling_since=EARLIER,
    settling_run="run 2",
    settled=4.0,
    seen_well=True,
    failures=1,
    not_before=EARLIER,
)
WAITING = replace(
    SETTLING, phase=RestartPhase.ROLLED_BACK, loaded=OLD, written=OLD, settling_since=None
)


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
