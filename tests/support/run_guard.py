"""No process outlives the run of tests that started it, even where the run itself is killed.

A guard watches the run by a pipe, whose end is its death. Then it kills whatever still carries the
run's mark in its environment, which children inherit. It must not touch anything else.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

MARK = "EDGEPIND_TEST_RUN"
_GRACE = 1.0
"""Seconds in which processes may end by themselves once the run is over."""
_LIMIT = 60.0
"""Seconds after which the guard gives up on a process that the kernel does not let go."""


def guard_run() -> subprocess.Popen[bytes]:
    """Mark this process's environment, and start a guard that outlives it. Call it once."""
    os.environ[MARK] = mark = uuid.uuid4().hex
    unmarked = {name: value for name, value in os.environ.items() if name != MARK}
    reading, writing = os.pipe()  # not inherited: the writing end closes when this process dies
    guard = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-I", __file__, mark],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env=unmarked,
    )
    os.close(reading)
    assert not os.get_inheritable(writing)
    return guard


def marked(mark: str) -> list[int]:
    """Return the ids of the processes that carry this mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or belongs to another user
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def _outlast(mark: str) -> None:
    sys.stdin.buffer.read()
    over = time.monotonic()
    while (left := marked(mark)) and time.monotonic() < over + _LIMIT:
        if time.monotonic() > over + _GRACE:
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.1)


if __name__ == "__main__":
    _outlast(sys.argv[1])
