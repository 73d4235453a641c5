"""The closed world, whole: one cloud, those who may sit on its paths, and two sites that dial it.

One site is kept by the real daemon, the other by the naive shell loop; both face the same
addresses at the same time. Everything lives in one folder and ends with `close`.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepind.lab.cloud import TOKEN_PATH, Cloud
from edgepind.lab.daemon_process import DaemonProcess
from edgepind.lab.oauth import TokenDesk
from edgepind.lab.pki import Credential
from edgepind.lab.proxy import Interceptor
from edgepind.lab.shell_loop import ShellLoop, missing_tools
from edgepind.lab.site import Premises
from edgepind.lab.supervisor import Dialling
from edgepind.lab.timers import INTERVAL, TIMERS, Pace, Table, as_toml, merged
from edgepind.lab.trust import Trust

HOST = "acme.cloud.test"
KEPT = "edgepind"
SHELL = "shell-loop"


@dataclass(slots=True, eq=False)
class World:
    """Everything there is. `shell` and `loop` are None where curl or jq are missing.

    Made by `open_world`; what `settings` makes of the CAs is laid over the lab's own tables.
    """

    folder: Path
    pace: Pace
    settings: Callable[[Trust], Mapping[str, Table]]
    trust: Trust = field(init=False)
    desk: TokenDesk = field(default_factory=TokenDesk)
    cloud: Cloud = field(init=False)
    corporate: Interceptor = field(init=False)
    compromised: Interceptor = field(init=False)
    kept: Premises = field(init=False)
    daemon: DaemonProcess = field(init=False)
    shell: Premises | None = None
    loop: ShellLoop | None = None
    _endings: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def open(self, *, pinned: bool) -> None:
        """Start the cloud, both Edges, the daemon and the loop.

        `pinned`: the installer left the right pin in both documents; else pinning is off there.
        """
        self.trust = Trust(self.folder)
        credential = self.trust.issue(HOST)
        secrets = {client: self.desk.enrol(client) for client in (KEPT, SHELL)}
        self.cloud = await Cloud.open(HOST, credential, desk=self.desk)
        self._endings.append(self.cloud.close)
        roots = self.trust.public_roots.read_text()
        self.corporate = Interceptor("inspecting proxy", self.trust.corporate, self.cloud, roots)
        self.compromised = Interceptor(
            "man in the middle", self.trust.compromised, self.cloud, roots, announces_itself=True
        )
        pin = credential.fingerprint if pinned else None
        self.kept = self._premises(KEPT)
        await self._begin(self.kept.open(pin), self.kept.close)
        self.daemon = self._daemon(secrets[KEPT])
        await self._begin(self.daemon.start(), self.daemon.stop)
        if not missing_tools():
            self.shell = self._premises(SHELL)
            await self._begin(self.shell.open(pin), self.shell.close)
            self.loop = ShellLoop(
                self.shell.edge,
                self.cloud,
                self.trust.system_roots,
                f"{SHELL}:{secrets[SHELL]}",
                self.pace.seconds(INTERVAL),
            )
            await self._begin(self.loop.open(), self.loop.close)

    async def close(self) -> None:
        """End everything, the last started first, whatever state it is in."""
        while self._endings:
            await self._endings.pop()()

    def issue(self) -> Credential:
        """A new certificate of the cloud, with a new key."""
        return self.trust.issue(HOST)

    def observe(self) -> list[dict[str, Any]]:
        """Read on in every log; return what the daemon said since the last look."""
        for premises in self.sites():
            premises.observe()
        return self.daemon.follow()

    def sites(self) -> tuple[Premises, ...]:
        """Both sites, or the one that can be played."""
        return (self.kept,) if self.shell is None else (self.kept, self.shell)

    def secrets_given_away(self, client: str) -> int:
        """How many tokens and secrets of `client` somebody on a path was sent."""
        seen = self.corporate.secrets_seen | self.compromised.secrets_seen
        return sum(1 for secret in seen if self.desk.owner(secret) == client)

    async def _begin(
        self, start: Awaitable[object], ending: Callable[[], Awaitable[object]]
    ) -> None:
        self._endings.append(ending)  # first: what failed half-way is ended too
        await start

    def _premises(self, name: str) -> Premises:
        folder = self.folder / name
        folder.mkdir()
        attackers = frozenset(
            interceptor.credential.fingerprint.octets.hex()
            for interceptor in (self.corporate, self.compromised)
        )
        dialling = Dialling(HOST, self.cloud.addresses, self.trust.public_roots)
        return Premises(folder, dialling, attackers)

    def _daemon(self, secret: str) -> DaemonProcess:
        folder = self.kept.folder
        secret_file = folder / "oauth-secret"
        secret_file.touch(mode=0o600)
        secret_file.write_text(secret + "\n")
        tables = merged(TIMERS, self._site_tables(secret_file), self.settings(self.trust))
        settings = folder / "edgepind.toml"
        settings.write_text(as_toml(tables, self.pace))
        return DaemonProcess(settings, folder / "run", folder / "daemon.jsonl")

    def _site_tables(self, secret_file: Path) -> dict[str, Table]:
        edge = self.kept.edge
        return {
            "cloud": {
                "host": HOST,
                "port": self.cloud.port,
                "addresses": list(self.cloud.addresses),
                "public_roots": str(self.trust.public_roots),
                "system_roots": str(self.trust.system_roots),
            },
            "status.oauth": {
                "token_url": f"https://{HOST}:{self.cloud.port}{TOKEN_PATH}",
                "client_id": KEPT,
                "client_secret_file": str(secret_file),
            },
            "edge": {
                "pinning_config": str(self.kept.document),
                "owner": f"{os.geteuid()}:{os.getegid()}",
                "helper": "",
                "restart_command": [str(edge.restart_script)],
                "health_command": [str(edge.health_script)],
            },
            "log": {"format": "json"},
            "paths": {
                "state": str(self.kept.folder / "state"),
                "runtime": str(self.kept.folder / "run"),
            },
        }


@contextlib.asynccontextmanager
async def open_world(
    folder: Path,
    pace: Pace,
    settings: Callable[[Trust], Mapping[str, Table]],
    *,
    pinned: bool = True,
) -> AsyncIterator[World]:
    """A world in `folder` that is closed however the block is left."""
    world = World(folder, pace, settings)
    try:
        await world.open(pinned=pinned)
        yield world
    finally:
        await world.close()
