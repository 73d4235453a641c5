"""Whether breaking the core is noticed: `python -m tests.tools.mutation`, or `make mutation`.

mutmut changes the functions of `edgepind/core`, this program its tables; what no test notices is
listed in packaging/doc/mutation.md, each with the reason why it changes nothing. Ends with 1
where one has no reason. It takes hours of processor time, and goes on where it was stopped.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.tools.mutation.report import render
from tests.tools.mutation.trying import each_mutant, try_each

CORE = Path("edgepind/core")
TESTS = ("tests/core", "tests/scenarios/test_scenarios.py")
TABLES = Path("build/mutation-tables.json")
DOCUMENT = Path("packaging/doc/mutation.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Change, try, and write down what became of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.mutation", description=__doc__)
    steps = ["functions", "tables", "report"]
    parser.add_argument("step", nargs="*", default=steps, help=", ".join(steps))
    parser.add_argument("--jobs", type=int, default=1, help="mutants of functions at a time")
    parser.add_argument("--longest", type=float, default=3600.0, help="leave slower tests out")
    options = parser.parse_args(arguments)
    if unknown := set(options.step) - set(steps):
        parser.error(f"no such step: {', '.join(unknown)}")
    if "functions" in options.step:
        _try_functions(options.jobs)
    if "tables" in options.step:
        _try_tables(options.longest)
    if "report" not in options.step:
        return 0
    document, unexplained = render(_tried())
    DOCUMENT.write_text(document)
    sys.stdout.write(f"{DOCUMENT} is written; survivors without a reason: {unexplained}\n")
    return 1 if unexplained else 0


def _try_functions(jobs: int) -> None:
    """Let mutmut try what it has not tried, or what was changed since."""
    copies = Path("mutants/edgepind")
    if copies.exists():  # mutmut copies once what it does not change itself
        no_core = shutil.ignore_patterns("core", "__pycache__")
        shutil.copytree("edgepind", copies, ignore=no_core, dirs_exist_ok=True)
    command = ["mutmut", "run", "--max-children", str(jobs)]
    subprocess.run(command, check=True)  # noqa: S603  a fixed command


def _tried() -> dict[str, bool]:
    """Whether each mutant of a table was caught, as far as they were tried."""
    if not TABLES.exists():
        return {}
    return {str(name): bool(caught) for name, caught in json.loads(TABLES.read_text()).items()}


def _try_tables(longest: float) -> None:
    """Try what was not caught before, or everything where nothing was tried."""
    before = _tried()
    everything = list(each_mutant(CORE))
    left = [it for it in everything if not before.get(str(it))]
    tried = {str(it): True for it in everything if before.get(str(it))}
    TABLES.parent.mkdir(exist_ok=True)
    for mutant, caught in try_each(TESTS, left, longest):
        tried[str(mutant)] = caught
        TABLES.write_text(json.dumps(tried, indent=1))
        if not caught:
            sys.stdout.write(f"survives: {mutant}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
