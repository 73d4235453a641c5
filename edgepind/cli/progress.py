"""A word to whoever waits at a terminal, where an answer takes longer than a moment."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_A_MOMENT = 1.0


@asynccontextmanager
async def waiting(what: str) -> AsyncIterator[None]:
    """Say on standard error what is waited for, from the second second on; nothing when piped."""
    teller = asyncio.create_task(_tell(what)) if sys.stderr.isatty() else None
    try:
        yield
    finally:
        if teller is not None:
            teller.cancel()
            with suppress(asyncio.CancelledError):
                await teller


async def _tell(what: str) -> None:
    await asyncio.sleep(_A_MOMENT)
    from rich.console import Console  # noqa: PLC0415  only a slow answer on a terminal needs it

    with Console(stderr=True, highlight=False).status(what):
        await asyncio.Event().wait()
