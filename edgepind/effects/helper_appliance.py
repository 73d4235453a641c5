"""The appliance behind the privileged helper: the daemon asks as its own user, the helper acts.

The helper is a process a request, so it is asked no more than it must be: the unit is looked at
over D-Bus, which anybody may do, and the document is asked for only where its stamp has changed, if
the stamp can be seen. Nothing is decided here.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from edgepind.effects.helper_protocol import (
    GREETING,
    LONGEST_ANSWER,
    Answer,
    Apply,
    AskUnit,
    KeepSerial,
    NoAnswer,
    PutBack,
    ReadDocument,
    Request,
    RequestRefused,
    Restart,
    Restore,
    encode_request,
    parse_answer,
)
from edgepind.effects.pinning_text import DocumentReading
from edgepind.effects.restart import restarter
from edgepind.host.disk_thread import DiskThread
from edgepind.model.action import (
    DocumentOutcome,
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartOutcome,
    RestartRefused,
    RestartUnderWay,
    WriteFailed,
)
from edgepind.model.bundle import KeptSerial
from edgepind.model.document import Pinning
from edgepind.model.observation import DocumentUnreadable, EdgeUnit, NoUnit, Unit, UnitUnknown
from edgepind.settings.schema import EdgeSettings, Settings

# How long an answer may take, in seconds, by what was asked.
READ = 15.0
WRITE = 60.0  # one fsync can take ten, and a write has several
RESTART = 300.0  # two waits for a job of systemd's, and the pause of a start limit between them

ROUND = 30.0
"""Seconds that a request takes beside `restart_command`."""

_RECENT = 2.0
"""Seconds in which a file can change again and show the same times: file systems count coarsely."""

_Stamp = tuple[int, ...]


def helper_socket(settings: Settings) -> Path | None:
    """Where the helper listens, by `edge.helper`; None where this process acts itself."""
    helper = settings.edge.helper
    if helper == "auto":
        return None if os.geteuid() == 0 else settings.paths.runtime / "apply.sock"
    return Path(helper) if helper else None


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
        self._helper = HelperClient(socket)
        self._document = edge.pinning_config
        self._disk = DiskThread("edgepind-document")
        self._wall = wall
        self._looks_only = looks_only
        self._unit = restarter(edge, bus_address)
        self._restart_deadline = max(RESTART, edge.command_deadline + ROUND)
        self._known: tuple[_Stamp, DocumentReading] | None = None

    async def read_document(self) -> DocumentReading:
        """See `Appliance`; the helper is not asked where the stamp shows that nothing changed."""
        stamp = await self._disk.run(self._stamp)
        if self._known is not None and stamp == self._known[0]:
            return self._known[1]
        answer = await self._helper.ask(ReadDocument(self._looks_only), READ)
        if not isinstance(answer, DocumentReading):
            self._known = None
            return DocumentReading(DocumentUnreadable(_problem(answer)))
        # The stamp was taken before the look: what changed between the two shows at the next.
        readable = not isinstance(answer.document, DocumentUnreadable)
        self._known = (stamp, answer) if stamp is not None and readable else None
        return answer

    async def apply(self, pinning: Pinning) -> DocumentOutcome:
        """See `Appliance`."""
        return await self._write(Apply(pinning))

    async def put_back(self, pinning: Pinning) -> DocumentOutcome:
        """See `Appliance`."""
        return await self._write(PutBack(pinning))

    async def restore(self, pinning: Pinning | None) -> DocumentOutcome:
        """See `Appliance`."""
        return await self._write(Restore(pinning))

    async def unit(self) -> EdgeUnit:
        """See `Appliance`; where systemd does not tell this user, the helper is asked."""
        unit = await self._unit.unit()
        if not isinstance(unit, UnitUnknown):
            return unit
        answer = await self._helper.ask(AskUnit(), READ)
        return answer if isinstance(answer, Unit | NoUnit) else unit

    async def restart(self, loading: Pinning) -> RestartOutcome:
        """See `Appliance`."""
        answer = await self._helper.ask(Restart(loading), self._restart_deadline)
        match answer:
            case RestartDone() | RestartUnderWay() | RestartFailed() | RestartRefused():
                return answer
            case Unserved(error) | RequestRefused(error) | Lost(error):
                # Where the answer is lost, systemd goes on with a job that it was given: the Edge's
                # next run will show it, and where none comes, the restart is still owed. No reason
                # to roll back is known.
                return RestartRefused(error)
            case _:
                return RestartFailed(loading, _problem(answer))

    async def keep_serial(self, serial: KeptSerial) -> KeptSerial | str:
        """See `Appliance`; root's helper keeps it in its own folder."""
        answer = await self._helper.ask(KeepSerial(serial), WRITE)
        return answer if isinstance(answer, KeptSerial) else _problem(answer)

    def close(self) -> None:
        """See `Appliance`; waits a moment at most for the disk."""
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
        content = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        return (*content, found.st_mode, found.st_uid, found.st_gid)

    async def _write(self, request: Apply | PutBack | Restore) -> DocumentOutcome:
        self._known = None
        answer = await self._helper.ask(request, WRITE)
        if isinstance(answer, DocumentWritten | WriteFailed):
            return answer
        return WriteFailed(_problem(answer))


