"""The running daemon, as a command meets it: whether there is one, a signal to it, its answer.

Whether one runs is asked of the lock that it holds, never of a process table or a file's age.
"""

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgepind.cli.progress import waiting
from edgepind.cli.status_document import NoStatus, StatusDocument, read_status

_LOOK_EVERY = 0.1
_LONGEST_PID = 20


@dataclass(frozen=True, slots=True)
class DaemonAtWork:
    """Whoever holds the lock; `pid` None where the lock file does not name it."""

    pid: int | None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; whether there was somebody to send it to.

        Raises PermissionError where that is not this user's to do.
        """
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def daemon_at_work(state: Path) -> DaemonAtWork | None:
    """Who holds `STATE/lock` (flock(2)); None where nobody does.

    The look itself takes a shared lock for an instant and writes nothing. Raises PermissionError
    where this user may not open the file.
    """
    try:
        descriptor = os.open(state / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.pread(descriptor, _LONGEST_PID, 0).strip()
        return DaemonAtWork(int(said) if said.isdigit() else None)
    finally:
        os.close(descriptor)
    return None


async def shown_within(
    seconds: float, runtime: Path, what: str, holds: Callable[[StatusDocument], bool]
) -> bool:
    """Whether the status file comes to show what is waited for, `what` in words, in time."""
    return await true_within(seconds, what, lambda: _shows(runtime, holds))


async def true_within(seconds: float, what: str, holds: Callable[[], bool]) -> bool:
    """Look again and again until `holds`, for `seconds` at the most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), waiting(what):
            while not holds():  # noqa: ASYNC110  another process's files tell no event
                await asyncio.sleep(_LOOK_EVERY)
            return True
    return holds()


def _shows(runtime: Path, holds: Callable[[StatusDocument], bool]) -> bool:
    document = read_status(runtime)
    return not isinstance(document, NoStatus) and holds(document)
