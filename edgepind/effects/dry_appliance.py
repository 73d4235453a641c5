"""An appliance that is looked at truly and never touched: what `run --dry-run` acts on.

What was not done is remembered and shown at the next look, as long as the real document stays as
it was. So the daemon goes on as it would have, and does not decide the same again at each tick.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edgepind.effects.appliance import Appliance, DocumentReading
from edgepind.effects.unit_refusal import no_restart
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.observation import (
    Document,
    DocumentRead,
    DocumentUnreadable,
    EdgeUnit,
    Unit,
    UnitUnknown,
)

_NEVER_WRITTEN = datetime(1970, 1, 1, tzinfo=UTC)
"""Age of a document that is only pretended: a later start of the Edge would have loaded it."""


@dataclass(frozen=True, slots=True)
class _Pretence:
    """What would stand in the document, had it been written over `real`."""

    real: Document
    pinning: Pinning

    @property
    def digest(self) -> str:
        """Differs from that of any real file, and between pretences."""
        return hashlib.sha256(f"dry run: {self.real!r} {self.pinning!r}".encode()).hexdigest()

    def document(self) -> DocumentRead:
        """Give what a look would find."""
        changed = self.real.changed if isinstance(self.real, DocumentRead) else _NEVER_WRITTEN
        return DocumentRead(
            enabled=self.pinning.enabled,
            current=self.pinning.current,
            accepted=self.pinning.accepted,
            digest=self.digest,
            changed=changed,
        )


class DryAppliance:
    """Answers for `real` as if everything had been done, and lets nothing but looks through."""

    def __init__(self, real: Appliance, unit_name: str) -> None:
        self._real = real
        self._unit_name = unit_name
        self._pretence: _Pretence | None = None

    async def read_document(self) -> DocumentReading:
        """Read the real document; show in it what would stand there by now."""
        reading = await self._real.read_document()
        if self._pretence is None or self._pretence.real != reading.document:
            self._pretence = None
            return reading
        return replace(reading, document=self._pretence.document())

    async def apply(self, pinning: Pinning) -> DocumentWritten | WriteFailed:
        """Pretend to write. Fails where the real document could not be read either."""
        return await self._pretend(pinning)

    async def restore(self, pinning: Pinning | None) -> DocumentWritten | WriteFailed:
        """Pretend to restore; before the first pin there is nothing to pretend."""
        if pinning is None:
            return DocumentWritten(None, "", changed=False)
        return await self._pretend(pinning)

    async def unit(self) -> EdgeUnit:
        """Report the real unit."""
        return await self._real.unit()

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed | RestartRefused:
        """Refuse what would be refused; else answer with the run that goes on untouched."""
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
        """Give up what the looks hold open."""
        self._real.close()

    async def _pretend(self, pinning: Pinning) -> DocumentWritten | WriteFailed:
        real = (await self._real.read_document()).document
        if isinstance(real, DocumentUnreadable):
            return WriteFailed(real.error)
        self._pretence = _Pretence(real, pinning)
        return DocumentWritten(pinning, self._pretence.digest)
