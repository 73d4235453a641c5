"""The real daemon as a real process, with its log followed and its status file read."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepind.lab.children import environment, terminate
from edgepind.lab.json_lines import JsonLines

Run = Sequence[str]
PRODUCT: Run = ("-m", "edgepind", "run")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command of the product said."""

    code: int
    output: str
    errors: str


@dataclass(slots=True, eq=False)
class DaemonProcess:
    """One daemon under one settings file. `events` are its log records, oldest first.

    The log, the status file and the events go on over a restart of the process.
    """

    settings: Path
    runtime: Path
    log: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _lines: JsonLines = field(init=False)

    def __post_init__(self) -> None:
        """Follow the log from its beginning."""
        self._lines = JsonLines(self.log)

    @property
    def pid(self) -> int | None:
        """The process id of the running daemon."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self, run: Run = PRODUCT, extra: Mapping[str, str] | None = None) -> None:
        """Start it; `run` names another entry of the lab, `extra` adds to the environment."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *run,
                "--config",
                str(self.settings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the lab, which ends its children itself
                env={**environment(), **(extra or {})},
            )

    async def stop(self) -> int | None:
        """Ask it to end, and return its exit code; None where it never ran."""
        return None if self._process is None else await terminate(self._process)

    async def wait(self) -> int | None:
        """Wait until it has ended by itself; a negative number is the signal that ended it."""
        return None if self._process is None else await self._process.wait()

    def follow(self) -> list[dict[str, Any]]:
        """Read on in the log; return what is new."""
        fresh = list(self._lines.fresh())
        self.events.extend(fresh)
        return fresh

    def status(self) -> dict[str, Any]:
        """The status file; empty where there is none yet."""
        try:
            status = json.loads((self.runtime / "status.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return status if isinstance(status, dict) else {}

    async def command(self, *words: str) -> Answer:
        """Run another command of the product under the same settings, to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edgepind",
            *words,
            "--config",
            str(self.settings),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        output, errors = await process.communicate()
        return Answer(process.returncode or 0, output.decode(), errors.decode())
