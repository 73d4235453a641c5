"""The composition root: the tick loop, signals, reload, and the word to systemd.

The life of the daemon is one task, and everything that it waits for can be cut short there. Beside
it one loop watches: it feeds systemd's watchdog for as long as the life gets on, and ends it when a
signal says so. Here the components are put together and nothing else is done; what a tick is stands
in `reconciler`.
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
from edgepind.settings.schema import LogSettings, Settings
from edgepind.telemetry.notify import Notifier

LONGEST_TICK = 600.0
"""Seconds after which a tick that is still under way is not vouched for to the watchdog."""
_PATIENCE = (0.7, 0.2)
"""Seconds for what is cut short to leave things tidy, and after it was told a second time."""
_FAREWELL = 0.3
"""Seconds for each part of the farewell: what hangs by then is left."""
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
_ASKING = frozenset({signal.SIGHUP, signal.SIGUSR1})
"""The signals by which commands ask for a look; unheard, each would end the process."""


@dataclass(slots=True)
class _Signals:
    """What was asked of the daemon from outside since it last looked."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    reload: bool = False

    def attend(self) -> None:
        """Take signals from now on; without that, most of them would end the process."""
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
        self._vouched_until = clock.now().monotonic

    async def run(self, settings: Settings) -> StartRefused | None:
        """Live until SIGTERM or SIGINT; within 2 s of it all is over, whatever hangs."""
        self._signals.attend()  # first of all: whoever finds the lock held may send some
        life = asyncio.create_task(self._live(settings))
        stop = asyncio.create_task(self._signals.stop.wait())
        while not life.done() and not stop.done():
            if self._clock.now().monotonic < self._vouched_until:
                self._notifier.alive()
            pause = self._notifier.pause
            await asyncio.wait({life, stop}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        # What comes too late harms nobody, a second SIGTERM either.
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
            self._vouch_from(self._clock.now().monotonic)
            delay = (await running.reconciler.tick(prompted=prompted)).delay
            self._notifier.status(_line(running.reconciler.state))
            self._notifier.ready()
            prompted = await self._wait(delay)
            if self._signals.reload:
                await self._reload(running)

    async def _wait(self, delay: float) -> bool:
        """Wait for the next tick; say whether a signal cut the wait short."""
        until = Monotonic(self._clock.now().monotonic + delay)
        self._vouch_from(until)
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

    def _vouch_from(self, instant: Monotonic) -> None:
        """Let the watchdog be fed until a tick that begins at `instant` takes too long."""
        self._vouched_until = Monotonic(instant + LONGEST_TICK)

    async def _reload(self, running: Components) -> None:
        self._signals.reload = False
        self._notifier.reloading()
        settings = await run_aside(load, self._path, os.environ)
        if isinstance(settings, SettingsRefused):
            refused: str | None = str(settings)
        else:
            refused = await rebuild(running, settings)
        if refused is None:
            text = f"The settings of {self._path} are reloaded and in force; nothing to do."
            await self._tell(running, EventName.RELOADED, Severity.NOTICE, text)
        else:
            text = f"The new settings are refused whole and the old ones stay in force: {refused}"
            await self._tell(running, EventName.RELOAD_REJECTED, Severity.ERR, text)
        self._notifier.ready()

    async def _leave(self) -> None:
        """Say good-bye, and give up what is held."""
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
    """Wait for it a moment; what hangs is left alone, for no one waits for its thread."""
    await asyncio.wait({asyncio.ensure_future(doing)}, timeout=_FAREWELL)


def _line(state: State) -> str:
    """How things stand, for `systemctl status`: posture and finding by their names, then why."""
    finding = state.finding or "not looked at yet"
    return f"Posture {state.guard.posture}, finding {finding}: {state.reason}"


def run_daemon(
    settings: Settings, path: Path, *, dry_run: bool, clock: Clock
) -> StartRefused | None:
    """Run the daemon until it is told to end; `path` is where a reload reads settings."""

    async def run() -> StartRefused | None:
        return await Daemon(path, clock, dry_run=dry_run).run(settings)

    with asyncio.Runner() as runner:
        return runner.run(run())


def tick_once(
    settings: Settings, *, dry_run: bool, clock: Clock, offline: bool = False
) -> StartRefused | dict[str, Any]:
    """Make one tick and give the status document; `offline`: all but the network is looked at.

    An offline tick is a command's, which answers for itself: only errors are logged.
    """
    if offline:
        settings = replace(settings, log=LogSettings(level="error", format="console"))
    for number in _ASKING:  # it holds the lock as a daemon does, and may be taken for one
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

    with asyncio.Runner() as runner:
        return runner.run(run())
