"""Replaces, removes and renames files durably: a path holds the old or the new, never a part.

A writer that is killed at any point leaves one of the two whole; what returned
`Replaced(durable=True)` survives a power cut. Nothing here knows what the bytes mean, and nothing
writes in place, not even where a rename is impossible. Synchronous, and an `fsync` may take many
seconds: never call it on the event loop.

The order of calls is the point of this file: a temporary in the target's own folder (O_EXCL,
O_NOFOLLOW, 0600), write, extended attributes, fchmod, fchown, fsync, read back, renameat, fsync
of the folder. Extended attributes come before the mode, because an access list rewrites it.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgepind.host.bounded_read import ABSENT, SmallFile, Stamp, not_regular, read_small_file
from edgepind.host.file_access import ACL, Access, access_of, plain
from edgepind.host.fs import (
    CallFailed,
    Owner,
    calling,
    claim,
    open_folder,
    owner_in,
    sweep,
    sweep_in,
    temporary_name,
    write_all,
)
from edgepind.host.obstacles import in_the_way

_SPECIAL = 0o7000
_TO_MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LONGEST_COPY = 4 * 1024 * 1024
_NO_LINKS_HERE = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV})

# These hold hashes of the old content, or rights that no data file has; or are set by themselves.
_NOT_COPIED = frozenset({"security.ima", "security.evm", "security.capability", ACL})
# A file system or a security module that refuses an attribute must not leave a pin unwritten.
_NOT_SETTABLE = frozenset({errno.EPERM, errno.EACCES, errno.EOPNOTSUPP})


@dataclass(frozen=True, slots=True)
class Replaced:
    """The path holds the new content; `durable` False: the disk did not confirm that."""

    durable: bool


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The path held these bytes with this owner and mode already; nothing was touched."""


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The path no longer holds what the caller had read; nothing was touched."""


@dataclass(frozen=True, slots=True)
class NotReplaced:
    """The path holds what it held. `error` names the call, the path and the remedy."""

    error: str
    errno: int


def replace(
    path: Path,
    content: bytes,
    *,
    owner: Owner | Access | None = None,
    mode: int = 0o600,
    follow: bool = False,
    attributes_of: str | None = None,
    expecting: Stamp | None = None,
) -> Replaced | Unchanged | Overtaken | NotReplaced:
    """Make `path` hold `content`, owned by `owner` (None: see `owner_in`), with this mode.

    A symbolic link at the path is refused, or, with `follow`, its target is replaced: follow only
    in folders that nobody less trusted can write to. An `Access` as owner says mode and access list
    as well. With `expecting`, nothing is done where the path holds something else by the time of
    the rename. Extended attributes are those that it had, or those of the file called
    `attributes_of` in its folder. Never raises for what a disk can do.
    """
    target = Path(os.path.realpath(path)) if follow else path
    try:
        with open_folder(target.parent) as folder:
            old = _status(folder, target)
            if not _expected(old, expecting):
                return Overtaken()
            with calling("stat", target):
                had = access_of(target, old) if old else None
                shape = _shape(owner or owner_in(os.fstat(folder)), mode, had)
            if _is_so(old, had, shape) and _holds(folder, target.name, content):
                return Unchanged()
            sweep_in(folder, target.name)
            with _temporary(folder, target) as (temporary, descriptor):
                source = attributes_of or target.name
                made = _make(folder, descriptor, target, content, shape, source)
                if not _expected(_status(folder, target), expecting):
                    return Overtaken()
                return _move(folder, temporary, target, made)
    except CallFailed as failure:
        return NotReplaced(str(failure), failure.errno)


def rehearse(path: Path, content: bytes, access: Access) -> str | None:
    """Try what `replace` with `follow` would do, on scratch files beside the target.

    A sentence on why it would fail; None where nothing stands in the way now. The target is neither
    opened for writing nor touched. Never raises for what a disk can do.
    """
    target = Path(os.path.realpath(path))
    try:
        with open_folder(target.parent) as folder:
            _status(folder, target)
            if problem := in_the_way(target):
                return problem
            with (
                _temporary(folder, target) as (old, _),
                _temporary(folder, target) as (new, descriptor),
            ):
                _make(folder, descriptor, target, content, access, target.name)
                with calling("rename", target):
                    os.rename(new, old, src_dir_fd=folder, dst_dir_fd=folder)
    except CallFailed as failure:
        return str(failure)
    return None


def replace_volatile(path: Path, content: bytes, *, mode: int) -> str | None:
    """Make `path` hold `content`, owned as `owner_in` says; a sentence where that failed.

    For a file that is rewritten at every tick: whole to every reader, but neither synced nor read
    back, for after a power cut it is out of date anyway, and writing it must not wake a disk each
    minute. What stood there is replaced, a symbolic link included; never what it points to.
    """
    _sweep_once(path)
    try:
        with open_folder(path.parent) as folder:
            with calling("stat", path.parent):
                wanted = owner_in(os.fstat(folder))
            with _temporary(folder, path) as (temporary, descriptor):
                _fill(descriptor, path, content, wanted)
                with calling("fchmod", path):
                    os.fchmod(descriptor, mode)
                with calling("rename", path):
                    os.rename(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except CallFailed as failure:
        return str(failure)
    return None


@cache
def _sweep_once(path: Path) -> None:
    """Remove what a writer that was killed has left, when this process first writes here."""
    sweep(path)


def put_in_place(
    prepared: Path, target: Path, *, expecting: Stamp
) -> Replaced | Overtaken | NotReplaced:
    """Make `target` be the file at `prepared`, in the same folder: a rename, which needs no space.

    Nothing is done where `target` holds something else than is expected. `prepared` must have been
    made durable by `replace`. Never raises for what a disk can do.
    """
    try:
        with open_folder(target.parent) as folder:
            with calling("stat", prepared):
                made = os.stat(prepared.name, dir_fd=folder, follow_symlinks=False)
            if not _expected(_status(folder, target), expecting):
                return Overtaken()
            return _move(folder, prepared.name, target, made)
    except CallFailed as failure:
        return NotReplaced(str(failure), failure.errno)


@contextmanager
def _temporary(folder: int, target: Path) -> Iterator[tuple[str, int]]:
    """Make a temporary beside the target; its name and descriptor. Raises CallFailed.

    One that a sweeper took for stale is made again.
    """
    while True:
        temporary = temporary_name(target.name)
        with calling("open", target):  # with the random name each failure would look like a new one
            descriptor = os.open(temporary, _TO_MAKE, 0o600, dir_fd=folder)
        try:
            with calling("stat", target):
                claimed = claim(folder, temporary, descriptor)
            if claimed:
                yield temporary, descriptor
                return
        finally:
            # After a rename nothing is left under this name; after fsync, close tells no more.
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            with suppress(OSError):
                os.close(descriptor)


def _shape(owner: Owner | Access, mode: int, had: Access | None) -> Access:
    """Owner, mode and access list that are wanted; the list stays, as chmod(2) leaves it."""
    if isinstance(owner, Access):
        return owner
    return Access(owner, had.with_mode(mode).entries) if had else plain(owner, mode)


def _is_so(status: os.stat_result | None, had: Access | None, shape: Access) -> bool:
    return status is not None and had == shape and not status.st_mode & _SPECIAL


def _make(
    folder: int, descriptor: int, target: Path, content: bytes, access: Access, attributes_of: str
) -> os.stat_result:
    """Make a new temporary all that the target shall be, durably; its status when it was made.

    It is given away last: its attributes are its owner's to set.
    """
    with calling("stat", target):
        made = os.fstat(descriptor)
    with calling("write", target):
        write_all(descriptor, content)
    with calling("setxattr", target):
        _copy_attributes(folder, attributes_of, descriptor)
        _set_access_list(descriptor, access)
    with calling("fchmod", target):
        os.fchmod(descriptor, access.mode)
    if not access.owner.owns(made):
        with calling("fchown", target):
            os.fchown(descriptor, access.owner.uid, access.owner.gid)
    with calling("fsync", target):
        os.fsync(descriptor)
    _read_back(descriptor, target, content)
    return made


def _set_access_list(descriptor: int, access: Access) -> None:
    """Set the access list, or take away one that the folder's default list gave (acl(5))."""
    if access.acl is not None:
        os.setxattr(descriptor, ACL, access.acl)
        return
    try:
        os.removexattr(descriptor, ACL)
    except OSError as error:
        if error.errno not in {errno.ENODATA, errno.EOPNOTSUPP}:
            raise


