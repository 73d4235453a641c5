"""Runs the naive shell loop as what it is: a shell script in a process group of its own."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from edgepind.lab.children import environment, terminate
from edgepind.lab.cloud import Cloud
from edgepind.lab.supervisor import Supervisor

SCRIPT = Path(__file__).with_name("shell_loop.sh")
_NEEDS = ("sh", "curl", "jq", "sed")


def missing_tools() -> tuple[str, ...]:
    """What the shell loop needs and this machine has not; it then cannot be played."""
    return tuple(tool for tool in _NEEDS if shutil.which(tool) is None)


@dataclass(slots=True, eq=False)
class ShellLoop:
    """The loop that keeps `edge`, polling each `interval` seconds by the roots of the host.

    `client` is its OAuth client, `ID:SECRET`, as curl takes it.
    """

    edge: Supervisor
    cloud: Cloud
    roots: Path
    client: str
    interval: float
    _process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether the script is still at it."""
        return self._process is not None and self._process.returncode is None

    async def open(self) -> None:
        """Start the script; what it and its tools complain of goes to `shell.log`."""
        with (self.edge.folder / "shell.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                str(SCRIPT),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that curl and jq end with it
                env={
                    **environment(),
                    "HOST": self.cloud.host,
                    "PORT": str(self.cloud.port),
                    "IPS": ",".join(listener.ip for listener in self.cloud.listeners),
                    "ROOTS": str(self.roots),
                    "CLIENT": self.client,
                    "CONFIG": str(self.edge.document),
                    "RESTART": str(self.edge.restart_script),
                    "INTERVAL": f"{self.interval:.3f}",
                },
            )

    async def close(self) -> None:
        """End the script and its tools."""
        if self._process is not None:
            await terminate(self._process, group=True)
