"""Switches pinning validation off or on from this process, where no daemon does it.

The pinning config is written and the Edge restarted at once, without a budget or `ready_command`,
because a person asked for it. Run as root, the command does the privileged helper's work: it takes
the helper's lock, so that the two never restart the Edge at once, and records when the override
ends, so that systemd ends it. Where the helper is not installed there is neither.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edgepind.cli.running_daemon import polled
from edgepind.clock import SystemClock
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.restart import Stood, look_at, restart_watched, restarter
from edgepind.effects.systemd import set_timer
from edgepind.helper.policy import HelperPolicy
from edgepind.helper.records import FOLDER, TIMER, OpeningRecord, turn
from edgepind.model.action import (
    RestartDone,
    RestartFailed,
    RestartRefused,
    RestartUnderWay,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.settings.schema import EdgeSettings, Settings

_PATIENCE = 10.0
"""Seconds to wait for a helper that is restarting or closing the Edge."""
_LOOK_EVERY = 0.2
_NO_PIN = Fingerprint(bytes(32))
"""In place of the pin of a document without one: a restart only passes it on to its outcome."""


@dataclass(frozen=True, slots=True)
class NotSwitched:
    """What failed, in a sentence; `written`: the document was, and the Edge not restarted."""

    error: str
    written: bool


async def switch_off(edge: EdgeSettings) -> NotSwitched | None:
    """Write `enabled: false`, whatever pins the document holds; None: the Edge has loaded it."""
    written = (await _keeper(edge)).set_enabled(enabled=False)
    if isinstance(written, WriteFailed):
        return NotSwitched(written.error, written=False)
    loading = Pinning(enabled=False, current=_NO_PIN, accepted=(_NO_PIN,))
    return await _restart(edge, loading, written.digest)


async def switch_on(edge: EdgeSettings) -> NotSwitched | None:
    """Write `enabled: true` if the document holds a pin; None: the Edge has loaded it."""
    written = (await _keeper(edge)).close()
    if isinstance(written, WriteFailed):
        return NotSwitched(written.error, written=False)
    if written.pinning is None:
        error = (
            f"{edge.pinning_config} holds no pin, so validation stays off there; start edgepind, "
            "or name one with `edgepind pin add`"
        )
        return NotSwitched(error, written=False)
    return await _restart(edge, written.pinning, written.digest)


async def _keeper(edge: EdgeSettings) -> DocumentKeeper:
    way = restarter(edge)
    try:
        account = await way.account()
    finally:
        way.close()
    return DocumentKeeper(edge.pinning_config, edge.owner, edge.mode, account=lambda: account)


async def _restart(edge: EdgeSettings, loading: Pinning, digest: str) -> NotSwitched | None:
    """Restart the Edge, which is to read the document with this `digest`."""

    async def look() -> Stood:
        return look_at(edge.pinning_config)

    way = restarter(edge)
    try:
        outcome = await restart_watched(way, loading, look)
    finally:
        way.close()
    match outcome:
        case RestartDone(read=read) if read == digest:
            return None
        case RestartDone():
            error = (
                f"the Edge was restarted while something else changed {edge.pinning_config}, so it "
                "is not known what it has loaded; find out what, and run the command again"
            )
            return NotSwitched(error, written=True)
        case RestartUnderWay():
            error = (
                f"{edge.unit} is still being restarted with it; wait for that to end: "
                f"`systemctl status {edge.unit}` shows how far it is"
            )
            return NotSwitched(error, written=True)
        case RestartFailed(error=error) | RestartRefused(error=error):
            return NotSwitched(error, written=True)


# --- in the helper's place --------------------------------------------------------------------


@asynccontextmanager
async def own_turn(folder: Path = FOLDER) -> AsyncIterator[str | None]:
    """Hold the helper's lock during the block; yields a sentence if the helper keeps it."""
    with ExitStack() as held:

        def take() -> bool | None:
            if not _is_possible(folder) or held.enter_context(turn(folder)):
                return True
            held.close()
            return None

        if await polled(_PATIENCE, _LOOK_EVERY, take):
            yield None
        else:
            yield (
                "the Edge is being restarted by root's helper at this moment; "
                "run the command again when that is done"
            )


async def have_it_ended(settings: Settings, folder: Path = FOLDER) -> str | None:
    """Record when root's override ends, and have systemd end it then.

    Returns a clause that says why systemd will not; then only a daemon or `edgepind override off`
    ends it.
    """
    if not _is_possible(folder):
        return "edgepind's privileged helper is not installed here"
    return HelperPolicy(settings, folder, SystemClock()).objection_to_opening() or await set_timer(
        TIMER, runs=True
    )


def ended(folder: Path = FOLDER) -> None:
    """Delete the record of the override: the Edge has loaded a document with validation on."""
    if _is_possible(folder):
        OpeningRecord(folder, SystemClock()).remove()  # if it stays, systemd finds validation on


def _is_possible(folder: Path) -> bool:
    """Whether the helper is installed and this process may do its work."""
    try:
        with turn(folder):
            return True
    except OSError:
        return False