@dataclass(frozen=True, slots=True)
class Unserved:
    """The helper did not take the request, so nothing was done. `error` is a sentence."""

    error: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The helper took the request and gave no answer; it may have been done. A sentence."""

    error: str


def _problem(answer: Answer | Unserved | Lost) -> str:
    """Why the answer is not of the kind that was asked for."""
    match answer:
        case Unserved(error) | Lost(error) | RequestRefused(error):
            return error
        case _:
            kind = type(answer).__name__
            return f"the privileged helper answered with {kind}, which does not fit the request"


# --- one connection a request, bounded in every way ---------------------------------------------

_UNITS = "`journalctl -u edgepind-apply.socket -u 'edgepind-apply@*'` tells more"
_SOCKET = "`systemctl enable --now edgepind-apply.socket` makes it"
_LONGEST_PAUSE = 1.0
_REST = 0.1
"""Seconds after an answer in which systemd may still count that helper as being at work."""


class _BusyError(Exception):
    """The connection was closed before the greeting, as by systemd while another is served."""


class HelperClient:
    """Asks the helper at `socket`.

    `patience` is how long, in seconds, a helper that serves another client is waited for, and how
    long one that was started may take to greet.
    """

    def __init__(self, socket: Path, *, patience: float = 20.0) -> None:
        self._socket = socket
        self._patience = patience
        self._rested = 0.0

    async def ask(self, request: Request, deadline: float) -> Answer | Unserved | Lost:
        """Have `request` done; wait `deadline` seconds for its answer once it was taken."""
        attempts = AsyncRetrying(
            stop=stop_after_delay(self._patience),
            wait=wait_random_exponential(multiplier=_REST, max=_LONGEST_PAUSE),
            retry=retry_if_exception_type(_BusyError),
            reraise=True,
        )
        try:
            return await attempts(self._converse, request, deadline)
        except _BusyError:
            return Unserved(f"the privileged helper is busy, or cannot be started; {_UNITS}")

    async def _converse(self, request: Request, deadline: float) -> Answer | Unserved | Lost:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._rested - loop.time())
        try:
            async with asyncio.timeout(self._patience):
                streams = await asyncio.open_unix_connection(self._socket, limit=LONGEST_ANSWER)
        except OSError as error:  # a time-out is one as well
            return Unserved(self._unreachable(error))
        reader, writer = streams
        try:
            refused = await self._await_greeting(reader)
            if refused is not None:
                return Unserved(refused)
            async with asyncio.timeout(deadline):
                writer.write(encode_request(request))
                await writer.drain()
                line = await reader.readline()
                await reader.read(1)  # its end, so that the next one can be started
        except TimeoutError:
            return Lost(f"the privileged helper gave no answer within {deadline:g} s; {_UNITS}")
        except (OSError, ValueError) as error:
            return Lost(f"the privileged helper's answer was lost ({error}); {_UNITS}")
        finally:
            self._rested = loop.time() + _REST
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        answer = parse_answer(line)
        if isinstance(answer, NoAnswer):
            return Lost(f"the privileged helper gave no answer, for {answer.reason}; {_UNITS}")
        return answer

    async def _await_greeting(self, reader: asyncio.StreamReader) -> str | None:
        """Why this client is not served, a sentence; None where it is. Raises _BusyError."""
        try:
            async with asyncio.timeout(self._patience):
                greeting = await reader.readline()
        except TimeoutError:
            return f"the privileged helper sent no greeting; {_UNITS}"
        except (OSError, ValueError):
            greeting = b""
        if not greeting:
            raise _BusyError
        if greeting == GREETING:
            return None
        return (
            "the privileged helper is of another release; `systemctl restart edgepind` starts "
            "the one that fits"
        )

    def _unreachable(self, error: OSError) -> str:
        remedies = {
            errno.ENOENT: _SOCKET,
            errno.ECONNREFUSED: _SOCKET,
            errno.EACCES: "run edgepind as root, or as its own user in the group edgepind",
        }
        why = os.strerror(error.errno) if error.errno else str(error) or "it does not answer"
        remedy = remedies.get(error.errno or 0, _UNITS)
        return f"the privileged helper at {self._socket} cannot be reached: {why}; {remedy}"
