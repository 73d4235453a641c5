"""One tick as a loop without I/O: decide, act, and decide again on the outcomes.

Theory of operation. The loop is level-triggered: each decision compares what should be with what
is written and what is loaded, and requests what is missing. The outcomes are observed within the
same tick, for a document that was written owes a restart at once. So a tick is

    decide -> save, report -> act -> decide -> save, report -> act -> ... -> no actions left

The daemon or the simulation that drives it does three things with each `decision`, in this order:
saves its state durably, reports its events, carries out `actions`. After a crash between two of
them the debt is on disk, and the next tick continues from there. After `MOST_ROUNDS` the remaining
actions wait for the next tick, so that two rules that undo one another cost one tick and not the
daemon.
"""

from collections.abc import Callable

from edgepind.core.guarded import decide_guarded
from edgepind.model.action import Action, Outcome, RestartDone, RestartFailed, RestartUnderWay
from edgepind.model.decision import Decision
from edgepind.model.instants import Moment
from edgepind.model.observation import Observations
from edgepind.model.state import State

MOST_ROUNDS = 6
"""How often actions are carried out within one tick at most."""

Decide = Callable[[State, Observations, Moment], Decision]


class Reconciliation:
    """One tick on `state` by what was `seen` at `now`; `decide` is what decides."""

    def __init__(
        self, state: State, seen: Observations, now: Moment, decide: Decide = decide_guarded
    ) -> None:
        self._decide = decide
        self._seen = seen
        self._rounds = 0
        self.decision = decide(state, seen, now)
        """The latest one: to be saved and reported before its `actions` are carried out."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is to be carried out now, in order; () ends the tick."""
        return self.decision.actions if self._rounds < MOST_ROUNDS else ()

    def go_on(self, outcomes: tuple[Outcome, ...], now: Moment) -> None:
        """Decide again on the outcomes of `actions`: one each, up to the first failure."""
        self._rounds += 1
        self._seen = follow_up(self._seen, outcomes)
        self.decision = self._decide(self.decision.state, self._seen, now)


def follow_up(seen: Observations, outcomes: tuple[Outcome, ...]) -> Observations:
    """What is known within the same tick after `outcomes`; a restarted unit is not observed yet."""
    made = RestartDone | RestartFailed | RestartUnderWay
    restarted = any(isinstance(it, made) for it in outcomes)
    return Observations(
        rules=seen.rules,
        unit=None if restarted else seen.unit,
        outcomes=outcomes,
        entropy=seen.entropy,
    )
