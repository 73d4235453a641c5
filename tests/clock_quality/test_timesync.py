"""systemd-timesyncd is a witness where its synchronisations were watched, and only then."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from edgepind.model.observation import ClockReading, ClockSource
from edgepind.observe.clock_quality import ClockQuality, read_kernel_clock
from edgepind.observe.timesync import TimesyncFile
from tests.support.manual_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """Time that passes when told."""
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the daemon for the time touches its file."""
    return tmp_path / "synchronized"


@pytest.fixture
def file(path: Path) -> TimesyncFile:
    """Its watcher."""
    return TimesyncFile(path)


def touch(path: Path, clock: ManualClock, ago: float = 0.0) -> None:
    """The clock was set right so many seconds ago."""
    path.touch()
    when = clock.now().wall.timestamp() - ago
    os.utime(path, (when, when))


def watched(file: TimesyncFile, path: Path, clock: ManualClock) -> ClockReading | None:
    """A synchronisation between two looks a minute apart."""
    touch(path, clock, ago=1500.0)
    assert file.read(clock.now()) is None  # it may have been set since, and nobody saw it
    clock.advance(60)
    touch(path, clock, ago=20.0)
    return file.read(clock.now())


def test_a_host_without_it_has_no_such_witness(file: TimesyncFile, clock: ManualClock) -> None:
    """Nor one on which it was stopped: the file goes with it."""
    assert file.read(clock.now()) is None


def test_a_synchronisation_that_was_watched_is_believed_for_two_of_its_pauses(
    file: TimesyncFile, path: Path, clock: ManualClock
) -> None:
    """As the kernel's word, and less certain with time."""
    first = watched(file, path, clock)
    assert first == ClockReading(ClockSource.KERNEL, 0.0, 1.0)
    clock.advance(4000)
    later = file.read(clock.now())
    assert later is not None
    assert later.ahead == 0.0
    assert later.uncertainty == pytest.approx(3.0)
    clock.advance(97)
    assert file.read(clock.now()) is None


def test_it_does_not_outlive_its_daemon(file: TimesyncFile, path: Path, clock: ManualClock) -> None:
    """And what it says when it is started again has to be watched anew."""
    assert watched(file, path, clock) is not None
    path.unlink()
    assert file.read(clock.now()) is None
    touch(path, clock)
    assert file.read(clock.now()) is None


@pytest.mark.parametrize("step", [-7200.0, 86_400.0])
def test_a_clock_that_is_set_afterwards_is_off_by_that(
    file: TimesyncFile, path: Path, clock: ManualClock, step: float
) -> None:
    """By elapsed time, as long as it is not synchronised again."""
    watched(file, path, clock)
    clock.advance(600)
    clock.set_wall(clock.now().wall + timedelta(seconds=step))
    off = file.read(clock.now())
    assert off is not None
    assert off.ahead == pytest.approx(step)


def test_a_clock_that_was_set_back_behind_it_is_no_witness(
    file: TimesyncFile, path: Path, clock: ManualClock
) -> None:
    """Touched in the future, or longer ago than the look before: something else set the clock."""
    touch(path, clock, ago=1500.0)
    file.read(clock.now())
    for ago in (-3600.0, 300.0):
        clock.advance(60)
        touch(path, clock, ago=ago)
        assert file.read(clock.now()) is None


def test_a_step_between_two_looks_leaves_their_distance_open(
    file: TimesyncFile, path: Path, clock: ManualClock
) -> None:
    """It was the synchronisation itself, or somebody after it."""
    touch(path, clock, ago=1500.0)
    file.read(clock.now())
    clock.advance(60)
    clock.set_wall(clock.now().wall + timedelta(hours=5))
    touch(path, clock, ago=20.0)
    assert file.read(clock.now()) == ClockReading(ClockSource.KERNEL, 0.0, 60.0)


async def test_it_is_heard_where_the_kernel_is_not(
    path: Path, clock: ManualClock, tmp_path: Path
) -> None:
    """And the kernel itself before it."""
    quality = ClockQuality(clock.now, str(tmp_path / "chronyc"), timesync=path)
    touch(path, clock, ago=1500.0)
    await quality.observe(None)
    clock.advance(60)
    touch(path, clock)
    [heard] = await quality.observe(None)
    known = read_kernel_clock()
    assert heard.source is ClockSource.KERNEL
    assert known is not None or heard == ClockReading(ClockSource.KERNEL, 0.0, 1.0)
