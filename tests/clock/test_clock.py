"""Time is read in one place, and no reading of it, however silly, makes the daemon fall over."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.clock import EARLIEST_WALL, LATEST_WALL, Clock, SystemClock, wall_time
from edgepind.model.instants import Monotonic
from edgepind.settings.durations import LONGEST
from tests.support.manual_clock import ManualClock


def test_the_host_is_asked_for_boot_time_and_utc() -> None:
    """Elapsed time counts suspend; wall time carries its zone."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    moment = SystemClock().now()
    assert before <= moment.monotonic <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert moment.wall.tzinfo is UTC
    assert abs(moment.wall - datetime.now(UTC)) < timedelta(seconds=30)


def test_the_boot_has_the_kernels_name() -> None:
    """It is what ties a stored reading to this boot."""
    told = Path("/proc/sys/kernel/random/boot_id")
    if not told.exists():
        pytest.skip("this kernel or sandbox hides /proc/sys: no boot id to compare with")
    assert SystemClock().boot_id() == told.read_text("ascii").strip() != ""


def test_a_hidden_proc_gives_no_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Under `ProcSubset=pid` there is nothing to read: that is an answer, not a crash."""
    monkeypatch.setattr("edgepind.clock._BOOT_ID", tmp_path / "absent")
    assert SystemClock().boot_id() == ""


@given(st.floats(allow_nan=False))
def test_no_wall_clock_is_too_silly(seconds: float) -> None:
    """Before year 1 or past 9999: a date comes out, with room for any setting on both sides."""
    wall = wall_time(seconds)
    assert EARLIEST_WALL <= wall <= LATEST_WALL
    longest = timedelta(seconds=LONGEST)
    assert wall - longest < wall < wall + longest


async def test_a_sleep_ends_no_earlier_than_asked() -> None:
    """A deadline that is over does not sleep at all."""
    clock = SystemClock()
    start = clock.now().monotonic
    await clock.sleep_until(start)
    await clock.sleep_until(Monotonic(start + 0.02))
    assert clock.now().monotonic >= start + 0.02


async def test_a_long_sleep_is_many_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a suspend the deadline is looked at again, not slept through."""
    monkeypatch.setattr("edgepind.clock._LONGEST_NAP", 0.001)
    clock = SystemClock()
    deadline = Monotonic(clock.now().monotonic + 0.02)
    await clock.sleep_until(deadline)
    assert clock.now().monotonic >= deadline


async def test_manual_time_passes_only_when_told() -> None:
    """Sleepers wake in the order of their deadlines, whoever lay down first."""
    clock = ManualClock()
    start = clock.now()
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep_until(Monotonic(start.monotonic + seconds))
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 60))
        group.create_task(sleeper("early", 30))
        assert await clock.somebody_sleeps() == start.monotonic + 30
        clock.advance(29)
        await asyncio.sleep(0)
        assert woken == []
        clock.advance(31)
    assert woken == ["early", "late"]
    assert clock.now().wall - start.wall == timedelta(seconds=60)


async def test_a_sleeper_that_gave_up_is_forgotten() -> None:
    """A cancelled sleep is neither waited for nor woken."""
    clock = ManualClock()
    asleep = asyncio.create_task(clock.sleep_until(Monotonic(clock.now().monotonic + 5)))
    await clock.somebody_sleeps()
    asleep.cancel()
    await asyncio.wait({asleep})
    clock.advance(10)
    assert asleep.cancelled()


def test_a_step_of_the_wall_clock_is_not_elapsed_time() -> None:
    """Only the wall moves, and a reboot changes the name that readings count from."""
    clock = ManualClock()
    before, boot = clock.now(), clock.boot_id()
    clock.set_wall(datetime(1970, 1, 1, tzinfo=UTC))
    assert clock.now().monotonic == before.monotonic
    clock.reboot(off_for=3600)
    assert clock.now().wall == datetime(1970, 1, 1, 1, tzinfo=UTC)
    assert clock.now().monotonic < before.monotonic
    assert clock.boot_id() != boot
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_both_are_clocks() -> None:
    """The type checker holds this; the names are here so that it looks."""
    clocks: list[Clock] = [SystemClock(), ManualClock()]
    assert all(clock.boot_id() is not None for clock in clocks)
