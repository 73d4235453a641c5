"""What the tests on a real systemd share: a tree, a package, and a site that boots for each file.

They need root, debootstrap and systemd-nspawn. Where there is no such thing they are skipped, and
the end of the run says so in large letters.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.container.control_groups import ControlGroups
from tests.container.machine import Machine, disk
from tests.container.site import Site, open_site
from tests.container.tree import RELEASE, NoTree, tree
from tests.container.usage import Peaks
from tests.container.wires import Wires

_HERE = Path(__file__).parent
_PROJECT = _HERE.parents[1]
_LONGEST = 300
"""Seconds for one test; what it stands on has its own patience."""

_SUMMARY = "on a real systemd"
"""What a worker of pytest-xdist calls the lines that the end of the run is to show."""
_PEAKS = pytest.StashKey[Peaks]()
_FIGURES = pytest.StashKey[list[str]]()
_WHY_NOT = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder: it is asked for by name, `-m container`."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("container")
            item.add_marker(pytest.mark.timeout(_LONGEST, func_only=True))


@pytest.fixture(scope="session")
def bootable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, on a host that can boot it; else everything here is skipped, and says why."""
    made = tree()
    problem = made.error if isinstance(made, NoTree) else _boots(made, tmp_path_factory)
    if isinstance(made, NoTree) or problem:
        request.config.stash[_WHY_NOT] = problem
        pytest.skip(problem)
    return made


@pytest.fixture(scope="session")
def package(bootable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of this very tree of sources, or the one that EDGEPIND_PACKAGE names."""
    del bootable  # nothing is built for a host that cannot use it
    if given := os.environ.get("EDGEPIND_PACKAGE"):
        return Path(given)
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "package").open("a+") as found:
        fcntl.flock(found, fcntl.LOCK_EX)  # several processes build one package
        found.seek(0)
        if not (made := found.read()):
            made = _build()
            found.write(made)
    return _PROJECT / made


def _build() -> str:
    command = ["make", "--silent", "deb", f"DIST={RELEASE}", "ARGS="]
    built = subprocess.run(  # noqa: S603 - our own words
        command, cwd=_PROJECT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    [made] = (it for it in built.stdout.split() if Path(it).name.startswith("edgepind_"))
    return made


@pytest.fixture(scope="session")
def lab_package(package: Path) -> Path:
    """The package with `edgepind lab`, which is made together with the other one."""
    _, version, _ = package.name.split("_")
    return package.with_name(f"edgepind-lab_{version}_all.deb")


@pytest.fixture(scope="session")
def peaks(request: pytest.FixtureRequest) -> Peaks:
    """What edgepind's processes took at their worst so far, at every site of this run."""
    return request.config.stash.setdefault(_PEAKS, {})


@pytest.fixture(scope="module")
def site(bootable: Path, peaks: Peaks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of the file's own, with an Edge and without edgepind."""
    with open_site(bootable, tmp_path_factory.mktemp("site"), peaks) as opened:
        yield opened


@pytest.fixture(scope="session")
def kept_site(
    bootable: Path,
    package: Path,
    peaks: Peaks,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A site for all files that care for no beginning, with the package installed."""
    with open_site(bootable, tmp_path_factory.mktemp("site"), peaks) as opened:
        opened.install(package)
        yield opened


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines that belong into the summary at the end of the run."""
    return request.config.stash.setdefault(_FIGURES, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: hand on what the end of the run is to show."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[_SUMMARY] = (session.config.stash.get(_WHY_NOT, ""), _lines(session.config))


class Workers:
    """Takes what workers of pytest-xdist hand on, where there are any."""

    def pytest_testnodedown(self, node: Any) -> None:
        """Keep it for the end of the run."""
        problem, lines = getattr(node, "workeroutput", {}).get(_SUMMARY, ("", ()))
        if problem:
            node.config.stash[_WHY_NOT] = problem
        node.config.stash.setdefault(_FIGURES, []).extend(lines)


def pytest_configure(config: pytest.Config) -> None:
    """Listen to workers; a hook of a plugin that may be missing stands in a plugin of its own."""
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Workers(), "container-workers")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Give the figures, or say aloud that nothing was tried on a real systemd."""
    if problem := config.stash.get(_WHY_NOT, None):
        terminalreporter.section("NOT TRIED ON A REAL SYSTEMD", sep="!", red=True, bold=True)
        terminalreporter.line(f"No container was booted: {problem}")
    if lines := _lines(config):
        terminalreporter.section(_SUMMARY)
        for line in lines:
            terminalreporter.line(line)


def _lines(config: pytest.Config) -> list[str]:
    return [*config.stash.get(_FIGURES, []), *_table(config.stash.get(_PEAKS, {}))]


def _table(peaks: Peaks) -> Iterator[str]:
    if peaks:
        yield f"{'at its worst':14} {'group MiB':>9} {'resident MiB':>12} {'tasks':>5} {'files':>5}"
    for kind, peak in sorted(peaks.items()):
        yield (
            f"{kind:14} {peak.group:9.1f} {peak.resident:12.1f} {peak.tasks:5} {peak.files:5}"
            f"   ({len(peak.seen)} processes)"
        )


def _boots(made: Path, folders: pytest.TempPathFactory) -> str:
    """Why the tree does not boot here; "" where it does."""
    for tool in ("systemd-nspawn", "nsenter", "unshare", "setpriv", "ip"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed; see .ci/run for the packages"
    console = folders.mktemp("boot") / "console.log"
    try:
        with (
            ControlGroups() as groups,
            Wires(disk(made)) as wires,
            Machine(wires, groups, console) as machine,
        ):
            machine.power_on()
    except (OSError, AssertionError, subprocess.TimeoutExpired) as error:
        said = console.read_text(errors="replace") if console.exists() else ""
        return " ".join(f"{error} {said[-300:]}".split())
    return ""
