"""Calls of the file system: by open folders, and with every failure named in a sentence.

A path is looked up once, when its folder is opened; what is done to names in it afterwards cannot
be led elsewhere by a folder that is renamed or linked meanwhile.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

    Caught where the sequence was begun, and made a value there: it leaves no public function.
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

    A disk that takes nothing and tells of no error is broken: asked again it might say so for ever.
    """
    rest = memoryview(content)
    while rest:
        taken = os.write(descriptor, rest)
        if taken == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[taken:]
