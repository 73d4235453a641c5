"""Ports for servers that are programs of their own, and when those are there."""

import asyncio
import random
import socket
from pathlib import Path

_DEADLINE = 60.0
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_WIDTH = 10_000


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens just now.

    It is below those that the kernel chooses for connections (ip(7)), one of which would take it
    before the server that it is meant for has started.
    """
    first = int(_RANGE.read_text().split()[0])
    while True:
        port = random.randrange(max(first - _WIDTH, 1024), first)  # noqa: S311  keeps no secret
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


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
