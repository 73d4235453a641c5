"""The daemon under measure: the real one, ticking when told to, and heard as systemd hears it.

Its interval is an hour, so that nothing happens but what SIGUSR1 asks for. A tick is over when the
daemon says `STATUS=`; nothing is polled while it is measured.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgepind.lab.cloud import Cloud
from edgepind.lab.daemon_process import PRODUCT, Run
from edgepind.lab.timers import Table
from edgepind.lab.trust import Trust
from tests.support.blackbox import install_pins
from tests.support.small_site import Site
from tests.tools.bench.meters import Cost, cost_of_each, cpu_of

PATIENCE = 60.0
_MOST_TICKS_UNTIL_STEADY = 200


@dataclass(slots=True)
class Subject:
    """One daemon at a small site, and the socket on which it tells how it stands."""

    site: Site
    _socket: socket.socket
    _notify: Path
    _backlog: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The process id; a programming error where it does not run."""
        pid = self.site.daemon.pid
        if pid is None:
            raise RuntimeError(f"the daemon has ended: {self.site.daemon.log.read_text()}")
        return pid

    async def start(self, extra: Mapping[str, str] | None = None, run: Run = PRODUCT) -> Cost:
        """Start the daemon and wait for `READY=1`; what that cost."""
        began = time.monotonic()
        environment = {"NOTIFY_SOCKET": str(self._notify), **(extra or {})}
        await self.site.daemon.start(run, environment)
        await self._hear("READY=1")
        return Cost(cpu_of(self.pid), time.monotonic() - began)

    async def stop(self) -> None:
        """End the daemon, and forget what it said at the end."""
        await self.site.daemon.stop()
        while True:
            try:
                self._socket.recv(65536)
            except BlockingIOError:
                return

    async def tick(self) -> None:
        """Make it tick once."""
        os.kill(self.pid, signal.SIGUSR1)
        await self.ticked()

    async def ticked(self) -> None:
        """Hear of the end of the next tick."""
        await self._hear("STATUS=")

    async def ticks(self, count: int) -> Cost:
        """Make it tick so often; the cost of one."""
        return await cost_of_each(self.pid, self.tick, count)

    async def until_steady(self) -> None:
        """Tick until the Edge has loaded what is served and nothing is owed."""
        for _ in range(_MOST_TICKS_UNTIL_STEADY):
            await self.tick()
            status = self.site.daemon.status()
            edge = status["edge"]
            if status["finding"] == "pinned" and edge["loaded"] and not edge["restart_owed"]:
                return
            await asyncio.sleep(0.02)  # the restarted Edge has to stay well for a while
        raise TimeoutError(f"not steady: {self.site.daemon.status()}")

    async def _hear(self, word: str) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while not (await loop.sock_recv(self._socket, 65536)).decode().startswith(word):
                pass


@asynccontextmanager
async def subject(
    folder: Path, memory: Path, cloud: Cloud, trust: Trust, tables: Mapping[str, Table]
) -> AsyncIterator[Subject]:
    """Lay out a site in `folder`, its runtime folder in `memory`, with the right pin installed.

    `tables` are laid over the settings. The daemon is started by whoever measures, and ended here.
    """
    site = _laid_out(folder, memory / folder.name, cloud, trust)
    site.write_settings(tables)
    notify = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(notify))
        line.setblocking(False)  # noqa: FBT003  the only way the library takes it
        try:
            yield Subject(site, line, notify)
        finally:
            await site.daemon.stop()


def _laid_out(folder: Path, runtime: Path, cloud: Cloud, trust: Trust) -> Site:
    folder.mkdir()
    site = Site(folder, cloud, trust)
    install_pins(site, cloud.status.current)
    site.tables["cloud"].update(interval="1h", timeout="10s")
    site.tables["paths"].update(runtime=str(runtime))
    site.daemon.runtime = runtime
    return site
