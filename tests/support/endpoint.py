"""Bare endpoints on loopback: a TLS server that only shakes hands, and a listener of any manners.

For looking at single handshakes; the cloud with its pages and faces is `lab.cloud`.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from edgepind.lab.listener import server_context
from edgepind.lab.pki import Credential
from edgepind.settings.kinds import Address

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds, socket(7)


@asynccontextmanager
async def endpoint(
    behave: Behaviour, *, ip: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Address]:
    """Listen on a port that the kernel chooses; `behave` is run for each connection.

    Without `tls` it is run as soon as a connection is accepted. At the end of the block nothing
    listens, and what still runs is cancelled.
    """
    running: set[asyncio.Task[None]] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
            task.add_done_callback(running.discard)
        with suppress(OSError, asyncio.CancelledError):
            await behave(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(welcome, ip, 0, ssl=tls)
    try:
        yield Address(ip, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@asynccontextmanager
async def tls_endpoint(
    credential: Credential,
    *,
    ip: str = "127.0.0.1",
    configure: Callable[[ssl.SSLContext], None] = lambda _context: None,
) -> AsyncIterator[Address]:
    """Serve `credential` under TLS and hang up when the client does."""
    context = server_context(credential)
    configure(context)
    async with endpoint(until_the_end, ip=ip, tls=context) as address:
        yield address


async def until_the_end(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Swallow whatever comes until the peer closes, and say nothing."""
    await reader.read()


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection with a TCP reset."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
