"""A command that does the privileged helper's work as root: its turn, its record, its timer.

So that what the command opens is ended as what the helper opens, and the two never restart the
Edge at once. Where the helper is not installed there is neither.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from edgepind.clock import SystemClock
from edgepind.effects.systemd import set_timer
from edgepind.helper.policy import HelperPolicy
from edgepind.helper.records import FOLDER, TIMER, OpeningRecord, turn
from edgepind.settings.schema import Settings

_PATIENCE = 10.0
"""Seconds for whoever restarts or closes the Edge at this moment."""

_LOOK_EVERY = 0.2


@asynccontextmanager
async def own_turn(folder: Path = FOLDER) -> AsyncIterator[str | None]:
    """Keep the helper away for the length of the block; a sentence, where it is at work itself."""
    with ExitStack() as held:

        async def take() -> bool:
            if not _is_ours(folder) or held.enter_context(turn(folder)):
                return True
            held.close()
            return False

        attempts = AsyncRetrying(
            stop=stop_after_delay(_PATIENCE),
            wait=wait_fixed(_LOOK_EVERY),
            retry=retry_if_result(lambda taken: not taken),
            retry_error_callback=lambda _: False,
        )
        if await attempts(take):
            yield None
        else:
            yield (
                "the Edge is being restarted by root's helper at this moment; "
                "run the command again when that is done"
            )


async def have_it_ended(settings: Settings, folder: Path = FOLDER) -> str | None:
    """Record the end of root's override, and have systemd see to it.

    A clause, where nobody will: then only a daemon or `edgepind override off` ends it.
    """
    if not _is_ours(folder):
        return "edgepind's privileged helper is not installed here"
    return HelperPolicy(settings, folder, SystemClock()).objection_to_opening() or await set_timer(
        TIMER, runs=True
    )


def ended(folder: Path = FOLDER) -> None:
    """The Edge has loaded a document with validation on: nothing is left to be ended."""
    if _is_ours(folder):
        OpeningRecord(folder, SystemClock()).remove()  # one that stays finds the Edge closed


def _is_ours(folder: Path) -> bool:
    """Whether the helper is installed, and this process may do its work."""
    try:
        with turn(folder):
            return True
    except OSError:
        return False
