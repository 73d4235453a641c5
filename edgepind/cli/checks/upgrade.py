"""What an upgrade has changed for settings that leave it open, told for a while after it.

Relevant only where the stored state came from an earlier release, and where the setting has the
new value: a site that wrote its own keeps it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edgepind.cli.checks.fault import Fault, info
from edgepind.cli.stored_state import NotStored, read_state
from edgepind.clock import SystemClock
from edgepind.model.state import Upgrade
from edgepind.settings.schema import Settings

TOLD_FOR = timedelta(days=30)
"""Then whoever runs `check` has read it, or never will."""


@dataclass(frozen=True, slots=True)
class Change:
    """A default that is another since `before`. `key` is dotted; `was` and `remedy` are for people.

    `new` is the value by which the settings are known to leave it open.
    """

    key: str
    new: object
    what: str
    remedy: str


CHANGES: tuple[Change, ...] = (
    Change(
        "clock.max_error",
        60.0,
        "a clock that is set back by more than clock.max_error is not believed for adoption until "
        "chrony, the kernel, systemd-timesyncd or the Date of a pinned channel confirms it",
        "Run chrony or systemd-timesyncd on this host; `edgepind status` shows which source is "
        "heard.",
    ),
)
"""What is different since 0.2.0, in the order of the settings file."""


async def check_upgrade(settings: Settings) -> list[Fault]:
    """Tell what has changed for this site since the release that wrote its state."""
    state = read_state(settings.paths.state, SystemClock())
    if isinstance(state, NotStored) or state.upgrade is None:
        return []
    return list(changes_for(settings, state.upgrade, datetime.now(UTC)))


def changes_for(settings: Settings, upgrade: Upgrade, now: datetime) -> Iterator[Fault]:
    """A fault of no gravity for each change that the settings leave open, for `TOLD_FOR`."""
    if now - upgrade.at > TOLD_FOR:
        return
    for it in CHANGES:
        if _value(settings, it.key) == it.new:
            what = f"since the upgrade from {upgrade.version}, {it.what}"
            yield info(f"changed-{it.key.replace('_', '-').replace('.', '-')}", what, it.remedy)


def _value(settings: Settings, key: str) -> Any:
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value
