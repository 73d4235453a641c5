"""A TLS server whose every octet is scripted: for what no well-behaved server would say.

It knows no HTTP. Scripts run on loopback in the test's own loop and end when it is closed.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from edgepind.lab.listener import server_context
from edgepind.lab.pki import Credential
from edgepind.settings.kinds import Address

_DRIP = 0.01
"""Seconds between two octets: far below any time-out of a single operation."""

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True, eq=False)
class RawServer:
    """Where it listens, and what it has seen.

    `connections` counts TCP connections whose handshake the server saw the end of; `received`
    holds what was read on each of them, decrypted.
    """

    address: Address
    connections: int = 0
    received: list[bytes] = field(default_factory=list)


@contextlib.asynccontextmanager
async def raw_server(
    credential: Credential | None,
    script: Script,
    *,
    tls: ssl.TLSVersion | None = None,
) -> AsyncIterator[RawServer]:
    """Serve `script` on 127.0.0.1 to everybody who connects; without a credential, no TLS.

    `tls` is the only version on offer; None for any from 1.2. The script is given the streams
    once the head of a request was read into `received`, or the client had closed.
    """
    context = None if credential is None else server_context(credential)
    if context is not None and tls is not None:
        context.minimum_version = context.maximum_version = tls
    server = RawServer(Address("127.0.0.1", 0))
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            try:
                server.received.append(await _head(reader))
                await script(reader, writer)
            finally:
                writer.close()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    listening = await asyncio.start_server(welcome, "127.0.0.1", 0, ssl=context)
    server.address = Address("127.0.0.1", listening.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listening.close()
        for task in tuple(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return error.partial


def flood(start: bytes, again: bytes) -> Script:
    """Make a script that says `start`, then `again` for ever, as fast as it goes."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(0)  # lets the loop notice that the client has gone

    return script


def drip(start: bytes, again: bytes) -> Script:
    """Make a script that says `start`, then `again` for ever, an octet at a time."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            for octet in again:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(_DRIP)

    return script


def once(answer: bytes) -> Script:
    """Make a script that says `answer` and hangs up."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return script
