"""Names taken from files and given to them: removal, and a second name for what is replaced next.

What a file holds is `durable_file`'s business.
"""

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.host.fs import CallFailed, calling, open_folder
from edgepind.host.temporaries import temporary_name

_LONGEST_COPY = 4 * 1024 * 1024
_NO_LINKS_HERE = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV})


@dataclass(frozen=True, slots=True)
class Removed:
    """There is nothing at the path now."""


@dataclass(frozen=True, slots=True)
class NotRemoved:
    """It is still there. `error` names the call, the path and the remedy."""

    error: str


def remove(path: Path) -> Removed | NotRemoved:
    """Remove a file (or a symbolic link, never its target); absent already is well."""
    try:
        with open_folder(path.parent) as folder:
            with calling("unlink", path), suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=folder)
            # It is gone for everyone who looks; whether a power cut brings it back is unknown.
            with suppress(OSError):
                os.fsync(folder)
    except CallFailed as failure:
        return Removed() if failure.errno == errno.ENOENT else NotRemoved(str(failure))
    return Removed()


def give_second_name(path: Path, second: Path) -> NotReplaced | None:
    """Make `second`, in the same folder, hold what `path` holds; `path` is there throughout.

    A hard link, which shares later changes in place: so only for files that are replaced whole
    next, which also makes the new name durable. Where there are no links, a copy.
    """
    temporary = temporary_name(second.name)
    try:
        with open_folder(path.parent) as folder, calling("link", path):
            os.link(
                path.name, temporary, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False
            )
            try:
                os.rename(temporary, second.name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                # A rename between two names of one file leaves both (rename(2)).
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
    except CallFailed as failure:
        if failure.errno in _NO_LINKS_HERE:
            return _copy(path, second)
        return NotReplaced(str(failure), failure.errno)
    return None


def _copy(path: Path, second: Path) -> NotReplaced | None:
    match read_small_file(path, _LONGEST_COPY):
        case SmallFile(content):
            done = replace(second, content)
            return done if isinstance(done, NotReplaced) else None
        case other:
            return NotReplaced(f"{path} could not be copied to {second}: {other}", errno.EIO)
