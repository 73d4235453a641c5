"""What root's helper loads: a short list, without anything that talks to strangers."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import edgepind

FORBIDDEN = (
    "http",
    "httpx",
    "httpcore",
    "h11",
    "urllib.request",
    "jq",
    "cryptography",
    "structlog",
    "rich",
    "sdnotify",
    "certifi",
    "idna",
)
DOCUMENT = "import edgepind.helper.__main__"
UNIT = f"{DOCUMENT}, edgepind.effects.appliance, edgepind.effects.systemd"

PACKAGES = {
    *("helper", "clock", "effects", "formats", "host", "model", "operator", "settings", "state"),
}
"""What of edgepind a helper may load: nothing that decides, tells, draws or talks to a network."""


@cache
def loaded(imports: str) -> dict[str, str]:
    """The modules that a fresh interpreter has loaded then, and the file of each."""
    script = (
        f"import sys\nbefore = set(sys.modules)\n{imports}\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if module is not None and name not in before:\n"
        "        print(name, getattr(module, '__file__', None))"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(edgepind.__file__).parent.parent,
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("imports", [DOCUMENT, UNIT])
def test_nothing_that_talks_to_strangers_is_loaded(imports: str) -> None:
    """No HTTP, no TLS, no jq, no certificates; not by way of D-Bus either."""
    assert [name for name in FORBIDDEN if name in loaded(imports)] == []


def test_no_tls_is_loaded_for_a_document() -> None:
    """Only asyncio, which D-Bus needs for the unit, imports `ssl`; the service has no network."""
    assert not {"ssl", "_ssl"} & loaded(DOCUMENT).keys()


def test_nothing_of_edgepind_that_a_unit_needs_imports_tls() -> None:
    """Neither the helper's own modules nor what they take from the rest."""
    ours = [file for name, file in loaded(UNIT).items() if name.startswith("edgepind")]
    imports = re.compile(r"^\s*(?:import|from) (?:ssl|_ssl)\b", re.MULTILINE)
    assert len(ours) > 20
    assert [file for file in ours if imports.search(Path(file).read_text())] == []


def test_a_document_needs_the_standard_library_alone() -> None:
    """No package from elsewhere, no event loop and no child processes."""
    names = loaded(DOCUMENT)
    assert not {"asyncio", "subprocess", "dbus_fast", "tenacity"} & names.keys()
    assert [name for name, file in names.items() if "site-packages" in file] == []


def test_a_restart_needs_d_bus_and_patience_besides() -> None:
    """The whole list of what comes from elsewhere."""
    names = loaded(UNIT)
    foreign = {name.partition(".")[0] for name, file in names.items() if "site-packages" in file}
    assert foreign <= {"dbus_fast", "tenacity", "typing_extensions"}


@pytest.mark.parametrize("imports", [DOCUMENT, UNIT])
def test_no_package_that_decides_is_loaded(imports: str) -> None:
    """What the core would say is not the helper's business."""
    ours = {name.split(".")[1] for name in loaded(imports) if name.startswith("edgepind.")}
    assert ours <= PACKAGES
