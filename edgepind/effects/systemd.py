"""systemd over D-Bus: the Edge's unit, its restart as a job that is waited for, and the timer.

The Edge's unit is never enabled, masked or stopped here, and one that an operator stopped is never
started. Imports dbus-fast, which costs 7 MiB: import this module only where it is needed.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from edgepind.effects.attributes import AccountUnknown, EdgeAccount
from edgepind.effects.restart import RESTART_DEADLINE, no_restart
from edgepind.host.file_access import Account, find_account
from edgepind.model.action import (
    RestartDone,
    RestartFailed,
    RestartOutcome,
    RestartRefused,
    RestartUnderWay,
)
from edgepind.model.document import Pinning
from edgepind.model.observation import EdgeUnit, Unit, UnitState, UnitUnknown

START_LIMIT_PAUSE = 10.0
"""Seconds before the one new start of a unit that hit its start limit (systemd's own interval)."""

_SYSTEMD = "org.freedesktop.systemd1"
_UNITS = "/org/freedesktop/systemd1/unit/"
_INFINITY = 2**64 - 1
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
"""`ActiveState` (org.freedesktop.systemd1(5)) as the model's state."""

_BETWEEN_RUNS = frozenset({"auto-restart", "auto-restart-queued"})
"""`SubState` of a service that has ended, and that systemd starts again after `RestartSec=`."""

_STILL_RUNNING = "running"
_JOB_RESULTS = {
    "failed": "its job failed",
    "canceled": "its job was cancelled: something else stopped or started the unit meanwhile",
    "timeout": "its job ran into the unit's own time-out",
    "dependency": "a unit that it requires did not start",
    "skipped": "its job did not apply to the state the unit was in",
    "assert": "one of its Assert...= conditions did not hold",
    "unsupported": "this kind of unit cannot be restarted here",
}
"""What a job can end as, other than "done" (the signal JobRemoved)."""

_CONNECT_DEADLINE = 3.0
_CALL_DEADLINE = 10.0
_ATTEMPTS = 3
_LONGEST_PAUSE = 0.5

_BROKEN = (OSError, EOFError, DBusFastError)
"""What dbus-fast raises where there is no bus, or a connection is refused or breaks."""


class BusUnavailableError(Exception):
    """D-Bus itself could not be reached or did not answer; the text says how."""


class CallRefusedError(Exception):
    """The call was answered with an error: `name` is D-Bus's, the text is for a person."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text or name)
        self.name = name


_Bodies = asyncio.Queue[list[Any] | None]
_Party = tuple[str, str]
"""The receiver of a call or the sender of a signal: a bus name and an object's path."""

_DBUS: _Party = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
_MANAGER: _Party = (_SYSTEMD, "/org/freedesktop/systemd1")


class SystemBus:
    """A connection that is made when first needed and made anew after it broke.

    `address` is in D-Bus notation (`unix:path=...`); None: the system bus.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._watch: asyncio.Task[None] | None = None

    async def call(self, to: _Party, method: str, signature: str = "", *body: object) -> list[Any]:
        """Call `interface.method` and return the body of the answer.

        Raises `BusUnavailableError`, after a few attempts to connect, and `CallRefusedError`.
        """
        interface, _, member = method.rpartition(".")
        message = Message(
            destination=to[0],
            path=to[1],
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        bus = await self._connected()
        try:
            async with asyncio.timeout(_CALL_DEADLINE):
                answer = await bus.call(message)
        except TimeoutError:
            problem = f"{member} was not answered over D-Bus within {_CALL_DEADLINE:g} s"
            raise BusUnavailableError(problem) from None
        except _BROKEN as error:
            problem = f"the connection to D-Bus broke during {member} ({_words(error)})"
            raise BusUnavailableError(problem) from None
        if answer.message_type is MessageType.ERROR:
            text = str(answer.body[0]) if answer.body else ""
            raise CallRefusedError(answer.error_name or "", text)
        return answer.body

    async def signals(self, sender: _Party, signal: str) -> _Bodies:
        """Collect the bodies of `interface.signal` for as long as this connection lasts.

        None in the queue: it has broken. Raises as `call` does.
        """
        interface, _, member = signal.rpartition(".")
        name, path = sender
        bus = await self._connected()
        queue: _Bodies = asyncio.Queue()

        def take(message: Message) -> None:
            if (
                message.message_type is MessageType.SIGNAL
                and message.interface == interface
                and message.member == member
                and message.path == path
            ):
                queue.put_nowait(message.body)

        async def watch() -> None:
            try:
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # it has no types
            except _BROKEN:
                pass  # it is the breaking that counts
            finally:
                queue.put_nowait(None)

        bus.add_message_handler(take)
        self._watch = asyncio.create_task(watch())
        await self.call(
            _DBUS,
            "org.freedesktop.DBus.AddMatch",
            "s",
            f"type='signal',sender='{name}',path='{path}',"
            f"interface='{interface}',member='{member}'",
        )
        return queue

    def close(self) -> None:
        """Close the connection; a later call makes another."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _connected(self) -> MessageBus:
        if self._bus is not None and self._bus.connected:
            return self._bus
        attempts = AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_PAUSE),
            retry=retry_if_exception_type((*_BROKEN, TimeoutError)),
            reraise=True,
        )
        try:
            bus: MessageBus = await attempts(self._connect)
        except (*_BROKEN, TimeoutError) as error:
            raise BusUnavailableError(f"D-Bus cannot be reached ({_words(error)})") from None
        self._bus = bus
        return bus

    async def _connect(self) -> MessageBus:
        async with asyncio.timeout(_CONNECT_DEADLINE):
            return await MessageBus(self._address, BusType.SYSTEM).connect()


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


