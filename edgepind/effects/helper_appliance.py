"""The appliance behind the privileged helper: the daemon's own user asks, root's helper does.

The helper is a process a request, so it is asked no more than it must be: the unit is looked at
over D-Bus, which anybody may do, and the document is asked for where its stamp has changed, if
the stamp can be seen; else at each look. Nothing is decided here.
"""

import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edgepind.effects.appliance import DocumentReading
from edgepind.effects.helper_answers import Answer
from edgepind.effects.helper_client import HelperClient, Lost, Unserved
from edgepind.effects.helper_requests import (
    Apply,
    AskUnit,
    ReadDocument,
    RequestRefused,
    Restart,
    Restore,
)
from edgepind.effects.local_appliance import restarter
from edgepind.host.disk_thread import DiskThread
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.observation import DocumentUnreadable, EdgeUnit, NoUnit, Unit, UnitUnknown
from edgepind.settings.schema import EdgeSettings

# How long an answer may take, in seconds, by what was asked.
READ = 15.0
WRITE = 60.0  # one fsync can take ten, and a write has several
RESTART = 300.0  # two jobs of systemd's, and the pause of a start limit between them

_RECENT = 2.0
"""Seconds in which a file can change again and show the same times: file systems count coarsely."""

_Stamp = tuple[int, ...]


class HelperAppliance:
    """The appliance that `edge` describes, through the helper at `socket`; `wall` is now.

    With `looks_only`, reading leaves no trace on disk. `bus_address` None: the system bus.
    """

    def __init__(
        self,
        socket: Path,
        edge: EdgeSettings,
        wall: Callable[[], datetime],
        *,
        looks_only: bool = False,
        bus_address: str | None = None,
    ) -> None:
        self._line = HelperClient(socket)
        self._document = edge.pinning_config
        self._disk = DiskThread("edgepind-document")
        self._wall = wall
        self._looks_only = looks_only
        self._unit = restarter(edge, bus_address)
        self._known: tuple[_Stamp, DocumentReading] | None = None

    async def read_document(self) -> DocumentReading:
        """Read `pinning-config.json`, its owner and its mode, or know that all is as it was."""
        stamp = await self._disk.run(self._stamp)
        if self._known is not None and stamp == self._known[0]:
            return self._known[1]
        answer = await self._line.ask(ReadDocument(self._looks_only), READ)
        if not isinstance(answer, DocumentReading):
            self._known = None
            return DocumentReading(DocumentUnreadable(_problem(answer)))
        # The stamp was taken before the look: what changed between the two shows at the next.
        readable = not isinstance(answer.document, DocumentUnreadable)
        self._known = (stamp, answer) if stamp is not None and readable else None
        return answer

    async def apply(self, pinning: Pinning) -> DocumentWritten | WriteFailed:
        """Put the owned keys into the document as it stands now; all else survives."""
        return await self._write(Apply(pinning))

    async def restore(self, pinning: Pinning | None) -> DocumentWritten | WriteFailed:
        """Set a rejected document aside and put the last good one back."""
        return await self._write(Restore(pinning))

    async def unit(self) -> EdgeUnit:
        """Report the Edge's unit; where systemd does not tell this user, the helper is asked."""
        unit = await self._unit.unit()
        if not isinstance(unit, UnitUnknown):
            return unit
        answer = await self._line.ask(AskUnit(), READ)
        return answer if isinstance(answer, Unit | NoUnit) else unit

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed | RestartRefused:
        """Restart the Edge, waiting for the result; never start a stopped unit."""
        answer = await self._line.ask(Restart(loading), RESTART)
        match answer:
            case RestartDone() | RestartFailed() | RestartRefused():
                return answer
            case Unserved(error) | RequestRefused(error):
                return RestartRefused(error)
            case Lost(error):
                # systemd goes on with a job that it was given: the Edge's next run will show it,
                # and where none comes, the debt is still there. No reason to go back is known.
                return RestartRefused(error)
            case _:
                return RestartFailed(loading, _problem(answer))

    def close(self) -> None:
        """Let go of D-Bus and of the thread; waits for a disk a moment at the most."""
        self._unit.close()
        self._disk.close()

    def _stamp(self) -> _Stamp | None:
        """What tells one state of the document from the next, its owner and mode included.

        None where it cannot be told: the file cannot be seen, or it has changed just now.
        """
        try:
            found = self._document.stat()
        except OSError:
            return None
        recent = abs(self._wall().timestamp() - found.st_ctime) < _RECENT
        if recent or not stat.S_ISREG(found.st_mode):
            return None
        return (
            found.st_dev,
            found.st_ino,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            found.st_mode,
            found.st_uid,
            found.st_gid,
        )

    async def _write(self, request: Apply | Restore) -> DocumentWritten | WriteFailed:
        self._known = None
        answer = await self._line.ask(request, WRITE)
        if isinstance(answer, DocumentWritten | WriteFailed):
            return answer
        return WriteFailed(_problem(answer))


def _problem(answer: Answer | Unserved | Lost) -> str:
    """Why what came is not what was asked for."""
    match answer:
        case Unserved(error) | Lost(error) | RequestRefused(error):
            return error
        case _:
            return (
                f"the privileged helper answered with {type(answer).__name__}, which is no answer"
            )
