"""The appliance in this very process: the pinning document on its disk, the Edge's unit beside it.

For the daemon run as root, for the lab, for commands, and for the privileged helper alike. Keeps
no memory of its own and decides nothing.
"""

from collections.abc import Callable
from datetime import datetime

from edgepind.effects.appliance import DocumentReading
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.restart_command import RestartCommand
from edgepind.effects.watched_restart import Restarter, look_at, restart_watched
from edgepind.host.disk_thread import DiskThread
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit
from edgepind.settings.schema import EdgeSettings


class LocalAppliance:
    """The appliance that `edge` describes. `wall` dates what is set aside.

    With `looks_only`, reading leaves no trace on disk. `bus_address` None: the system bus.
    """

    def __init__(
        self,
        edge: EdgeSettings,
        wall: Callable[[], datetime],
        *,
        looks_only: bool = False,
        bus_address: str | None = None,
    ) -> None:
        self._keeper = DocumentKeeper(
            edge.pinning_config, edge.owner, edge.mode, looks_only=looks_only, now=wall
        )
        self._disk = DiskThread("edgepind-document")
        self._path = edge.pinning_config
        self._restarter = restarter(edge, bus_address)

    async def read_document(self) -> DocumentReading:
        """Read `pinning-config.json`, its owner and its mode."""
        return await self._disk.run(self._keeper.read)

    async def apply(self, pinning: Pinning) -> DocumentWritten | WriteFailed:
        """Put the owned keys into the document; cancelled, it is still written whole."""
        return await self._disk.run(self._keeper.apply, pinning)

    async def restore(self, pinning: Pinning | None) -> DocumentWritten | WriteFailed:
        """Set a rejected document aside and put the last good one back."""
        return await self._disk.run(self._keeper.restore, pinning)

    async def unit(self) -> EdgeUnit:
        """Report the Edge's unit."""
        return await self._restarter.unit()

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed | RestartRefused:
        """Restart the Edge, waiting for the result; never start a stopped unit."""
        return await restart_watched(
            self._restarter, loading, lambda: self._disk.run(look_at, self._path)
        )

    def close(self) -> None:
        """Let go of D-Bus and of the thread; waits for a disk a moment at the most."""
        self._restarter.close()
        self._disk.close()


def restarter(edge: EdgeSettings, bus_address: str | None = None) -> Restarter:
    """`restart_command` where it is set, else systemd."""
    if edge.restart_command:
        return RestartCommand(edge.restart_command)
    # Only here is D-Bus needed, and it costs 7 MiB.
    from edgepind.effects.systemd_unit import SystemdUnit  # noqa: PLC0415 - see above

    return SystemdUnit(edge.unit, bus_address=bus_address)
