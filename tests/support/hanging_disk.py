"""A disk that stands still at chosen system calls of a running process, by strace(1).

For tests of what must be heard and ended while a call that nothing can cut short is under way.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_FOR_EVER = 3_600_000_000
"""Microseconds for which a call is held up at its beginning."""
_ATTACHED = b"attached"


@dataclass(frozen=True, slots=True)
class Standstill:
    """Calls, by their names as strace groups them, on any of the paths or within such folders."""

    calls: str
    paths: Sequence[Path]


@dataclass(frozen=True, slots=True)
class HangingDisk:
    """What the disk is seen to do to the process `pid`; `log` is what strace wrote.

    A process that ends is not gone before its tracer is, for the tracer sits on the thread that it
    holds up: so its end is told by the trace, and `let_go` then lets it be reaped.
    """

    pid: int
    log: Path
    tracer: asyncio.subprocess.Process

    @property
    def hangs(self) -> bool:
        """Whether a call is under way: its line is begun and not ended."""
        text = self._text
        return bool(text) and ("<unfinished" in text or not text.endswith("\n"))

    @property
    def ended(self) -> bool:
        """Whether the process has ended: its first thread did, or the call has no outcome.

        Other threads come and go.
        """
        text = self._text
        return "= ?" in text or re.search(rf"(?m)^{self.pid} +\+\+\+ exited", text) is not None

    @property
    def _text(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    async def let_go(self) -> None:
        """Take the tracer away."""
        with suppress(ProcessLookupError):
            self.tracer.kill()
        await self.tracer.wait()


@asynccontextmanager
async def hanging_disk(pid: int, at: Standstill, log: Path) -> AsyncIterator[HangingDisk]:
    """Hold up each such call of the process `pid` and of its threads, from now on."""
    strace = shutil.which("strace")
    if strace is None:
        raise FileNotFoundError("strace is not installed")
    paths = [word for path in at.paths for word in ("-P", str(path))]
    inject = f"inject={at.calls}:delay_enter={_FOR_EVER}"
    tracer = await asyncio.create_subprocess_exec(
        strace,
        *("-f", "-p", str(pid), "-o", str(log), *paths),
        *("-e", f"trace={at.calls}", "-e", inject),
        stderr=asyncio.subprocess.PIPE,
    )
    disk = HangingDisk(pid, log, tracer)
    try:
        if tracer.stderr is None:
            raise RuntimeError("strace was started with a pipe")
        while _ATTACHED not in (line := await tracer.stderr.readline()):
            if not line:
                raise RuntimeError(f"strace cannot attach to {pid}")
        yield disk
    finally:
        await disk.let_go()
