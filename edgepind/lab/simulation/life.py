"""One life: a world's scenes in turn, one way of keeping pins, and the person who comes to mend."""

from edgepind.lab.simulation.keeper import Keeper
from edgepind.lab.simulation.ledger import Bounds, Ledger
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.tally import Tally
from edgepind.lab.simulation.world import World

_UNBOUND = Bounds()


def live(world: World, keeper: Keeper, bounds: Bounds = _UNBOUND) -> Tally:
    """Let `keeper` live through `world`; calm lockouts beyond `bounds` are oddities."""
    ledger = Ledger(world, bounds)
    ledger.note_pins(keeper.pins)
    for scene in world.scenes:
        keeper.enter(scene)
        ledger.turn(scene.begin, scene, keeper)
        _play(scene, keeper, ledger)
    ledger.turn(world.life, world.scenes[-1], keeper)
    ledger.tally.restarts = len(keeper.edge.restarts)
    ledger.tally.openings = keeper.openings
    return ledger.tally


def _play(scene: Scene, keeper: Keeper, ledger: Ledger) -> None:
    while True:
        visit = ledger.visit
        now = min(visit, keeper.due)
        if now >= scene.end:
            return
        before = (keeper.edge.runs, keeper.edge.state, keeper.overridden)
        if visit <= keeper.due:
            ledger.visited(now)
            keeper.mend(now, scene.honest)
        else:
            keeper.act()
        if before != (keeper.edge.runs, keeper.edge.state, keeper.overridden):
            ledger.turn(now, scene, keeper)
        ledger.note_pins(keeper.pins)
