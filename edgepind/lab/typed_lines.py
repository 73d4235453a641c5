"""Lines from standard input without a thread, so that an interrupt need not wait for Enter."""

import asyncio
import os
from collections.abc import AsyncIterator

_CHUNK = 4096


async def typed_lines(descriptor: int) -> AsyncIterator[str]:
    """Yield each line of a terminal, a pipe or a file, without its end, until there are no more."""
    rest = b""
    while chunk := await _read(descriptor):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except PermissionError:  # a regular file cannot be waited for, and never keeps one waiting
        return os.read(descriptor, _CHUNK)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, _CHUNK)
