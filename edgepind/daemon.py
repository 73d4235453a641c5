"""The composition root: the tick loop, signals, reload, and the word to systemd.

Here the parts are put together and nothing else is done; what a tick is stands in `rounds`.
"""

import asyncio
import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgepind import __version__
from edgepind.clock import Clock
from edgepind.model.event import Event
from edgepind.model.state import State
from edgepind.model.words import EventName, Severity
from edgepind.parts import Parts, StartRefused, build, rebuild
from edgepind.settings.fault import SettingsRefused
from edgepind.settings.load import load
from edgepind.settings.schema import LogSettings, Settings
from edgepind.telemetry.notify import Notifier

LONGEST_TICK = 600.0
"""Seconds after which a tick that is still under way is not vouched for to the watchdog."""
FAREWELL = 1.0
"""Seconds for a tick that is cut short by SIGTERM to leave things tidy."""
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
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self.wake.set)

    def _reload(self) -> None:
        self.reload = True
        self.wake.set()


class Daemon:
    """The daemon over its parts, from the first tick to the last."""

    def __init__(self, parts: Parts, settings_path: Path, clock: Clock, signals: _Signals) -> None:
        self._parts = parts
        self._path = settings_path
        self._clock = clock
        self._signals = signals
        self._notifier = Notifier()

    async def run(self) -> None:
        """Tick until SIGTERM or SIGINT."""
        if problem := self._notifier.problem:
            await self._tell(None, Severity.WARNING, problem)
        await self._tell(
            EventName.STARTED,
            Severity.NOTICE,
            f"edgepind {__version__} watches {self._parts.settings.cloud.host}; "
            "`edgepind status` shows how it stands.",
        )
        await self._parts.record.tell(
            self._parts.beginnings, self._parts.rounds.state, self._clock.now()
        )
        await self._loop()
        self._notifier.stopping()
        await self._tell(
            EventName.STOPPING,
            Severity.NOTICE,
            "edgepind stops; the pinning config stays in force as it is, and nothing follows a "
            "rotation until it is started again.",
        )

    async def _loop(self) -> None:
        ready, prompted = False, False
        while not self._signals.stop.is_set():
            delay = await self._tick(prompted=prompted)
            if delay is None:
                return
            self._notifier.status(_line(self._parts.rounds.state))
            if not ready:
                self._notifier.ready()
                ready = True
            prompted = await self._wait(delay)
            if self._signals.reload:
                await self._reload()

    async def _tick(self, *, prompted: bool) -> float | None:
        """Make one tick; None where it was cut short because the daemon is to end."""
        tick = asyncio.create_task(self._parts.rounds.tick(prompted=prompted))
        stop = asyncio.create_task(self._signals.stop.wait())
        began = self._clock.now().monotonic
        try:
            while not tick.done() and not stop.done():
                if self._clock.now().monotonic - began < LONGEST_TICK:
                    self._notifier.alive()
                await asyncio.wait(
                    {tick, stop},
                    timeout=self._notifier.pause,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            if tick.done():
                return tick.result().delay
            tick.cancel()
            await asyncio.wait({tick}, timeout=FAREWELL)
            return None
        finally:
            stop.cancel()

    async def _wait(self, delay: float) -> bool:
        """Wait for the next tick; say whether a signal cut the wait short."""
        until = self._clock.now().monotonic + delay
        wake = asyncio.create_task(self._signals.wake.wait())
        stop = asyncio.create_task(self._signals.stop.wait())
        try:
            while (left := until - self._clock.now().monotonic) > 0:
                self._notifier.alive()
                pause = self._notifier.pause
                done, _ = await asyncio.wait(
                    {wake, stop},
                    timeout=left if pause is None else min(left, pause),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if done:
                    break
            prompted = self._signals.wake.is_set()
            self._signals.wake.clear()
            return prompted
        finally:
            wake.cancel()
            stop.cancel()

    async def _reload(self) -> None:
        self._signals.reload = False
        self._notifier.reloading()
        settings = load(self._path, os.environ)
        if isinstance(settings, SettingsRefused):
            await self._tell(EventName.RELOAD_REJECTED, Severity.ERR, _rejected(str(settings)))
        else:
            refused = await rebuild(self._parts, settings)
            if refused is None:
                text = f"The settings of {self._path} are reloaded and in force; nothing to do."
                await self._tell(EventName.RELOADED, Severity.NOTICE, text)
            else:
                await self._tell(EventName.RELOAD_REJECTED, Severity.ERR, _rejected(refused))
        self._notifier.ready()

    async def _tell(self, name: EventName | None, severity: Severity, text: str) -> None:
        state, now = self._parts.rounds.state, self._clock.now()
        await self._parts.record.tell((Event(name, severity, text),), state, now)


def _line(state: State) -> str:
    """How things stand, for `systemctl status`: posture and finding by their names, then why."""
    finding = state.finding or "not looked at yet"
    return f"Posture {state.guard.posture}, finding {finding}: {state.reason}"


def _rejected(why: str) -> str:
    return f"The new settings are refused whole and the old ones stay in force: {why}"


def run_daemon(
    settings: Settings, path: Path, *, dry_run: bool, clock: Clock
) -> StartRefused | None:
    """Run the daemon until it is told to end; `path` is where a reload reads settings."""

    async def run() -> StartRefused | None:
        signals = _Signals()
        signals.attend()  # first of all: whoever finds the lock held may send some
        parts = await build(settings, clock, dry_run=dry_run)
        if isinstance(parts, StartRefused):
            return parts
        try:
            await Daemon(parts, path, clock, signals).run()
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)  # they come too late, and harm none
            await parts.close()
        return None

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
        parts = await build(settings, clock, dry_run=dry_run)
        if isinstance(parts, StartRefused):
            return parts
        try:
            await parts.record.tell(parts.beginnings, parts.rounds.state, clock.now())
            if offline:
                parts.record.shows = False  # or `status` would take the command for a daemon
                await parts.rounds.offline_tick()
            else:
                await parts.rounds.tick(prompted=True)
            return parts.record.document
        finally:
            await parts.close()

    with asyncio.Runner() as runner:
        return runner.run(run())
