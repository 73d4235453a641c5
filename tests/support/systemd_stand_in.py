"""A systemd that owns one unit, on a message bus of its own: for hosts without the real one.

Answers those calls of org.freedesktop.systemd1 that edgepind makes, as systemd 252 does, with
the results of its jobs written down beforehand.
"""

import asyncio
import secrets
import shutil
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from edgepind.lab.children import environment, terminate

_SYSTEMD = "org.freedesktop.systemd1"
_MANAGER = "/org/freedesktop/systemd1"

_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class NoMessageBusError(Exception):
    """The program `dbus-daemon` is not installed (Debian: package dbus-daemon)."""


@asynccontextmanager
async def message_bus(socket: Path) -> AsyncIterator[str]:
    """Run a message bus on a socket at `socket`; yields its address. Raises NoMessageBusError."""
    program = shutil.which("dbus-daemon")
    if program is None:
        raise NoMessageBusError("dbus-daemon is not installed")
    with tempfile.NamedTemporaryFile("w", prefix="edgepind-bus-", suffix=".conf") as file:
        file.write(_CONFIGURATION.format(socket=socket))
        file.flush()
        process = await asyncio.create_subprocess_exec(
            program,
            "--nofork",
            "--print-address",
            f"--config-file={file.name}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
        )
        if process.stdout is None:
            raise RuntimeError("the pipe was asked for")
        try:
            yield (await process.stdout.readline()).decode().strip()
        finally:
            await terminate(process)


