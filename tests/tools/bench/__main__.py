"""What the daemon costs: `python -m tests.tools.bench`, or `make bench`.

Every client is a process of its own; the cloud they all dial is in this one. Nothing here passes
or fails by a figure: it is for reading, and for comparing two runs on one quiet machine.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgepind.lab.cloud import Cloud
from edgepind.lab.trust import Trust
from tests.support.small_site import HOST
from tests.tools.bench.figures import Figure, show, store, surroundings
from tests.tools.bench.life import Span, life
from tests.tools.bench.rivals import missing_tools
from tests.tools.bench.rotation import rotation
from tests.tools.bench.shared_memory import shared_memory
from tests.tools.bench.steady import FULL, MOST_ADDRESSES, QUICK, steady

_QUICK_TICKS = 15


async def _measure(folder: Path, memory: Path, *, quick: bool, ticks: int) -> list[Figure]:
    trust = Trust(folder)
    ips = [f"127.0.0.{n}" for n in range(1, MOST_ADDRESSES + 1)]
    cloud = await Cloud.open(HOST, trust.issue(HOST), ips)
    grounds = (folder, memory, cloud, trust)
    try:
        figures = await steady(*grounds, QUICK if quick else FULL)
        span = Span(1, _QUICK_TICKS, 0.5, 10) if quick else Span(5, ticks, 10, 2000)
        figures += await life(*grounds, span)
    finally:
        await cloud.close()
    return figures + await rotation(_made(folder / "rotation"), 0.05 if quick else 0.4)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and keep the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.bench", description="what it costs"
    )
    parser.add_argument("--quick", action="store_true", help="whether it runs; no figure is good")
    parser.add_argument("--ticks", type=int, default=500, help="ticks before memory is looked at")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args(arguments)
    if options.ticks <= _QUICK_TICKS:
        parser.error(f"--ticks must be more than {_QUICK_TICKS}")
    if missing := missing_tools():
        sys.stderr.write(f"The shell loop is left out: install {', '.join(missing)}.\n")
    around = surroundings(quick=options.quick)
    with (
        tempfile.TemporaryDirectory(prefix="edgepind-bench-") as folder,
        tempfile.TemporaryDirectory(prefix="edgepind-bench-", dir=shared_memory()) as memory,
    ):
        measured = _measure(Path(folder), Path(memory), quick=options.quick, ticks=options.ticks)
        figures = asyncio.run(measured)
    show(figures, around)
    store(options.output, figures, around)
    return 0


if __name__ == "__main__":
    sys.exit(main())
