"""Carries out the core's actions in order, up to the first failure, and returns the outcomes.

Decides nothing and retries nothing.
"""

from collections.abc import Awaitable, Callable
from typing import assert_never

from edgepind.effects.appliance import Appliance
from edgepind.effects.restart import objection_of_calls, objection_to_restart
from edgepind.effects.service import Service
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
    ServiceNotSet,
    ServiceOutcome,
    ServiceSet,
    SetService,
    WriteDocument,
)
from edgepind.settings.schema import EdgeSettings

_SUCCESSES = (DocumentWritten, RestartDone, OverrideRemoved, ServiceSet)


class Executor:
    """One appliance, the operator's commands, and the ways to the override files and the cloud.

    `ready_command` and `calls_command` are asked in this process also in a dry run: they are only
    questions. `service` None: the cloud is not asked to take the Edge out of service.
    """

    def __init__(
        self,
        appliance: Appliance,
        edge: EdgeSettings,
        remove_override: Callable[[], Awaitable[OverrideRemoved | OverrideNotRemoved]],
        service: Service | None = None,
    ) -> None:
        self._appliance = appliance
        self._edge = edge
        self._remove_override = remove_override
        self._service = service

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
            case WriteDocument(pinning, as_before=True, lent=lent):
                return await self._appliance.put_back(pinning, lent)
            case WriteDocument(pinning, lent=lent):
                return await self._appliance.apply(pinning, lent)
            case RestoreDocument(pinning, lent):
                return await self._appliance.restore(pinning, lent)
            case RestartEdge():
                return await self._restart(action)
            case RemoveOverride():
                return await self._remove_override()
            case SetService():
                return await self._put(action)
            case _:
                assert_never(action)

    async def _put(self, word: SetService) -> ServiceOutcome:
        if self._service is None:
            return ServiceNotSet(word.in_service, "edge.drain names no Edge")
        return await self._service.put(word)

    async def _restart(self, action: RestartEdge) -> Outcome:
        if not action.forced:
            objection = await objection_of_calls(self._edge.calls_command)
            if objection is None:
                objection = await objection_to_restart(self._edge.ready_command)
            if objection is not None:
                return RestartDeferred(objection)
        return await self._appliance.restart(action.loading)
