"""Waiting for something to become so: the one place in these tests that polls."""

import time
from collections.abc import Callable
from typing import TypeVar

_LOOK_AGAIN = 0.05
_T = TypeVar("_T")


def until(holds: Callable[[], _T], within: float, what: str) -> _T:
    """Wait at most `within` seconds until `holds` gives something true, and return that.

    It is about another machine's processes, so there is nothing to be woken by. Raises
    TimeoutError with `what` was waited for.
    """
    deadline = time.monotonic() + within
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(_LOOK_AGAIN)
    return value
