"""What the daemon must not pay for: libraries that it could load and does not need."""

import subprocess
import sys

import pytest

LOADED = "import sys, {module}; print(*[it for it in {names} if it in sys.modules])"


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("edgepind.effects.appliance", ["dbus_fast", "cryptography", "httpx"]),
    ],
)
def test_importing_loads_nothing_that_is_not_used(module: str, names: list[str]) -> None:
    """D-Bus is loaded once a unit of systemd is asked, cryptography for odd certificates."""
    script = LOADED.format(module=module, names=names)
    found = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == []
