"""Packages for these tests, made once, in a clone of the tree as it stands."""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
EPOCH = 1_795_446_000

Make = Callable[..., dict[str, Path]]
"""Runs a script of `packaging/` in one clone with these arguments: the packages made, by name."""
RELEASES = {(3, 11): "bookworm", (3, 12): "noble", (3, 13): "trixie"}
"""The release whose Python is this one, so that what was made for it can be run here."""


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests in one process: the packages are made once, and tried many times."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("packages"))


@pytest.fixture(scope="session")
def epoch() -> int:
    """The time of everything that these tests make, in seconds since 1970."""
    return EPOCH


@pytest.fixture(scope="session")
def demand() -> Callable[[str, str], None]:
    """Skip what needs a tool where it is not, and say which package has it."""

    def demand(tool: str, package: str) -> None:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here; on Debian: apt-get install {package}")

    return demand


@pytest.fixture(scope="session")
def commit() -> str:
    """The tree as it stands, with what is changed and not committed; nothing in it is disturbed."""
    return _git("-C", PROJECT, "stash", "create") or _git("-C", PROJECT, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def workshop(commit: str) -> Callable[[Path], Make]:
    """Open a place to make packages in: a clone. The archives of the lock are kept in common."""

    def workshop(place: Path) -> Make:
        _git("clone", "--quiet", "--shared", "--no-checkout", PROJECT, place)
        _git("-C", place, "checkout", "--quiet", "--detach", commit)
        kept = PROJECT / "build" / "packages"
        kept.mkdir(parents=True, exist_ok=True)
        (place / "build").mkdir()
        (place / "build" / "packages").symlink_to(kept)
        return lambda *command: _make(place, *command)

    return workshop


@pytest.fixture(scope="session")
def make(workshop: Callable[[Path], Make], tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The workshop of all tests that need no other; what was made once is not made again."""
    return functools.cache(workshop(tmp_path_factory.mktemp("workshop") / "edgepind"))


@pytest.fixture(scope="session")
def release() -> str:
    """The release for which packages are made here."""
    if sys.version_info[:2] not in RELEASES:
        pytest.skip("no release that a package is made for has this Python")
    return RELEASES[sys.version_info[:2]]


@pytest.fixture(scope="session")
def debs(make: Make, release: str, demand: Callable[[str, str], None]) -> dict[str, Path]:
    """The packages for that release."""
    demand("dpkg-deb", "dpkg")
    return make("build-deb", release)


@pytest.fixture(scope="session")
def deb(debs: dict[str, Path]) -> Path:
    """The product's package."""
    return debs["edgepind"]


@pytest.fixture(scope="session")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What it installs, and beneath DEBIAN what it tells dpkg."""
    root = tmp_path_factory.mktemp("unpacked") / "root"
    unpack(deb, root)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def unpacked_lab(debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same of the lab's package."""
    root = tmp_path_factory.mktemp("unpacked") / "root"
    unpack(debs["edgepind-lab"], root)
    yield root
    shutil.rmtree(root)


def unpack(deb: Path, root: Path) -> None:
    """Unpack a package into a new folder."""
    subprocess.run(["dpkg-deb", "-R", deb, root], check=True)  # noqa: S603, S607 - our own words


def _git(*arguments: str | Path) -> str:
    done = subprocess.run(  # noqa: S603 - our own words
        ["git", *map(str, arguments)],  # noqa: S607 - wherever it is installed
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def _make(place: Path, script: str, *arguments: str) -> dict[str, Path]:
    made = subprocess.run(  # noqa: S603 - our own words
        [place / "packaging" / script, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHON": sys.executable, "SOURCE_DATE_EPOCH": str(EPOCH)},
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return {_package_name(path): place / path for path in made.stdout.split()}


def _package_name(path: str) -> str:
    """`edgepind-lab` of dist/edgepind-lab_0.2.0-1_all.deb, and of dist/edgepind-lab-0.2.0-1...."""
    return re.split(r"[-_](?=\d)", Path(path).name)[0]
