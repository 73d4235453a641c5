"""One daemon a state folder: it holds a lock on `STATE/lock` (flock(2)).

The kernel releases the lock however its holder ends. The pid in the file is for the message that a
second daemon is refused with; nothing is decided by it.
"""

import errno
import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgepind.host.bounded_read import not_regular
from edgepind.host.fs import CallFailed, calling, owner_in

_TO_HOLD = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TO_LOOK = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_TAKES_NO_FILE = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT})
_MODE = 0o600
_LONGEST_PID = 20


@dataclass(frozen=True, slots=True)
class Held:
    """Another process holds the lock; `pid` where it is known. `error` is a whole sentence."""

    error: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class NotLockable:
    """The lock file cannot be used. `error` names the call, the path and the remedy."""

    error: str


class StateLock:
    """The lock, held until `release` or the end of the process; children do not inherit it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Release the lock. The file stays: removing it would let two processes hold it at once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def take_lock(directory: Path) -> StateLock | Held | NotLockable:
    """Take the lock of a state folder, which must exist. Never waits."""
    path = directory / "lock"
    try:
        with calling("open", path):
            descriptor = os.open(path, _TO_HOLD, _MODE)
    except CallFailed as failure:
        if failure.errno in _TAKES_NO_FILE:
            return _take_folder(directory)
        return NotLockable(str(failure))
    taken = _take(descriptor, path)
    if isinstance(taken, StateLock):
        folder = _take_folder(directory)  # held by a daemon that found no space for the file
        if isinstance(folder, StateLock):
            folder.release()
        if isinstance(folder, Held):
            taken.release()
            return folder
        return taken
    os.close(descriptor)
    return taken


def _take_folder(directory: Path) -> StateLock | Held | NotLockable:
    """Lock the folder instead of the file: without a disk the daemon still runs, from memory."""
    try:
        with calling("open", directory):
            descriptor = os.open(directory, _TO_LOOK)
    except CallFailed as failure:
        return NotLockable(str(failure))
    try:
        with calling("flock", directory):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except CallFailed as failure:
        os.close(descriptor)
        taken = isinstance(failure.__cause__, BlockingIOError)
        return _held_by(None, directory) if taken else NotLockable(str(failure))
    return StateLock(descriptor)


def _take(descriptor: int, path: Path) -> StateLock | Held | NotLockable:
    try:
        with calling("flock", path):
            status = os.fstat(descriptor)
            if problem := not_regular(path, status):
                return NotLockable(problem)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owner = owner_in(path.parent.stat())
            if not owner.owns(status):
                os.fchown(descriptor, owner.uid, owner.gid)
    except CallFailed as failure:
        if isinstance(failure.__cause__, BlockingIOError):
            return _held(descriptor, path)
        return NotLockable(str(failure))
    with suppress(OSError):  # a full disk: the lock holds all the same, without a pid
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return StateLock(descriptor)


def _held(descriptor: int, path: Path) -> Held:
    said = os.pread(descriptor, _LONGEST_PID, 0).strip()
    return _held_by(int(said) if said.isdigit() else None, path)


def _held_by(pid: int | None, path: Path) -> Held:
    who = f"another edgepind (pid {pid})" if pid else "another edgepind"
    return Held(
        f"{who} holds {path}: stop it first, or give this one a state folder of its own with"
        " paths.state",
        pid,
    )
