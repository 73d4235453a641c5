"""The one small door to everything on the appliance that needs rights.

Behind it stands either this very process or, later, a privileged helper that trusts nothing it
is told. Nothing network-facing may be added here.
"""

from dataclasses import dataclass
from typing import Protocol

from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import EdgeTls, Pinning
from edgepind.model.observation import Document, EdgeUnit


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """The pinning document as found, and the Edge's `tlsSettings` in it (defaults if unread)."""

    document: Document
    tls: EdgeTls = EdgeTls()


class Appliance(Protocol):
    """What may be asked of the appliance. No call raises for an expected failure."""

    async def read_document(self) -> DocumentReading:
        """Read `pinning-config.json`, its owner and its mode."""

    async def apply(self, pinning: Pinning) -> DocumentWritten | WriteFailed:
        """Put the owned keys into the document as it stands now; all else survives."""

    async def restore(self, pinning: Pinning | None) -> DocumentWritten | WriteFailed:
        """Set a rejected document aside and put the last good one back (see `RestoreDocument`)."""

    async def unit(self) -> EdgeUnit:
        """Report the Edge's unit."""

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed | RestartRefused:
        """Restart the Edge, waiting for the job's result; never start a stopped unit."""

    def close(self) -> None:
        """Give up what is held open between calls; does not wait."""
