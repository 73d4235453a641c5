"""Waiting for something to become so: the one place in the lab that polls."""

import asyncio
from collections.abc import Callable

_LOOK_AGAIN = 0.02


async def until(condition: Callable[[], object], within: float) -> bool:
    """Wait at most `within` seconds for the condition; tell whether it came true.

    It is about other processes and their files, so there is nothing to be woken by.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not condition():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(_LOOK_AGAIN)
    return True
