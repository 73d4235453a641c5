"""What stands in the way of replacing a file that no trial on another file can show.

A rename onto a mount point, or onto a file that is immutable, fails although a scratch file in the
same folder can be made and renamed. Only looks: nothing is written, and no times are moved.
"""

import errno
import fcntl
import os
import re
import stat
import struct
from contextlib import suppress
from pathlib import Path

from edgepind.host.fs import sentence

_MOUNTS = Path("/proc/self/mountinfo")
_MOUNT_POINT = 4
"""The field of proc_pid_mountinfo(5) that names where a file system is mounted."""
_ESCAPED = re.compile(rb"\\([0-7]{3})")

_GET_FLAGS = 0x80086601 if struct.calcsize("l") == 8 else 0x80046601  # noqa: PLR2004 - octets
"""FS_IOC_GETFLAGS (ioctl_iflags(2)), whose number holds the size of a long."""
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20


def in_the_way(target: Path) -> str | None:
    """Why the file at `target`, which is no symbolic link, cannot be replaced; None: nothing known.

    A sentence with the remedy. A file that is absent has only its folder in the way.
    """
    if is_mount_point(target):
        return (
            f"{target} is a mount point of its own (a bind mount), so that no rename can replace "
            f"it ({os.strerror(errno.EBUSY)}); mount its folder, not the file"
        )
    for path in (target, target.parent):
        if word := _flag(path):
            return (
                f"{path} is {word}, so that {target} cannot be replaced "
                f"({os.strerror(errno.EPERM)}); run `chattr -{word[0]} {path}`"
            )
    return _kept_by_another(target)


def is_mount_point(path: Path) -> bool:
    """Whether something is mounted just there, as this process sees it."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return False
    points = (line.split(b" ")[_MOUNT_POINT] for line in lines)
    wanted = os.fsencode(path)
    return any(_ESCAPED.sub(_unescaped, it) == wanted for it in points)


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 8),))


def _flag(path: Path) -> str | None:
    """The word for the flag of chattr(1) that forbids it; its first letter is chattr's own."""
    with suppress(OSError):  # one that cannot be opened, or whose file system has no flags
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            packed = fcntl.ioctl(descriptor, _GET_FLAGS, bytes(struct.calcsize("l")))
        finally:
            os.close(descriptor)
        (flags,) = struct.unpack("l", packed)
        if flags & _IMMUTABLE:
            return "immutable"
        if flags & _APPEND_ONLY:
            return "append-only"
    return None


def _kept_by_another(target: Path) -> str | None:
    """In a sticky folder only the owner of a file or of the folder may replace it (unlink(2))."""
    with suppress(OSError):
        folder, file = target.parent.stat(), target.lstat()
        mine = os.geteuid() in {0, folder.st_uid, file.st_uid}
        if folder.st_mode & stat.S_ISVTX and not mine:
            return sentence("rename", target, errno.EPERM)
    return None
