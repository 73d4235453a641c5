"""The restart of the Edge: the operator's hooks around it, who does it, and what the Edge has read.

What follows from an answer is decided in `core`. The document is watched meanwhile, because
something else may replace it while the Edge stops, and even put it back once it has been read: what
counts is what stood there from the start of the new run on, not what was written before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from edgepind.effects.attributes import EdgeAccount, NoAccount
from edgepind.effects.pinning_text import LONGEST, digest_of
from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.host.command import Exited, run_command
from edgepind.model.action import RestartDone, RestartFailed, RestartOutcome, RestartRefused
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit, Health, NoUnit, Unit, UnitState, cannot_start
from edgepind.settings.schema import EdgeSettings

HOOK_DEADLINE = 10.0
"""Seconds for `ready_command` and `health_command`; one that does not end has not agreed."""

RESTART_DEADLINE = 120.0
"""Seconds for which one request waits for a restart: more than the default 90 s of a stop.

A job of systemd's goes on after that, and the ticks that follow watch the unit; `restart_command`
has no one else to end it, so for it `edge.start_timeout` takes this one's place.
"""

_EVERY = 0.05
"""Seconds between two looks at the document during the restart."""
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


async def objection_to_restart(
    ready_command: tuple[str, ...], *, deadline: float = HOOK_DEADLINE
) -> str | None:
    """Why a restart would disturb calls now; None where `ready_command` agrees or is not set."""
    if not ready_command:
        return None
    result = await run_command(ready_command, deadline)
    agreed = isinstance(result, Exited) and result.code == 0
    return None if agreed else f"{ready_command[0]}: {result}"


async def ask_health(health_command: tuple[str, ...], *, deadline: float = HOOK_DEADLINE) -> Health:
    """Ask whether the restarted Edge is well: exit code 0, or no `health_command` is set."""
    if not health_command:
        return Health(well=True)
    result = await run_command(health_command, deadline)
    well = isinstance(result, Exited) and result.code == 0
    return Health(well, f"{health_command[0]}: {result}")


class Restarter(Protocol):
    """What restarts the Edge: its unit, or the operator's command."""

    async def unit(self) -> EdgeUnit:
        """Report the unit, if there is one."""

    async def patience(self) -> float | None:
        """Seconds that its owner gives a stop and a start together; None: that is not known."""

    async def account(self) -> EdgeAccount:
        """As whom the Edge runs, so that it can be let read its document."""

    async def restart(self, loading: Pinning) -> RestartOutcome:
        """Restart the Edge and wait for the end of that, or until it takes long."""

    def close(self) -> None:
        """Close what is kept between calls."""


class RestartCommand:
    """The operator's `restart_command` in place of a unit: exit code 0 is a restart that is done.

    Only `health_command` then says whether the Edge is well.
    """

    def __init__(self, argv: tuple[str, ...], *, deadline: float = RESTART_DEADLINE) -> None:
        self._argv = argv
        self._deadline = deadline

    async def unit(self) -> NoUnit:
        """There is none."""
        return NoUnit()

    async def patience(self) -> float:
        """Its deadline."""
        return self._deadline

    async def account(self) -> NoAccount:
        """Nothing tells it."""
        return NoAccount()

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed:
        """Run the command to its end."""
        result = await run_command(self._argv, self._deadline)
        if isinstance(result, Exited) and result.code == 0:
            return RestartDone(loading)
        return RestartFailed(loading, f"restart_command {self._argv[0]}: {result}")

    def close(self) -> None:
        """Nothing is kept between calls."""


def restarter(edge: EdgeSettings, bus_address: str | None = None) -> Restarter:
    """`restart_command` where it is set, else systemd; `bus_address` None: the system bus."""
    if edge.restart_command:
        return RestartCommand(edge.restart_command, deadline=edge.command_deadline)
    # Only here is D-Bus needed, and it costs 7 MiB.
    from edgepind.effects.systemd import SystemdUnit  # noqa: PLC0415 - see above

    return SystemdUnit(edge.unit, bus_address=bus_address)


def no_restart(name: str, unit: Unit, loading: Pinning) -> RestartFailed | RestartRefused | None:
    """Why the unit `name` in this state is not restarted (CONTRACT section 8); None where it is.

    A failed unit is: nobody stopped it, and a rollback has to bring it up again.
    """
    if error := cannot_start(unit.state, name):
        return RestartFailed(loading, error)
    if unit.state in {UnitState.INACTIVE, UnitState.DEACTIVATING}:
        error = f"{name} is stopped and stays so; started, it will load the new document"
        return RestartRefused(error)
    return None


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

    `stood` are the looks that differ, in their order. Where the start of the Edge is not known,
    nothing may have changed at all.
    """
    if started_at is None:
        return stood[0].digest if len(stood) == 1 else ""
    before = (place for place, it in enumerate(stood) if it.changed <= started_at)
    since = {it.digest for it in stood[max(before, default=0) :]}
    return since.pop() if len(since) == 1 else ""


async def restart_watched(
    way: Restarter, loading: Pinning, look: Callable[[], Awaitable[Stood]]
) -> RestartOutcome:
    """Restart the Edge by `way`, and tell what it can have read; `look` looks at the document."""
    stood = [await look()]

    async def note() -> None:
        if (found := await look()) != stood[-1]:
            stood.append(found)

    async def watch() -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await note()

    watching = asyncio.create_task(watch())
    try:
        outcome = await way.restart(loading)
    finally:
        watching.cancel()
        await asyncio.wait({watching})
    if not isinstance(outcome, RestartDone):
        return outcome
    unit = await way.unit()
    await note()
    started_at = None
    if isinstance(unit, Unit) and unit.invocation == outcome.invocation:
        started_at = unit.started_at
    return replace(outcome, read=read_from(stood, started_at))
