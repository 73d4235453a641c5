"""The manual pages are those of the program as it stands, and are read without complaint."""

import os
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from edgepind.cli.program import VERBS
from edgepind.settings.schema import TABLES

MAN = Path(__file__).parents[2] / "packaging" / "man"
PAGES = sorted(MAN.glob("*.[1-8]"))


def needs(tool: str, package: str) -> pytest.MarkDecorator:
    """Skip, and say so, where there is no `tool`."""
    missing = shutil.which(tool) is None
    reason = f"{tool} is not here; on Debian: apt-get install {package}"
    return pytest.mark.skipif(missing, reason=reason)


def complaints(*command: str | Path) -> str:
    """What a tool says of a page; nothing where it is content."""
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANWIDTH": "80"},
    )
    said = done.stderr if command[0] == "man" else done.stdout + done.stderr
    return said or ("" if done.returncode == 0 else f"ended with {done.returncode}")


def test_the_pages_have_not_drifted() -> None:
    """Commands, arguments and settings in them are those of the code."""
    render = runpy.run_path(str(MAN / "generate.py"))["render"]
    assert {page.name: page.read_text("utf-8") for page in PAGES} == render(), "run `make man`"


def test_every_command_and_every_setting_has_its_place() -> None:
    """A page for each verb, and an entry for each key."""
    names = {page.name for page in PAGES}
    assert names == {f"edgepind-{verb}.8" for verb in VERBS} | {
        "edgepind.8",
        "edgepind.toml.5",
        "edgepind-recovery.7",
    }
    settings = (MAN / "edgepind.toml.5").read_text("utf-8")
    keys = [f"{table.name}.{key.name}" for table in TABLES for key in table.keys]
    assert [key for key in keys if f".TP\n\\fB{key}\\fP\n" not in settings] == []


def test_every_unit_is_explained() -> None:
    """A unit that is found on a host can be looked up."""
    page = (MAN / "edgepind.8").read_text("utf-8").replace("\\-", "-")
    units = MAN.parents[1] / "systemd"
    names = [path.name for path in units.glob("edgepind*.*") if path.suffix != ".catalog"]
    names += [path.name.removesuffix(".d") for path in units.glob("*.service.d")]
    assert names
    assert [name for name in names if name not in page] == []


@needs("man", "man-db")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_groff_has_no_warning(page: Path) -> None:
    """As lintian asks it."""
    assert complaints("man", "--warnings", "-E", "UTF-8", "-l", page) == ""


@needs("mandoc", "mandoc")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_has_no_warning(page: Path) -> None:
    """The other reader of such pages; its matters of style (long lines) are none of ours."""
    assert complaints("mandoc", "-T", "lint", "-W", "warning", page) == ""
