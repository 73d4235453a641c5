"""One tick as a loop without I/O: decide, have it done, and decide again by what came of it.

Theory of operation. The loop is level-triggered: each decision compares what should be with what
is written and what is loaded, and asks for what is missing. What came of that is observed within
the same tick, for a document that was written owes a restart at once. So a tick is

    decide -> keep and tell -> do -> decide -> keep and tell -> do -> ... -> nothing left to do

Whoever drives it, the daemon or a simulation, does three things with each `decision`, in this
order: keeps its state durably, tells its events, carries `actions` out. A crash between two of them
finds the debt remembered, and the next tick goes on from there. After `MOST_ROUNDS` what is still
to be done waits for the next tick, so that two rules that undo one another cost one tick and not
the daemon.
"""

from collections.abc import Callable

from edgepind.core.guarded import decide_guarded
from edgepind.model.action import Action, Outcome, RestartDone, RestartFailed
from edgepind.model.decision import Decision
from edgepind.model.instants import Moment
from edgepind.model.observation import Observations
from edgepind.model.state import State

MOST_ROUNDS = 6
"""Times that actions are carried out within one tick at the most."""

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
        """The latest one: to be kept and told before its `actions` are carried out."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is to be done now, in order; () ends the tick."""
        return self.decision.actions if self._rounds < MOST_ROUNDS else ()

    def go_on(self, outcomes: tuple[Outcome, ...], now: Moment) -> None:
        """Decide again by what came of `actions`: one outcome each, up to the first failure."""
        self._rounds += 1
        self._seen = follow_up(self._seen, outcomes)
        self.decision = self._decide(self.decision.state, self._seen, now)


def follow_up(seen: Observations, outcomes: tuple[Outcome, ...]) -> Observations:
    """What is known within the same tick after `outcomes`: they, and a unit not yet restarted."""
    restarted = any(isinstance(it, RestartDone | RestartFailed) for it in outcomes)
    return Observations(
        rules=seen.rules,
        unit=None if restarted else seen.unit,
        outcomes=outcomes,
        entropy=seen.entropy,
    )
