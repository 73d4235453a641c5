"""How often the helper lets things pass: budgets over time, over a reboot, and on a bad disk."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from edgepind.helper.policy import HelperPolicy
from edgepind.helper.records import BudgetLog
from tests.support.helper_grounds import Grounds
from tests.support.manual_clock import ManualClock

HOUR = 3600.0
DAY = 24 * HOUR
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes another user's file")
NOBODY = 65534


@pytest.fixture
def clock() -> ManualClock:
    """Time that passes when told."""
    return ManualClock()


def may_open(grounds: Grounds, clock: ManualClock) -> bool:
    """Whether a helper that is started now would switch validation off."""
    return HelperPolicy(grounds.settings, grounds.memory, clock).objection_to_opening() is None


def may_restart(grounds: Grounds, clock: ManualClock) -> bool:
    """Whether a helper that is started now would restart the Edge."""
    return HelperPolicy(grounds.settings, grounds.memory, clock).objection_to_restart() is None


# --- the ledger -----------------------------------------------------------------------------


def test_entries_outlive_the_process(tmp_path: Path, clock: ManualClock) -> None:
    """Each helper reads what those before it wrote, and drops what is too old to count."""
    path = tmp_path / "ledger.json"
    for _ in range(3):
        assert BudgetLog(path, clock).add(HOUR) is None
        clock.advance(HOUR / 2)
    ledger = BudgetLog(path, clock)
    assert len(ledger.within(DAY)) == 2
    assert len(ledger.within(HOUR)) == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_reboot_and_a_wrong_clock_make_nothing_older(tmp_path: Path, clock: ManualClock) -> None:
    """Time away counts forwards only: a clock that stands behind buys no new budget."""
    path = tmp_path / "ledger.json"
    BudgetLog(path, clock).add(DAY)
    clock.reboot(off_for=HOUR)
    assert len(BudgetLog(path, clock).within(2 * HOUR)) == 1
    assert BudgetLog(path, clock).within(HOUR) == ()
    clock.set_wall(clock.now().wall - timedelta(days=3650))
    assert len(BudgetLog(path, clock).within(1.0)) == 1


def test_setting_the_clock_ahead_buys_nothing_within_a_boot(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Within one boot only the boot clock counts."""
    path = tmp_path / "ledger.json"
    BudgetLog(path, clock).add(DAY)
    clock.set_wall(clock.now().wall + timedelta(days=3650))
    assert len(BudgetLog(path, clock).within(1.0)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"saved": {}, "instants": [1]}', b"\xff"])
def test_a_damaged_ledger_counts_as_empty(
    tmp_path: Path, clock: ManualClock, content: bytes
) -> None:
    """And is whole again with the next entry."""
    path = tmp_path / "ledger.json"
    path.write_bytes(content)
    ledger = BudgetLog(path, clock)
    assert ledger.within(DAY) == ()
    assert ledger.add(DAY) is None
    assert len(BudgetLog(path, clock).within(DAY)) == 1


def test_what_cannot_be_written_is_told(tmp_path: Path, clock: ManualClock) -> None:
    """A sentence, and no entry."""
    ledger = BudgetLog(tmp_path / "absent" / "ledger.json", clock)
    assert ledger.add(DAY) is not None
    assert ledger.within(DAY) == ()


# --- restarts -------------------------------------------------------------------------------


def test_the_budget_of_restarts_frees_with_time(grounds: Grounds, clock: ManualClock) -> None:
    """As many as the settings allow in their window, and again when the window has passed."""
    grounds.write_settings({"edge": {"restart_budget": 2, "restart_window": "1h"}})
    assert [may_restart(grounds, clock) for _ in range(3)] == [True, True, False]
    clock.advance(HOUR - 1)
    assert not may_restart(grounds, clock)
    clock.advance(1)
    assert may_restart(grounds, clock)


def test_a_refused_restart_costs_nothing(grounds: Grounds, clock: ManualClock) -> None:
    """An Edge that an operator stopped uses no budget up."""
    grounds.write_settings({"edge": {"restart_budget": 1}})
    for _ in range(3):
        rights = HelperPolicy(grounds.settings, grounds.memory, clock)
        assert rights.objection_to_restart() is None
        assert rights.restart_not_made() is None


# --- validation off -------------------------------------------------------------------------


def test_an_opening_lasts_and_is_counted_once(grounds: Grounds, clock: ManualClock) -> None:
    """Writes within `limit` belong to one opening: pins may change while the Edge is open."""
    grounds.write_settings({"fail_open": {"limit": "4h", "budget": 1, "budget_window": "1d"}})
    for _ in range(8):
        assert may_open(grounds, clock)
        clock.advance(HOUR / 2)
    assert not may_open(grounds, clock)


def test_no_more_openings_than_the_budget_allows(grounds: Grounds, clock: ManualClock) -> None:
    """Three in a day, each with its limit, as the daemon's own rules have it."""
    grounds.write_settings({"fail_open": {"limit": "1h", "budget": 3, "budget_window": "1d"}})
    opened = []
    for _ in range(24):
        opened.append(may_open(grounds, clock))
        clock.advance(HOUR)
    assert opened == [True] * 3 + [False] * 21
    assert may_open(grounds, clock)


def test_roots_override_opens_for_its_own_time(grounds: Grounds, clock: ManualClock) -> None:
    """No budget is asked, and none is used."""
    grounds.write_settings({"fail_open": {"budget": 0}})
    until = clock.now().wall + timedelta(hours=8)
    override = grounds.state / "override"
    override.write_text(f'{{"until": "{until.isoformat()}", "reason": "r", "by": "root"}}')
    wall = clock.now().wall.timestamp()
    os.utime(override, (wall, wall))
    assert may_open(grounds, clock)
    clock.advance(8 * HOUR)
    assert not may_open(grounds, clock)


def test_an_empty_file_of_roots_counts_for_an_hour(grounds: Grounds, clock: ManualClock) -> None:
    """As the contract has it, from its modification time."""
    grounds.write_settings({"fail_open": {"budget": 0}})
    override = grounds.state / "override"
    override.touch()
    wall = clock.now().wall.timestamp()
    os.utime(override, (wall, wall))
    assert may_open(grounds, clock)
    clock.advance(HOUR)
    assert not may_open(grounds, clock)


@AS_ROOT
def test_an_override_that_the_daemon_made_is_none(grounds: Grounds, clock: ManualClock) -> None:
    """It can write to the folder, but not as root."""
    grounds.write_settings({"fail_open": {"budget": 0}})
    override = grounds.state / "override"
    override.touch()
    os.chown(override, NOBODY, NOBODY)
    assert not may_open(grounds, clock)


def test_a_file_of_roots_under_a_second_name_is_none(grounds: Grounds, clock: ManualClock) -> None:
    """A hard link to some fresh empty file of root's is no word of root's."""
    grounds.write_settings({"fail_open": {"budget": 0}})
    some = grounds.folder / "some.lock"
    some.touch()
    wall = clock.now().wall.timestamp()
    os.utime(some, (wall, wall))
    os.link(some, grounds.state / "override")
    assert not may_open(grounds, clock)


def test_a_symbolic_link_is_none(grounds: Grounds, clock: ManualClock) -> None:
    """Nor is a link to one."""
    grounds.write_settings({"fail_open": {"budget": 0}})
    (grounds.folder / "some.lock").touch()
    (grounds.state / "override").symlink_to(grounds.folder / "some.lock")
    assert not may_open(grounds, clock)
