"""The appliance: everything that needs rights on it, behind one small interface.

`LocalAppliance` does it in this process: for a daemon run as root, the lab and commands.
`DryAppliance` only reads: for `run --dry-run`. Nothing here decides or talks to the network.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from edgepind.effects.attributes import AccountUnknown, EdgeAccount
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.pinning_text import DocumentReading
from edgepind.effects.restart import look_at, no_restart, restart_watched, restarter
from edgepind.host.disk_thread import DiskThread
from edgepind.model.action import (
    DocumentOutcome,
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartOutcome,
    WriteFailed,
)
from edgepind.model.bundle import NO_SERIAL, KeptSerial
from edgepind.model.document import Pinning
from edgepind.model.observation import (
    Document,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
    EdgeUnit,
    Unit,
    UnitUnknown,
)
from edgepind.settings.schema import EdgeSettings

_NEVER_WRITTEN = datetime(1970, 1, 1, tzinfo=UTC)
"""Change time of a simulated document: any start of the Edge is later and would have loaded it."""


class Appliance(Protocol):
    """What may be asked of the appliance. No call raises for an expected failure."""

    async def read_document(self) -> DocumentReading:
        """Read `pinning-config.json`, its owner and its mode."""

    async def apply(self, pinning: Pinning) -> DocumentOutcome:
        """Put the owned keys into the document as it stands now; all else survives."""

    async def put_back(self, pinning: Pinning) -> DocumentOutcome:
        """The same, with the owner, mode and access list that it had before they were changed."""

    async def restore(self, pinning: Pinning | None) -> DocumentOutcome:
        """Set a rejected document aside and put the last good one back (see `RestoreDocument`)."""

    async def unit(self) -> EdgeUnit:
        """Report the Edge's unit."""

    async def restart(self, loading: Pinning) -> RestartOutcome:
        """Restart the Edge, waiting for the job's result; never start a stopped unit."""

    async def keep_serial(self, serial: KeptSerial) -> KeptSerial | str:
        """Remember the serial of a bundle where the state's loss does not reach, unless it is less.

        Gives the highest that is remembered, or a sentence on why that is not known. One of 0 only
        asks.
        """

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
        self._account: EdgeAccount = AccountUnknown("it was not asked yet")
        self._keeper = DocumentKeeper(
            edge.pinning_config,
            edge.owner,
            edge.mode,
            account=lambda: self._account,
            looks_only=looks_only,
            now=wall,
        )
        self._disk = DiskThread("edgepind-document")
        self._path = edge.pinning_config
        self._restarter = restarter(edge, bus_address)

    async def read_document(self) -> DocumentReading:
        """See `Appliance`."""
        self._account = await self._restarter.account()
        return await self._disk.run(self._keeper.read)

    async def apply(self, pinning: Pinning) -> DocumentOutcome:
        """See `Appliance`; cancelled, the document is still written whole."""
        return await self._disk.run(self._keeper.restore, pinning)

    async def put_back(self, pinning: Pinning) -> DocumentOutcome:
        """See `Appliance`."""
        return await self._disk.run(self._keeper.put_back, pinning)

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

    async def keep_serial(self, serial: KeptSerial) -> KeptSerial | str:
        """See `Appliance`; without a helper there is no other place than the state."""
        return serial

    def close(self) -> None:
        """See `Appliance`; waits a moment at most for the disk."""
        self._restarter.close()
        self._disk.close()


@dataclass(frozen=True, slots=True)
class _Simulated:
    """What would stand in the document, had it been written over `real`."""

    real: Document
    pinning: Pinning

    @property
    def digest(self) -> str:
        """Differs from that of any real file, and between simulated ones."""
        return hashlib.sha256(f"dry run: {self.real!r} {self.pinning!r}".encode()).hexdigest()

    def document(self) -> DocumentRead:
        """What a reading would find."""
        changed = self.real.changed if isinstance(self.real, DocumentRead) else _NEVER_WRITTEN
        return DocumentRead(
            enabled=self.pinning.enabled,
            current=self.pinning.current,
            accepted=self.pinning.accepted,
            digest=self.digest,
            changed=changed,
        )


class DryAppliance:
    """Answers as if everything had been done to `real`, which is only ever read.

    What would have been written is remembered and shown at the next reading, as long as the real
    document stays as it was, so that the daemon does not decide the same again at each tick.
    """

    def __init__(self, real: Appliance, unit_name: str) -> None:
        self._real = real
        self._unit_name = unit_name
        self._simulated: _Simulated | None = None

    async def read_document(self) -> DocumentReading:
        """Read the real document; show in it what would stand there by now."""
        reading = await self._real.read_document()
        if self._simulated is None or self._simulated.real != reading.document:
            self._simulated = None
            return reading
        return replace(reading, document=self._simulated.document())

    async def apply(self, pinning: Pinning) -> DocumentOutcome:
        """Simulate the write. Fails where the real document cannot be read."""
        return await self._simulate(pinning)

    async def put_back(self, pinning: Pinning) -> DocumentOutcome:
        """Simulate the write."""
        return await self._simulate(pinning)

    async def restore(self, pinning: Pinning | None) -> DocumentOutcome:
        """Simulate the restoration; before the first pin nothing is simulated."""
        if pinning is None:
            return DocumentWritten(None, "", changed=False)
        return await self._simulate(pinning)

    async def unit(self) -> EdgeUnit:
        """Report the real unit."""
        return await self._real.unit()

    async def restart(self, loading: Pinning) -> RestartOutcome:
        """Refuse what would be refused; else answer with the run that goes on."""
        unit = await self._real.unit()
        if isinstance(unit, UnitUnknown):
            return RestartFailed(loading, unit.error)
        document = (await self.read_document()).document
        read = document.digest if isinstance(document, DocumentRead) else ""
        if not isinstance(unit, Unit):
            return RestartDone(loading, read=read)
        refusal = no_restart(self._unit_name, unit, loading)
        return refusal or RestartDone(loading, unit.invocation, read)

    async def keep_serial(self, serial: KeptSerial) -> KeptSerial | str:
        """Answer as if it were kept."""
        known = await self._real.keep_serial(NO_SERIAL)
        return known if isinstance(known, str) else max(known, serial, key=lambda it: it.serial)

    def close(self) -> None:
        """Close the real appliance."""
        self._real.close()

    async def _simulate(self, pinning: Pinning) -> DocumentOutcome:
        real = (await self._real.read_document()).document
        if isinstance(real, DocumentUnreadable):
            return WriteFailed(real.error)
        if isinstance(real, DocumentRejected) and not real.restorable:
            return WriteFailed(f"there is no good copy of the pinning config: {real.reason}")
        self._simulated = _Simulated(real, pinning)
        return DocumentWritten(pinning, self._simulated.digest)
