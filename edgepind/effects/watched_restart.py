"""A restart during which the document is watched, to tell what the Edge can have read.

Something else may replace the document while the Edge stops, and even put it back when that has
been read. So what counts is what stood there from the start of the new run on, and not what was
written before. Nothing is judged: the digest is observed, and the core compares it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from edgepind.effects.pinning_text import LONGEST, digest_of
from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.model.action import RestartDone, RestartFailed, RestartRefused
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit, Unit

_EVERY = 0.05
"""Seconds between two looks at the document during the restart."""
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


class Restarter(Protocol):
    """What restarts the Edge: its unit, or the operator's command."""

    async def unit(self) -> EdgeUnit:
        """Report the unit, if there is one."""

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed | RestartRefused:
        """Restart the Edge and wait for the end of that."""

    def close(self) -> None:
        """Give up what is held open between calls."""


@dataclass(frozen=True, slots=True)
class Stood:
    """What stood at the path at one look: its SHA-256, "" where nothing could be read.

    `changed` is the file's change time, and `identity` what else tells one file from the next.
    """

    digest: str
    changed: datetime = _UNKNOWN
    identity: tuple[int, ...] = ()


def look_at(path: Path) -> Stood:
    """Look at the document once. Synchronous; never raises for what is there."""
    found = read_small_file(path, LONGEST, follow=True)
    if not isinstance(found, SmallFile):
        return Stood("")
    status = found.status
    identity = (status.st_dev, status.st_ino, status.st_ctime_ns)
    return Stood(digest_of(found.content), found.changed, identity)


def read_from(stood: Sequence[Stood], started_at: datetime | None) -> str:
    """The digest of what alone stood there from `started_at` on; "" where that changed.

    `stood` are the looks that differ, in their order. Where nobody knows when the Edge was started,
    nothing may have changed at all.
    """
    if started_at is None:
        return stood[0].digest if len(stood) == 1 else ""
    before = (place for place, it in enumerate(stood) if it.changed <= started_at)
    since = {it.digest for it in stood[max(before, default=0) :]}
    return since.pop() if len(since) == 1 else ""


async def restart_watched(
    way: Restarter, loading: Pinning, look: Callable[[], Awaitable[Stood]]
) -> RestartDone | RestartFailed | RestartRefused:
    """Restart the Edge by `way`, and tell what it can have read; `look` looks at the document."""
    stood = [await look()]
    watching = asyncio.create_task(_watch(stood, look))
    try:
        outcome = await way.restart(loading)
    finally:
        watching.cancel()
        await asyncio.wait({watching})
    if not isinstance(outcome, RestartDone):
        return outcome
    unit = await way.unit()
    _note(stood, await look())
    started_at = None
    if isinstance(unit, Unit) and unit.invocation == outcome.invocation:
        started_at = unit.started_at
    return replace(outcome, read=read_from(stood, started_at))


async def _watch(stood: list[Stood], look: Callable[[], Awaitable[Stood]]) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        _note(stood, await look())


def _note(stood: list[Stood], found: Stood) -> None:
    if found != stood[-1]:
        stood.append(found)
