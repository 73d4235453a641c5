"""A hundred thousand ticks in a troubled world: `python -m tests.tools.soak`, or `make soak`."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.tools.bench.shared_memory import shared_memory
from tests.tools.soak.soak import Result, Sample, SoakError, soak

_MIB = 1024 * 1024


def _line(name: str, sample: Sample) -> str:
    held = sample.held
    return (
        f"| {name} | {sample.ticks} | {sample.resident / _MIB:.1f} MiB | {sample.descriptors} | "
        f"{held.threads} | {held.tasks} | {held.objects} |\n"
    )


def _table(result: Result) -> str:
    first, last = result.calm
    tenths = [it for n, it in enumerate(result.samples[1:-1], start=1) if n % 10 == 0]
    lines = [
        "| when | ticks | resident | descriptors | threads | tasks | objects |\n",
        "| --- | --- | --- | --- | --- | --- | --- |\n",
        _line("calm before", first),
        *(_line("in trouble", it) for it in tenths),
        _line("calm after", last),
    ]
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print what was held and what happened, and end with 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.soak", description="many ticks")
    parser.add_argument("--ticks", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="which troubles come, and when")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="edgepind-soak-") as folder,
        tempfile.TemporaryDirectory(prefix="edgepind-soak-", dir=shared_memory()) as memory,
    ):
        try:
            result = asyncio.run(soak(Path(folder), Path(memory), options.ticks, options.seed))
        except SoakError as error:
            sys.stderr.write(f"It did not hold, with --seed {options.seed}: {error}\n")
            log = Path(folder) / "site" / "log.jsonl"
            sys.stderr.write("".join(log.read_text().splitlines(keepends=True)[-40:]))
            return 1
    sys.stdout.write(f"{result.ticks} ticks in {(time.monotonic() - began) / 60:.0f} minutes\n\n")
    sys.stdout.write(_table(result))
    for title, counted in (("happened", result.happened), ("told", result.events)):
        listed = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
        sys.stdout.write(f"\n{title}: {listed}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
