"""Ports for servers that are programs of their own, and when those are there."""

import asyncio
import socket

_DEADLINE = 20.0


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


async def until_listening(port: int) -> None:
    """Wait for it; what a program says comes late, through a buffer. Raises TimeoutError."""
    async with asyncio.timeout(_DEADLINE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
