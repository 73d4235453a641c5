"""What root's helper loads: a short list, without anything that talks to strangers."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import edgepind

FORBIDDEN = (
    "_ssl",
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
    "clock", "effects", "formats", "helper", "host", "model", "operator", "settings", "state",
}  # fmt: skip
"""What the helper may load of edgepind: nothing that decides, observes or reports."""


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


def test_tls_cannot_be_loaded_at_all() -> None:
    """It is barred, so that nothing can load it later."""
    script = f"{DOCUMENT}\nimport ssl"
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "ssl" in done.stderr.splitlines()[-1]


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
    """What the core would say is no business of the helper's."""
    ours = {name.split(".")[1] for name in loaded(imports) if name.startswith("edgepind.")}
    assert ours <= PACKAGES
