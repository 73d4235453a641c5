"""The tick of the daemon: drives `core.reconcile` over the real appliance, and decides nothing.

The state is saved before anything is done, so that a restart that is owed survives a crash between
two steps; a decision is reported before it is carried out, so that the journal names the cause.
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
    """The tick, on the components of one set of settings."""

    clock: Clock
    observer: Observer
    executor: Executor
    recorder: Recorder
    state: State

    async def tick(self, *, prompted: bool) -> Decision:
        """Observe, decide and act once, until nothing is left to do or the rounds are used up."""
        words = await self.recorder.hear(self.state)
        return await self._round(await self.observer.look(self.state, words, prompted=prompted))

    async def offline_tick(self) -> Decision:
        """The same without the network: the operator's commands, the document and the restart."""
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
            # It may take minutes, and the status file is otherwise written at the end of the tick.
            await self.recorder.show(self.state, now, seen.rules)
