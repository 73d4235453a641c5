"""What the daemon must not pay for: libraries that it could load and does not need."""

import subprocess
import sys

import pytest

LOADED = "import sys, {module}; print(*[it for it in {names} if it in sys.modules])"


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("edgepind.telemetry.log", ["rich", "rich.console"]),
        ("edgepind.effects.local_appliance", ["dbus_fast", "cryptography", "httpx"]),
        ("edgepind.effects.dry_appliance", ["dbus_fast", "cryptography", "httpx"]),
    ],
)
def test_importing_loads_nothing_that_is_not_used(module: str, names: list[str]) -> None:
    """D-Bus is loaded once a unit of systemd is asked, cryptography for odd certificates."""
    script = LOADED.format(module=module, names=names)
    found = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == []


def test_rich_can_still_be_had() -> None:
    """Commands draw with it after the log was set up."""
    script = "import edgepind.telemetry.log, rich.console; print('rich')"
    found = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert found.stdout == "rich\n"
