"""Measures one Edge through one life: each stretch between two changes is weighed and added up."""

from dataclasses import dataclass

from edgepind.lab.simulation.keeper import NEVER, Keeper
from edgepind.lab.simulation.rates import DAY, HOUR, MINUTE
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.tally import Oddity, Tally
from edgepind.lab.simulation.world import World
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import UnitState

_FIRST_WEEKDAY = 4  # imagined worlds begin on a Friday
_WORKDAYS = 5
_OPENS = 9 * HOUR
_LASTING = 24 * HOUR
"""A lockout that lasts so long, while host, clock and uplink are well, would not have ended."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds of calm lockout that are allowed; `ca`: where the cloud has changed its CA."""

    usual: float = NEVER
    ca: float = NEVER


@dataclass(frozen=True, slots=True)
class Weight:
    """What holds of an Edge at one time, as `tally` defines it."""

    connected: bool = False
    lockout: bool = False
    refused: bool = False
    exposed: frozenset[Fingerprint] = frozenset()
    """The adversaries' leaves that it would accept of those that are on the path."""
    attackable: bool = False
    open: bool = False
    overridden: bool = False


class Ledger:
    """The account of one life. `turn` is called whenever scene or Edge have changed."""

    def __init__(self, world: World, bounds: Bounds) -> None:
        self.tally = Tally()
        self._world = world
        self._bounds = bounds
        self._scene = world.scenes[0]
        self._since = 0.0
        self._weight = Weight()
        self._locked_since: float | None = None
        self._locked_for = 0.0
        self._sound_for = 0.0
        self._visited = -1.0
        self._calm_since = 0.0
        self._known: set[Fingerprint] = set()
        self._told = False

    @property
    def visit(self) -> float:
        """When a person comes, if the lockout lasts so long."""
        if self._locked_since is None or not self._weight.lockout:
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

    def turn(self, now: float, scene: Scene, keeper: Keeper) -> None:
        """Close the stretch that ends at `now`, and weigh the one that begins."""
        self._close(now)
        if scene.calm != self._scene.calm:
            self._calm_since = now
        before, self._weight = self._weight, weigh(scene, keeper, self._world)
        self._scene, self._since, weight = scene, now, self._weight
        resorts = weight.open and not weight.overridden
        self.tally.last_resorts += resorts and not (before.open and not before.overridden)
        if weight.lockout:
            if self._locked_since is None:
                self._locked_since, self._told = now, False
                self._locked_for = self._sound_for = 0.0
        elif weight.connected:
            self._locked_since = None

    def note_pins(self, pins: frozenset[Fingerprint]) -> None:
        """Count what should never have become a pin."""
        tally = self.tally
        for pin in pins - self._known:
            if pin in self._world.attackers:
                whose = self._world.attackers[pin]
                tally.adopted[whose.kind] = tally.adopted.get(whose.kind, 0) + 1
                tally.adopted_own += whose.own
                tally.adopted_other += not whose.own
            tally.proxied += pin in self._world.proxies
        self._known |= pins

    def _close(self, now: float) -> None:
        minutes = (now - self._since) / MINUTE
        if minutes <= 0:
            return
        tally, weight = self.tally, self._weight
        if self._scene.changes_ca:
            tally.lockout_ca += minutes * weight.lockout
        else:
            tally.lockout += minutes * weight.lockout
        tally.refused += minutes * weight.refused
        tally.attackable += minutes * weight.attackable
        tally.open += minutes * weight.open
        tally.last_resort += minutes * (weight.open and not weight.overridden)
        if weight.exposed:
            self._close_exposed(minutes)
        if weight.lockout and self._locked_since is not None:
            self._locked_for += minutes
            self._sound_for += minutes * self._scene.sound
            tally.longest = max(tally.longest, self._locked_for)
            self._measure_calm(now, self._locked_since)

    def _close_exposed(self, minutes: float) -> None:
        """Where several are on the path, one whose CA is not the cloud's counts first."""
        tally = self.tally
        whose = [self._world.attackers[it] for it in self._weight.exposed]
        if self._weight.overridden:
            tally.exposed_override += minutes
        elif all(it.own for it in whose):
            tally.exposed_own += minutes
        else:
            tally.exposed_other += minutes
        for kind in {it.kind for it in whose}:
            tally.exposed_by[kind] = tally.exposed_by.get(kind, 0.0) + minutes

    def _measure_calm(self, now: float, locked_since: float) -> None:
        tally, scene = self.tally, self._scene
        calm = now - max(locked_since, self._calm_since) if scene.calm else 0.0
        tally.longest_calm = max(tally.longest_calm, calm / MINUTE)
        if self._told or self._bounds.usual == NEVER:
            return
        bound = self._bounds.ca if scene.changes_ca else self._bounds.usual
        lasting = _LASTING + (0.0 if bound == NEVER else bound)
        if calm > bound:
            self._tell(now, f"locked out for {calm:.0f}s and more with nothing else the matter")
        elif self._sound_for * MINUTE > lasting:
            self._tell(now, f"locked out for {self._sound_for:.0f} minutes on a sound host")

    def _tell(self, now: float, what: str) -> None:
        self._told = True
        self.tally.oddities.append(Oddity(self._world.name, now, what, self._scene.changes_ca))


def weigh(scene: Scene, keeper: Keeper, world: World) -> Weight:
    """Say what holds of an Edge in a scene."""
    edge = keeper.edge
    runs = scene.boot > 0 and edge.state is UnitState.ACTIVE
    loaded = edge.loaded
    pinning = loaded is None or loaded.enabled is True
    pins = frozenset(loaded.accepted) if loaded is not None else frozenset[Fingerprint]()
    connected = runs and bool(scene.honest) and (not pinning or not pins.isdisjoint(scene.honest))
    attackers = frozenset(scene.attackers) if runs else frozenset[Fingerprint]()
    exposed = attackers & pins if pinning else attackers
    return Weight(
        connected=connected,
        lockout=scene.boot > 0 and bool(scene.honest) and not connected,
        refused=scene.boot > 0 and scene.held and not exposed,
        exposed=exposed,
        attackable=runs and (not pinning or not world.attackers.keys().isdisjoint(pins)),
        open=runs and not pinning,
        overridden=runs and not pinning and keeper.overridden,
    )


def _next_nine(earliest: float) -> float:
    """Give the next nine o'clock of a workday."""
    day = int(earliest // DAY)
    if earliest > day * DAY + _OPENS:
        day += 1
    while (day + _FIRST_WEEKDAY) % 7 >= _WORKDAYS:
        day += 1
    return day * DAY + _OPENS
