"""Whether an imagined world, left to a steady cloud and a right clock, is connected in time.

It judges by the truth about the Edge, and by the rules for how long that may take.
"""

from dataclasses import replace

from edgepind.core.pin_lifecycle import is_removed
from edgepind.core.restarts import debt_of, restarts_in_window
from edgepind.lab.sim_edge import Troubles
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.enums import Bootstrap, Finding, Posture
from edgepind.model.instants import Monotonic
from edgepind.model.observation import ClockSource, Leaf, StatusUnreachable, UnitState
from edgepind.model.state import Idle
from tests.core.world_choices import LEAVES, PINS, RESTART


def settle(world: ImaginedWorld, name: str) -> None:
    """Serve the leaf called `name` and trouble nothing: it is connected in time, then quiet.

    One that an operator removed is connected never, by promise: then another is served.
    """
    for it in (name, "a", "b", "c", "m"):
        name = it
        _make_peace(world, name)  # a command that was given just now is carried out by this
        if not is_removed(LEAVES[name], world.state):
            break
    else:
        return
    served = LEAVES[name]
    for _ in range(int(_bound(world) / 10.0)):
        if _connected(world, served):
            break
        world.run(10.0)
    assert _connected(world, served), f"not connected to {name} in time: {world.state}"
    begins = (it.not_before for it in world.state.bundle.waiting if it.not_before is not None)
    last = max(begins, default=world.wall)  # what a bundle has named for later comes in first
    world.run(max(0.0, (last - world.wall).total_seconds()))
    world.run(2 * RESTART.window + 2 * PINS.overlap)
    state = world.state
    assert _connected(world, served)
    assert state.finding is Finding.PINNED
    assert state.guard.posture is Posture.ENFORCING
    assert state.edge.restart == Idle(), state.edge
    before = len(world.events)
    world.run(1800.0)
    assert world.events[before:] == [], "a steady state is not quiet"


def _make_peace(world: ImaginedWorld, name: str) -> None:
    world.edge.troubles = Troubles()
    world.serves = dict.fromkeys(("1", "2"), LEAVES[name])
    world.says = StatusUnreachable("HTTP 404")
    world.wider_at, world.witnesses = frozenset(), ()
    if world.ahead:
        world.step_clock(-world.ahead)
    world.restart_takes = world.look_takes = 0.0
    world.override, world.override_stuck, world.kill_in = None, "", None
    if world.edge.state is not UnitState.ACTIVE or world.set_back:
        world.edge.start(world.wall)
    pins = replace(world.rules.pins, issuers=frozenset(), bootstrap=Bootstrap.CORROBORATED)
    restart = replace(world.rules.restart, budget=4)
    if restart.budget < world.rules.restart.budget:
        world.edge.restarts.clear()  # what was allowed then is not counted now
    world.rules = replace(world.rules, pins=pins, restart=restart)
    world.prompt()
    world.run(0.0)
    if not world.state.clock.trusted:  # by promise, a witness alone ends the doubt of a step back
        world.witnesses = (ClockSource.KERNEL,)


def _bound(world: ImaginedWorld) -> float:
    """Grace, hold-down and one restart, and whatever limit of restarts runs already."""
    pins, interval = world.rules.pins, world.rules.interval
    edge, rules = world.state.edge, world.rules.restart
    not_before = debt_of(edge.restart, Monotonic(world.monotonic)).not_before
    waits = [it for it in (not_before, edge.write_not_before) if it is not None]
    recent = restarts_in_window(edge, Monotonic(world.monotonic), rules.window)
    spare = rules.budget - 2  # one may be owed already, and one follows on the hold-down
    if len(recent) > spare:
        waits.append(Monotonic(recent[-(spare + 1)] + rules.window))
    slack = sum(max(0.0, it - world.monotonic) for it in waits)
    sightings = pins.sightings * interval
    restart = 3 * world.rules.restart.settle + 2 * interval
    return world.rules.fail_open.grace + pins.hold_down + sightings + restart + slack + 4 * interval


def _connected(world: ImaginedWorld, served: Leaf) -> bool:
    return world.edge.connects(served, world.rules.restart.validator, world.wall)
