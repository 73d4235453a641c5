"""edgepind itself: the real core, in the imagined world's rounds, through the scenes of a life."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from edgepind.core.standing import trust_in
from edgepind.lab.sim_edge import ImaginedEdge
from edgepind.lab.sim_observations import EPOCH
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.lab.simulation.keeper import NEVER
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.skipping import Steadiness
from edgepind.lab.simulation.tally import Oddity
from edgepind.lab.simulation.world import World
from edgepind.model.enums import Channel, PinKind, Posture
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment
from edgepind.model.observation import (
    ClockSource,
    DocumentRead,
    Leaf,
    Link,
    OverrideFile,
    PinAdd,
    Served,
    Status,
    StatusUnreachable,
    UnitState,
)
from edgepind.model.pin import accepted
from edgepind.model.rules import Rules
from edgepind.model.state import State


class SkippingWorld(ImaginedWorld):
    """An imagined world in which time can pass without ticks.

    `serves`, `beside` and `wider_at` are replaced whole, never changed: so what they come to is
    made once. `beside` is what an address serves to an offer of another kind of key; every look
    makes that offer, too, where the daemon makes it at every tenth look of a steady state.
    """

    __slots__ = ("_made", "beside")
    beside: Mapping[str, Leaf]
    _made: tuple[object, object, object, Link] | None

    def wait(self, seconds: float) -> None:
        """Let time pass in which no tick is due."""
        self._advance(seconds)

    def skip(self, state: State, seconds: float) -> None:
        """Let time pass whose ticks led to `state`."""
        self._advance(seconds)
        self.due += seconds
        self.state = state
        self._save(self.now())

    def _link(self) -> Link:
        if self.turns:
            return super()._link()
        parts = (self.serves, self.wider_at, self.beside)
        made = getattr(self, "_made", None)
        if made is None or any(it is not was for it, was in zip(parts, made[:3], strict=True)):
            made = self._made = (*parts, self._with_beside(super()._link()))
        return made[3]

    def _with_beside(self, seen: Link) -> Link:
        addresses = tuple(
            replace(it, result=replace(it.result, others=(self.beside[it.address],)))
            if it.address in self.beside and isinstance(it.result, Served)
            else it
            for it in seen.addresses
        )
        return replace(seen, addresses=addresses)

    def _save(self, now: Moment) -> None:
        """Keep the state; nobody here loses the newest generation of it."""
        self._saved = (self.state, now, self._boot)


class RealCore:
    """The daemon of one Edge. `skips` False: every single tick is made, which takes long."""

    def __init__(self, world: World, rules: Rules, *, skips: bool = True) -> None:
        first = tuple(it.certificate for it in world.first)
        self.edge = ImaginedEdge()
        self.edge.put(DocumentRead(True, first[0], first, "", EPOCH))  # noqa: FBT003 - `enabled`
        self.edge.start(EPOCH)
        self.pins = frozenset(first)
        self.openings = 0
        self.overridden = False
        self.broken: list[Oddity] = []
        self.due = NEVER
        self.decisions = 0
        self._world = world
        self._rules = rules
        self._scene = world.scenes[0]
        self._daemon = SkippingWorld(rules, edge=self.edge, may_break=True)
        self._daemon.beside = world.scenes[0].beside
        self._steadiness = Steadiness(rules)
        self._skips = skips

    def enter(self, scene: Scene) -> None:
        """Let the daemon's world be as `scene` says."""
        before = self._scene
        self.edge.troubles.restart = "it does not come up" if scene.restart_fails else ""
        if before.begin < scene.begin < before.view_ends:
            self._scene = scene
            return
        if before.boot:
            self._advance(scene.begin)
        daemon, self._scene = self._daemon, scene
        daemon.serves, daemon.wider_at, daemon.ahead = scene.shown, scene.wider_at, scene.ahead
        daemon.turns, daemon.beside = scene.turns, scene.beside
        self._steadiness.forget()
        self._take_override(scene)
        if not scene.boot:
            self.due = NEVER
            return
        if before.boot != scene.boot and scene.begin > 0.0:
            daemon.reboot(off_for=scene.begin - daemon.elapsed)
            self._steadiness = Steadiness(self._rules)
        self._plan()

    def act(self) -> None:
        """Make one tick, and skip what would be like it."""
        self._advance(self.due)
        self._tick()
        self._plan()

    def mend(self, now: float, live: tuple[Fingerprint, ...]) -> None:
        """Let a person say `pin add`, and restart the Edge where it is still locked out."""
        self._advance(now)
        for fingerprint in live:
            if fingerprint not in self.pins:
                self._daemon.say(PinAdd(fingerprint))
        self._daemon.prompt()
        self._tick()
        loaded = self.edge.loaded
        connects = loaded is not None and not set(live).isdisjoint(loaded.accepted)
        if self.edge.state is not UnitState.ACTIVE or not connects:
            self._restart_by_hand()
        self._steadiness.begin(self._daemon.state, self._daemon.elapsed)
        self._plan()

    def state_at(self, now: float) -> State:
        """Let time pass until `now`, before which nothing is due; give what the daemon knows."""
        self._advance(now)
        return self._daemon.state

    def oddities(self) -> list[Oddity]:
        """Restarts beyond the budget, if there were any."""
        rules = self._rules.restart
        made = self.edge.restarts
        return [
            Oddity(self._world.name, last, f"{rules.budget + 1} restarts in {last - first:.0f}s")
            for first, last in zip(made, made[rules.budget :], strict=False)
            if last - first < rules.window
        ]

    # --- one tick ---------------------------------------------------------------------------

    def _tick(self) -> None:
        daemon = self._daemon
        daemon.says = self._word()
        daemon.witnesses = self._witnesses()
        runs, document, before = self.edge.runs, self.edge.document, daemon.state
        daemon.tick()
        self.decisions += 1
        self._note_guard(before)
        told = any(event.name for event in daemon.events)
        daemon.events.clear()
        if told or self.edge.runs != runs or self.edge.document is not document:
            self._steadiness.begin(daemon.state, daemon.elapsed)
            self.pins = frozenset(pin.fingerprint for pin in accepted(daemon.state.pins))
        else:
            self._steadiness.note(daemon.state, daemon.elapsed)

    def _note_guard(self, before: State) -> None:
        """Count what the posture and the invariants tell of this tick."""
        state, loaded = self._daemon.state, self.edge.loaded
        opened = state.guard.posture is Posture.OPEN
        self.openings += opened and before.guard.posture is not Posture.OPEN
        if state.guard.posture is Posture.OVERRIDE:
            self.overridden = True
        elif loaded is None or loaded.enabled is True:
            self.overridden = False
        if state.violated and state.violated != before.violated:
            what = "; ".join(state.violated)
            self.broken.append(Oddity(self._world.name, self._daemon.elapsed, what))

    def _word(self) -> Status:
        """Give what is said at the first address with the best leaf: believed, accepted, any."""
        answering = {at: it for at, it in self._scene.shown.items() if isinstance(it, Leaf)}
        trust = trust_in(self._daemon.state.pins, self._rules.pins.overlap)

        def worth(address: str) -> int:
            key = (PinKind.CERTIFICATE, answering[address].certificate)
            return (key in trust.believed) + (key in trust.accepted)

        address = max(answering, key=worth, default=None)
        return self._scene.words[address] if address else StatusUnreachable("timed out")

    def _witnesses(self) -> tuple[ClockSource, ...]:
        """Who says that the clock is wrong: chrony, and the `Date` of a pinned answer."""
        if not self._scene.ahead:
            return ()
        status = self._daemon.state.status
        dated = status.ok and status.channel is Channel.PINNED
        chrony = (ClockSource.CHRONY,) if self._scene.clock_known else ()
        return (*chrony, ClockSource.DATE_HEADER) if dated else chrony

    # --- time -------------------------------------------------------------------------------

    @property
    def _may_skip(self) -> bool:
        """Whether ticks may be like one another; where leaves come in turn, none is."""
        return self._skips and not self._scene.turns

    def _plan(self) -> None:
        """Say when something new can come of a tick; those before it are made up for later."""
        daemon = self._daemon
        self.due = daemon.elapsed + (daemon.due - daemon.monotonic)
        if self._may_skip:
            self.due += self._steadiness.seconds(self._scene.view_ends - daemon.elapsed)

    def _advance(self, now: float) -> None:
        """Let time pass, with the ticks in it that change nothing but numbers."""
        daemon = self._daemon
        if self._may_skip:
            room = min(now, self._scene.view_ends) - daemon.elapsed
            if seconds := self._steadiness.seconds(room):
                daemon.skip(self._steadiness.carry(daemon.state, seconds), seconds)
        daemon.wait(now - daemon.elapsed)

    # --- people -----------------------------------------------------------------------------

    def _take_override(self, scene: Scene) -> None:
        asked, daemon = scene.override, self._daemon
        if asked is None:
            daemon.override = None
        elif scene.begin == asked.begin:
            made = EPOCH + timedelta(seconds=scene.begin + scene.ahead)
            until = made + timedelta(seconds=asked.stated)
            daemon.override = OverrideFile(made, until, "some work", "an operator")

    def _restart_by_hand(self) -> None:
        if self._scene.restart_fails:
            self.edge.state = UnitState.FAILED
        else:
            self.edge.start(self._daemon.wall)
