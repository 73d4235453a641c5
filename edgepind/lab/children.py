"""Child processes of the lab: what they see of the environment, and how they are ended."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import edgepind

_PATIENCE = 5.0
_OF_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM")
_DIRECTORIES = ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY")


def environment() -> dict[str, str]:
    """The lab's own environment, able to import this package, without what systemd put in."""
    clean = {name: value for name, value in os.environ.items() if name not in _OF_SYSTEMD}
    for name in _DIRECTORIES:
        clean.pop(name, None)
    package = str(Path(edgepind.__file__).resolve().parent.parent)
    path = clean.get("PYTHONPATH")
    clean["PYTHONPATH"] = f"{package}{os.pathsep}{path}" if path else package
    return clean


async def terminate(process: asyncio.subprocess.Process, *, group: bool = False) -> int:
    """End a child: SIGTERM, then SIGKILL after five seconds; return its exit code.

    `group`: the child leads a process group, and all of that is meant.
    """
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM, group=group)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await process.wait()
        except TimeoutError:
            _signal(process.pid, signal.SIGKILL, group=group)
    return await process.wait()


def _signal(pid: int, number: signal.Signals, *, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(pid, number)
