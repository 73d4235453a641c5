"""Reads a status answer with the operator's jq programs, in a child process.

What a program costs is bounded by the child's own limits and by a deadline here; whatever becomes
of it, the child is reaped and the daemon goes on. An answer is taken whole or not at all: where
one part of it is nonsense, the rest is no ground to accept a pin on. What it is worth is not
decided here.
"""

import asyncio
import json
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edgepind.formats import foreign_text, parse_rfc3339
from edgepind.model.enums import Channel
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import StatusAnswer, StatusRejected
from edgepind.observe.jq_child import CPU_SECONDS, LONGEST_OUTPUT, MEMORY, MOST_OUTPUTS

PROGRAMS = ("current", "next", "rotates_at")
"""The settings' names of the programs, in the order in which they run."""

_NOTHING = object()

# `-I` and `-S` keep the user's and the site's code out; what the daemon itself imports from is
# handed over, so that the child finds the package wherever it was installed.
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from edgepind.observe.jq_child import main; main()"


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of each program, in order, at most two of each."""

    of: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class NoOutputs:
    """A program gave nothing to go on. `program` counts from 0; None: it was none of theirs.

    `lasting` tells that the same document would end in the same way.
    """

    reason: str
    program: int | None = None
    lasting: bool = False


class JqPrograms:
    """Some jq programs and their outputs for the document that they last ran over.

    `deadline` is seconds for one run of all of them together.
    """

    def __init__(self, programs: Sequence[str], deadline: float) -> None:
        self._programs = tuple(programs)
        self._deadline = deadline
        self._last: tuple[str, Outputs | NoOutputs] | None = None

    async def run(self, text: str) -> Outputs | NoOutputs:
        """Run every program over the JSON document `text`.

        What would come out again for an unchanged document is remembered.
        """
        if self._last is not None and self._last[0] == text:
            return self._last[1]
        try:
            child = await _start()
        except OSError as error:
            return NoOutputs(f"the jq child could not be started ({error.strerror})")
        try:
            async with asyncio.timeout(self._deadline):
                answer = await _ask(child, {"programs": self._programs, "text": text})
                code = await child.wait()
        except TimeoutError:
            return NoOutputs(f"the jq programs had not ended after {self._deadline:g} s")
        finally:
            await _reap(child)
        result = _read(answer, len(self._programs)) if code == 0 else _death(code)
        lasting = isinstance(result, Outputs) or result.lasting
        self._last = (text, result) if lasting else None
        return result


async def _start() -> Process:
    here = Path.cwd()  # which is what "" in sys.path means
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-B", "-c", _BOOT),
        *(str(here / path) for path in sys.path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
    )


async def _ask(child: Process, question: dict[str, Any]) -> bytes:
    """Say `question` and read the answer; what is longer than any true one is cut."""
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the child was started with pipes")
    with suppress(BrokenPipeError, ConnectionResetError):  # its exit code tells why
        child.stdin.write(json.dumps(question).encode())
        await child.stdin.drain()
    child.stdin.close()
    longest = 2 * LONGEST_OUTPUT * MOST_OUTPUTS * len(question["programs"])
    answer = b""
    while len(answer) <= longest and (more := await child.stdout.read(longest)):
        answer += more
    return answer


async def _reap(child: Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _read(answer: bytes, programs: int) -> Outputs | NoOutputs:
    """Read the child's answer; jq has read hostile text, so its shape is not assumed."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        said = None
    match said:
        case {"outputs": list(of)} if len(of) == programs and all(
            isinstance(it, list) for it in of
        ):
            return Outputs(tuple(map(tuple, of)))
        case {"failed": int(program), "reason": str(reason)} if 0 <= program < programs:
            return NoOutputs(foreign_text(reason), program, lasting=True)
        case {"failed": None, "reason": str(reason)}:
            return NoOutputs(foreign_text(reason))
        case _:
            return NoOutputs("the jq child gave no answer that can be read")


def _death(code: int) -> NoOutputs:
    match -code:
        case signal.SIGXCPU:
            used = f"{CPU_SECONDS} s of processor time"
        case signal.SIGABRT | signal.SIGSEGV:
            used = f"{MEMORY // 1024**2} MiB of memory"
        case _:
            return NoOutputs(f"the jq child ended with status {code}")
    return NoOutputs(f"the jq programs used more than {used}", lasting=True)


class _RejectionError(Exception):
    """Carries why the answer is rejected, and the fingerprint where that was the cause."""

    def __init__(self, reason: str, fingerprint: RefusedFingerprint | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fingerprint = fingerprint


def read_answer(channel: Channel, outputs: Outputs | NoOutputs) -> StatusAnswer | StatusRejected:
    """Make an answer of the outputs of `PROGRAMS`.

    No output and `null` mean "there is none" for `next` and `rotates_at`; for `current` they
    are refused. A `next` that is already current announces nothing.
    """
    try:
        current, following, rotates_at = _sole_outputs(outputs)
        return _answer(channel, current, following, rotates_at)
    except _RejectionError as rejection:
        return StatusRejected(channel, rejection.reason, rejection.fingerprint)


def _sole_outputs(outputs: Outputs | NoOutputs) -> list[Any]:
    if isinstance(outputs, NoOutputs):
        where = "" if outputs.program is None else f"the program `{PROGRAMS[outputs.program]}`: "
        raise _RejectionError(f"{where}{outputs.reason}")
    for name, values in zip(PROGRAMS, outputs.of, strict=True):
        if len(values) > 1:
            raise _RejectionError(f"the program `{name}` found two values where one is expected")
    return [values[0] if values else _NOTHING for values in outputs.of]


def _answer(channel: Channel, current: Any, following: Any, rotates_at: Any) -> StatusAnswer:
    if current is _NOTHING:
        raise _RejectionError("the program `current` found no fingerprint in it")
    now = _fingerprint("current", current)
    later = None if _absent(following) else _fingerprint("next", following)
    return StatusAnswer(
        channel,
        current=now,
        next=None if later == now else later,
        rotates_at=None if _absent(rotates_at) else _time(rotates_at),
    )


def _absent(value: Any) -> bool:
    return value is _NOTHING or value is None


def _fingerprint(name: str, value: Any) -> Fingerprint:
    fingerprint = parse_fingerprint(value)
    if isinstance(fingerprint, RefusedFingerprint):
        shown = RefusedFingerprint(foreign_text(fingerprint.text), fingerprint.reason)
        raise _RejectionError(f"`{name}` is no fingerprint that can be pinned: {shown}", shown)
    return fingerprint


def _time(value: Any) -> datetime:
    if (instant := parse_rfc3339(value)) is not None:
        return instant
    shown = foreign_text(repr(value))
    raise _RejectionError(f"`rotates_at` is no time as RFC 3339 writes it: {shown}")
