"""An appliance that is read and never changed: what `run --dry-run` acts on.

What would have been written is remembered and shown at the next reading, as long as the real
document stays as it was, so that the daemon does not decide the same again at each tick.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edgepind.effects.appliance import Appliance
from edgepind.effects.pinning_text import DocumentReading
from edgepind.effects.restart import no_restart
from edgepind.model.document import Pinning
from edgepind.model.observation import (
    Document,
    DocumentRead,
    DocumentUnreadable,
    EdgeUnit,
    Unit,
    UnitUnknown,
)
from edgepind.model.outcome import (
    DocumentOutcome,
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartOutcome,
    WriteFailed,
)

_NEVER_WRITTEN = datetime(1970, 1, 1, tzinfo=UTC)
"""Change time of a simulated document: any start of the Edge is later and would have loaded it."""


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
    """Answers as if everything had been done to `real`, which is only ever read."""

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

    def close(self) -> None:
        """Close the real appliance."""
        self._real.close()

    async def _simulate(self, pinning: Pinning) -> DocumentOutcome:
        real = (await self._real.read_document()).document
        if isinstance(real, DocumentUnreadable):
            return WriteFailed(real.error)
        self._simulated = _Simulated(real, pinning)
        return DocumentWritten(pinning, self._simulated.digest)
