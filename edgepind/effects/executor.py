"""Carries out the core's actions in order, up to the first failure, and returns the outcomes.

Decides nothing and retries nothing.
"""

from collections.abc import Awaitable, Callable
from typing import assert_never

from edgepind.effects.appliance import Appliance
from edgepind.effects.restart import objection_to_restart
from edgepind.model.action import (
    Action,
    DocumentWritten,
    Outcome,
    OverrideNotRemoved,
    OverrideRemoved,
    RemoveOverride,
    RestartDeferred,
    RestartDone,
    RestartEdge,
    RestoreDocument,
    WriteDocument,
)

_SUCCESSES = (DocumentWritten, RestartDone, OverrideRemoved)


class Executor:
    """One appliance, the operator's `ready_command`, and the way to remove the override files.

    `ready_command` is asked in this process also in a dry run: it is only a question.
    """

    def __init__(
        self,
        appliance: Appliance,
        ready_command: tuple[str, ...],
        remove_override: Callable[[], Awaitable[OverrideRemoved | OverrideNotRemoved]],
    ) -> None:
        self._appliance = appliance
        self._ready_command = ready_command
        self._remove_override = remove_override

    async def execute(self, actions: tuple[Action, ...]) -> tuple[Outcome, ...]:
        """Do `actions` in order up to the first failure, whose outcome is then the last."""
        outcomes: list[Outcome] = []
        for action in actions:
            outcome = await self._do(action)
            outcomes.append(outcome)
            if not isinstance(outcome, _SUCCESSES):
                break
        return tuple(outcomes)

    async def _do(self, action: Action) -> Outcome:
        match action:
            case WriteDocument(pinning, as_before=True):
                return await self._appliance.put_back(pinning)
            case WriteDocument(pinning):
                return await self._appliance.apply(pinning)
            case RestoreDocument(pinning):
                return await self._appliance.restore(pinning)
            case RestartEdge():
                return await self._restart(action)
            case RemoveOverride():
                return await self._remove_override()
            case _:
                assert_never(action)

    async def _restart(self, action: RestartEdge) -> Outcome:
        if not action.forced:
            objection = await objection_to_restart(self._ready_command)
            if objection is not None:
                return RestartDeferred(objection)
        return await self._appliance.restart(action.loading)
