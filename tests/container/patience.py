"""Waiting for something to become so: the one place in these tests that polls."""

import time
from collections.abc import Callable
from typing import TypeVar

LOOK_AGAIN = 0.05
_T = TypeVar("_T")


def until(holds: Callable[[], _T], within: float, what: str, pause: float = LOOK_AGAIN) -> _T:
    """Wait at most `within` seconds until `holds` gives something true, and return that.

    It looks again every `pause` seconds: rarely, where a look starts processes.
    It is about another machine's processes, so there is nothing to be woken by. Raises
    TimeoutError with `what` was waited for.
    """
    deadline = time.monotonic() + within
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(pause)
    return value
