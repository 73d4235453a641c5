"""A TLS connection over a plain socket, driven by hand.

So that a deadline or a cancellation closes it at once (asyncio's own TLS transports wait up to
half a minute for the peer to agree to the end), and that each side of a talk costs one call of
the kernel. Who answers is not judged here, and no deadline is kept: the caller has both.
"""

import asyncio
import socket
import ssl
from contextlib import suppress

_CHUNK = 16_384
_BREATH = 8
"""Reads after which the loop is left to others. A peer that never pauses would otherwise keep it
for itself: what is there already is read without waiting, and no deadline could fall due."""


async def connect(ip: str, port: int) -> socket.socket:
    """Connect to a numeric address. Raises OSError; cancelled, it leaves nothing open."""
    # Numeric, so that nothing is looked up; it also splits the zone off a link-local address.
    family, kind, protocol, _, to = socket.getaddrinfo(
        ip, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)  # noqa: FBT003  the only way the library takes it
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connection, to)
    except BaseException:
        connection.close()
        raise
    return connection


class TlsLine:
    """A client's side of TLS over `connection`, which stays the caller's to close.

    `host` goes out as SNI, and is what the context compares with, where it compares.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._reads = 0

    async def shake(self) -> None:
        """Shake hands; our last message waits to go out with what is said next.

        Raises ssl.SSLError, after the peer was told by an alert, and OSError; ConnectionResetError
        also where the peer hangs up in an orderly way.
        """
        while not self._advance():
            await self._breathe()
            await self._flush()
            if not await self._receive():
                raise ConnectionResetError("closed")

    async def read(self, most: int) -> bytes:
        """Up to so many octets that the peer said; none at all at the end, however it ended."""
        while True:
            await self._breathe()
            try:
                return self.tls.read(most)
            except ssl.SSLWantReadError:
                await self._flush()  # the answer to a change of keys, say
                if not await self._receive():
                    self._incoming.write_eof()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def write(self, octets: bytes) -> None:
        """Say something."""
        self.tls.write(octets)
        await self._flush()

    def say_goodbye(self) -> None:
        """Tell the peer that this is the end, and wait for no answer."""
        with suppress(ssl.SSLError):
            self.tls.unwrap()  # writes close_notify; would then wait for the peer's
        self._send_at_once()

    def _advance(self) -> bool:
        """Whether the handshake is complete."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            self._send_at_once()
            raise
        return True

    async def _breathe(self) -> None:
        self._reads += 1
        if self._reads % _BREATH == 0:
            await asyncio.sleep(0)

    async def _receive(self) -> bool:
        received = await asyncio.get_running_loop().sock_recv(self._connection, _CHUNK)
        self._incoming.write(received)
        return bool(received)

    async def _flush(self) -> None:
        if pending := self._outgoing.read():
            await asyncio.get_running_loop().sock_sendall(self._connection, pending)

    def _send_at_once(self) -> None:
        with suppress(OSError):
            self._connection.send(self._outgoing.read())
