"""Each mutant of a table, tried against the tests in a process of its own.

The tests are run once as things are; after that every mutant is planted in a fork, which has
everything loaded. The quickest tests come first, and the first that fails ends it.
"""

import importlib
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.tools.mutation.tables import Mutant, mutants

SECONDS = 20
"""Processor time that a mutant gets beyond what tests take: one that runs in circles is caught."""
OCTETS = 4 * 2**30
"""Memory that it gets: some gather events while they run in circles."""


class _QuickestFirst:
    """A plugin for pytest: learns what each test takes, and puts the quickest first.

    Tests that take longer than `longest` seconds are left out once that is known.
    """

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self.took: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long a test took."""
        if report.when == "call":
            self.took[report.nodeid] = report.duration

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put them in order."""
        items[:] = [it for it in items if self.took.get(it.nodeid, 0.0) <= self.longest]
        items.sort(key=lambda it: self.took.get(it.nodeid, 0.0))


def each_mutant(core: Path) -> Iterator[Mutant]:
    """All mutants of all tables in the folder `core`."""
    for path in sorted(core.glob("*.py")):
        module = importlib.import_module(f"edgepind.core.{path.stem}")
        yield from mutants(module, path.read_text())


def try_each(
    tests: Sequence[str], tried: Sequence[Mutant], longest: float
) -> Iterator[tuple[Mutant, bool]]:
    """Whether each of `tried` is caught by those of `tests` that take no `longest` seconds.

    Raises RuntimeError where they fail as things are.
    """
    order = _QuickestFirst(longest)
    arguments = ["-x", "-q", "-p", "no:cacheprovider", *tests]
    if pytest.main(arguments, [order]) != pytest.ExitCode.OK:
        raise RuntimeError("the tests fail before anything is changed")
    for mutant in tried:
        yield mutant, _is_caught(mutant, arguments, order)


def _is_caught(mutant: Mutant, arguments: list[str], order: _QuickestFirst) -> bool:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    code = 1
    try:
        seconds = SECONDS + 2 * int(sum(order.took.values()))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_DATA, (OCTETS, OCTETS))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        _plant(mutant)
        code = int(pytest.main(arguments, [order]))
    finally:
        os._exit(code)


def _plant(mutant: Mutant) -> None:
    """Bind what the mutant makes of it, wherever a module has bound the original."""
    home = vars(sys.modules[mutant.module])
    original = home[mutant.name]
    changed = eval(mutant.expression, home)  # noqa: S307  the project's own source, changed
    for module in list(sys.modules.values()):
        names = vars(module)
        if names.get(mutant.name) is original:
            names[mutant.name] = changed
