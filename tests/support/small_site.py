"""A site without an Edge process: a real cloud, real files, and a restart that is counted.

What tests of the daemon and of its commands stand on, where no connection of an Edge matters.
"""

import asyncio
import grp
import json
import os
import pwd
import stat
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepind.lab.cloud import Cloud
from edgepind.lab.daemon_process import DaemonProcess
from edgepind.lab.pki import Credential
from edgepind.lab.timers import Pace, Table, as_toml, merged
from edgepind.lab.trust import Trust

HOST = "acme.cloud.test"
DEADLINE = 60.0
THREE = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


@dataclass(slots=True)
class Site:
    """One folder with settings, state, a pinning config and a restart script that counts."""

    folder: Path
    cloud: Cloud
    trust: Trust
    daemon: DaemonProcess = field(init=False)
    tables: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Lay the site out; nothing runs yet."""
        self.script("restart", f"date >> {self.folder}/restarts\n")
        self.document.write_text(json.dumps({"edgeId": "e-1", "certificatePinning": {}}, indent=2))
        self.document.chmod(0o600)
        owner = f"{pwd.getpwuid(os.geteuid()).pw_name}:{grp.getgrgid(os.getegid()).gr_name}"
        self.tables = {
            "cloud": {
                "host": HOST,
                "port": self.cloud.port,
                "addresses": list(self.cloud.addresses),
                "public_roots": str(self.trust.public_roots),
                "system_roots": str(self.trust.system_roots),
                "interval": "200ms",
                "timeout": "2s",
            },
            "edge": {
                "pinning_config": str(self.document),
                "owner": owner,
                "helper": "",
                "restart_command": [str(self.folder / "restart")],
                "settle": "100ms",
                "restart_budget": 20,
            },
            "pins": {"hold_down": "1s", "sightings": 2, "overlap": "1s"},
            "log": {"format": "json"},
            "paths": {"state": str(self.state), "runtime": str(self.runtime)},
        }
        self.write_settings({})
        self.daemon = DaemonProcess(self.settings, self.runtime, self.folder / "log.jsonl")

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.folder / "edgepind.toml"

    @property
    def document(self) -> Path:
        """The pinning config."""
        return self.folder / "pinning-config.json"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def runtime(self) -> Path:
        """The runtime folder."""
        return self.folder / "run"

    def script(self, name: str, body: str) -> Path:
        """An executable shell script in the site's folder."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{body}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def write_settings(self, extra: Mapping[str, Table]) -> None:
        """Write the settings file, with `extra` laid over the site's own."""
        self.settings.write_text(as_toml(merged(self.tables, extra), Pace()))

    def pinning(self) -> dict[str, Any]:
        """The pinning object as it stands on disk."""
        pinning: dict[str, Any] = json.loads(self.document.read_text())["certificatePinning"]
        return pinning

    def restarts(self) -> int:
        """How often the restart script ran."""
        log = self.folder / "restarts"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def events(self) -> list[str]:
        """The names of the events that were logged, in their order."""
        self.daemon.follow()
        return [it["EDGEPIND_EVENT"] for it in self.daemon.events if "EDGEPIND_EVENT" in it]

    async def until(
        self, holds: Callable[[], object], what: str, *, within: float = DEADLINE
    ) -> None:
        """Wait until `holds`; after `within` seconds fail, with what was waited for and the log."""
        ends = time.monotonic() + within
        while not holds():
            if time.monotonic() > ends:
                log = self.daemon.log.read_text() if self.daemon.log.exists() else "no log"
                raise TimeoutError(f"not within {within:g} s: {what}\n{log[-4000:]}")
            await asyncio.sleep(0.02)

    async def until_event(self, name: str, count: int = 1) -> None:
        """Wait until an event was told `count` times."""
        await self.until(lambda: self.events().count(name) >= count, f"{count} x {name}")

    async def until_steady(self) -> None:
        """Wait until the first pin is in force and the Edge has loaded it well."""
        await self.until_event("restart_succeeded")
        await self.until(lambda: self.daemon.status().get("finding") == "pinned", "pinned")

    def issue(self) -> Credential:
        """A fresh certificate of the cloud."""
        return self.trust.issue(HOST)


@asynccontextmanager
async def open_site(folder: Path, ips: Sequence[str] = THREE) -> AsyncIterator[Site]:
    """A site in `folder` whose daemon, if it was started, is ended by its pid at the end.

    `ips` are the addresses of its cloud.
    """
    trust = Trust(folder)
    cloud = await Cloud.open(HOST, trust.issue(HOST), ips)
    site = Site(folder, cloud, trust)
    try:
        yield site
    finally:
        await site.daemon.stop()
        await cloud.close()
