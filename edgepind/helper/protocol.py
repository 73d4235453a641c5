"""One connection's worth of talk: a greeting, one line in, one line out, all of it bounded."""

import os
import socket
import struct
from dataclasses import dataclass

from edgepind.clock import Clock
from edgepind.effects.helper_requests import GREETING, LONGEST, RequestRefused

PATIENCE = 2.0
"""Seconds for a whole request to come: who was greeted has it ready, and others wait behind."""

_FAREWELL = 5.0
"""Seconds for the peer to take the answer."""

_CREDENTIALS = struct.Struct("3i")  # struct ucred, unix(7)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, as the kernel tells (SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int

    def __str__(self) -> str:
        """For a line in the journal."""
        return f"pid {self.pid} (uid {self.uid}, gid {self.gid})"


def peer_of(connection: socket.socket) -> Peer:
    """Ask the kernel who is at the other end."""
    octets = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(octets))


def hear(
    connection: socket.socket, clock: Clock, patience: float = PATIENCE
) -> bytes | RequestRefused:
    """Greet, and take one line of at most `LONGEST` octets within `patience` seconds.

    The end of what the peer sends ends a line as well. Never raises for what a peer can do.
    """
    ends = clock.now().monotonic + patience
    heard = b""
    try:
        connection.settimeout(patience)
        connection.sendall(GREETING)
        while not heard.endswith(b"\n") and (
            chunk := _next(connection, ends - clock.now().monotonic)
        ):
            heard += chunk
            if len(heard) > LONGEST:
                return RequestRefused(f"the request is refused: it is longer than {LONGEST} bytes")
    except TimeoutError:
        return RequestRefused(f"the request is refused: it was not whole within {patience:g} s")
    except OSError as error:
        return RequestRefused(f"the request is refused: {os.strerror(error.errno or 0)}")
    return heard


def _next(connection: socket.socket, left: float) -> bytes:
    """Whatever comes within `left` seconds; b"" at the end. Raises TimeoutError."""
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(LONGEST + 1)


def reply(connection: socket.socket, line: bytes) -> None:
    """Send the answer. Raises OSError where the peer does not take it."""
    connection.settimeout(_FAREWELL)
    connection.sendall(line)
