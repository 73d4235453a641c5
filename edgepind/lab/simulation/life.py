"""One life: a world's scenes in turn, one way of keeping pins, and the person who comes to mend."""

from edgepind.lab.simulation.keeper import Keeper
from edgepind.lab.simulation.ledger import Ledger
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.tally import Tally
from edgepind.lab.simulation.world import World


def live(world: World, keeper: Keeper, bound: float | None = None) -> Tally:
    """Let `keeper` live through `world`; calm lockouts beyond `bound` seconds are oddities."""
    ledger = Ledger(world, bound)
    ledger.note_pins(keeper.pins)
    for scene in world.scenes:
        keeper.enter(scene)
        ledger.turn(scene.begin, scene, keeper.edge)
        _play(scene, keeper, ledger)
    ledger.turn(world.life, world.scenes[-1], keeper.edge)
    ledger.tally.restarts = len(keeper.edge.restarts)
    return ledger.tally


def _play(scene: Scene, keeper: Keeper, ledger: Ledger) -> None:
    while True:
        visit = ledger.visit
        now = min(visit, keeper.due)
        if now >= scene.end:
            return
        before = (keeper.edge.runs, keeper.edge.state)
        if visit <= keeper.due:
            ledger.visited(now)
            keeper.mend(now, scene.honest)
        else:
            keeper.act()
        if before != (keeper.edge.runs, keeper.edge.state):
            ledger.turn(now, scene, keeper.edge)
        ledger.note_pins(keeper.pins)