class SystemdUnit:
    """One unit, asked over D-Bus. `bus_address` None: the system bus."""

    def __init__(
        self,
        name: str,
        *,
        bus_address: str | None = None,
        job_deadline: float = RESTART_DEADLINE,
        start_limit_pause: float = START_LIMIT_PAUSE,
    ) -> None:
        self._name = name
        self._unit: _Party = (_SYSTEMD, _UNITS + _escaped(name))
        self._bus_address = bus_address
        self._job_deadline = job_deadline
        self._start_limit_pause = start_limit_pause
        self._bus = SystemBus(bus_address)
        self._run = ""
        self._account: tuple[str, EdgeAccount] | None = None

    async def unit(self) -> EdgeUnit:
        """Report the unit: one call over the connection that is kept."""
        try:
            unit = _unit(self._name, await self._properties(self._bus))
        except (BusUnavailableError, CallRefusedError) as error:
            return UnitUnknown(f"systemd could not be asked about {self._name}: {error}")
        if isinstance(unit, Unit):
            self._run = unit.invocation
        return unit

    async def account(self) -> EdgeAccount:
        """As whom the unit runs: asked once in each of its runs that `unit` has seen."""
        if self._account is not None and self._account[0] == self._run:
            return self._account[1]
        account = await self._ask_account()
        if not isinstance(account, AccountUnknown):
            self._account = self._run, account
        return account

    async def _ask_account(self) -> EdgeAccount:
        try:
            its = await self._properties(self._bus, "Service")
        except (BusUnavailableError, CallRefusedError) as error:
            return AccountUnknown(f"systemd does not say as whom {self._name} runs: {error}")
        groups = tuple(map(str, its.get("SupplementaryGroups", ())))
        found = find_account(its.get("User", ""), its.get("Group", ""), groups)
        return found if isinstance(found, Account) else AccountUnknown(found.error)

    async def spans(self, *names: str) -> tuple[float, ...] | None:
        """Give time limits of the service in seconds, by their names, as in `TimeoutStartUSec`.

        `math.inf` is one without an end; None: there is no such unit, or systemd does not tell.
        See org.freedesktop.systemd1(5).
        """
        service, get = f"{_SYSTEMD}.Service", "org.freedesktop.DBus.Properties.Get"
        try:
            if (await self._properties(self._bus))["LoadState"] == "not-found":
                return None
            bodies = [await self._bus.call(self._unit, get, "ss", service, it) for it in names]
        except (BusUnavailableError, CallRefusedError):
            return None
        microseconds = (body[0].value for body in bodies)
        return tuple(math.inf if it == _INFINITY else it / 1e6 for it in microseconds)

    async def patience(self) -> float | None:
        """See `Restarter`."""
        spans = await self.spans("TimeoutStopUSec", "TimeoutStartUSec")
        return None if spans is None else sum(spans)

    async def restart(self, loading: Pinning) -> RestartOutcome:
        """Restart the unit over a connection of its own, and wait a while for the end of the job.

        How long a stop or a start may take is for the unit's own settings to say, and systemd
        enforces them; a job that lasts longer than this waits is under way. Cancelled, it leaves
        the job to systemd: the invocation id tells later what came of it.
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
        """Close the connection to D-Bus."""
        self._bus.close()

    async def _restart(self, bus: SystemBus, loading: Pinning) -> RestartOutcome:
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
        if result == _STILL_RUNNING:
            return RestartUnderWay(loading, await self._starting())
        if result != "done":
            return RestartFailed(loading, self._advised(result))
        return await self._done(bus, before, loading)

    async def _done(self, bus: SystemBus, before: Unit, loading: Pinning) -> RestartOutcome:
        """What a job has come to that is done, which one on a stopped unit is as well."""
        after = _unit(self._name, await self._properties(bus))
        if isinstance(after, UnitUnknown):
            return RestartDone(loading)
        if after.state is UnitState.INACTIVE or after.invocation == before.invocation != "":
            return RestartRefused(
                f"{self._name} was stopped during the restart, by somebody or by a Condition...= "
                "of its own, and stays so; started, it will load the new document"
            )
        return RestartDone(loading, after.invocation)

    async def _never_began(self, bus: SystemBus, before: Mapping[str, Any]) -> bool:
        """Whether a start that failed was not even tried: the unit is at its start limit.

        Its service's `Result` does not tell: after a row of crashes it goes on naming the crash.
        """
        after = await self._properties(bus)
        return bool(after["InvocationID"] == before["InvocationID"])

    async def _starting(self) -> float:
        """For how many seconds the unit has been starting; 0.0: it is not, or it is not known.

        Asked over another connection: the one of the restart may have broken.
        """
        try:
            properties = await self._properties(self._bus)
        except (BusUnavailableError, CallRefusedError):
            return 0.0
        if properties["ActiveState"] != "activating":
            return 0.0
        began = properties.get("InactiveExitTimestampMonotonic", 0)
        return max(0.0, time.clock_gettime(time.CLOCK_MONOTONIC) - began / 1e6) if began else 0.0

    async def _start_after_limit(self, bus: SystemBus, jobs: _Bodies) -> str:
        await asyncio.sleep(self._start_limit_pause)
        await bus.call(_MANAGER, f"{_SYSTEMD}.Manager.ResetFailedUnit", "s", self._name)
        return await self._job(bus, jobs, "StartUnit")

    async def _job(self, bus: SystemBus, jobs: _Bodies, method: str) -> str:
        """Enqueue a job and wait for its end; systemd's name of the result, or `_STILL_RUNNING`.

        The latter also where the connection breaks: systemd goes on with a job that it has taken.
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
            pass
        return _STILL_RUNNING

    async def _properties(self, bus: SystemBus, of: str = "Unit") -> dict[str, Any]:
        [properties] = await bus.call(
            self._unit, "org.freedesktop.DBus.Properties.GetAll", "s", f"{_SYSTEMD}.{of}"
        )
        return {name: variant.value for name, variant in properties.items()}

    def _advised(self, result: str) -> str:
        problem = _JOB_RESULTS.get(result, f"its job ended as {result!r}")
        look = f"see `systemctl status {self._name}` and `journalctl -u {self._name}`"
        return f"{self._name} was not restarted: {problem}; {look}"

    def _explained(self, error: CallRefusedError) -> str:
        remedy = _REMEDIES.get(error.name.rpartition(".")[2], "")
        return f"systemd refused to restart {self._name}: {error}" + remedy.format(unit=self._name)


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
    if properties.get("SubState") in _BETWEEN_RUNS:
        state = UnitState.FAILED  # it counts as starting by the word, and nothing of it runs
    if state is None:
        return UnitUnknown(
            f"systemd reports {name} as {word!r}, a state that edgepind does not know"
        )
    job, _ = properties["Job"]
    if state in {UnitState.INACTIVE, UnitState.FAILED}:
        # A unit that is up stays what it is, though its file be masked or gone.
        absent = {"masked": UnitState.MASKED, "not-found": UnitState.ABSENT}
        # At boot it may have to wait for its turn: nobody has stopped it.
        return Unit(absent.get(properties["LoadState"], UnitState.ACTIVATING if job else state))
    invocation = bytes(properties["InvocationID"]).hex()
    # When it began to be started, not when it was: microseconds since 1970; 0: not in this boot.
    began = properties["InactiveExitTimestamp"]
    runs = state in {UnitState.ACTIVE, UnitState.ACTIVATING}
    started_at = _EPOCH + timedelta(microseconds=began) if runs and began else None
    return Unit(state, invocation, started_at, job=bool(job) and state is UnitState.ACTIVE)


def _escaped(name: str) -> str:
    """Write a unit's name as the last label of its object path, as systemd does."""
    return "".join(
        c if c.isascii() and c.isalnum() and not (c.isdigit() and i == 0) else f"_{ord(c):02x}"
        for i, c in enumerate(name)
    )


async def set_timer(timer: str, *, runs: bool, bus_address: str | None = None) -> str | None:
    """Start the timer that ends an opening, or stop it. A sentence, where systemd does not.

    `bus_address` None: the system bus.
    """
    bus, method = SystemBus(bus_address), "StartUnit" if runs else "StopUnit"
    try:
        await bus.call(_MANAGER, f"{_SYSTEMD}.Manager.{method}", "ss", timer, "replace")
    except (BusUnavailableError, CallRefusedError) as error:
        return f"systemd does not answer for {timer} ({method}): {error}"
    finally:
        bus.close()
    return None
