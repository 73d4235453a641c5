"""The privileged helper's socket for hosts without systemd: a real helper for each connection.

Behaves as a socket unit with `Accept=yes` and `MaxConnections=1`: who calls while somebody is
served is hung up on. The helper runs as the same user as the lab.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgepind.lab.children import environment, terminate


@dataclass(slots=True, eq=False)
class HelperSocket:
    """The socket at `path`; `settings` and `folder` are the helper's arguments.

    `started` counts the helpers so far, `hung_up_on` the callers that came at the wrong time;
    `journal` is where the helpers' standard error goes. `program` may be another than the helper.
    """

    path: Path
    settings: Path
    folder: Path
    journal: Path
    program: Sequence[str] = ("-m", "edgepind.helper")
    variables: Mapping[str, str] = field(default_factory=dict)
    started: int = 0
    hung_up_on: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    _helper: asyncio.subprocess.Process | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serve meanwhile; what is still running at the end is ended."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.path))
            listener.listen()
            listener.settimeout(0)
            self.idle.set()
            async with asyncio.TaskGroup() as helpers:
                accepting = helpers.create_task(self._accept(listener, helpers))
                try:
                    yield
                finally:
                    accepting.cancel()
                    if self._helper is not None:
                        await terminate(self._helper)
        self.path.unlink()

    def told(self) -> str:
        """All that the helpers wrote on standard error."""
        return self.journal.read_text() if self.journal.exists() else ""

    async def _accept(self, listener: socket.socket, helpers: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            if not self.idle.is_set():
                self.hung_up_on += 1
                connection.close()
                continue
            self.idle.clear()
            self.started += 1
            helpers.create_task(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(None)  # as systemd gives it
        with connection, self.journal.open("ab") as journal:
            self._helper = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.program,
                str(self.settings),
                str(self.folder),
                stdin=connection.fileno(),
                stdout=journal,
                stderr=journal,
                env={**environment(), **self.variables},
            )
        with contextlib.suppress(asyncio.CancelledError):
            await self._helper.wait()
        self.idle.set()
