"""An imagined world that can be cut at any step of any plan, and copied before it is.

Steady time is skipped as the simulation does it, and everything is noted by which a life with a
cut is held against the same life without one.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from edgepind.core.posture import REMIND_EVERY
from edgepind.lab.sim_world import ImaginedWorld, KilledError
from edgepind.lab.simulation.skipping import Steadiness
from edgepind.model.action import (
    Action,
    Outcome,
    RestartDone,
    RestartEdge,
    RestartFailed,
    RestartUnderWay,
)
from edgepind.model.instants import Moment
from edgepind.model.observation import Leaf, UnitState
from edgepind.model.state import State
from tests.support.scenario.cost import Toll

JOB_TAKES = 5.0
"""Seconds that systemd needs for a restart which nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The daemon is killed in tick number `tick`, after `step` of its steps: saves and actions.

    After none of them, it dies while it looks. `within`: the last of these steps is a restart,
    which systemd was asked for and has yet to carry out.
    """

    tick: int
    step: int
    within: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A tick that did something: which, from what state, its actions, and in how many steps."""

    tick: int
    before: State
    actions: tuple[Action, ...]
    steps: int
    restarts: tuple[int, ...]
    """Which of the steps were restarts that systemd was asked for."""
    failed: tuple[int, ...]
    """Which of those failed, or loaded what something else had put there."""


