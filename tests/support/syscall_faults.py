"""Breaks single system calls of a short script: kills it there, or lets the call fail.

For tests of what must hold wherever a process dies and whatever a disk answers. Needs strace(1).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import edgepind

_ROOT = Path(edgepind.__file__).parent.parent
_PREAMBLE = f"""
import os, sys
sys.path.insert(0, {str(_ROOT)!r})
from pathlib import Path
folder = Path(sys.argv[1])
"""
_LINE = re.compile(r"\d+ +(\w+)\(.*")
_TIME_OUT = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of a traced script: its name, and the how-manieth of that name it is."""

    name: str
    count: int
    line: str


class ScriptFailed(Exception):  # noqa: N818 - it names what happened
    """The script raised; the text is what it wrote to standard error."""


class CallMissed(Exception):  # noqa: N818 - it names what happened
    """The call to be broken was not made: the script does not take the same way each time."""


class Tracer:
    """Runs short Python scripts under strace, each in a process of its own.

    A script has `folder` to work in; what is of interest lies between `begin()` and `end()`.
    """

    def __init__(self, strace: str) -> None:
        self._strace = strace

    @classmethod
    def find(cls) -> "Tracer | None":
        """Give a tracer; None where strace is missing or may not trace."""
        strace = shutil.which("strace")
        if strace is None:
            return None
        probe = [strace, "-o", os.devnull, "true"]
        works = subprocess.run(probe, capture_output=True, check=False)  # noqa: S603 - fixed words
        return cls(strace) if works.returncode == 0 else None

    def calls(self, script: str, folder: Path) -> list[Call]:
        """Run the script unharmed; list its calls on files between `begin()` and `end()`.

        Calls are counted from the start of the process. So the script is run once before that, in
        a copy of the folder: what Python writes to its cache of compiled files is written then.
        """
        copy = shutil.copytree(folder, folder.with_name(f"{folder.name}.first"))
        self._run(script, copy, "-o", os.devnull)
        log = folder.with_name(f"{folder.name}.trace")
        self._run(script, folder, "-o", str(log))
        counts: dict[str, int] = {}
        found: list[Call] = []
        inside = False
        for line in log.read_text("utf-8", "replace").splitlines():
            if not (match := _LINE.match(line)):
                continue
            name = match[1]
            counts[name] = counts.get(name, 0) + 1
            if '"/begin"' in line or '"/end"' in line:
                inside = '"/begin"' in line
            elif inside:
                found.append(Call(name, counts[name], line))
        return found

    def kill(self, script: str, folder: Path, call: Call) -> None:
        """Run the script and kill it as it enters one call. Raises CallMissed where it lived on."""
        inject = f"inject={call.name}:signal=SIGKILL:when={call.count}"
        if self._run(script, folder, "-o", os.devnull, "-e", inject) is not None:
            raise CallMissed(call.line)

    def run(self, script: str, folder: Path, call: Call, fault: str) -> str:
        """Run the script with `fault` (as `error=EIO`) in place of one call; give what it printed.

        Raises CallMissed where the call was never made.
        """
        log = folder.with_name(f"{folder.name}.trace")
        inject = f"inject={call.name}:{fault}:when={call.count}"
        said = self._run(script, folder, "--seccomp-bpf", "-o", str(log), "-e", inject)
        if said is None or "(INJECTED" not in log.read_text("utf-8", "replace"):
            raise CallMissed(call.line)
        return said

    def untouched(self, script: str, folder: Path) -> str:
        """Run the script with every call as the kernel makes it; give what it printed."""
        said = self._run(script, folder, "-o", os.devnull)
        if said is None:
            raise ScriptFailed("killed")
        return said

    def _run(self, script: str, folder: Path, *options: str) -> str | None:
        """Give what the script printed; None where it was killed."""
        marked = script.replace("begin()", 'os.access("/begin", 0)')
        marked = _PREAMBLE + marked.replace("end()", 'os.access("/end", 0)')
        strace = [self._strace, "-f", "-e", "trace=file,desc", *options]
        child = [sys.executable, "-I", "-S", "-c", marked, str(folder)]
        done = subprocess.run(  # noqa: S603 - the test's own script
            [*strace, *child], capture_output=True, text=True, timeout=_TIME_OUT, check=False
        )
        if done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
            return None
        if done.returncode != 0:
            raise ScriptFailed(done.stderr)
        return done.stdout.strip()
