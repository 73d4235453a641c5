"""The daemon's life: the tick loop, signals, reload, and systemd's notifications and watchdog.

The loop is one task that can be cancelled wherever it waits. Beside it `run` feeds the watchdog as
long as the task makes progress, and ends it on a signal. What a tick is stands in `reconciler`.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgepind import __version__
from edgepind.clock import Clock
from edgepind.components import Components, StartRefused, build, rebuild
from edgepind.host.disk_thread import run_aside
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.state import State
from edgepind.settings.load import SettingsRefused, load
from edgepind.settings.schema import EdgeSettings, LogSettings, Settings
from edgepind.telemetry.notify import Notifier

LONGEST_TICK = 600.0
"""Seconds after which the watchdog is not fed for a tick that is still under way.

`restart_command`, which is waited for within its tick, has its own time beside that.
"""
_PATIENCE = (0.7, 0.2)
"""Seconds for a cancelled task to clean up, and after it was cancelled a second time."""
_FAREWELL = 0.3
"""Seconds for each step of the shutdown: what hangs longer is left."""
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
_ASKING = frozenset({signal.SIGHUP, signal.SIGUSR1})
"""The signals by which commands ask for a tick; unhandled, each would end the process."""


@dataclass(slots=True)
class _Signals:
    """What signals have asked of the daemon since it last looked."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    reload: bool = False

    def attend(self) -> None:
        """Handle signals from now on; unhandled, most of them would end the process."""
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.add_signal_handler(number, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self.wake.set)

    def _reload(self) -> None:
        self.reload = True
        self.wake.set()


class Daemon:
    """The daemon from its start to its end; `path` is where a reload reads settings."""

    def __init__(self, path: Path, clock: Clock, *, dry_run: bool) -> None:
        self._path = path
        self._clock = clock
        self._dry_run = dry_run
        self._signals = _Signals()
        self._notifier = Notifier()
        self._parts: Components | None = None
        self._feed_until = clock.now().monotonic

    async def run(self, settings: Settings) -> StartRefused | None:
        """Run until SIGTERM or SIGINT; return within 2 s of it, whatever hangs."""
        self._signals.attend()  # first of all: a command that finds the lock held may send some
        life = asyncio.create_task(self._live(settings))
        stop = asyncio.create_task(self._signals.stop.wait())
        while not life.done() and not stop.done():
            if self._clock.now().monotonic < self._feed_until:
                self._notifier.alive()
            pause = self._notifier.pause
            await asyncio.wait({life, stop}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        # What comes too late does no harm, nor does a second SIGTERM.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING | _ENDING)
        self._notifier.stopping()
        for patience in _PATIENCE:
            life.cancel()
            await asyncio.wait({life}, timeout=patience)
        await self._leave()
        with suppress(asyncio.CancelledError):
            return life.result() if life.done() else None
        return None

    async def _live(self, settings: Settings) -> StartRefused:
        running = await build(settings, self._clock, dry_run=self._dry_run)
        if isinstance(running, StartRefused):
            return running
        self._parts = running
        if command := running.settings.edge.command_deadline:
            self._notifier.take_longer(LONGEST_TICK + command)
        if problem := self._notifier.problem:
            await self._tell(running, None, Severity.WARNING, problem)
        await self._tell(
            running,
            EventName.STARTED,
            Severity.NOTICE,
            f"edgepind {__version__} watches {running.settings.cloud.host}; "
            "`edgepind status` shows how it stands.",
        )
        await running.recorder.tell(running.beginnings, running.reconciler.state, self._clock.now())
        prompted = False
        while True:
            self._feed_from(self._clock.now().monotonic)
            delay = (await running.reconciler.tick(prompted=prompted)).delay
            self._notifier.status(_line(running.reconciler.state))
            self._notifier.ready()
            prompted = await self._wait(delay)
            if self._signals.reload:
                await self._reload(running)

    async def _wait(self, delay: float) -> bool:
        """Wait for the next tick; say whether a signal cut the wait short."""
        until = Monotonic(self._clock.now().monotonic + delay)
        self._feed_from(until)
        wake = asyncio.create_task(self._signals.wake.wait())
        sleep = asyncio.create_task(self._clock.sleep_until(until))
        try:
            await asyncio.wait({wake, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
            sleep.cancel()
        prompted = self._signals.wake.is_set()
        self._signals.wake.clear()
        return prompted

    def _feed_from(self, instant: Monotonic) -> None:
        """Have the watchdog fed until a tick that begins at `instant` takes too long."""
        edge = self._parts.settings.edge if self._parts else EdgeSettings()
        self._feed_until = Monotonic(instant + LONGEST_TICK + edge.command_deadline)

    async def _reload(self, running: Components) -> None:
        self._signals.reload = False
        self._notifier.reloading()
        settings = await run_aside(load, self._path, os.environ)
        if isinstance(settings, SettingsRefused):
            refused: str | None = str(settings)
        else:
            refused = await rebuild(running, settings)
        if refused is None:
            text = f"The settings of {self._path} are reloaded and in force."
            await self._tell(running, EventName.RELOADED, Severity.NOTICE, text)
        else:
            text = f"The new settings are refused whole and the old ones stay in force: {refused}"
            await self._tell(running, EventName.RELOAD_REJECTED, Severity.ERR, text)
        self._notifier.ready()

    async def _leave(self) -> None:
        """Report the end, and close the components."""
        if self._parts is None:
            return
        text = (
            "edgepind stops; the pinning config stays in force as it is, and nothing follows a "
            "rotation until it is started again."
        )
        await _briefly(self._tell(self._parts, EventName.STOPPING, Severity.NOTICE, text))
        await _briefly(self._parts.close())

    async def _tell(
        self, running: Components, name: EventName | None, severity: Severity, text: str
    ) -> None:
        state, now = running.reconciler.state, self._clock.now()
        await running.recorder.tell((Event(name, severity, text),), state, now)


async def _briefly(doing: Awaitable[None]) -> None:
    """Wait for it a moment; what hangs is left, for its thread does not hold up the end."""
    await asyncio.wait({asyncio.ensure_future(doing)}, timeout=_FAREWELL)


def _line(state: State) -> str:
    """The status line for `systemctl status`: posture and finding by their names, then why."""
    finding = state.finding or "not looked at yet"
    return f"Posture {state.guard.posture}, finding {finding}: {state.reason}"


def run_daemon(
    settings: Settings, path: Path, *, dry_run: bool, clock: Clock
) -> StartRefused | None:
    """Run the daemon until a signal ends it; `path` is where a reload reads settings."""
    return asyncio.run(Daemon(path, clock, dry_run=dry_run).run(settings))


def tick_once(
    settings: Settings, *, dry_run: bool, clock: Clock, offline: bool = False
) -> StartRefused | dict[str, Any]:
    """Make one tick and return the status document; `offline`: without the network.

    An offline tick is a command's, which prints its own answer: only errors are logged.
    """
    if offline:
        settings = replace(settings, log=LogSettings(level="error", format="console"))
    for number in _ASKING:  # it holds the lock as a daemon does, and may be signalled as one
        signal.signal(number, lambda *_: None)

    async def run() -> StartRefused | dict[str, Any]:
        running = await build(settings, clock, dry_run=dry_run)
        if isinstance(running, StartRefused):
            return running
        try:
            await running.recorder.tell(running.beginnings, running.reconciler.state, clock.now())
            if offline:
                running.recorder.shows = False  # or `status` would take the command for a daemon
                await running.reconciler.offline_tick()
            else:
                await running.reconciler.tick(prompted=True)
            return running.recorder.document
        finally:
            await running.close()

    return asyncio.run(run())
