"""The tick of the daemon: looks, lets `core.reconcile` decide, keeps, tells, does, and looks again.

Here the loop is driven, and nothing is decided. The state is saved before anything is done, so that
a crash between two steps finds the debt remembered; what was decided is told before it is done, so
that the journal names the cause.
"""

from dataclasses import dataclass

from edgepind.clock import Clock
from edgepind.core.reconcile import Reconciliation
from edgepind.effects.executor import Executor
from edgepind.model.action import RestartEdge
from edgepind.model.decision import Decision
from edgepind.model.observation import Observations
from edgepind.model.state import State
from edgepind.observer import Observer
from edgepind.recorder import Recorder


@dataclass(slots=True)
class Reconciler:
    """The tick itself, on the components that one set of settings makes."""

    clock: Clock
    observer: Observer
    executor: Executor
    recorder: Recorder
    state: State

    async def tick(self, *, prompted: bool) -> Decision:
        """Go once round, and leave the world and the memory of it in step."""
        words = await self.recorder.hear(self.state)
        return await self._round(await self.observer.look(self.state, words, prompted=prompted))

    async def offline_tick(self) -> Decision:
        """Go round without the network: the operator's word, the document and the restart."""
        words = await self.recorder.hear(self.state)
        return await self._round(await self.observer.look_offline(words))

    async def _round(self, seen: Observations) -> Decision:
        tick = Reconciliation(self.state, seen, self.clock.now())
        await self._keep(tick.decision, seen)
        while tick.actions:
            outcomes = await self.executor.execute(tick.actions)
            tick.go_on(outcomes, self.clock.now())
            await self._keep(tick.decision, seen)
        await self.recorder.show(self.state, self.clock.now(), seen.rules)
        return tick.decision

    async def _keep(self, decision: Decision, seen: Observations) -> None:
        now = self.clock.now()
        self.state = decision.state
        await self.recorder.keep(decision, now)
        if any(isinstance(it, RestartEdge) for it in decision.actions):
            # It may take minutes; all else is shown when it is done, and not before.
            await self.recorder.show(self.state, now, seen.rules)
