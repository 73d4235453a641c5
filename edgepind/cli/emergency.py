"""The emergency procedure by this very process, where no daemon does it.

Switches validation off or on in the pinning config and restarts the Edge, at once: no budget and
no `ready_command` is asked, for a person did.
"""

from dataclasses import dataclass

from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.restart import Stood, look_at, restart_watched, restarter
from edgepind.model.action import RestartDone, RestartFailed, RestartRefused, WriteFailed
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.settings.schema import EdgeSettings

_NO_PIN = Fingerprint(bytes(32))
"""Stands for the pin of a document without one: a restart only repeats what it was told."""


@dataclass(frozen=True, slots=True)
class Switched:
    """The document says so now and the Edge has loaded it."""


@dataclass(frozen=True, slots=True)
class NotSwitched:
    """What failed, in a sentence; `written`: the document was, and the Edge not restarted."""

    error: str
    written: bool


async def switch_off(edge: EdgeSettings) -> Switched | NotSwitched:
    """Write `enabled: false`, whatever pins the document holds, and restart the Edge."""
    written = _keeper(edge).set_enabled(enabled=False)
    if isinstance(written, WriteFailed):
        return NotSwitched(written.error, written=False)
    loading = Pinning(enabled=False, current=_NO_PIN, accepted=(_NO_PIN,))
    return await _restart(edge, loading, written.digest)


async def switch_on(edge: EdgeSettings) -> Switched | NotSwitched:
    """Write `enabled: true` where the document holds a pin, and restart the Edge."""
    written = _keeper(edge).close()
    if isinstance(written, WriteFailed):
        return NotSwitched(written.error, written=False)
    if written.pinning is None:
        error = (
            f"{edge.pinning_config} holds no pin, so validation stays off there; start edgepind, "
            "or name one with `edgepind pin add`"
        )
        return NotSwitched(error, written=False)
    return await _restart(edge, written.pinning, written.digest)


def _keeper(edge: EdgeSettings) -> DocumentKeeper:
    return DocumentKeeper(edge.pinning_config, edge.owner, edge.mode)


async def _restart(edge: EdgeSettings, loading: Pinning, digest: str) -> Switched | NotSwitched:
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
            return Switched()
        case RestartDone():
            error = (
                f"the Edge was restarted, and something else changed {edge.pinning_config} "
                "meanwhile, so that it is not known what it has loaded; find out what, and say it "
                "again"
            )
            return NotSwitched(error, written=True)
        case RestartFailed(error=error) | RestartRefused(error=error):
            return NotSwitched(error, written=True)
