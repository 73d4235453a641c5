"""Moments in the life of a site, one in each phase of a restart, at which its state was stored."""

from collections.abc import Callable

from edgepind.lab.sim_observations import fingerprint
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.observation import PinAdd
from edgepind.model.state import RestartPhase
from tests.support.sim_site import rules, site


def _adding(world: ImaginedWorld) -> None:
    world.say(PinAdd(fingerprint("b")))
    world.run(1.0)


def _deferred(world: ImaginedWorld) -> None:
    world.edge.troubles.unready = "two calls are up"
    _adding(world)


def _failing(world: ImaginedWorld) -> None:
    world.edge.troubles.restart = "its job failed"
    _adding(world)


def _taken_back(world: ImaginedWorld) -> None:
    _failing(world)
    world.edge.troubles.restart = ""
    world.run(5.0)


MOMENTS: dict[RestartPhase, Callable[[ImaginedWorld], None]] = {
    RestartPhase.IDLE: lambda _: None,
    RestartPhase.OWED: _deferred,
    RestartPhase.SETTLING: _adding,
    RestartPhase.ROLLING_BACK: _failing,
    RestartPhase.ROLLED_BACK: _taken_back,
}


def at(phase: RestartPhase) -> ImaginedWorld:
    """A site that has arrived in this phase, with whatever keeps it there."""
    world = site(rules(), "a")
    world.run(60.0)
    MOMENTS[phase](world)
    return world
