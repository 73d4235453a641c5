"""Replaces a file that is rewritten at every tick: whole to every reader, and not durable.

No `fsync` and nothing read back: after a power cut such a file is out of date anyway, and writing
it must not wake a disk each minute. What must survive is written by `durable_file`. Synchronous.
"""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from edgepind.host.fs import (
    CallFailed,
    calling,
    claim,
    open_folder,
    owner_in,
    sweep,
    temporary_name,
    write_all,
)

_TO_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def put(path: Path, content: bytes, *, mode: int) -> str | None:
    """Make `path` hold `content`, owned as `owner_in` says; a sentence where that failed.

    What stood there is replaced, a symbolic link included; never what it points to.
    """
    _sweep_once(path)
    try:
        with open_folder(path.parent) as folder:
            _put(folder, path, content, mode)
    except CallFailed as failure:
        return str(failure)
    return None


def _put(folder: int, path: Path, content: bytes, mode: int) -> None:
    temporary = temporary_name(path.name)
    with calling("open", path):
        descriptor = os.open(temporary, _TO_MAKE, 0o600, dir_fd=folder)
    try:
        claim(descriptor)
        with calling("write", path):
            write_all(descriptor, content)
        with calling("stat", path.parent):
            wanted = owner_in(os.fstat(folder))
        with calling("fchown", path):
            if not wanted.owns(os.fstat(descriptor)):
                os.fchown(descriptor, wanted.uid, wanted.gid)
        with calling("fchmod", path):
            os.fchmod(descriptor, mode)
        with calling("rename", path):
            os.rename(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except CallFailed:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    finally:
        with suppress(OSError):  # it is in place already, or gone
            os.close(descriptor)


@cache
def _sweep_once(path: Path) -> None:
    """Remove what a writer that was killed has left, when this process first writes here."""
    sweep(path)
