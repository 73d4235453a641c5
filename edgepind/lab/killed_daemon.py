"""The daemon that kills itself with SIGKILL in the middle of replacing the pinning document.

An entry of the lab, never of the product: it puts itself in the way of the system calls that
replace the document, so that the crash happens at exactly the stated point, every time.
"""

import os
import signal
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from edgepind.lab.site import DOCUMENT

RUN = ("-m", __name__)
_VARIABLE = "EDGEPIND_LAB_KILL_POINT"


class Point(Enum):
    """Where the daemon dies, in the order of the calls."""

    HALF_WRITTEN = "with half of the new document written"
    BEFORE_RENAME = "before the new document is in place"
    AFTER_RENAME = "after it, before anything is remembered"


def environment(point: Point) -> dict[str, str]:
    """What tells this entry where to die."""
    return {_VARIABLE: point.name}


def arm(point: Point) -> None:
    """Stand in the way of `os.write` or `os.rename` where they are about the document."""
    match point:
        case Point.HALF_WRITTEN:
            os.write = _die_half_way(os.write)
        case Point.BEFORE_RENAME:
            os.rename = _die(os.rename, after=False)
        case Point.AFTER_RENAME:
            os.rename = _die(os.rename, after=True)


def _die_half_way(write: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
    def die(descriptor: int, data: Any) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name.startswith(f".{DOCUMENT}."):
            write(descriptor, bytes(data)[: len(data) // 2])
            _kill()
        return write(descriptor, data)

    return die


def _die(rename: Callable[..., None], *, after: bool) -> Callable[..., None]:
    def die(source: Any, target: Any, **folders: Any) -> None:
        meant = Path(os.fsdecode(target)).name == DOCUMENT
        if meant and not after:
            _kill()
        rename(source, target, **folders)
        if meant:
            _kill()

    return die


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Run the daemon, armed."""
    from edgepind.lab.entry import run  # noqa: PLC0415  # who names this entry is no daemon

    arm(Point[os.environ.pop(_VARIABLE)])
    return run()


if __name__ == "__main__":
    sys.exit(main())
