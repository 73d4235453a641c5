"""Measures one Edge through one life: each stretch between two changes is weighed and added up."""

from edgepind.lab.sim_edge import ImaginedEdge
from edgepind.lab.simulation.keeper import NEVER
from edgepind.lab.simulation.rates import DAY, HOUR, MINUTE
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.tally import Oddity, Tally
from edgepind.lab.simulation.world import World
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import UnitState

_FIRST_WEEKDAY = 4  # imagined worlds begin on a Friday
_WORKDAYS = 5
_OPENS = 9 * HOUR


class Ledger:
    """The account of one life. `turn` is called whenever scene or Edge have changed."""

    def __init__(self, world: World, bound: float | None) -> None:
        self.tally = Tally()
        self._world = world
        self._bound = bound
        self._scene = world.scenes[0]
        self._since = 0.0
        self._flags: dict[str, bool] = {}
        self._locked_since: float | None = None
        self._locked_for = 0.0
        self._visited = -1.0
        self._calm_since = 0.0
        self._known: set[Fingerprint] = set()
        self._told = False

    @property
    def visit(self) -> float:
        """When a person comes, if the lockout lasts so long."""
        if self._locked_since is None or not self._flags.get("lockout"):
            return NEVER
        old_enough = self._locked_since + self._world.visit_after
        if old_enough == NEVER:
            return NEVER
        return _next_nine(max(old_enough, self._since, self._visited + 1.0))

    def visited(self, now: float) -> None:
        """Note that a person came; each lockout counts once, however often it takes."""
        since = self._locked_since
        self.tally.visits += since is not None and self._visited < since
        self._visited = now

    def turn(self, now: float, scene: Scene, edge: ImaginedEdge) -> None:
        """Close the stretch that ends at `now`, and weigh the one that begins."""
        self._close(now)
        if scene.calm != self._scene.calm:
            self._calm_since = now
        self._scene, self._since = scene, now
        self._flags = weigh(scene, edge, self._world)
        if self._flags["lockout"]:
            if self._locked_since is None:
                self._locked_since, self._locked_for, self._told = now, 0.0, False
        elif self._flags["connected"]:
            self._locked_since = None

    def note_pins(self, pins: frozenset[Fingerprint]) -> None:
        """Count what should never have become a pin."""
        for pin in pins - self._known:
            if pin in self._world.attackers:
                kind = self._world.attackers[pin]
                self.tally.adopted[kind] = self.tally.adopted.get(kind, 0) + 1
            self.tally.proxied += pin in self._world.proxies
        self._known |= pins

    def _close(self, now: float) -> None:
        minutes = (now - self._since) / MINUTE
        if minutes <= 0:
            return
        tally = self.tally
        tally.lockout += minutes * self._flags["lockout"]
        tally.refused += minutes * self._flags["refused"]
        tally.exposed += minutes * self._flags["exposed"]
        tally.attackable += minutes * self._flags["attackable"]
        tally.open += minutes * self._flags["open"]
        if self._flags["exposed"]:
            for kind in {self._world.attackers[it] for it in self._scene.attackers}:
                tally.exposed_by[kind] = tally.exposed_by.get(kind, 0.0) + minutes
        if self._flags["lockout"] and self._locked_since is not None:
            self._locked_for += minutes
            tally.longest = max(tally.longest, self._locked_for)
            self._measure_calm(now, self._locked_since)

    def _measure_calm(self, now: float, locked_since: float) -> None:
        tally = self.tally
        if not self._scene.calm:
            return
        calm = now - max(locked_since, self._calm_since)
        tally.longest_calm = max(tally.longest_calm, calm / MINUTE)
        if self._bound is not None and calm > self._bound and not self._told:
            self._told = True
            what = f"locked out for {calm:.0f}s and more with nothing else the matter"
            tally.oddities.append(Oddity(self._world.name, now, what))


def weigh(scene: Scene, edge: ImaginedEdge, world: World) -> dict[str, bool]:
    """Say what holds of an Edge in a scene, as `tally` defines it."""
    runs = scene.boot > 0 and edge.state is UnitState.ACTIVE
    loaded = edge.loaded
    pinning = loaded is None or loaded.enabled is True
    pins = frozenset(loaded.accepted) if loaded is not None else frozenset[Fingerprint]()
    connected = runs and bool(scene.honest) and (not pinning or not pins.isdisjoint(scene.honest))
    exposed = runs and bool(scene.attackers)
    exposed = exposed and (not pinning or not pins.isdisjoint(scene.attackers))
    return {
        "connected": connected,
        "lockout": scene.boot > 0 and bool(scene.honest) and not connected,
        "refused": scene.boot > 0 and scene.held and not exposed,
        "exposed": exposed,
        "attackable": runs and (not pinning or not world.attackers.keys().isdisjoint(pins)),
        "open": runs and not pinning,
    }


def _next_nine(earliest: float) -> float:
    """Give the next nine o'clock of a workday."""
    day = int(earliest // DAY)
    if earliest > day * DAY + _OPENS:
        day += 1
    while (day + _FIRST_WEEKDAY) % 7 >= _WORKDAYS:
        day += 1
    return day * DAY + _OPENS
