"""What must be true of an imagined world after every tick, whatever edgepind believes.

The invariants of `edgepind.core.invariants` hold decisions to what was known; these hold them to
the Edge itself, which only a world that is imagined can show.
"""

from collections.abc import Iterator

from edgepind.core.desired import VALIDATION_OFF
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.document import Pinning
from edgepind.model.observation import DocumentRead, UnitState
from edgepind.model.state import Owing

_ROUNDING = 1e-6
"""Seconds by which true time and that of a boot may differ, being sums of the same spans."""


class UntrueError(Exception):
    """What edgepind did or believes is not so. Each argument is one sentence."""


def check_truth(world: ImaginedWorld) -> None:
    """Raise UntrueError where the world is not as edgepind promises."""
    broken = tuple(untruths(world))
    if broken:
        raise UntrueError(*broken)


def untruths(world: ImaginedWorld) -> Iterator[str]:
    """Name each promise that this world shows to be broken."""
    if not world.set_back:
        yield from _belief(world)
        yield from _validation(world)
    yield from _budget(world)


def _belief(world: ImaginedWorld) -> Iterator[str]:
    """What the Edge is believed to have loaded is what it has loaded, or not known."""
    believed, edge = world.state.edge.loaded, world.edge
    if believed is None or edge.commanded or edge.state is not UnitState.ACTIVE:
        return
    if world.state.edge.invocation != edge.invocation:
        return
    truth = as_pinning(edge.loaded)
    if truth is None or not believed.accepts_like(truth, world.rules.restart.validator):
        yield f"the Edge is believed to have loaded {_shown(believed)}, and has {_shown(truth)}"


def _validation(world: ImaginedWorld) -> Iterator[str]:
    """An Edge that does not pin is meant not to, or is owed a restart."""
    edge, state = world.edge, world.state
    pins = edge.read_by_edge(world.rules.restart.validator)
    if pins is not None or edge.state is not UnitState.ACTIVE or edge.commanded:
        return
    meant = state.guard.posture in VALIDATION_OFF or not any(pin.accepted for pin in state.pins)
    owed = isinstance(state.edge.restart, Owing)
    hindered = bool(state.edge.write_failures) or state.edge.document_problem is not None
    if not (meant or owed or hindered):
        yield f"the Edge does not pin in posture {state.guard.posture}, and owes no restart"


def _budget(world: ImaginedWorld) -> Iterator[str]:
    """Invariant 5, counted where the restarts are made."""
    rules = world.rules.restart
    recent = [it for it in world.edge.restarts if it > world.elapsed - rules.window + _ROUNDING]
    if len(recent) > rules.budget:
        yield f"{len(recent)} restarts were made in the window, {rules.budget} are allowed"


def as_pinning(loaded: DocumentRead | None) -> Pinning | None:
    """Give what the Edge read as a `Pinning`; None where it is none."""
    if loaded is None:
        return None
    named = (loaded.current, *loaded.accepted)
    order = tuple(dict.fromkeys(it for it in named if it is not None))
    return Pinning(loaded.enabled is True, order[0], order) if order else None


def _shown(pinning: Pinning | None) -> str:
    if pinning is None:
        return "nothing"
    pins = ", ".join(pin.short for pin in pinning.accepted)
    return f"{'on' if pinning.enabled else 'off'} {pins}"
