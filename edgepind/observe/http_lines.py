"""How httpcore, below httpx, gets at the network: over `tls_line`, as handshakes do.

Its own way leads through two more layers, which took a fifth of a steady request. Only what one
HTTPS connection of one task needs is here; deadlines over the whole are `bounded_https`' affair.
"""

import asyncio
import select
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from edgepind.observe.tls_line import TlsLine, connect


class HttpLines(httpcore.AsyncNetworkBackend):
    """Opens lines to numeric addresses."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's interface
        local_address: str | None = None,  # noqa: ARG002  as above
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002  as above
    ) -> httpcore.AsyncNetworkStream:
        """Connect within `timeout` seconds. Raises httpcore.ConnectTimeout, OSError."""
        try:
            async with asyncio.timeout(timeout):
                return _HttpLine(await connect(host, port))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error


class _HttpLine(httpcore.AsyncNetworkStream):
    """One connection, of TLS from `start_tls` on; nothing is said before."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._line: TlsLine | None = None

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        """Shake hands within `timeout` seconds. Raises httpcore.ConnectTimeout, OSError."""
        line = TlsLine(self._connection, ssl_context, server_hostname or "")
        try:
            async with asyncio.timeout(timeout):
                await line.shake()
        except TimeoutError as error:
            self._connection.close()
            raise httpcore.ConnectTimeout from error
        except BaseException:
            self._connection.close()  # nobody else knows of it yet
            raise
        self._line = line
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109  as above
        """What the server said; nothing at the end."""
        return await self._secured.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109  as above
        """Say something to the server."""
        if buffer:
            await self._secured.write(buffer)

    async def aclose(self) -> None:
        """Close at once; of TLS, the end is announced, and not waited for."""
        if self._line is not None:
            self._line.say_goodbye()
        self._connection.close()

    def get_extra_info(self, info: str) -> Any:
        """Answer what httpcore asks: the TLS object, and whether the server has said something."""
        match info:
            case "ssl_object":
                return None if self._line is None else self._line.tls
            case "is_readable":  # on a kept connection that is the end of it
                poll = select.poll()
                poll.register(self._connection, select.POLLIN)
                return bool(poll.poll(0))
            case _:
                return None

    @property
    def _secured(self) -> TlsLine:
        if self._line is None:
            raise RuntimeError("nothing is said or heard without TLS")
        return self._line
