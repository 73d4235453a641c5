"""What the kept rivals have in common: told how often, they do their one thing and say its cost."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable


async def serve(once: Callable[[], Awaitable[object]]) -> None:
    """For each number on standard input, do it so often, one after the other.

    Prints what one cost as `CPU WALL`, in seconds; returns at the end of the input.
    """
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count = int(line)
        cpu, wall = time.process_time(), time.monotonic()
        for _ in range(count):
            await once()
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        sys.stdout.write(f"{cpu / count} {wall / count}\n")
        sys.stdout.flush()
