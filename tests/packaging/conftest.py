"""Packages for these tests, made once, in a clone of the tree as it stands."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
EPOCH = 1_795_446_000

Make = Callable[[str], Path]
"""Runs a script of `packaging/` in one clone, and gives the package that it made."""


@pytest.fixture(scope="session")
def epoch() -> int:
    """The time of everything that these tests make, in seconds since 1970."""
    return EPOCH


@pytest.fixture(scope="session")
def demand() -> Callable[[str, str], None]:
    """Skip what needs a tool where it is not, and say which package has it."""

    def demand(tool: str, package: str) -> None:
        if sys.version_info[:2] != (3, 11):
            pytest.skip("the packages are made with Python 3.11, and this is another one")
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
        return lambda script: _make(place, script)

    return workshop


@pytest.fixture(scope="session")
def make(workshop: Callable[[Path], Make], tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The workshop of all tests that need no other."""
    return workshop(tmp_path_factory.mktemp("workshop") / "edgepind")


@pytest.fixture(scope="session")
def deb(make: Make, demand: Callable[[str, str], None]) -> Path:
    """The package for Debian."""
    demand("dpkg-deb", "dpkg")
    return make("build-deb")


@pytest.fixture(scope="session")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What it installs, and beneath DEBIAN what it tells dpkg."""
    root = tmp_path_factory.mktemp("unpacked") / "root"
    subprocess.run(["dpkg-deb", "-R", deb, root], check=True)  # noqa: S603, S607 - our own words
    yield root
    shutil.rmtree(root)


def _git(*arguments: str | Path) -> str:
    done = subprocess.run(  # noqa: S603 - our own words
        ["git", *map(str, arguments)],  # noqa: S607 - wherever it is installed
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def _make(place: Path, script: str) -> Path:
    made = subprocess.run(  # noqa: S603 - our own words
        [place / "packaging" / script],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHON": sys.executable, "SOURCE_DATE_EPOCH": str(EPOCH)},
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return place / made.stdout.split()[-1]
