"""The .rpm: made of the same tree, and listing it right."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgepind import __version__

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def rpms(
    make: Callable[..., dict[str, Path]], demand: Callable[[str, str], None]
) -> dict[str, Path]:
    """The packages for those who have no dpkg."""
    demand("rpmbuild", "rpm")
    return make("build-rpm")


@pytest.fixture(scope="module")
def rpm(rpms: dict[str, Path]) -> Path:
    """The product's package."""
    return rpms["edgepind"]


def asked(rpm: Path, *query: str) -> list[str]:
    """What rpm says of the package."""
    command = ["rpm", "--query", "--package", *query, str(rpm)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603


def test_it_installs_what_the_other_one_does(
    rpms: dict[str, Path], make: Callable[..., dict[str, Path]]
) -> None:
    """File for file, but for what only Debian wants: each package what its namesake has."""
    licence = {"edgepind": {"/usr/share/licenses/edgepind/LICENSE"}, "edgepind-lab": set()}
    debs = make("build-deb", "bookworm")  # with the wheels of the same Python
    assert rpms.keys() == debs.keys() == licence.keys()
    for name, deb in debs.items():
        found = {line.split(" ", 1)[1] for line in _regular(rpms[name])}
        assert found - _installed(deb) == licence[name]
        assert _installed(deb) - found == set()


def _installed(deb: Path) -> set[str]:
    """The files of a .deb, without what only Debian wants."""
    debian = re.compile(r"/usr/share/(lintian/.+|doc/edgepind/(copyright|changelog\.Debian\.gz))")
    command = ["dpkg-deb", "--contents", str(deb)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    lines = [line.split(maxsplit=5) for line in listed.splitlines() if line.startswith("-")]
    names = {line[5].removeprefix(".") for line in lines}
    return {name for name in names if not debian.fullmatch(name)}


def test_it_says_what_it_is(rpm: Path) -> None:
    """Name, version, settings that survive, and no claim on others' names."""
    assert asked(rpm, "--queryformat", "%{NAME} %{VERSION}\n") == [f"edgepind {__version__}"]
    assert asked(rpm, "--configfiles") == ["/etc/edgepind/edgepind.toml"]
    provided = {line.split(" ")[0] for line in asked(rpm, "--provides")}
    assert {name.partition("(")[0] for name in provided} == {"edgepind"}
    assert "python3.11" in asked(rpm, "--requires")


def test_the_lab_is_a_subpackage(rpms: dict[str, Path]) -> None:
    """For any machine, and for this very version and release of the product alone."""
    lab = rpms["edgepind-lab"]
    [version] = asked(rpms["edgepind"], "--queryformat", "%{VERSION}-%{RELEASE}\n")
    assert asked(lab, "--queryformat", "%{ARCH}\n") == ["noarch"]
    assert f"edgepind = {version}" in asked(lab, "--requires")


def test_everything_in_them_is_roots(rpms: dict[str, Path]) -> None:
    """Whoever built them."""
    for rpm in rpms.values():
        lines = asked(rpm, "--queryformat", "[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]")
        assert set(lines) == {"root:root"}


def _regular(rpm: Path) -> list[str]:
    lines = asked(rpm, "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]")
    return [line for line in lines if line.startswith("-")]
