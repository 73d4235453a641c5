"""Once round: look, decide, remember, act, and decide again by what came of it.

The state is saved before anything is done, so that a crash between two steps finds the debt
remembered; what was decided is told before it is done, so that the journal names the cause.
"""

from dataclasses import dataclass

from edgepind.clock import Clock
from edgepind.core.guarded import decide_guarded
from edgepind.effects.executor import Executor
from edgepind.lookout import Lookout
from edgepind.model.action import RestartEdge
from edgepind.model.decision import Decision
from edgepind.model.observation import Observations
from edgepind.model.outcome import Outcome, RestartDone, RestartFailed
from edgepind.model.state import State
from edgepind.record import Record

MOST_ROUNDS = 6
"""Decisions within one tick at the most; what is still to be done then waits for the next."""


@dataclass(slots=True)
class Rounds:
    """The tick itself, on the parts that one set of settings makes."""

    clock: Clock
    lookout: Lookout
    executor: Executor
    record: Record
    state: State

    async def tick(self, *, prompted: bool) -> Decision:
        """Go once round, and leave the world and the memory of it in step."""
        words = await self.record.hear(self.state)
        return await self._round(await self.lookout.look(self.state, words, prompted=prompted))

    async def offline_tick(self) -> Decision:
        """Go round without the network: the operator's word, the document and the restart."""
        words = await self.record.hear(self.state)
        return await self._round(await self.lookout.look_offline(words))

    async def _round(self, seen: Observations) -> Decision:
        decision = await self._decide(seen)
        for _ in range(MOST_ROUNDS):
            if not decision.actions:
                break
            outcomes = await self.executor.execute(decision.actions)
            seen = follow_up(seen, outcomes)
            decision = await self._decide(seen)
        await self.record.show(self.state, self.clock.now(), seen.rules)
        return decision

    async def _decide(self, seen: Observations) -> Decision:
        now = self.clock.now()
        decision = decide_guarded(self.state, seen, now)
        self.state = decision.state
        await self.record.keep(decision, now)
        if any(isinstance(it, RestartEdge) for it in decision.actions):
            # It may take minutes; all else is shown when it is done, and not before.
            await self.record.show(self.state, now, seen.rules)
        return decision


def follow_up(seen: Observations, outcomes: tuple[Outcome, ...]) -> Observations:
    """What is known within the same tick after `outcomes`: they, and a unit not yet restarted."""
    restarted = any(isinstance(it, RestartDone | RestartFailed) for it in outcomes)
    return Observations(
        rules=seen.rules,
        unit=None if restarted else seen.unit,
        outcomes=outcomes,
        entropy=seen.entropy,
    )
