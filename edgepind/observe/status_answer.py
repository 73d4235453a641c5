"""Reads a status answer with the operator's jq programs, in a child process.

What a program costs is bounded by the child's own limits and by a deadline here; whatever becomes
of it, the child is reaped and the daemon goes on. Each field of an answer is judged by itself: what
cannot be understood in one takes nothing from the others. What they are worth is not decided here.
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

from edgepind.formats import foreign_text, parse_instant
from edgepind.model.enums import Channel
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import IgnoredField, StatusAnswer, StatusRejected
from edgepind.observe.jq_child import CPU_SECONDS, LONGEST_OUTPUT, MEMORY, MOST_OUTPUTS

PROGRAMS = ("current", "next", "rotates_at")
"""The settings' names of the programs, in the order in which they run."""

_UNREAD = "the jq child gave no answer that can be read"
_NO_FINGERPRINT = "the program `current` found no fingerprint in it, but null or nothing"

# `-I` and `-S` keep the user's and the site's code out; what the daemon itself imports from is
# handed over, so that the child finds the package wherever it was installed.
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from edgepind.observe.jq_child import main; main()"


@dataclass(frozen=True, slots=True)
class Failed:
    """A program gave nothing to go on. `lasting`: the same document would end in the same way."""

    reason: str
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of each program, in order and at most two of each, or why it has none."""

    of: tuple[tuple[Any, ...] | Failed, ...]


@dataclass(frozen=True, slots=True)
class NoOutputs:
    """No program gave anything to go on.

    `program` counts from 0 and is the first that failed; None: it was none of theirs. `lasting` as
    of `Failed`.
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
        result = _read(answer, len(self._programs), _death(code))
        self._last = (text, result) if _lasts(result) else None
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


def _read(answer: bytes, programs: int, death: Failed) -> Outputs | NoOutputs:
    """Read the child's lines; `death` is why there are none of the programs that are left."""
    lines = answer.splitlines()[:programs]
    of = tuple(map(_line, lines)) + (death,) * (programs - len(lines))
    failed = [it for it in of if isinstance(it, Failed)]
    if len(failed) < programs:
        return Outputs(of)
    theirs = bool(lines) and failed[0].lasting
    return NoOutputs(failed[0].reason, 0 if theirs else None, failed[0].lasting)


def _line(line: bytes) -> tuple[Any, ...] | Failed:
    """Read one line; jq has read hostile text, so its shape is not assumed."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    match said:
        case {"outputs": list(outputs)}:
            return tuple(outputs)
        case {"failed": str(reason)}:
            return Failed(foreign_text(reason))
        case {"unusable": str(reason)}:
            return Failed(foreign_text(reason), lasting=False)
        case _:
            return Failed(_UNREAD, lasting=False)


def _lasts(result: Outputs | NoOutputs) -> bool:
    if isinstance(result, NoOutputs):
        return result.lasting
    return all(it.lasting for it in result.of if isinstance(it, Failed))


def _death(code: int) -> Failed:
    match -code:
        case 0:
            return Failed(_UNREAD, lasting=False)
        case signal.SIGXCPU:
            used = f"{CPU_SECONDS} s of processor time"
        case signal.SIGABRT | signal.SIGSEGV:
            used = f"{MEMORY // 1024**2} MiB of memory"
        case _:
            return Failed(f"the jq child ended with status {code}", lasting=False)
    return Failed(f"the jq programs used more than {used}")


# --- what they say ----------------------------------------------------------------------------


def read_answer(channel: Channel, outputs: Outputs | NoOutputs) -> StatusAnswer | StatusRejected:
    """Make an answer of the outputs of `PROGRAMS`; rejected where no fingerprint is in it.

    No output, `null` and an empty text mean "there is none". A `next` that is already current
    announces nothing. What is not understood is named in the answer, and otherwise ignored.
    """
    if isinstance(outputs, NoOutputs):
        where = "" if outputs.program is None else f"the program `{PROGRAMS[outputs.program]}`: "
        return StatusRejected(channel, f"{where}{outputs.reason}")
    values = [_sole(name, of) for name, of in zip(PROGRAMS, outputs.of, strict=True)]
    current, following = (
        _fingerprint(name, it) for name, it in zip(PROGRAMS, values[:2], strict=False)
    )
    rotates_at = _time(values[2])
    ignored = tuple(it for it in (current, following, rotates_at) if isinstance(it, IgnoredField))
    now = current if isinstance(current, Fingerprint) else None
    later = following if isinstance(following, Fingerprint) and following != now else None
    if now is None and later is None:
        whys = tuple(it.reason for it in ignored if it.field != PROGRAMS[2])
        return StatusRejected(channel, "; ".join(whys) or _NO_FINGERPRINT)
    when = rotates_at if isinstance(rotates_at, datetime) else None
    return StatusAnswer(channel, current=now, next=later, rotates_at=when, ignored=ignored)


def _sole(name: str, outputs: tuple[Any, ...] | Failed) -> Any:
    """The one value of a field; None where there is none."""
    if isinstance(outputs, Failed):
        return IgnoredField(name, f"the program `{name}`: {outputs.reason}")
    if len(outputs) > 1:
        why = f"the program `{name}` found two values where one is expected"
        return IgnoredField(name, why)
    value = outputs[0] if outputs else None
    return None if isinstance(value, str) and not value.strip() else value


def _fingerprint(name: str, value: Any) -> Fingerprint | IgnoredField | None:
    if value is None or isinstance(value, IgnoredField):
        return value
    fingerprint = parse_fingerprint(value)
    if isinstance(fingerprint, Fingerprint):
        return fingerprint
    shown = RefusedFingerprint(foreign_text(fingerprint.text), fingerprint.reason)
    return IgnoredField(name, f"`{name}` is no fingerprint that can be pinned: {shown}")


def _time(value: Any) -> datetime | IgnoredField | None:
    if value is None or isinstance(value, IgnoredField):
        return value
    if (instant := parse_instant(value)) is not None:
        return instant
    name, shown = PROGRAMS[2], foreign_text(repr(value))
    return IgnoredField(name, f"`{name}` is no time as ISO 8601 writes it: {shown}")