def _fill(descriptor: int, target: Path, content: bytes, owner: Owner) -> os.stat_result:
    """Write and chown a new temporary; its status when it was made."""
    with calling("stat", target):
        made = os.fstat(descriptor)
    with calling("write", target):
        write_all(descriptor, content)
    if not owner.owns(made):
        with calling("fchown", target):
            os.fchown(descriptor, owner.uid, owner.gid)
    return made


def _status(folder: int, target: Path) -> os.stat_result | None:
    try:
        with calling("stat", target):
            status = os.stat(target.name, dir_fd=folder, follow_symlinks=False)
    except CallFailed as failure:
        if failure.errno == errno.ENOENT:
            return None
        raise
    if problem := not_regular(target, status):
        raise CallFailed("stat", target, errno.EINVAL, problem)
    return status


def _expected(found: os.stat_result | None, expecting: Stamp | None) -> bool:
    return expecting is None or expecting == (Stamp.of(found) if found else ABSENT)


def _copy_attributes(folder: int, name: str, descriptor: int) -> None:
    """Copy a file's extended attributes, as far as they can be set (xattr(7))."""
    try:
        old = os.open(name, _TO_READ, dir_fd=folder)
    except OSError:
        return  # there is none, or what cannot be opened cannot be copied from
    try:
        for attribute in _attributes(old):
            try:
                os.setxattr(descriptor, attribute, os.getxattr(old, attribute))
            except OSError as error:
                if error.errno not in _NOT_SETTABLE:
                    raise
    finally:
        os.close(old)


