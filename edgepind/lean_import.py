"""Imports a library without what it takes along for a purpose that the daemon does not have.

structlog imports rich for coloured tracebacks, httpx imports click for a command line of its own:
where they are installed, 5 and 6 MiB of the 40 that the daemon may take.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """Let the package `name` look as if it were not installed, unless it is loaded already."""
    unused = name not in sys.modules
    if unused:
        sys.modules[name] = None  # type: ignore[assignment] # "not to be found", as import says
    try:
        yield
    finally:
        if unused:
            del sys.modules[name]
