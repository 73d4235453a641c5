"""A disk that writes down what reaches it: every write with its data, and every flush.

It is one file in a FUSE file system of its own, for a loop device to stand on, so that whatever a
file system asks of its disk comes by here in order: fuse(4), linux/fuse.h. Needs root.
"""

import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_ROOT, _DISK = 1, 2
_HEADER = struct.Struct("<IIQQIIIHH")
_REPLY = struct.Struct("<IiQ")
_MOST = 131_072
_NO_ANSWER = {2, 36, 42}
"""FORGET, INTERRUPT and BATCH_FORGET want none."""
_DIRECT = 1
"""FOPEN_DIRECT_IO: no page cache between the loop device and the log."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that were given to the disk; durable only after the next flush."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Flush:
    """What was given before is durable from here on."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a program was told: `version` of the file is in place for good."""

    version: int


Entry = Write | Flush | Mark


@dataclass(slots=True)
class BlockLog:
    """The disk's content in `image`, and what has come to it."""

    image: Path
    entries: list[Entry] = field(default_factory=list)

    def note(self, entry: Entry) -> None:
        """Add to what was written down."""
        self.entries.append(entry)


@contextmanager
def logged_disk(image: Path, folder: Path) -> Iterator[tuple[Path, BlockLog]]:
    """Give the path of a disk with the content of `image`, mounted in `folder`, and its log."""
    folder.mkdir()
    log = BlockLog(image)
    descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0,max_read={_MOST}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"edgepind-test", bytes(folder), b"fuse", 0, options.encode()) != 0:
        os.close(descriptor)
        raise OSError(ctypes.get_errno(), "no FUSE file system can be mounted here")
    backing = os.open(image, os.O_RDWR | os.O_CLOEXEC)
    server = threading.Thread(target=_Server(descriptor, backing, log).serve, daemon=True)
    server.start()
    try:
        yield folder / "disk", log
    finally:
        libc.umount2(bytes(folder), 2)  # MNT_DETACH: the thread may be needed to let go
        server.join(5)
        os.close(descriptor)
        os.close(backing)


class _Server:
    """Answers the kernel's requests on one descriptor of /dev/fuse, one after the other."""

    def __init__(self, descriptor: int, backing: int, log: BlockLog) -> None:
        self._descriptor = descriptor
        self._backing = backing
        self._log = log
        self._answers: dict[int, Callable[[int, bytes], bytes]] = {
            1: self._lookup,
            3: self._attributes,
            4: self._attributes,
            14: lambda _node, _body: struct.pack("<QII", 0, _DIRECT, 0),
            15: self._read,
            16: self._write,
            17: lambda _node, _body: struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 512, 255, 512, 0),
            18: lambda _node, _body: b"",
            20: self._flush,
            25: lambda _node, _body: b"",
            26: self._init,
            27: lambda _node, _body: struct.pack("<QII", 0, 0, 0),
            29: lambda _node, _body: b"",
            34: lambda _node, _body: b"",
        }

    def serve(self) -> None:
        """Answer until it is unmounted."""
        while True:
            try:
                request = os.read(self._descriptor, _MOST + 4096)
            except OSError as error:
                if error.errno in {errno.EINTR, errno.ENOENT, errno.EAGAIN}:
                    continue
                return  # ENODEV: unmounted
            _, operation, unique, node, *_ = _HEADER.unpack_from(request)
            if operation in _NO_ANSWER:
                continue
            answer = self._answers.get(operation)
            problem, body = 0, b""
            if answer is None:
                problem = errno.ENOSYS
            else:
                try:
                    body = answer(node, request[_HEADER.size :])
                except OSError as error:
                    problem = error.errno or errno.EIO
            reply = _REPLY.pack(_REPLY.size + len(body), -problem, unique) + body
            os.write(self._descriptor, reply)

    def _init(self, _node: int, _body: bytes) -> bytes:
        return struct.pack("<IIIIHHIIHHI32x", 7, 31, _MOST, 0, 12, 9, _MOST, 1, 0, 0, 0)[:64]

    def _lookup(self, _node: int, body: bytes) -> bytes:
        if body.rstrip(b"\0") != b"disk":
            raise FileNotFoundError(errno.ENOENT, "there is one disk only")
        return struct.pack("<QQQQII", _DISK, 0, 3600, 3600, 0, 0) + self._attribute_block(_DISK)

    def _attributes(self, node: int, _body: bytes) -> bytes:
        return struct.pack("<QII", 3600, 0, 0) + self._attribute_block(node)

    def _attribute_block(self, node: int) -> bytes:
        size = os.fstat(self._backing).st_size if node == _DISK else 0
        mode = stat.S_IFREG | 0o600 if node == _DISK else stat.S_IFDIR | 0o700
        times = (0, 0, 0, 0, 0, 0)
        return struct.pack(
            "<QQQQQQIIIIIIIIII", node, size, size // 512, *times, mode, 1, 0, 0, 0, 512, 0
        )

    def _read(self, _node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(self._backing, size, offset)

    def _write(self, _node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        data = bytes(body[40 : 40 + size])
        os.pwrite(self._backing, data, offset)
        self._log.note(Write(offset, data))
        return struct.pack("<II", len(data), 0)

    def _flush(self, _node: int, _body: bytes) -> bytes:
        self._log.note(Flush())
        return b""