def _attributes(descriptor: int) -> list[str]:
    try:
        return [name for name in os.listxattr(descriptor) if name not in _NOT_COPIED]
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return []
        raise


def _read_back(descriptor: int, target: Path, content: bytes) -> None:
    with calling("read", target):
        found = _read_up_to(descriptor, len(content) + 1)
    if found != content:
        problem = f"what was written for {target} reads back otherwise; the disk loses data"
        raise CallFailed("read", target, errno.EIO, f"{problem}: read the kernel log, replace it")


def _move(folder: int, temporary: str, target: Path, written: os.stat_result) -> Replaced:
    try:
        with calling("rename", target):
            os.rename(temporary, target.name, src_dir_fd=folder, dst_dir_fd=folder)
        with calling("fsync", target.parent):
            os.fsync(folder)
    except CallFailed:
        # Whether the rename was done is never inferred from an error: look whose file is there.
        found = _status(folder, target)
        if found and os.path.samestat(found, written):
            return Replaced(durable=False)
        raise
    return Replaced(durable=True)


def _holds(folder: int, name: str, content: bytes) -> bool:
    """Whether the file can be read and holds just this."""
    try:
        descriptor = os.open(name, _TO_READ, dir_fd=folder)
        try:
            return _read_up_to(descriptor, len(content) + 1) == content
        finally:
            os.close(descriptor)
    except OSError:
        return False


def _read_up_to(descriptor: int, limit: int) -> bytes:
    """Read from the start of the file: at most `limit` bytes, fewer only at its end."""
    found = bytearray()
    while chunk := os.pread(descriptor, limit - len(found), len(found)):
        found += chunk
    return bytes(found)


def remove(path: Path) -> str | None:
    """Remove a file (or a symbolic link, never its target); absent already is a success.

    A sentence, where it is still there.
    """
    try:
        with open_folder(path.parent) as folder:
            with calling("unlink", path), suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=folder)
            # It is removed; without this, whether a power cut brings it back is unknown.
            with suppress(OSError):
                os.fsync(folder)
    except CallFailed as failure:
        return None if failure.errno == errno.ENOENT else str(failure)
    return None


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
