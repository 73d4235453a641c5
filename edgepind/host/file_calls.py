"""How this folder's rooms call the disk: by open folders, and with every failure named.

A path is looked up once, when its folder is opened; what is done to names in it afterwards cannot
be led elsewhere by a folder that is renamed or linked meanwhile.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgepind.host.file_trouble import sentence


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
