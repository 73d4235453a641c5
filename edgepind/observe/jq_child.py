"""The child in which jq programs run: it has limits, no environment, and nothing to open.

jq holds the interpreter's lock while a program runs, reads files and the environment, and has
no limits of its own, so it must never be imported by the daemon itself. Asked over standard
input for one document, the child answers with one on standard output and ends.
"""

import json
import os
import resource
import sys
from itertools import islice
from typing import Any

MOST_OUTPUTS = 2
"""Outputs kept of each program: more than one is one too many already."""

LONGEST_OUTPUT = 4096
"""Characters that one output may have as JSON; a fingerprint has a hundred."""

CPU_SECONDS = 2
MEMORY = 96 * 1024 * 1024
"""Octets of private memory (RLIMIT_DATA); the child starts with five MiB of it."""

ADDRESS_SPACE = 512 * 1024 * 1024


class _ProgramError(Exception):
    """Why one program gave nothing to go on."""


def main() -> None:
    """Answer `{"programs": [...], "text": "..."}` with a line for each program, in order.

    That is `{"outputs": [...]}`, or `{"failed": "why"}` where it does not compile, fails or says
    too much. Each is said at once, so that a program that ends the child takes none with it that
    ran before. Where jq is missing the one line is `{"unusable": "why"}`.
    """
    question = json.loads(sys.stdin.buffer.read())
    try:
        # Loaded before the limits: afterwards no file can be opened, not even this one.
        import jq  # noqa: PLC0415
    except ImportError as error:
        _answer({"unusable": f"jq cannot be loaded: {error}"})
        return
    _confine()
    for program in question["programs"]:
        try:
            _answer({"outputs": _run(jq, program, question["text"])})
        except _ProgramError as error:
            _answer({"failed": str(error)})


def _confine() -> None:
    """Give up what a program has no need of (setrlimit(2)); there is no way back."""
    os.environ.clear()  # the interpreter itself may have set LC_CTYPE (PEP 538)
    for limit, wanted in (
        (resource.RLIMIT_CORE, 1),  # 0 would not keep the kernel from starting a core collector
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_AS, ADDRESS_SPACE),
    ):
        _lower(limit, wanted, wanted)
    _lower(resource.RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 1)  # SIGXCPU, then SIGKILL


def _lower(limit: int, soft: int, hard: int) -> None:
    _, most = resource.getrlimit(limit)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(limit, (soft, hard))


def _run(jq: Any, program: str, text: str) -> list[Any]:
    try:
        compiled = jq.compile(program)
    except ValueError as error:
        raise _ProgramError(f"it does not compile: {error}") from None
    try:
        outputs = list(islice(iter(compiled.input_text(text)), MOST_OUTPUTS))
        written = [json.dumps(output) for output in outputs]
    except (ValueError, RecursionError, MemoryError) as error:
        raise _ProgramError(f"it failed: {str(error) or type(error).__name__}") from None
    if any(len(output) > LONGEST_OUTPUT for output in written):
        raise _ProgramError(f"an output of it is longer than {LONGEST_OUTPUT} characters")
    return outputs


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
