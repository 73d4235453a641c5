"""Runs one of the operator's commands, bounded in time and in what is kept of its output.

A command never outlives its deadline or the daemon. What an exit code means is for the caller.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edgepind.formats import printable
from edgepind.host.disk_thread import run_aside

_KEPT = 4096
"""Bytes of output kept for the message: the last ones, where the error usually stands."""

_CHUNK = 65_536
_POLITE = 0.5
"""Seconds between SIGTERM and SIGKILL."""

_REAP = 1.0
"""Seconds after SIGKILL for the kernel to give the process back; both fit well into 2 s."""

_SERVICE_VARIABLES = frozenset(
    {
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "LISTEN_PID",
        "JOURNAL_STREAM",
        "CREDENTIALS_DIRECTORY",
    }
)
"""Meant by systemd for this service alone: a command must not notify or read secrets for it."""


@dataclass(frozen=True, slots=True)
class Exited:
    """The command ended. `code` is its exit code, or minus the signal that ended it."""

    code: int
    tail: str

    def __str__(self) -> str:
        """A clause for a message."""
        how = f"exit code {self.code}" if self.code >= 0 else f"ended by {_signal(-self.code)}"
        return f"{how}: {self.tail}" if self.tail else how


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The command was still running after `deadline` seconds and was killed with its group."""

    deadline: float
    tail: str

    def __str__(self) -> str:
        """A clause for a message."""
        said = f": {self.tail}" if self.tail else ""
        return f"no end after {self.deadline:g} s, so it was killed{said}"


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The command could not be run. `error` is the system's reason."""

    error: str

    def __str__(self) -> str:
        """A clause for a message."""
        return f"could not be started ({self.error})"


CommandResult = Exited | TimedOut | NotStarted


async def run_command(argv: Sequence[str], deadline: float) -> CommandResult:
    """Run `argv` in a session of its own, with no input, for at most `deadline` seconds.

    Its exit is what counts, not the end of its output: what it leaves running in the
    background, as an init script does, lives on. On deadline or cancellation the whole process
    group gets SIGTERM, half a second later SIGKILL, and the command is reaped.
    """
    try:
        async with asyncio.timeout(deadline):
            await run_aside(_fetch, argv[0])
    except TimeoutError:
        return NotStarted(f"its file could not be read within {deadline:g} s")
    with _output() as (writing, tail):
        try:
            process = _start(argv, writing)
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            return NotStarted(str(error))
        with _exit_of(process.pid) as exited:
            try:
                async with asyncio.timeout(deadline):
                    await exited.wait()
            except TimeoutError:
                await _end(process, exited)
                return TimedOut(deadline, tail.text())
            except asyncio.CancelledError:
                await _end(process, exited)
                raise
            return Exited(process.wait(), tail.text())


def _fetch(program: str) -> None:
    """Read the beginning of a program, so that its disk is waited for in a thread.

    Starting it blocks the event loop until it is read (vfork(2)), and reports its faults.
    """
    with suppress(OSError, ValueError), Path(shutil.which(program) or program).open("rb") as file:
        file.read(1)


def _start(argv: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the operator's own command, and no shell
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={k: v for k, v in os.environ.items() if k not in _SERVICE_VARIABLES},
        start_new_session=True,
    )


async def _end(process: subprocess.Popen[bytes], exited: asyncio.Event) -> None:
    """Kill the group that the process leads, within a second and a half.

    The leader is reaped last, so that its number, which is the group's, cannot pass to another.
    """
    try:
        _signal_group(process.pid, signal.SIGTERM)
        await _ended_within(_POLITE, exited)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
    try:
        await _ended_within(_REAP, exited)
    finally:
        process.poll()


async def _ended_within(seconds: float, exited: asyncio.Event) -> None:
    """Wait for the end, but no longer.

    Not by asyncio.timeout: in a task that is being cancelled, as here, that of Python 3.11.2
    (Debian 12) passes its own time-out off as the cancellation.
    """
    with suppress(TimeoutError):
        await asyncio.wait_for(exited.wait(), seconds)


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


@contextmanager
def _exit_of(pid: int) -> Iterator[asyncio.Event]:
    """Tell when a child has ended, without reaping it (pidfd_open(2), Linux 5.3)."""
    loop = asyncio.get_running_loop()
    exited = asyncio.Event()
    fd = os.pidfd_open(pid)
    loop.add_reader(fd, exited.set)
    try:
        yield exited
    finally:
        loop.remove_reader(fd)
        os.close(fd)


class _Tail:
    """The last bytes that came through a pipe."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._kept = b""

    def read(self) -> None:
        """Take what is there, at most one chunk."""
        with suppress(BlockingIOError):
            self._kept = (self._kept + os.read(self._fd, _CHUNK))[-_KEPT:]

    def text(self) -> str:
        """What is kept, with what is still in the pipe, as one printable line."""
        self.read()
        text = self._kept.decode("utf-8", "replace")
        return " ".join(printable(text).split())


@contextmanager
def _output() -> Iterator[tuple[int, _Tail]]:
    """Open a pipe that is drained in passing; yields its writing end and what comes out of it.

    The writing end stays open here as well, so the pipe never reports its end, and a process
    left in the background that holds it open delays nothing.
    """
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reading, False)
    tail = _Tail(reading)
    loop.add_reader(reading, tail.read)
    try:
        yield writing, tail
    finally:
        loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
