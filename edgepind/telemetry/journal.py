"""journald's native protocol: one datagram an entry, sent without ever waiting.

Format: systemd.io, "Native Journal Protocol"; names of fields: systemd.journal-fields(7).
"""

import errno
import fcntl
import os
import re
import socket
import struct
from collections.abc import Mapping

SOCKET = "/run/systemd/journal/socket"

_FIELD_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_SEND_BUFFER = 8 * 1024 * 1024
_TOO_LARGE = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Journal:
    """A connection to the journal; the socket is looked up for each entry, so journald may restart.

    `lost` counts the entries that could not be delivered.
    """

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self.lost = 0

    def send(self, fields: Mapping[str, str]) -> bool:
        """Deliver one entry; False if journald is absent or its queue is full."""
        entry = encode(fields)
        try:
            try:
                self._socket.sendto(entry, self._path)
            except OSError as error:
                if error.errno not in _TOO_LARGE:
                    raise
                self._send_as_file(entry)
        except OSError:
            self.lost += 1
            return False
        return True

    def __del__(self) -> None:
        """Close the socket with the last logger that uses it."""
        self._socket.close()

    def _send_as_file(self, entry: bytes) -> None:
        """Send what is too large for a datagram as a sealed memfd."""
        fd = os.memfd_create("edgepind-journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(fd, "wb", closefd=False) as file:
                file.write(entry)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _ALL_SEALS)
            # Not socket.send_fds, which forgets the address.
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))
            self._socket.sendmsg([b""], [rights], 0, self._path)
        finally:
            os.close(fd)


def encode(fields: Mapping[str, str]) -> bytes:
    """Write an entry. A value with a line break is preceded by its length (64 bits, little-endian).

    Raises ValueError for a name that journald would drop the field for: a programming error.
    """
    parts = []
    for name, text in fields.items():
        if not _FIELD_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a journal field")
        value = text.encode("utf-8", "replace")
        if b"\n" in value:
            parts.append(b"%b\n%b%b\n" % (name.encode(), struct.pack("<Q", len(value)), value))
        else:
            parts.append(b"%b=%b\n" % (name.encode(), value))
    return b"".join(parts)
