"""What all tests share: a site, what faults are made with, and a way to note what was seen.

What was seen of a fault goes into the fault matrix.
"""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.contract.told_events import ToldEvents
from tests.faults.matrix import read_matrix
from tests.faults.seen import Sightings, write_table
from tests.support.mounts import Mounts
from tests.support.run_guard import guard_run
from tests.support.s_server import openssl_command
from tests.support.small_site import Site, open_site
from tests.support.syscall_faults import Tracer

_SIGHTINGS = pytest.StashKey[Sightings]()
_GUARD = pytest.StashKey[subprocess.Popen[bytes]]()
_UNSEEN = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be about the fault matrix alone."""
    parser.addoption(
        "--faults",
        type=Path,
        metavar="FILE",
        help="run only what is about the fault matrix, and write it to FILE with what was seen",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing seen; and no property fails by the clock of a machine that others use.

    What hangs is ended by the time-out of each test, and what costs too much is the benchmark's.
    """
    settings.register_profile(
        "edgepind", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("edgepind")
    names = {row.name for rows in read_matrix().values() for row in rows}
    config.stash[_SIGHTINGS] = Sightings(frozenset(names))
    if not hasattr(config, "workerinput"):  # the process that began the run, where there are others
        config.pluginmanager.register(ToldEvents())
        config.stash[_GUARD] = guard_run()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under `--faults`, leave out what notes nothing."""
    if config.getoption("--faults") is not None:
        left_out = [item for item in items if "seen" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def seen(request: pytest.FixtureRequest) -> Sightings:
    """Where a test notes what it saw of a fault."""
    return request.config.stash[_SIGHTINGS]


@pytest.fixture
def mounted() -> Iterator[Mounts]:
    """What a test mounts; a site's daemon, which may look into it, is ended before it goes."""
    made = Mounts()
    yield made
    made.unmount()


@pytest.fixture
async def site(tmp_path: Path, mounted: Mounts) -> AsyncIterator[Site]:  # noqa: ARG001 - outlives it
    """A site whose daemon the test starts, and which is gone when the test is over."""
    async with open_site(tmp_path) as made:
        yield made


@pytest.fixture
async def steady(site: Site) -> Site:
    """A site whose daemon runs, with the first pin in force and loaded well."""
    await site.daemon.start()
    await site.until_steady()
    return site


@pytest.fixture
def mounts(mounted: Mounts) -> Mounts:
    """Give a way to mount; what was mounted is gone after the test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount: these faults of disks are NOT tried")
    return mounted


@pytest.fixture
def tracer() -> Tracer:
    """Give a tracer, where strace works."""
    found = Tracer.find()
    if found is None:
        pytest.skip("strace is missing or may not trace: faults at system calls are NOT tried")
    return found


@pytest.fixture
def openssl() -> str:
    """Where the `openssl` command is."""
    program = openssl_command()
    if program is None:
        pytest.skip("the openssl command is not installed")
    return program


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table; a row that nothing was seen of is a failure."""
    path = session.config.getoption("--faults")
    if path is not None and not session.config.option.collectonly:
        unseen = write_table(path, read_matrix(), session.config.stash[_SIGHTINGS])
        session.config.stash[_UNSEEN] = unseen
        if unseen and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was seen, row by row, under `--faults`."""
    if (unseen := config.stash.get(_UNSEEN, None)) is None:
        return
    terminalreporter.section("the fault matrix")
    seen = config.stash[_SIGHTINGS].by_row
    for rows in read_matrix().values():
        for row in rows:
            terminalreporter.line(f"{row.name}: {row.fault}")
            for it in seen.get(row.name, ()):
                terminalreporter.line(f"    {it.state}: {it.said}")
    terminalreporter.line(f"NOT SEEN: {', '.join(unseen)}" if unseen else "Every row was seen.")
