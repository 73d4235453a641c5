"""What an upgrade has changed is told to a site that leaves it open, and to no other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.cli.checks.fault import Gravity
from edgepind.cli.checks.upgrade import CHANGES, TOLD_FOR, Change, changes_for, check_upgrade
from edgepind.model.state import RestartPhase, Upgrade
from edgepind.settings.load import load
from edgepind.settings.schema import PathsSettings, Settings

STORED = Path(__file__).parents[1] / "settings" / "stored_settings"
STATES = Path(__file__).parents[1] / "disk" / "stored_states"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
UPGRADE = Upgrade("0.2.0", NOW)


def settings(name: str) -> Settings:
    """The file that a site of 0.2.0 has."""
    read = load(STORED / f"0.2.0-{name}.toml", {})
    assert isinstance(read, Settings), read
    return read


def value(of: Settings, key: str) -> object:
    """The value under a dotted key."""
    table, name = key.rsplit(".", 1)
    return getattr(getattr(of, table), name)


@pytest.mark.parametrize("name", ["defaults", "every-key"])
def test_settings_of_an_earlier_release_are_read(name: str) -> None:
    """Both the file that sets nothing and the one that sets everything."""
    assert settings(name).cloud.host == "acme.mypurecloud.com"


@pytest.mark.parametrize("change", CHANGES, ids=lambda it: it.key)
def test_a_change_is_told_by_what_is_the_default_now(change: Change) -> None:
    """Else it would never be told, or be untrue."""
    assert value(settings("defaults"), change.key) == change.new


def test_every_change_is_told_for_a_month_and_not_beyond() -> None:
    """As what only explains: no answer becomes bad by it."""
    open_to_all = settings("defaults")
    for at in (NOW, NOW + TOLD_FOR):
        told = list(changes_for(open_to_all, UPGRADE, at))
        assert len(told) == len(CHANGES)
        assert {it.severity for it in told} == {Gravity.INFO}
        assert all(it.id.startswith("changed-") and "0.2.0" in it.what for it in told)
    assert not list(changes_for(open_to_all, UPGRADE, NOW + TOLD_FOR + timedelta(seconds=1)))


def test_what_a_site_has_set_otherwise_is_not_told() -> None:
    """Its own word stands, before and after."""
    own = settings("defaults")
    own = replace(own, clock=replace(own.clock, max_error=5.0))
    told = {it.id for it in changes_for(own, UPGRADE, NOW)}
    assert "changed-clock-max-error" not in told


async def test_only_a_state_that_came_across_an_upgrade_has_it_told(tmp_path: Path) -> None:
    """None is stored, one of an earlier release, one that says nothing of an upgrade."""
    site = replace(settings("defaults"), paths=PathsSettings(state=tmp_path, runtime=tmp_path))
    assert await check_upgrade(site) == []
    stored = (STATES / "4" / f"{RestartPhase.IDLE}.json").read_bytes()
    (tmp_path / "state.json").write_bytes(stored)
    assert len(await check_upgrade(site)) == len(CHANGES)