@dataclass
class InterruptibleWorld(ImaginedWorld):
    """A world that notes its plans, and in which one of them can be cut."""

    cut: Cut | None = None
    keeps_generations: bool = True
    """False where no script loses the newest generation, for it costs time."""
    plans: list[Plan] = field(default_factory=list)
    toll: Toll = field(default_factory=Toll)

    lived_ticks: int = 0
    """How many ticks the daemon lived through."""

    _ticks: int = 0
    _deaths: int = 0
    _steps: int = 0
    _planned: list[Action] = field(default_factory=list)
    _restarted: list[int] = field(default_factory=list)
    _failed: list[int] = field(default_factory=list)
    _job_ends: float | None = None
    """When a restart is carried out that systemd was asked for by a daemon now dead."""

    def copied(self) -> "InterruptibleWorld":
        """Give a world of its own that goes on from here; all that is not copied is frozen."""
        world = copy(self)
        world.edge = copy(self.edge)
        world.edge.troubles = copy(self.edge.troubles)
        world.edge.restarts = list(self.edge.restarts)
        world.vouched_for = set(self.vouched_for)
        world.events = list(self.events)
        world.plans = []
        world.toll = self.toll.copied()
        return world

    def as_value(self) -> tuple[object, ...]:
        """Give all that the world's future follows from, to be compared."""
        edge = self.edge
        return (
            self.state,
            self._saved,
            self._saved_before,
            self.monotonic,
            self.due,
            self._words,
            self.override,
            self.kill_in,
            self._job_ends,
            (edge.document, edge.loaded, edge.state, edge.runs, edge.started_at, edge.up_at),
            tuple(edge.restarts),
            self.connected_since,
        )

    # --- time -------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let time pass, with every tick that falls into it and is not as the last ones were."""
        until = self.monotonic + seconds
        steadiness = Steadiness(self.rules)
        while self.due <= until:
            if skipped := self._skippable(steadiness, until - self.monotonic):
                self._skip(steadiness.carry(self.state, skipped), skipped)
                continue
            self._advance(max(0.0, self.due - self.monotonic))
            before = (self.edge.runs, self.edge.document, self.events[-1:])
            self.tick()
            quiet = before == (self.edge.runs, self.edge.document, self.events[-1:])
            # What is asked for at each tick and changes nothing is steady; a restart is counted.
            if quiet and not any(isinstance(it, RestartEdge) for it in self._planned):
                steadiness.note(self.state, self.elapsed)
            else:
                steadiness.begin(self.state, self.elapsed)
        self._advance(max(0.0, until - self.monotonic))

    def _skippable(self, steadiness: Steadiness, room: float) -> float:
        """Seconds of steady time; the state knows of most that may end it, and of the rest we."""
        if self._job_ends is not None or not steadiness.seconds(room):
            return 0.0
        return steadiness.seconds(min([room, *self._limits()]))

    def _limits(self) -> Iterator[float]:
        """Seconds until something comes to pass of which the state knows nothing."""
        if self.state.guard.reminded is not None:
            yield self.state.guard.reminded + REMIND_EVERY - self.monotonic
        if self.connected_since is not None:
            registered = self.connected_since + self.edge.troubles.registration
            yield from (it for it in (registered - self.elapsed,) if it > 0.0)
        if self.edge.up_at is not None:
            yield self.edge.up_at - self.elapsed
        for leaf in self.serves.values():
            if isinstance(leaf, Leaf):
                yield from (it for it in self._ends_of(leaf) if it > 0.0)

    def _ends_of(self, leaf: Leaf) -> Iterator[float]:
        chains = (leaf.public, leaf.system, leaf.exception)
        windows = [leaf.validity, *(it.window for it in chains if it is not None)]
        for window in windows:
            if window is not None:
                yield from (self._until(it) for it in (window.not_before, window.not_after))

    def _until(self, wall: datetime) -> float:
        return (wall - self.wall).total_seconds()

    def _skip(self, state: State, seconds: float) -> None:
        self._advance(seconds)
        self.due += seconds
        self.state = state
        self._save(self.now())

    def _advance(self, seconds: float) -> None:
        if self._job_ends is not None and self.elapsed + seconds >= self._job_ends:
            first = self._job_ends - self.elapsed
            self._job_ends = None
            self._advance(first)
            self.edge.start(self.wall)
            self.edge.start_slowly(self.elapsed)
            seconds -= first
        self.toll.note_time(self, seconds)
        super()._advance(seconds)

    # --- a tick, and its end ----------------------------------------------------------------

    def tick(self) -> None:
        """Make one tick, and cut it short where it is the one to be cut."""
        self._ticks += 1
        self._steps, self._planned, self._restarted, self._failed = 0, [], [], []
        before, cut = self.state, self.cut
        if cut is not None and cut.tick == self._ticks:
            self.kill_in = cut.step
            if not cut.step:
                self.crash()
                return
        deaths = self._deaths
        super().tick()
        self.lived_ticks += deaths == self._deaths
        if self._planned:
            actions = tuple(self._planned)
            restarts, failed = tuple(self._restarted), tuple(self._failed)
            self.plans.append(Plan(self._ticks, before, actions, self._steps, restarts, failed))

    def crash(self) -> None:
        """Kill the daemon; systemd starts it again from what it had saved."""
        self._deaths += 1
        super().crash()

    def _save(self, now: Moment) -> None:
        if self.keeps_generations:
            super()._save(now)
        else:
            self._saved = (self.state, now, self._boot)

    def _step(self) -> None:
        self._steps += 1
        self.toll.note_step(self)
        super()._step()

    def _do(self, action: Action) -> Outcome:
        self._planned.append(action)
        cut = self.cut
        last = cut is not None and (cut.tick, cut.step) == (self._ticks, self._steps + 1)
        if last and cut is not None and cut.within:
            self.edge.restarts.append(self.elapsed)
            self.edge.stop(UnitState.ACTIVATING)
            self._job_ends = self.elapsed + JOB_TAKES
            raise KilledError
        outcome = super()._do(action)
        if isinstance(outcome, RestartDone | RestartUnderWay | RestartFailed):
            self._restarted.append(self._steps + 1)
        missed = isinstance(outcome, RestartDone) and outcome.read != self.state.edge.digest
        if missed or isinstance(outcome, RestartFailed):
            self._failed.append(self._steps + 1)
        return outcome
