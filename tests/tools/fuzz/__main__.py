"""Fuzz the parsers by coverage: `python -m tests.tools.fuzz`, or `make fuzz ARGS="--seconds 600"`.

Each target runs in a process of its own, so that one which is brought down is named. What it finds
new stays in `tests/tools/fuzz/corpus`, from where every run of the tests reads it again; what fails
is put beside it, under a name that begins with what happened (crash, timeout, oom).
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.tools.bench.shared_memory import shared_memory

CORPUS = Path(__file__).parent / "corpus"
_LONGEST_INPUT = 4096
_HANGS = 10
_MEMORY = 1024
"""Seconds for one input, and MiB for one process."""

_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run over one target came to."""

    target: str
    runs: int
    covered: int
    failed: str


def fuzz(target: str, seconds: int, seed: int) -> Run:
    """Fuzz one target, beginning with its corpus; keep of what is new the least that covers it."""
    kept = CORPUS / target
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgepind-fuzz-", dir=shared_memory()) as folder:
        program, found = _program(Path(folder), target), Path(folder) / "found"
        found.mkdir()
        limits = (f"-max_len={_LONGEST_INPUT}", f"-timeout={_HANGS}", f"-rss_limit_mb={_MEMORY}")
        aside = f"-artifact_prefix={CORPUS.parent}/"
        span = (f"-max_total_time={seconds}", f"-seed={seed}")
        done = _run(program, *limits, aside, *span, found, kept)
        if done.returncode == 0:
            merged = _run(program, *limits, "-merge=1", kept, found)
            merged.check_returncode()
    said = done.stderr + done.stdout
    counted, covered = _DONE.search(said), _COVERED.findall(said)
    return Run(
        target,
        int(counted[1]) if counted else 0,
        int(covered[-1][1]) if covered else 0,
        "" if done.returncode == 0 else said[-4000:],
    )


def _program(folder: Path, target: str) -> Path:
    """One file to execute: libFuzzer starts itself again by name when it merges."""
    program = folder / "fuzz"
    words = (sys.executable, "-m", "tests.tools.fuzz.instrumented", target, str(program))
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o700)
    return program


def _run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own words
        [program, *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd=CORPUS.parents[3],
        env={**os.environ, "TMPDIR": str(program.parent)},  # what it leaves goes with the folder
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, print a line a target, and end with 1 where one failed."""
    from tests.tools.fuzz.targets import TARGETS  # noqa: PLC0415  the child imports it under watch

    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.fuzz", description="fuzz the parsers"
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--seed", type=int, default=1, help="the same finds the same (1)")
    options = parser.parse_args(arguments)
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(
            f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}"
        )
    failed = 0
    for target in options.targets or TARGETS:
        run = fuzz(target, options.seconds, options.seed)
        kept = len(list((CORPUS / target).iterdir()))
        verdict = "FAILED" if run.failed else "good"
        sys.stdout.write(
            f"{target:16} {run.runs:>10} inputs, {run.covered:>6} features, {kept:>4} kept: "
            f"{verdict}\n{run.failed}"
        )
        sys.stdout.flush()
        failed += bool(run.failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
