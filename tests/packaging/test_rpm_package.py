"""The .rpm: made of the same tree, and listing it right."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgepind import __version__

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def rpm(make: Callable[[str], Path], demand: Callable[[str, str], None]) -> Path:
    """The package for those who have no dpkg."""
    demand("rpmbuild", "rpm")
    return make("build-rpm")


def asked(rpm: Path, *query: str) -> list[str]:
    """What rpm says of the package."""
    command = ["rpm", "--query", "--package", *query, str(rpm)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603


def test_it_installs_what_the_other_one_does(rpm: Path, unpacked: Path) -> None:
    """File for file, but for what only Debian wants."""
    debian = {"copyright", "changelog.Debian.gz", "edgepind/lintian", "overrides"}
    installed = {f"/{path.relative_to(unpacked)}" for path in unpacked.rglob("*") if path.is_file()}
    wanted = {
        name
        for name in installed
        if not name.startswith(("/DEBIAN/", "/usr/share/lintian/"))
        and name.rpartition("/")[2] not in debian
    }
    found = {line.split(" ", 1)[1] for line in _regular(rpm)}
    assert found - wanted == {"/usr/share/licenses/edgepind/LICENSE"}
    assert wanted - found == set()


def test_it_says_what_it_is(rpm: Path) -> None:
    """Name, version, settings that survive, and no claim on others' names."""
    assert asked(rpm, "--queryformat", "%{NAME} %{VERSION}\n") == [f"edgepind {__version__}"]
    assert asked(rpm, "--configfiles") == ["/etc/edgepind/edgepind.toml"]
    provided = {line.split(" ")[0] for line in asked(rpm, "--provides")}
    assert {name.partition("(")[0] for name in provided} == {"edgepind"}
    assert "python3.11" in asked(rpm, "--requires")


def test_everything_in_it_is_roots(rpm: Path) -> None:
    """Whoever built it."""
    lines = asked(rpm, "--queryformat", "[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]")
    assert set(lines) == {"root:root"}


def _regular(rpm: Path) -> list[str]:
    lines = asked(rpm, "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]")
    return [line for line in lines if line.startswith("-")]
