"""Plays a scenario once as it stands, and once for each step after which a plan of it can be cut.

All lives of one script see the same things at the same true times. After its last line the world
stays as the script left it for as long as anything can take, is then mended where it was broken
on the appliance, and has the same time again; at both ends the lives are held against each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from edgepind.effects.restart import RESTART_DEADLINE
from edgepind.lab.sim_edge import Troubles
from edgepind.lab.sim_world import InvariantError
from edgepind.model.enums import Policy
from edgepind.state.codec import encode
from tests.support.scenario.cost import Allowance, Toll, excess
from tests.support.scenario.facts import FACTS
from tests.support.scenario.interruptible import Cut, InterruptibleWorld, Plan
from tests.support.scenario.play import VERBS, objection_to
from tests.support.scenario.stage import Stage, new_stage
from tests.support.scenario.text import Line, Scenario, ScenarioError
from tests.support.sim_truth import UntrueError

_SETTLE = (Line(0, "pass", ("26h",)), Line(0, "end", ()))
"""What follows on every script: longer than the overlap, which is the longest of all times."""
_MEND = tuple(
    Line(0, verb, (word,))
    for verb, word in (
        ("health", "good"),
        ("file", "readable"),
        ("file", "writable"),
        ("restarts", "work"),
        ("calls", "over"),
    )
)
"""What comes then, where the script left the appliance in trouble."""
_END = (
    *("posture", "finding", "lockout", "addresses", "connected", "clock", "override"),
    *("pins", "document", "loaded", "owed", "unit"),
)
"""The facts in which all lives must end alike."""
_SLACK = 2.0**-20
"""Seconds, and a power of two, for sums with it are exact: sums of times may differ by less."""


@dataclass(frozen=True, slots=True)
class Found:
    """A life with a cut that did not end as it should, or did harm on its way."""

    scenario: str
    line: Line
    cut: Cut
    what: str

    def __str__(self) -> str:
        """Name the script, the line, the cut and what came of it."""
        within = " (the restart under way)" if self.cut.within else ""
        place = f"{self.scenario}:{self.line.number}: {self.line}, tick {self.cut.tick}"
        return f"{place}, cut after step {self.cut.step}{within}: {self.what}"


@dataclass(slots=True)
class _Scene:
    """One line as the life without a cut lived through it."""

    line: Line
    before: Stage
    ends: float = 0.0
    plans: tuple[Plan, ...] = ()
    end: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Interruptions:
    """All cuts of one scenario under one policy, and what was found."""

    scenario: Scenario
    policy: Policy
    world: type[InterruptibleWorld] = InterruptibleWorld
    lives: int = 0
    merged: int = 0
    plans: int = 0
    found: list[Found] = field(default_factory=list)
    _scenes: list[_Scene] = field(default_factory=list)

    def play(self) -> None:
        """Play the script without a cut, then with each."""
        base = self._play_uncut()
        for place, scene in enumerate(self._scenes):
            for plan in _distinct(scene.plans):
                self.plans += 1
                self._cut(plan, place, base)

    # --- without a cut ----------------------------------------------------------------------

    def _play_uncut(self) -> Stage:
        stage = new_stage(self.policy, self.world)
        lost = {line.words for line in self.scenario.lines if line.verb == "lose"}
        _world(stage).keeps_generations = ("newest",) in lost
        for line in (*self.scenario.lines, *_SETTLE):
            self._scenes.append(self._play_line(stage, line))
        if stage.world.edge.troubles != Troubles():
            for line in (*_MEND, *_SETTLE):
                self._scenes.append(self._play_line(stage, line))
        return stage

    def _play_line(self, stage: Stage, line: Line) -> _Scene:
        scene = _Scene(line, _copied(stage))
        if line.verb == "end":
            scene.end = _end(stage)
        elif problem := objection_to(stage, line):
            raise ScenarioError(f"{self.scenario.name}:{line.number}: {line}\n  {problem}")
        scene.ends = stage.world.elapsed
        if line.number:
            scene.plans = tuple(_world(stage).plans)
        _world(stage).plans = []
        return scene

    # --- with a cut -------------------------------------------------------------------------

    def _cut(self, plan: Plan, place: int, base: Stage) -> None:
        """Cut one plan after each of its steps. Lives that have become one are lived on once."""
        lived: dict[object, list[Toll]] = {}
        for cut in _cuts(plan, commanded=base.world.edge.commanded):
            stage = _copied(self._scenes[place].before)
            _world(stage).cut = cut
            self.lives += 1
            try:
                troubles = self._live_on(stage, place, lived)
                allowed = _allowed(plan, cut, _world(base))
                interval = base.world.rules.interval
                troubles += excess(_world(stage).toll, _world(base).toll, interval, allowed)
            except (InvariantError, UntrueError) as error:
                troubles = [f"a promise was broken: {'; '.join(map(str, error.args))}"]
            line = self._scenes[place].line
            self.found += [Found(self.scenario.name, line, cut, it) for it in troubles]

    def _live_on(self, stage: Stage, place: int, lived: dict[object, list[Toll]]) -> list[str]:
        """Live from this line to the end, or to where another has gone on, at no less a toll."""
        troubles: list[str] = []
        for number, scene in enumerate(self._scenes[place:]):
            if scene.line.verb == "end":
                troubles += _differences(_end(stage), scene.end)
            elif scene.line.verb != "expect":
                _live_through(stage, scene)
                toll = _world(stage).toll
                tolls = lived.setdefault((number, _world(stage).as_value()), [])
                if any(toll.is_within(it) for it in tolls):
                    self.merged += 1
                    break
                tolls.append(toll.copied())
        return troubles


def _live_through(stage: Stage, scene: _Scene) -> None:
    """Live through one line, which ends when it ended without a cut.

    A line that counts ticks has as many of them all the same, if it must last longer for that.
    """
    world, verb = _world(stage), scene.line.verb
    wanted = world.lived_ticks
    if verb == "tick":
        wanted += int((*scene.line.words, "1")[0])
    elif verb != "pass":
        VERBS[verb](stage, scene.line.words)
    if scene.ends > world.elapsed + _SLACK:
        world.run(scene.ends - world.elapsed + _SLACK)
    while world.lived_ticks < wanted:
        world.run(max(0.0, world.due - world.monotonic))


def _cuts(plan: Plan, *, commanded: bool) -> Iterator[Cut]:
    """Each step of the plan, and each restart that is asked for and not yet done."""
    for step in range(plan.steps + 1):
        yield Cut(plan.tick, step)
    if not commanded:  # a command is killed with the daemon: it was done, or it was not
        yield from (Cut(plan.tick, step, within=True) for step in plan.restarts)


def _distinct(plans: tuple[Plan, ...]) -> Iterator[Plan]:
    """Of plans that are the same, from states that differ by numbers alone: the first and last."""
    alike: dict[str, list[Plan]] = {}
    for plan in plans:
        edge = replace(plan.before.edge, invocation="", watched_run="", digest="")
        same_run = plan.before.edge.invocation == plan.before.edge.watched_run
        state = _numberless(encode(replace(plan.before, edge=edge)))
        kind = f"{plan.actions} {plan.steps} {same_run} {state}"
        alike.setdefault(kind, []).append(plan)
    for group in alike.values():
        yield group[0]
        if len(group) > 1:
            yield group[-1]


def _numberless(value: Any) -> Any:
    """Give a JSON value without its numbers: instants, spans, counts, and how many of them."""
    if isinstance(value, dict):
        return {key: _numberless(it) for key, it in value.items()}
    if isinstance(value, list):
        items = [_numberless(it) for it in value]
        return items if any(items) else items[:1]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return 0 if is_number else value


def _world(stage: Stage) -> InterruptibleWorld:
    if not isinstance(stage.world, InterruptibleWorld):
        raise TypeError("this stage was made with a world that cannot be cut")
    return stage.world


def _copied(stage: Stage) -> Stage:
    return Stage(_world(stage).copied(), dict(stage.leaves), stage.seen_events, stage.looked)


def _end(stage: Stage) -> dict[str, str]:
    return {name: FACTS[name](stage) for name in _END}


def _allowed(plan: Plan, cut: Cut, uncut: InterruptibleWorld) -> Allowance:
    """What a cut may cost because of what nobody can know after it.

    When the Edge was started cannot be seen or dated: not knowing owes one more restart. A restart
    that was saved as asked for counts, whether it was made or not, so one that was not may delay
    the next by as much as the budget's window; and one that failed unseen is tried once more.
    A start that was waited for unseen is given its time anew.
    """
    blind = uncut.edge.commanded or uncut.set_back
    unmade = cut.step + 1 in plan.restarts
    failed = cut.step in plan.failed
    window = uncut.rules.restart.window if unmade or failed else 0.0
    unseen = RESTART_DEADLINE if uncut.rules.restart.start_timeout < inf else 0.0
    return Allowance(restarts=blind + failed, delay=max(window, unseen))


def _differences(end: dict[str, str], uncut: dict[str, str]) -> Iterator[str]:
    for name, fact in end.items():
        if fact != uncut[name]:
            yield f"{name} ends as {fact}, and without a cut as {uncut[name]}"
