"""The Edge's unit as systemd sees it, and its restart as a job whose result is waited for.

Reading and restarting only: units are never enabled, masked or stopped here, and one that an
operator stopped is never started.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from edgepind.effects.system_bus import BusUnavailableError, CallRefusedError, Party, SystemBus
from edgepind.effects.unit_refusal import no_restart
from edgepind.model.action import RestartDone, RestartFailed, RestartRefused
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit, Unit, UnitState, UnitUnknown

JOB_DEADLINE = 120.0
"""Seconds for a restart job: more than the default 90 s in which systemd stops a unit."""

START_LIMIT_PAUSE = 10.0
"""Seconds before the one new start of a unit that hit its start limit (systemd's own interval)."""

_SYSTEMD = "org.freedesktop.systemd1"
_MANAGER = Party(_SYSTEMD, "/org/freedesktop/systemd1")
_UNITS = "/org/freedesktop/systemd1/unit/"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STATES = {
    "active": UnitState.ACTIVE,
    "reloading": UnitState.ACTIVE,
    "refreshing": UnitState.ACTIVE,
    "activating": UnitState.ACTIVATING,
    "deactivating": UnitState.DEACTIVATING,
    "inactive": UnitState.INACTIVE,
    "maintenance": UnitState.INACTIVE,
    "failed": UnitState.FAILED,
}
"""`ActiveState` in the model's words (org.freedesktop.systemd1(5))."""

_STILL_RUNNING = "running"
_JOB_RESULTS = {
    _STILL_RUNNING: "its job did not end in time",
    "failed": "its job failed",
    "canceled": "its job was cancelled: something else stopped or started the unit meanwhile",
    "timeout": "its job ran into the unit's own time-out",
    "dependency": "a unit that it requires did not start",
    "skipped": "its job did not apply to the state the unit was in",
    "assert": "one of its Assert...= conditions did not hold",
    "unsupported": "this kind of unit cannot be restarted here",
}
"""What a job can end as, other than "done" (the signal JobRemoved)."""


class SystemdUnit:
    """One unit, asked over D-Bus. `bus_address` None: the system bus."""

    def __init__(
        self,
        name: str,
        *,
        bus_address: str | None = None,
        job_deadline: float = JOB_DEADLINE,
        start_limit_pause: float = START_LIMIT_PAUSE,
    ) -> None:
        self._name = name
        self._unit = Party(_SYSTEMD, _UNITS + _escaped(name))
        self._bus_address = bus_address
        self._job_deadline = job_deadline
        self._start_limit_pause = start_limit_pause
        self._bus = SystemBus(bus_address)

    async def unit(self) -> EdgeUnit:
        """Report the unit: one call over the connection that is kept."""
        try:
            return _unit(self._name, await self._properties(self._bus))
        except (BusUnavailableError, CallRefusedError) as error:
            return UnitUnknown(f"systemd could not be asked about {self._name}: {error}")

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed | RestartRefused:
        """Restart the unit over a connection of its own, and wait for the end of the job.

        Cancelled, it leaves the job to systemd: the invocation id tells later what came of it.
        """
        bus = SystemBus(self._bus_address)
        try:
            return await self._restart(bus, loading)
        except BusUnavailableError as error:
            return RestartFailed(loading, f"systemd could not restart {self._name}: {error}")
        except CallRefusedError as error:
            return RestartFailed(loading, self._explained(error))
        finally:
            bus.close()

    def close(self) -> None:
        """Give up the connection to D-Bus."""
        self._bus.close()

    async def _restart(
        self, bus: SystemBus, loading: Pinning
    ) -> RestartDone | RestartFailed | RestartRefused:
        properties = await self._properties(bus)
        before = _unit(self._name, properties)
        if isinstance(before, UnitUnknown):
            return RestartFailed(loading, before.error)
        if (refusal := no_restart(self._name, before, loading)) is not None:
            return refusal
        jobs = await bus.signals(_MANAGER, f"{_SYSTEMD}.Manager.JobRemoved")
        # "Try": should the unit be stopped between the look and the call, it stays so.
        method = "RestartUnit" if before.state is UnitState.FAILED else "TryRestartUnit"
        result = await self._job(bus, jobs, method)
        if result == "failed" and await self._never_began(bus, properties):
            result = await self._start_after_limit(bus, jobs)
        if result != "done":
            return RestartFailed(loading, self._advised(result))
        after = _unit(self._name, await self._properties(bus))
        if isinstance(after, UnitUnknown):
            return RestartDone(loading)
        if after.state is UnitState.INACTIVE or after.invocation == before.invocation != "":
            return RestartRefused(
                f"{self._name} was stopped while it was to be restarted, by somebody or by a "
                "Condition...= of its own, and stays so; started, it will load the new document"
            )
        return RestartDone(loading, after.invocation)

    async def _never_began(self, bus: SystemBus, before: Mapping[str, Any]) -> bool:
        """Whether a start that failed was not even tried: the unit is at its start limit.

        Its service's `Result` does not tell: after a row of crashes it goes on naming the crash.
        """
        after = await self._properties(bus)
        return bool(after["InvocationID"] == before["InvocationID"])

    async def _start_after_limit(self, bus: SystemBus, jobs: "_Jobs") -> str:
        await asyncio.sleep(self._start_limit_pause)
        await bus.call(_MANAGER, f"{_SYSTEMD}.Manager.ResetFailedUnit", "s", self._name)
        return await self._job(bus, jobs, "StartUnit")

    async def _job(self, bus: SystemBus, jobs: "_Jobs", method: str) -> str:
        """Enqueue a job and wait for its end; the result in systemd's word, or `_STILL_RUNNING`.

        Raises `BusUnavailableError` and `CallRefusedError`.
        """
        call = f"{_SYSTEMD}.Manager.{method}"
        [path] = await bus.call(_MANAGER, call, "ss", self._name, "replace")
        try:
            async with asyncio.timeout(self._job_deadline):
                while (removed := await jobs.get()) is not None:
                    _, job, _, result = removed
                    if job == path:
                        return str(result)
        except TimeoutError:
            return _STILL_RUNNING
        raise BusUnavailableError("the connection to D-Bus broke while its job was running")

    async def _properties(self, bus: SystemBus) -> dict[str, Any]:
        [properties] = await bus.call(
            self._unit,
            "org.freedesktop.DBus.Properties.GetAll",
            "s",
            f"{_SYSTEMD}.Unit",
        )
        return {name: variant.value for name, variant in properties.items()}

    def _advised(self, result: str) -> str:
        problem = _JOB_RESULTS.get(result, f"its job ended as {result!r}")
        look = f"see `systemctl status {self._name}` and `journalctl -u {self._name}`"
        return f"{self._name} was not restarted: {problem}; {look}"

    def _explained(self, error: CallRefusedError) -> str:
        remedy = _REMEDIES.get(error.name.rpartition(".")[2], "")
        return f"systemd refused to restart {self._name}: {error}" + remedy.format(unit=self._name)


_Jobs = asyncio.Queue[list[Any] | None]

_NOT_PERMITTED = "; run edgepind as root, or with the privileged helper (`edge.helper`)"
_REMEDIES = {
    "UnitMasked": "; `systemctl unmask {unit}` lets it start again",
    "NoSuchUnit": "; correct `edge.unit` in the settings",
    "LoadFailed": "; `systemctl status {unit}` names what is wrong with the unit file",
    "BadUnitSetting": "; `systemctl status {unit}` names what is wrong with the unit file",
    "OnlyByDependency": "; the unit has RefuseManualStart= or RefuseManualStop= set",
    "AccessDenied": _NOT_PERMITTED,
    "InteractiveAuthorizationRequired": _NOT_PERMITTED,
}
"""What to do about an error of systemd's, by the last part of its name."""


def _unit(name: str, properties: Mapping[str, Any]) -> Unit | UnitUnknown:
    """Read the properties of org.freedesktop.systemd1.Unit."""
    word = properties["ActiveState"]
    state = _STATES.get(word)
    if state is None:
        return UnitUnknown(f"systemd calls {name} {word!r}, which edgepind does not know")
    if state in {UnitState.INACTIVE, UnitState.FAILED}:
        # A unit that is up stays what it is, though its file be masked or gone.
        absent = {"masked": UnitState.MASKED, "not-found": UnitState.ABSENT}
        job, _ = properties["Job"]
        # At boot it may have to wait for its turn: nobody has stopped it.
        return Unit(absent.get(properties["LoadState"], UnitState.ACTIVATING if job else state))
    invocation = bytes(properties["InvocationID"]).hex()
    # When it began to be started, not when it was: microseconds since 1970; 0: not in this boot.
    began = properties["InactiveExitTimestamp"]
    up = state is UnitState.ACTIVE and began
    return Unit(state, invocation, _EPOCH + timedelta(microseconds=began) if up else None)


def _escaped(name: str) -> str:
    """Write a unit's name as the last label of its object path, as systemd does."""
    return "".join(
        c if c.isascii() and c.isalnum() and not (c.isdigit() and i == 0) else f"_{ord(c):02x}"
        for i, c in enumerate(name)
    )
