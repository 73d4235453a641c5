"""Holds one Edge stand-in as systemd holds the real one: starts, restarts, watches, ends it.

A restart ends the old process before the new one is started, so nothing is dialled in between;
it is asked for over a unix socket by an executable that `restart_command` names.
"""

import asyncio
import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from edgepind.lab import edge, edge_control
from edgepind.lab.children import environment, terminate

_START_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Dialling:
    """Whom the stand-in dials, by which roots, how often a second."""

    host: str
    addresses: tuple[str, ...]
    roots: Path
    per_second: float = 10.0


@dataclass(slots=True, eq=False)
class Supervisor:
    """One Edge stand-in, its document and its log, in `folder`.

    `restarts` are the readings of `time.monotonic()` at which whoever keeps the pins asked for one.
    """

    folder: Path
    document: Path
    dialling: Dialling
    restarts: list[float] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _server: asyncio.Server | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def log(self) -> Path:
        """One line of JSON for each start and each dial."""
        return self.folder / "edge.jsonl"

    @property
    def restart_script(self) -> Path:
        """The executable that restarts the stand-in and waits until it is up."""
        return self.folder / "restart-edge"

    @property
    def health_script(self) -> Path:
        """The executable that exits 0 while the stand-in is up."""
        return self.folder / "edge-health"

    @property
    def running(self) -> bool:
        """Whether the stand-in is up."""
        return self._process is not None and self._process.returncode is None

    async def open(self) -> None:
        """Start the stand-in and take orders."""
        self.log.touch()
        path = self.folder / "control"
        self._server = await asyncio.start_unix_server(self._take_order, path)
        _write_script(self.restart_script, path, "restart")
        _write_script(self.health_script, path, "health")
        await self._start()

    async def close(self) -> None:
        """Take no more orders and end the stand-in."""
        if self._server is not None:
            self._server.close()
        async with self._one_at_a_time:
            await self._stop()

    async def restart(self) -> str:
        """End the stand-in and start it anew; "ok", or why it did not come up."""
        async with self._one_at_a_time:
            await self._stop()
            return await self._start()

    async def _start(self) -> str:
        command = [sys.executable, "-m", edge.__name__]
        command += ["--config", str(self.document), "--host", self.dialling.host]
        command += ["--addresses", ",".join(self.dialling.addresses)]
        command += ["--roots", str(self.dialling.roots), "--log", str(self.log)]
        command += ["--per-second", str(self.dialling.per_second)]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,  # held open: the stand-in ends when the lab does
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the lab, which ends its children itself
            env=environment(),
        )
        if self._process.stdout is None:
            raise RuntimeError("the pipe was asked for")
        async with asyncio.timeout(_START_PATIENCE):
            line = await self._process.stdout.readline()
        if line == b"ready\n":
            return "ok"
        await self._stop()  # it is ending by itself, and is down once that is over
        return "the Edge stand-in refused its pinning document"

    async def _stop(self) -> None:
        if self._process is not None:
            await terminate(self._process)

    async def _take_order(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            match (await reader.readline()).strip():
                case b"restart":
                    self.restarts.append(time.monotonic())
                    answer = await self.restart()
                case b"health":
                    answer = "ok" if self.running else "the Edge stand-in is down"
                case word:
                    answer = f"unknown word {word!r}"
            writer.write(answer.encode())
            await writer.drain()
        except OSError:
            pass  # who asked has been killed meanwhile; the order stands
        finally:
            writer.close()


def _write_script(script: Path, control: Path, word: str) -> None:
    command = [sys.executable, "-I", "-S", edge_control.__file__, str(control), word]
    script.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
    script.chmod(0o700)
