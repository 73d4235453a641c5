"""The appliance: everything that needs rights on it, behind one small interface.

`LocalAppliance` does it in this process: for a daemon run as root, the lab and commands. Nothing
here decides, and nothing that talks to the network may be added.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.pinning_text import DocumentReading
from edgepind.effects.restart import look_at, restart_watched, restarter
from edgepind.host.disk_thread import DiskThread
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit
from edgepind.model.outcome import DocumentOutcome, RestartOutcome
from edgepind.settings.schema import EdgeSettings


class Appliance(Protocol):
    """What may be asked of the appliance. No call raises for an expected failure."""

    async def read_document(self) -> DocumentReading:
        """Read `pinning-config.json`, its owner and its mode."""

    async def apply(self, pinning: Pinning) -> DocumentOutcome:
        """Put the owned keys into the document as it stands now; all else survives."""

    async def restore(self, pinning: Pinning | None) -> DocumentOutcome:
        """Set a rejected document aside and put the last good one back (see `RestoreDocument`)."""

    async def unit(self) -> EdgeUnit:
        """Report the Edge's unit."""

    async def restart(self, loading: Pinning) -> RestartOutcome:
        """Restart the Edge, waiting for the job's result; never start a stopped unit."""

    def close(self) -> None:
        """Close the connections and threads that are kept between calls."""


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
        """See `Appliance`."""
        return await self._disk.run(self._keeper.read)

    async def apply(self, pinning: Pinning) -> DocumentOutcome:
        """See `Appliance`; cancelled, the document is still written whole."""
        return await self._disk.run(self._keeper.restore, pinning)

    async def restore(self, pinning: Pinning | None) -> DocumentOutcome:
        """See `Appliance`."""
        return await self._disk.run(self._keeper.restore, pinning)

    async def unit(self) -> EdgeUnit:
        """See `Appliance`."""
        return await self._restarter.unit()

    async def restart(self, loading: Pinning) -> RestartOutcome:
        """See `Appliance`."""
        return await restart_watched(
            self._restarter, loading, lambda: self._disk.run(look_at, self._path)
        )

    def close(self) -> None:
        """See `Appliance`; waits a moment at most for the disk."""
        self._restarter.close()
        self._disk.close()
