"""A local socket behind which a tunnel begins, for a program that only knows how to connect.

`openssl s_client` speaks to some proxies itself, but takes the password as an argument, which every
user can read. So it connects to a socket in a private folder, and knows of no proxy. Imported only
where `cloud.proxy` is set.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpcore

from edgepind.host.disk_thread import run_aside
from edgepind.observe.tunnel import open_tunnel
from edgepind.observe.way import Through

_CHUNK = 65_536


@asynccontextmanager
async def tunnel_socket(way: Through, timeout: float) -> AsyncIterator[Path]:  # noqa: ASYNC109  of the tunnel
    """The path of a socket; whoever connects is in a tunnel of his own, while the context lasts.

    Where the tunnel is not opened, the connection is closed without a word. Raises OSError.
    """
    tasks: list[asyncio.Task[None]] = []

    def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(_carry(way, timeout, reader, writer)))

    folder = await run_aside(lambda: tempfile.TemporaryDirectory(prefix="edgepind-"))
    try:
        path = Path(folder.name) / "tunnel"
        server = await asyncio.start_unix_server(carry, path)
        try:
            yield path
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await run_aside(folder.cleanup)


async def _carry(
    way: Through,
    timeout: float,  # noqa: ASYNC109  of the tunnel
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Carry what comes, both ways, until one side ends."""
    try:
        stream = await open_tunnel(way, timeout)
        try:
            async with asyncio.TaskGroup() as group:
                out = group.create_task(_outwards(reader, stream))
                await _inwards(stream, writer)
                out.cancel()
        finally:
            await stream.aclose()
    finally:  # however it ends, the program sees that
        writer.close()


async def _outwards(reader: asyncio.StreamReader, stream: httpcore.AsyncNetworkStream) -> None:
    while octets := await reader.read(_CHUNK):
        await stream.write(octets)


async def _inwards(stream: httpcore.AsyncNetworkStream, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while octets := await stream.read(_CHUNK):
            writer.write(octets)
            await writer.drain()
