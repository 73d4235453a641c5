"""One at a time: whoever lets the Edge go, restarts it or closes it holds a lock meanwhile.

The lock is on the helper's own folder (flock(2)), so that it needs no room on a disk; the kernel
lets go of it however its holder ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(folder: Path) -> Iterator[bool]:
    """Whether it is this process's turn for the length of the block; it is never waited for.

    Raises OSError where there is no such folder, or it is not this user's.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
