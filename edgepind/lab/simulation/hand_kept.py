"""Ways of keeping pins other than edgepind's, each as honest as a few lines can be.

All start with the right pin, restart the Edge when they change it, look once a minute, and are
mended by the same person. What failed to start stays down until somebody starts it again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from edgepind.lab.sim_edge import ImaginedEdge
from edgepind.lab.sim_observations import EPOCH
from edgepind.lab.simulation.keeper import NEVER, POLL
from edgepind.lab.simulation.rates import DAY
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.world import World
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentRead, Leaf, StatusAnswer, UnitState

RFC5011_HOLD_DOWN = 30 * DAY


class NeverUpdated:
    """The pin of the first day, and nothing that looks after it."""

    pinning = True
    openings = 0

    def __init__(self, world: World) -> None:
        self.edge = ImaginedEdge()
        self.due = NEVER
        self.pins = frozenset(it.certificate for it in world.first)
        self._scene = world.scenes[0]
        self._enabled = self.pinning
        self._phase = sum(map(ord, world.name)) % POLL
        self._write(0.0)
        self.edge.start(EPOCH)

    @property
    def overridden(self) -> bool:
        """Whether somebody has switched pinning off, and it was not yet remembered."""
        return not self._enabled and self.pinning

    def enter(self, scene: Scene) -> None:
        """Notice the scene; the host may have booted, an operator may have switched pinning off."""
        before, self._scene = self._scene, scene
        booted = scene.boot and scene.boot != before.boot
        self.edge.troubles.restart = "it does not come up" if scene.restart_fails else ""
        if booted:
            self.edge.start(self._wall(scene.begin))
        enabled = self.pinning and scene.override is None
        if scene.boot and enabled != self._enabled:
            self._enabled = enabled
            self._apply(scene.begin)
        self._plan(scene)

    def act(self) -> None:
        """Look, and follow what was seen."""
        now, self.due = self.due, NEVER
        self.look(now, self._scene)

    def mend(self, now: float, live: tuple[Fingerprint, ...]) -> None:
        """Let a person write the pins that are right."""
        self.pins = frozenset(live)
        self._apply(now)

    def look(self, now: float, scene: Scene) -> None:
        """Do nothing; a way that looks does it here."""

    def keep(self, now: float, pins: Iterable[Fingerprint]) -> None:
        """Accept exactly these from now on; the Edge is restarted where that is a change."""
        wanted = frozenset(pins)
        if wanted != self.pins:
            self.pins = wanted
            self._apply(now)

    def _plan(self, scene: Scene) -> None:
        """Look once in each scene: what does not change need not be looked at twice."""
        turn = scene.begin + (self._phase - scene.begin) % POLL
        self.due = turn if scene.boot and type(self).look is not NeverUpdated.look else NEVER

    def _apply(self, now: float) -> None:
        self._write(now)
        self._restart(now)

    def _write(self, now: float) -> None:
        pins = tuple(sorted(self.pins))
        wall = self._wall(now)
        self.edge.put(DocumentRead(self._enabled, pins[0] if pins else None, pins, "", wall))

    def _restart(self, now: float) -> None:
        self.edge.restarts.append(now)
        if self.edge.troubles.restart:
            self.edge.state = UnitState.FAILED
        else:
            self.edge.start(self._wall(now))

    def _wall(self, now: float) -> datetime:
        return EPOCH + timedelta(seconds=now + self._scene.ahead)


class CaOnly(NeverUpdated):
    """No pinning: whatever a public CA vouches for is accepted."""

    pinning = False


class ShellLoop(NeverUpdated):
    """The loop of `lab/shell_loop.sh`: it writes what the status endpoint says, whatever it says.

    It asks at the first address that answers it, over a connection that the host's own trust
    store vouches for. No answer, or one without the field, is an empty pin or `null`. It
    compares with what it wrote last, so that a pin that a person wrote stands until the answer
    changes; and it starts anew at each boot with the pin that stands in the file.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._last = self.pins
        self._boot = 1

    def look(self, now: float, scene: Scene) -> None:
        """Ask, compare, write, restart."""
        if scene.boot != self._boot:
            self._boot, self._last = scene.boot, self.pins
        said = self._ask(scene)
        if said != self._last:
            self._last = said
            self.pins = said
            self._apply(now)

    def _ask(self, scene: Scene) -> frozenset[Fingerprint]:
        wall = self._wall(scene.begin)
        for address, leaf in scene.shown.items():
            if isinstance(leaf, Leaf):
                window = leaf.system.window
                word = scene.words[address]
                vouched = window is not None and window.holds_at(wall)
                if vouched and isinstance(word, StatusAnswer):
                    return frozenset(filter(None, (word.current,)))
                break
        return frozenset()


class TrustOnFirstUse(NeverUpdated):
    """Accepts at once whatever is live and passes the host's own trust store, and that alone."""

    def look(self, now: float, scene: Scene) -> None:
        """Take what is served now for what is right."""
        if live := _vouched(scene, self._wall(scene.begin)):
            self.keep(now, live)


class Rfc5011(NeverUpdated):
    """The timing of RFC 5011 alone: thirty days on show without a gap, then thirty days kept.

    On show is what is live, or announced by a leaf that is pinned. Nothing else is asked of it.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._shown_since: dict[Fingerprint, float] = {}
        self._gone_since: dict[Fingerprint, float] = {}

    def look(self, now: float, scene: Scene) -> None:
        """Note what is on show, and accept or remove what has been so, or not, for long enough."""
        live = _vouched(scene, self._wall(scene.begin))
        if live:
            shown = live | self._announced(scene)
            self._shown_since = {it: self._shown_since.get(it, now) for it in shown}
            self._gone_since = {it: self._gone_since.get(it, now) for it in self.pins - shown}
            self.keep(now, self._ripe(now))
        self.due = self._next(now)

    def _ripe(self, now: float) -> frozenset[Fingerprint]:
        come = {it for it, at in self._shown_since.items() if now - at >= RFC5011_HOLD_DOWN}
        gone = {it for it, at in self._gone_since.items() if now - at >= RFC5011_HOLD_DOWN}
        return ((self.pins | come) - gone) or self.pins

    def _next(self, now: float) -> float:
        instants = (
            at + RFC5011_HOLD_DOWN
            for at in (
                *(at for it, at in self._shown_since.items() if it not in self.pins),
                *self._gone_since.values(),
            )
        )
        return min((it for it in instants if it > now), default=NEVER)

    def _announced(self, scene: Scene) -> frozenset[Fingerprint]:
        for address, leaf in scene.shown.items():
            word = scene.words[address]
            pinned = isinstance(leaf, Leaf) and leaf.certificate in self.pins
            if pinned and isinstance(word, StatusAnswer):
                return frozenset(filter(None, (word.current, word.next)))
        return frozenset()


def _vouched(scene: Scene, wall: datetime) -> frozenset[Fingerprint]:
    turns = (leaf for leaves in scene.turns.values() for leaf in leaves)
    return frozenset(
        leaf.certificate
        for leaf in (*scene.shown.values(), *turns)
        if isinstance(leaf, Leaf)
        and leaf.system.window is not None
        and leaf.system.window.holds_at(wall)
    )
