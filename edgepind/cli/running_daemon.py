"""The running daemon: whether there is one, how to signal it, how to wait for what it writes.

Whether one runs is decided by the lock that it holds, not by processes or by the age of a file.
"""

import fcntl
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from edgepind.cli.render import waiting
from edgepind.cli.stored_state import NotStored, StatusDocument, read_status

_LOOK_EVERY = 0.1
_LONGEST_PID = 20

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DaemonAtWork:
    """The process that holds the lock; `pid` None where the lock file does not name it credibly."""

    pid: int | None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; False where there is no such process.

        Raises PermissionError where this user may not.
        """
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def daemon_at_work(state: Path) -> DaemonAtWork | None:
    """The process that holds `STATE/lock` (flock(2)); None where none does.

    The check takes a shared lock for an instant and writes nothing. Raises PermissionError
    where this user may not open the file.
    """
    try:
        descriptor = os.open(state / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return DaemonAtWork(_holder(descriptor))
    finally:
        os.close(descriptor)
    return None


def _holder(lock: int) -> int | None:
    """The process that the lock file names, if it runs as the user whose file that is.

    A compromised daemon may write any number there, to have root signal that process. Only root
    could, so only root checks: from `ExecReload=` the daemon cannot even be seen (ProtectProc=).
    """
    said = os.pread(lock, _LONGEST_PID, 0).strip()
    if not said.isdigit():
        return None
    if os.geteuid() != 0:
        return int(said)
    try:
        runs_as = Path("/proc", str(int(said))).stat().st_uid
    except OSError:
        return None
    return int(said) if runs_as == os.fstat(lock).st_uid else None


async def shown_within(
    seconds: float, runtime: Path, what: str, holds: Callable[[StatusDocument], bool]
) -> StatusDocument | None:
    """The status document once `holds` is true of it; None if that takes longer."""
    return await found_within(seconds, what, lambda: shown(runtime, holds))


async def found_within(seconds: float, what: str, look: Callable[[], _T | None]) -> _T | None:
    """What `look` finds, called repeatedly for `seconds`; None if it finds nothing.

    `what` names, for a person at a terminal, what is waited for.
    """
    async with waiting(what):
        return await polled(seconds, _LOOK_EVERY, look)


async def polled(seconds: float, every: float, look: Callable[[], _T | None]) -> _T | None:
    """What `look` finds, called at once and then each `every` seconds, for `seconds` at most."""

    async def attempt() -> _T | None:
        return look()

    attempts = AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(every),
        retry=retry_if_result(lambda found: found is None),
        retry_error_callback=lambda _: None,
    )
    return await attempts(attempt)


def shown(runtime: Path, holds: Callable[[StatusDocument], bool]) -> StatusDocument | None:
    """The status document, if `holds` is true of it now."""
    document = read_status(runtime)
    return None if isinstance(document, NotStored) or not holds(document) else document
