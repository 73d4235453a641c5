"""The Edge's unit, or what stands in its place, asked by a process that has no event loop."""

# Only here are an event loop and D-Bus needed: a third of what the helper would load.
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edgepind.model.action import RestartDone, RestartFailed, RestartRefused
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit
from edgepind.settings.schema import EdgeSettings

if TYPE_CHECKING:
    from edgepind.effects.watched_restart import Restarter, Stood

_T = TypeVar("_T")


def unit_of_edge(edge: EdgeSettings) -> EdgeUnit:
    """Report the unit."""
    return _with_unit(edge, lambda unit: unit.unit())


def restart_edge(
    edge: EdgeSettings, loading: Pinning
) -> RestartDone | RestartFailed | RestartRefused:
    """Restart the Edge, wait for the end of that, and tell what it can have read."""
    return _with_unit(edge, lambda unit: _restart_watched(unit, loading, edge.pinning_config))


def start_timer(timer: str) -> str | None:
    """Have systemd end what is recorded; a sentence, where it does not."""
    return _timer(timer, starts=True)


def stop_timer(timer: str) -> str | None:
    """Let systemd look no more, for nothing is recorded; a sentence, where it does not."""
    return _timer(timer, starts=False)


async def _restart_watched(
    unit: "Restarter", loading: Pinning, document: Path
) -> RestartDone | RestartFailed | RestartRefused:
    from edgepind.effects.watched_restart import look_at, restart_watched  # noqa: PLC0415 - see above

    async def look() -> "Stood":
        return look_at(document)

    return await restart_watched(unit, loading, look)


def _with_unit(edge: EdgeSettings, ask: "Callable[[Restarter], Coroutine[Any, Any, _T]]") -> _T:
    import asyncio  # noqa: PLC0415 - see above

    from edgepind.effects.local_appliance import restarter  # noqa: PLC0415 - see above

    async def asking() -> _T:
        unit = restarter(edge)
        try:
            return await ask(unit)
        finally:
            unit.close()

    return asyncio.run(asking())


def _timer(timer: str, *, starts: bool) -> str | None:
    import asyncio  # noqa: PLC0415 - see above

    from edgepind.helper.arming import arm, disarm  # noqa: PLC0415 - see above

    return asyncio.run(arm(timer) if starts else disarm(timer))
