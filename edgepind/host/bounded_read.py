"""Reads a small file that another user may have made, bounded in size and in time.

It never hangs on a FIFO, never opens a device and never reads beyond the limit. It judges no
content and changes nothing.
"""

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edgepind.clock import EARLIEST_WALL, LATEST_WALL
from edgepind.host.fs import sentence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one content of a path from the next without reading it.

    Without the change time, which a new hard link moves though no content changes.
    """

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """The stamp of a file whose status was taken."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


ABSENT = Stamp(0, 0, 0, 0)
"""Stands for no file at all."""


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A regular file, read whole."""

    content: bytes
    status: os.stat_result

    @property
    def modified(self) -> datetime:
        """The modification time in UTC, which every user who may write the file can set."""
        return _instant(self.status.st_mtime_ns)

    @property
    def changed(self) -> datetime:
        """The change time in UTC: when content, name or attributes were last changed."""
        return _instant(self.status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class NoFile:
    """There is nothing at the path."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is there and was not read: not a regular file, or a call failed. A whole sentence."""

    error: str


@dataclass(frozen=True, slots=True)
class TooLarge(Unreadable):
    """A regular file, longer than the limit; `stamp` tells which. `error` has no remedy."""

    stamp: Stamp


Reading = SmallFile | NoFile | Unreadable


def read_small_file(path: Path, limit: int, *, follow: bool = False) -> Reading:
    """Read a regular file of at most `limit` bytes; symbolic links only where `follow` says so.

    Blocks no longer than the file system does: a FIFO, socket, device or folder is refused
    before it is opened, and what was opened is looked at again (open(2): O_NOFOLLOW, O_NONBLOCK).
    """
    call = "stat"
    try:
        if problem := not_regular(path, path.stat(follow_symlinks=follow)):
            return Unreadable(problem)
        call = "open"
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        descriptor = os.open(path, flags)
        try:
            call = "read"
            return _read(descriptor, path, limit)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return NoFile()
    except OSError as error:
        return Unreadable(sentence(call, path, error.errno or 0))


def _instant(nanoseconds: int) -> datetime:
    """Nanoseconds since 1970, kept within `clock`'s bounds: a file's times can be anything."""
    try:
        instant = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return LATEST_WALL if nanoseconds > 0 else EARLIEST_WALL
    return min(max(instant, EARLIEST_WALL), LATEST_WALL)


def not_regular(path: Path, status: os.stat_result) -> str | None:
    """A sentence on why what stands at `path` is no regular file; None where it is one."""
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return f"{path} is a symbolic link, which is not followed here; put a plain file there"
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    return f"{path} is {kind}, not a regular file; move it away"


def _read(descriptor: int, path: Path, limit: int) -> Reading:
    status = os.fstat(descriptor)
    if problem := not_regular(path, status):
        return Unreadable(problem)
    content = bytearray()
    while len(content) <= limit:
        chunk = os.read(descriptor, min(_CHUNK, limit + 1 - len(content)))
        if not chunk:
            return SmallFile(bytes(content), status)
        content += chunk
    return TooLarge(f"{path} is longer than {limit} bytes", Stamp.of(status))
