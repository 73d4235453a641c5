"""The real daemon, which on SIGUSR2 writes down what it holds: tasks, threads, objects.

An entry of the tests. What can be seen from outside (memory, descriptors) is read from outside.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from edgepind.clock import SystemClock
from edgepind.lab.entry import run

RUN = ("-m", __name__)
_VARIABLE = "EDGEPIND_SOAK_HOLDINGS"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a process holds between two ticks."""

    tasks: int
    threads: int
    objects: int


def environment(file: Path) -> dict[str, str]:
    """What tells this entry where to write."""
    return {_VARIABLE: str(file)}


def holdings(file: Path) -> Holdings | None:
    """Read what it wrote, and forget it; None while it has not."""
    try:
        content = file.read_text()
    except FileNotFoundError:
        return None
    file.unlink()
    return Holdings(**json.loads(content))


def _write(*_: object) -> None:
    gc.collect()
    held = Holdings(len(asyncio.all_tasks()), threading.active_count(), len(gc.get_objects()))
    file = Path(os.environ[_VARIABLE])
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(held)))
    fresh.replace(file)


def main() -> int:
    """Run the daemon. The signal is taken between two turns of its loop, in its own thread."""
    signal.signal(signal.SIGUSR2, _write)
    return run(SystemClock())


if __name__ == "__main__":
    sys.exit(main())