@dataclass(slots=True, eq=False)
class SystemdStandIn:
    """One unit and the jobs on it.

    `results` are the results of the jobs to come, in order, and then "done". "never" is a job
    that does not end, "starting" the same once the unit is activating, "limit" one that fails
    because the unit is started too often; `queued` is somebody else's job that waits for its turn,
    as all do at boot. `refusals` name calls that are refused: the error's last part, its text.
    `early` sends the end of a job before the answer that names it. `spans` are the service's time
    limits in microseconds. `calls` are the calls of the manager so far, `looks` counts those for
    the unit's properties. A job that succeeds `takes` so many seconds; `stopping` is called before
    the new run begins, `starting` when it has begun.
    """

    name: str
    load_state: str = "loaded"
    active_state: str = "active"
    sub_state: str = ""
    spans: dict[str, int] = field(
        default_factory=lambda: {"TimeoutStartUSec": 90_000_000, "TimeoutStopUSec": 90_000_000}
    )
    began: int = 1_700_000_000_000_000
    """When its present run began to be started, in microseconds since 1970."""
    exited: int = 0
    """The same by CLOCK_MONOTONIC, in microseconds; 0: it has not run in this boot."""
    queued: bool = False
    results: deque[str] = field(default_factory=deque)
    refusals: dict[str, tuple[str, str]] = field(default_factory=dict)
    early: bool = False
    takes: float = 0.0
    stopping: Callable[[], object] = bool
    starting: Callable[[], object] = bool
    calls: list[str] = field(default_factory=list)
    looks: int = 0
    runs_as: str = ""
    """`User=`, or `User=:Group=` with a colon between; empty: root."""
    supplementary: tuple[str, ...] = ()
    asked_account: int = 0
    stopped_meanwhile: bool = False
    invocation: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    job_enqueued: asyncio.Event = field(default_factory=asyncio.Event)
    _bus: MessageBus | None = None
    _jobs: int = 0

    @asynccontextmanager
    async def serving(self, address: str) -> AsyncIterator[None]:
        """Own systemd's name on the bus at `address` meanwhile."""
        self._bus = await MessageBus(address).connect()
        self._bus.add_message_handler(self._answer)
        await self._bus.request_name(_SYSTEMD)
        try:
            yield
        finally:
            self._bus.disconnect()

    def _answer(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        match message.interface, message.member:
            case "org.freedesktop.DBus.Properties", "GetAll" if self._meant(message):
                if message.body == [f"{_SYSTEMD}.Service"]:
                    return Message.new_method_return(message, "a{sv}", [self._account()])
                self.looks += 1
                return Message.new_method_return(message, "a{sv}", [self._properties()])
            case "org.freedesktop.DBus.Properties", "Get" if self._meant(message):
                _, name = message.body
                return Message.new_method_return(message, "v", [Variant("t", self.spans[name])])
            case "org.freedesktop.systemd1.Manager", str(method):
                return self._manage(message, method)
            case _:
                return None

    def _meant(self, message: Message) -> bool:
        escaped = self.name.replace("-", "_2d").replace(".", "_2e").replace("@", "_40")
        return message.path == f"{_MANAGER}/unit/{escaped}"

    def _account(self) -> dict[str, Variant]:
        user, _, group = self.runs_as.partition(":")
        self.asked_account += 1
        return {
            "User": Variant("s", user),
            "Group": Variant("s", group),
            "SupplementaryGroups": Variant("as", list(self.supplementary)),
        }

    def _properties(self) -> dict[str, Variant]:
        return {
            "Id": Variant("s", self.name),
            "LoadState": Variant("s", self.load_state),
            "ActiveState": Variant("s", self.active_state),
            "SubState": Variant("s", self.sub_state),
            "InactiveExitTimestamp": Variant("t", self.began),
            "InactiveExitTimestampMonotonic": Variant("t", self.exited),
            "ActiveEnterTimestamp": Variant("t", self.began + 500_000 if self.began else 0),
            "InvocationID": Variant("ay", self.invocation),
            "Conditions": Variant("a(sbbsi)", []),
            "Job": Variant("(uo)", [7, f"{_MANAGER}/job/7"] if self.queued else [0, "/"]),
        }

    def _manage(self, message: Message, method: str) -> Message:
        self.calls.append(method)
        if method in self.refusals:
            error, text = self.refusals[method]
            raise DBusError(f"{_SYSTEMD}.{error}", text)
        if message.body[0] != self.name:
            raise DBusError(f"{_SYSTEMD}.NoSuchUnit", f"Unit {message.body[0]} not found.")
        if method == "ResetFailedUnit":
            self.active_state = "inactive"
            return Message.new_method_return(message)
        if self.load_state == "masked":
            raise DBusError(f"{_SYSTEMD}.UnitMasked", f"Unit {self.name} is masked.")
        return self._enqueue(message, method)

    def _enqueue(self, message: Message, method: str) -> Message:
        self._jobs += 1
        job, number = f"{_MANAGER}/job/{self._jobs}", self._jobs
        if self.stopped_meanwhile:
            self.active_state = "inactive"
        if method == "TryRestartUnit" and self.active_state in {"inactive", "failed"}:
            result = "done"  # and nothing is
        else:
            result = self._run(self.results.popleft() if self.results else "done")
        if result != "never":
            self._emit_end_of(99, f"{_MANAGER}/job/99", "failed")  # somebody else's
            if self.early:
                self._emit_end_of(number, job, result)
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(self.takes / 2, self.starting)
                loop.call_later(self.takes, self._emit_end_of, number, job, result)
        self.job_enqueued.set()
        return Message.new_method_return(message, "o", [job])

    def _run(self, result: str) -> str:
        if result == "limit":
            self.active_state = "failed"
            return "failed"
        if result == "starting":
            self.stopping()
            self.active_state, self.invocation = "activating", secrets.token_bytes(16)
            self.began, self.exited = time.time_ns() // 1000, time.monotonic_ns() // 1000
            return "never"
        if result in {"done", "failed"}:
            self.stopping()
            self.active_state = "active" if result == "done" else "failed"
            self.invocation = secrets.token_bytes(16)
            self.began = time.time_ns() // 1000
        return result

    def _emit_end_of(self, number: int, job: str, result: str) -> None:
        if self._bus is None or not self._bus.connected:
            return
        body = [number, job, self.name, result]
        signal = Message.new_signal(_MANAGER, f"{_SYSTEMD}.Manager", "JobRemoved", "uoss", body)
        self._bus.send(signal)
