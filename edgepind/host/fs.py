"""Calls of the file system: by open folders, with every failure named in a sentence.

Also who owns a written file, and the temporaries beside a target. A path is looked up once, when
its folder is opened; what is done to names in it afterwards cannot be led elsewhere by a folder
that is renamed or linked meanwhile.
"""

import errno
import fcntl
import grp
import os
import pwd
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: "free space or inodes on its file system",
    errno.EDQUOT: "raise the disk quota of this user, or free space under it",
    errno.EFBIG: "raise the limit on the size of files (LimitFSIZE of the service)",
    errno.EROFS: "make its file system writable; the kernel log tells if a disk error closed it",
    errno.EACCES: "check the owner and mode of the file and its folders, or run as their owner",
    errno.EPERM: "run as root or as its owner, and look for an immutable flag with lsattr",
    errno.EIO: "the disk reports an error: read the kernel log and replace what fails",
    errno.ENOENT: "create its folder, or correct the path in the settings",
    errno.ENOTDIR: "a part of the path is not a folder: correct the path in the settings",
    errno.EBUSY: "it is a mount point of its own: mount its folder, not the file",
    errno.ELOOP: "follow its symbolic links with namei and mend the one that leads astray",
    errno.EISDIR: "move the folder away, or correct the path in the settings",
    errno.EMFILE: "raise LimitNOFILE of the service",
}
_OTHER_REMEDY = "read the kernel log, and try the same by hand"


def sentence(call: str, path: Path, code: int) -> str:
    """One sentence for a person: which call on which path failed with errno `code`; the remedy."""
    return f"{call} of {path} failed: {os.strerror(code)}; {_REMEDIES.get(code, _OTHER_REMEDY)}"


class CallFailed(Exception):  # noqa: N818 - it names what happened, as the values do
    """Carries a failed call out of a sequence; its text is a whole sentence for a person.

    Caught where the sequence began, and returned as a value there: no public function raises it.
    """

    def __init__(self, call: str, path: Path, code: int, problem: str = "") -> None:
        super().__init__(problem or sentence(call, path, code))
        self.errno = code


@contextmanager
def calling(call: str, path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a `CallFailed` that names the call and the path."""
    try:
        yield
    except OSError as error:
        raise CallFailed(call, path, error.errno or 0) from error


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Open a folder for calls relative to it. Raises CallFailed."""
    with calling("open", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        with suppress(OSError):  # nothing was written through it
            os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write it all, however little is taken at once. Raises OSError.

    A disk that takes nothing and reports no error is broken: without this the loop might not end.
    """
    rest = memoryview(content)
    while rest:
        taken = os.write(descriptor, rest)
        if taken == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[taken:]


# --- owners -----------------------------------------------------------------------------------

_HIGHEST_ID = 2**32 - 2  # the last one, -1, means "leave it" to chown(2)


@dataclass(frozen=True, slots=True)
class Owner:
    """User and group as the kernel knows them."""

    uid: int
    gid: int

    def owns(self, status: os.stat_result) -> bool:
        """Whether a file with this status belongs to just this user and group."""
        return (status.st_uid, status.st_gid) == (self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class UnknownOwner:
    """There is no such user or group on this host. A whole sentence."""

    error: str


def find_owner(name: str) -> Owner | UnknownOwner:
    """Look up "user:group", or "user" for that user with its login group; numbers count as ids."""
    user, colon, group = name.partition(":")
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        entry = None
    uid = entry.pw_uid if entry else _number(user)
    if uid is None:
        return UnknownOwner(
            f"there is no user {user!r} on this host; create it or correct edge.owner"
        )
    if not colon and entry:
        return Owner(uid, entry.pw_gid)
    try:
        gid: int | None = grp.getgrnam(group).gr_gid
    except KeyError:
        gid = _number(group)
    if gid is None:
        return UnknownOwner(
            f"there is no group {group!r} on this host; create it or correct edge.owner"
        )
    return Owner(uid, gid)


def owner_in(folder: os.stat_result) -> Owner:
    """The owner of a file that edgepind writes in a folder with this status.

    Root writes for the folder's owner, so that what a person wrote as root stays readable to the
    daemon's user; any other user owns what he writes.
    """
    if os.geteuid() == 0:
        return Owner(folder.st_uid, folder.st_gid)
    return Owner(os.geteuid(), os.getegid())


def _number(text: str) -> int | None:
    if text.isascii() and text.isdecimal() and int(text) <= _HIGHEST_ID:
        return int(text)
    return None


# --- temporaries ------------------------------------------------------------------------------
# A writer holds a lock on its temporary while it works (flock(2)); the kernel releases it however
# the writer ends. So a temporary that is not locked is stale, whatever the clock says.


def temporary_name(name: str) -> str:
    """A fresh name in the folder of a target called `name`."""
    return f".{name}.{secrets.token_hex(8)}.tmp"


def claim(folder: int, temporary: str, descriptor: int) -> bool:
    """Lock a temporary against sweepers; False where one of them was faster and removed it.

    Between its creation and its lock it looks stale. Where the file system has no locks, sweepers
    get none either and remove nothing.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    try:
        os.stat(temporary, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def sweep(path: Path) -> None:
    """Remove the stale temporaries of `path`; one that stays only costs space."""
    with suppress(CallFailed), open_folder(path.parent) as folder:
        sweep_in(folder, path.name)


def sweep_folder(path: Path) -> None:
    """Remove all stale temporaries in a folder that is edgepind's own."""
    with suppress(CallFailed), open_folder(path) as folder:
        _sweep(folder, re.compile(r"\..+\.[0-9a-f]{16}\.tmp"))


def sweep_in(folder: int, name: str) -> None:
    """As `sweep`, in a folder that is open already."""
    _sweep(folder, re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}\.tmp"))


def _sweep(folder: int, stale: re.Pattern[str]) -> None:
    with suppress(OSError):
        for entry in os.listdir(folder):
            if stale.fullmatch(entry):
                _remove_unclaimed(folder, entry)


def _remove_unclaimed(folder: int, entry: str) -> None:
    with suppress(OSError):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(entry, flags, dir_fd=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(entry, dir_fd=folder)
        finally:
            os.close(descriptor)
