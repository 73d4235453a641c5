"""The Edge's unit and the timer that ends an opening, for a process that has no event loop."""

# Imported late throughout: an event loop and D-Bus are a third of what the helper would load.
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from edgepind.clock import Clock
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.model.action import RestartOutcome
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit
from edgepind.settings.schema import EdgeSettings

if TYPE_CHECKING:
    from edgepind.effects.restart import Restarter, Stood

_T = TypeVar("_T")


def unit_of_edge(edge: EdgeSettings) -> EdgeUnit:
    """Report the unit, or that `restart_command` stands in its place."""
    return _with_unit(edge, lambda unit: unit.unit())


def patience_with(edge: EdgeSettings) -> float | None:
    """Seconds that a stop and a start of the Edge may take together (see `Restarter`)."""
    return _with_unit(edge, lambda unit: unit.patience())


def document_of(edge: EdgeSettings, clock: Clock, *, looks_only: bool = False) -> DocumentKeeper:
    """What keeps the pinning document; as whom the Edge runs is asked once, where that matters."""
    account = cache(lambda: _with_unit(edge, lambda unit: unit.account()))
    return DocumentKeeper(
        edge.pinning_config,
        edge.owner,
        edge.mode,
        account=account,
        looks_only=looks_only,
        now=lambda: clock.now().wall,
    )


def restart_edge(edge: EdgeSettings, loading: Pinning) -> RestartOutcome:
    """Restart the Edge, wait for the end of that, and tell what it can have read."""
    from edgepind.effects.restart import look_at, restart_watched  # noqa: PLC0415 - see above

    async def look() -> "Stood":
        return look_at(edge.pinning_config)

    return _with_unit(edge, lambda unit: restart_watched(unit, loading, look))


def set_timer(timer: str, *, runs: bool) -> str | None:
    """Start the timer (see `effects.systemd`) or stop it; a sentence, where systemd does not."""
    import asyncio  # noqa: PLC0415 - see above

    from edgepind.effects import systemd  # noqa: PLC0415 - see above

    return asyncio.run(systemd.set_timer(timer, runs=runs))


def _with_unit(edge: EdgeSettings, ask: "Callable[[Restarter], Awaitable[_T]]") -> _T:
    import asyncio  # noqa: PLC0415 - see above

    from edgepind.effects.restart import restarter  # noqa: PLC0415 - see above

    async def asking() -> _T:
        unit = restarter(edge)
        try:
            return await ask(unit)
        finally:
            unit.close()

    return asyncio.run(asking())
