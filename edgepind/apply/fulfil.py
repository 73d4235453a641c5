"""Does what one request asks, as far as the rights go.

With the very code that a daemon run as root uses: only who decides is another.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edgepind.apply.rights import Rights
from edgepind.clock import Clock
from edgepind.effects.helper_answers import Answer
from edgepind.effects.helper_requests import Apply, AskUnit, ReadDocument, Request, Restart, Restore
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.model.document import Pinning
from edgepind.model.outcome import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.settings.schema import EdgeSettings, Settings

if TYPE_CHECKING:
    from edgepind.effects.watched_restart import Restarter, Stood

_T = TypeVar("_T")


def fulfil(request: Request, settings: Settings, folder: Path, clock: Clock) -> Answer:
    """Do it and give the answer; `folder` is where the helper remembers what it did."""
    rights = Rights(settings, folder, clock)
    match request:
        case ReadDocument(looks_only):
            return _keeper(settings.edge, clock, looks_only=looks_only).read()
        case Apply(pinning) | Restore(pinning):
            return _write(pinning, rights, _keeper(settings.edge, clock))
        case AskUnit():
            return _with_unit(settings.edge, lambda unit: unit.unit())
        case Restart(loading):
            return _restart(loading, rights, settings.edge)


def _keeper(edge: EdgeSettings, clock: Clock, *, looks_only: bool = False) -> DocumentKeeper:
    return DocumentKeeper(
        edge.pinning_config,
        edge.owner,
        edge.mode,
        looks_only=looks_only,
        now=lambda: clock.now().wall,
    )


def _write(
    pinning: Pinning | None, rights: Rights, keeper: DocumentKeeper
) -> DocumentWritten | WriteFailed:
    if pinning is not None and not pinning.enabled:
        objection = rights.objection_to_opening()
        if objection is not None:
            return WriteFailed(objection)
    return keeper.restore(pinning)


def _restart(
    loading: Pinning, rights: Rights, edge: EdgeSettings
) -> RestartDone | RestartFailed | RestartRefused:
    objection = rights.objection_to_restart()
    if objection is not None:
        return RestartRefused(objection)
    outcome = _with_unit(edge, lambda unit: _restart_watched(unit, loading, edge.pinning_config))
    if isinstance(outcome, RestartRefused):
        rights.restart_not_made()
    return outcome


async def _restart_watched(
    unit: "Restarter", loading: Pinning, document: Path
) -> RestartDone | RestartFailed | RestartRefused:
    from edgepind.effects.watched_restart import look_at, restart_watched  # noqa: PLC0415 - as below

    async def look() -> "Stood":
        return look_at(document)

    return await restart_watched(unit, loading, look)


def _with_unit(edge: EdgeSettings, ask: "Callable[[Restarter], Coroutine[Any, Any, _T]]") -> _T:
    """Ask the Edge's unit, or what stands in its place."""
    # Only here are an event loop and D-Bus needed: a third of what this process would load.
    import asyncio  # noqa: PLC0415 - see above

    from edgepind.effects.local_appliance import restarter  # noqa: PLC0415 - see above

    async def asking() -> _T:
        unit = restarter(edge)
        try:
            return await ask(unit)
        finally:
            unit.close()

    return asyncio.run(asking())
