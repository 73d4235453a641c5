"""Every plan that any scenario yields is cut after each of its steps, and comes to the same end.

A plan is what one tick does: saves of the state, writes of the document, removals of the override,
restarts. The daemon is killed before the first of its steps, after each, and within each restart
that systemd was asked for and has not answered; what it had in memory is lost, what it had saved is
read again by the real codec, it starts anew a second later, and the rest of the script comes to
pass at the same true times. 26 hours after the last line, and after 26 more with the appliance
mended where the script left it broken, all lives of the script must be alike: posture, finding,
verdicts, pins with roles and origins, document, what the Edge has loaded, debt, clock, override.

On the way no life may do harm beyond that of the uncut one (`tests.support.scenario.cost`): each
decision keeps the invariants and each tick the truth about the Edge, budget included; nothing is
accepted or written that otherwise is not; nothing is accepted earlier by more than an interval (a
start gives one more sighting), no opening and no restart is made more, and the Edge is neither
unguarded nor cut off for longer than two intervals more. Where the start of the Edge cannot be
seen or dated (no unit, or a clock that was set back) one more restart is made: not knowing owes it.
The order of events and the very tick in which each comes are not compared: a cut may cost a tick.

Plans that are the same, in the same line, from states that differ by numbers alone are cut twice,
the first and the last. Steady time is skipped as in the simulation; each script is also played
uncut in this way, and all that it expects must be met.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgepind.model.enums import Policy
from edgepind.model.instants import Moment
from edgepind.model.state import Idle, State
from tests.support.scenario.interruptible import InterruptibleWorld
from tests.support.scenario.interrupting import Interruptions
from tests.support.scenario.text import Line, Scenario, parse_scenario

_HERE = Path(__file__).parent
_BY_THE_LOOK = frozenset(
    {
        "exception_ca_and_a_fresh_leaf_each_time",
        "exception_two_proxies_in_turn",
        "turns_one_in_ten",
    }
)
"""What is served there depends on how many looks were made: a cut makes one more, and so no two
lives of the script meet the same cloud."""


def _scenario(path: Path) -> Scenario:
    return parse_scenario(path.stem, path.read_text("utf-8"))


def _plays() -> list[Any]:
    scenarios = [_scenario(path) for path in sorted(_HERE.glob("*.scenario"))]
    return [
        pytest.param(it, policy, id=f"{it.name}-{policy}")
        for it in scenarios
        if it.name not in _BY_THE_LOOK
        for policy in it.policies
    ]


@pytest.mark.timeout(1200)  # hundreds of lives, beside others on a busy machine
@pytest.mark.parametrize(("scenario", "policy"), _plays())
def test_a_cut_changes_nothing_in_the_end(scenario: Scenario, policy: Policy) -> None:
    """The end is the same, and no further harm was done on the way."""
    interruptions = Interruptions(scenario, policy)
    interruptions.play()
    assert not interruptions.found, "\n".join(map(str, interruptions.found))


# --- and it would be found ----------------------------------------------------------------------


class ActsBeforeItSaves(InterruptibleWorld):
    """A daemon that saves when its tick is over, and not before each of its actions."""

    in_tick = False

    def tick(self) -> None:
        """Make a tick, and save where it was lived through."""
        lived, self.in_tick = self.lived_ticks, True
        super().tick()
        self.in_tick = False
        if self.lived_ticks > lived:
            self._save(self.now())

    def _save(self, now: Moment) -> None:
        if not self.in_tick:
            super()._save(now)


class _Forgetful(InterruptibleWorld):
    """A daemon whose reload loses, or makes up, a part of what it had saved."""

    def crash(self) -> None:
        """Kill it, and let it start with what is left."""
        super().crash()
        self.state = self.remembered(self.state)

    def remembered(self, state: State) -> State:
        """What is left of the state, or is added to it."""
        raise NotImplementedError


class ForgetsTheDebt(_Forgetful):
    """It takes what is written for what is loaded."""

    def remembered(self, state: State) -> State:
        """Without the debt."""
        edge = replace(state.edge, loaded=state.edge.written, restart=Idle())
        return replace(state, edge=edge)


class ForgetsTheRestarts(_Forgetful):
    """It counts restarts anew."""

    def remembered(self, state: State) -> State:
        """Without the restarts that were made."""
        return replace(state, edge=replace(state.edge, restarts=()))


class ForgetsTheOpenings(_Forgetful):
    """It counts openings anew."""

    def remembered(self, state: State) -> State:
        """Without the openings that were made."""
        return replace(state, guard=replace(state.guard, openings=()))


class ForgetsTheRun(_Forgetful):
    """It no longer knows in which run of the Edge it loaded what."""

    def remembered(self, state: State) -> State:
        """Without the name of the run."""
        edge = replace(state.edge, loaded=None, invocation="", watched_run="")
        return replace(state, edge=edge)


class RemembersTooMuch(_Forgetful):
    """It counts the time in which it was dead, and more, for a hold-down."""

    def remembered(self, state: State) -> State:
        """With ten minutes that nobody watched."""
        pins = tuple(replace(pin, held=pin.held + 600.0) for pin in state.pins)
        return replace(state, pins=pins)


@pytest.mark.parametrize(
    ("broken", "name", "found"),
    [
        (ActsBeforeItSaves, "pin_remove_current", "document ends as"),
        (ActsBeforeItSaves, "posture_open_link_back", "the Edge was opened 2 times, not 1"),
        (ActsBeforeItSaves, "rotation_announced", "restarts were made, not 2"),
        (ForgetsTheDebt, "restart_budget", "the Edge is believed to have loaded"),
        (ForgetsTheDebt, "policy_unannounced_balanced", "the Edge does not pin in posture"),
        (ForgetsTheRestarts, "restart_budget", "3 restarts were made in the window, 2 are"),
        (ForgetsTheOpenings, "posture_budget_of_openings", "the Edge was opened 5 times, not 4"),
        (ForgetsTheOpenings, "posture_budget_of_openings", "it ran unguarded for"),
        (ForgetsTheRun, "rotation_announced", "3 restarts were made, not 2"),
        (RemembersTooMuch, "policy_unannounced_balanced", "was accepted (observed) 589s earlier"),
    ],
)
def test_a_broken_daemon_is_found(broken: type[InterruptibleWorld], name: str, found: str) -> None:
    """A daemon that does things in the wrong order, or reloads badly, does not pass."""
    scenario = _scenario(_HERE / f"{name}.scenario")
    interruptions = Interruptions(scenario, scenario.policies[0], broken)
    interruptions.play()
    assert any(found in str(it) for it in interruptions.found), interruptions.found


def test_every_step_of_a_plan_is_cut() -> None:
    """A write and a restart with the saves between them are five steps, and seven lives.

    One in which the daemon died while it looked, one after each step, and one within the restart.
    """
    scenario = _scenario(_HERE / "killed_after_write.scenario")
    scenario = replace(scenario, lines=tuple(it for it in scenario.lines if it.verb != "kill"))
    lines = (*scenario.lines[:4], Line(99, "pass", ("5min",)))
    interruptions = Interruptions(replace(scenario, lines=lines), Policy.BALANCED)
    interruptions.play()
    assert (interruptions.plans, interruptions.lives) == (1, 7)
