"""All witnesses of one tick, and no process in a steady one."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edgepind.model.observation import ClockReading, ClockSource
from edgepind.observe.clock_quality import ClockQuality, read_kernel_clock
from tests.support.manual_clock import ManualClock

LINE = "C0000201,n,3,1795444373.3,0.5,0,0,0,0,0,0.0,0.1,64.2,Normal"
CHRONY = ClockReading(ClockSource.CHRONY, -0.5, 0.1)
DATE = ClockReading(ClockSource.DATE_HEADER, 7200.0, 1.0)


@pytest.fixture
def chronyc(tmp_path: Path) -> Path:
    """Stands in for chronyc and keeps count of its runs."""
    script = tmp_path / "chronyc"
    script.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\necho '{LINE}'\n")
    script.chmod(0o755)
    return script


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[], int]:
    """How often it was run."""
    return lambda: len((tmp_path / "runs").read_text().splitlines())


def of_source(readings: tuple[ClockReading, ...], source: ClockSource) -> list[ClockReading]:
    """The readings of one witness."""
    return [reading for reading in readings if reading.source is source]


async def test_every_witness_is_heard(chronyc: Path) -> None:
    """Those that have nothing to say are left out; none is weighed here."""
    quality = ClockQuality(ManualClock().now, str(chronyc))
    readings = await quality.observe(DATE)
    assert of_source(readings, ClockSource.CHRONY) == [CHRONY]
    # That it runs is known from the second on.
    assert of_source(readings, ClockSource.DATE_HEADER) == [replace(DATE, steady=False)]
    kernel = of_source(readings, ClockSource.KERNEL)
    assert bool(kernel) is (read_kernel_clock() is not None)


async def test_a_host_with_no_witness_at_all_gives_nothing_of_them(tmp_path: Path) -> None:
    """No chrony and no date."""
    quality = ClockQuality(ManualClock().now, str(tmp_path / "chronyc"))
    assert of_source(await quality.observe(None), ClockSource.CHRONY) == []
    assert of_source(await quality.observe(None), ClockSource.DATE_HEADER) == []


async def test_a_steady_tick_starts_no_process(chronyc: Path, runs: Callable[[], int]) -> None:
    """Chronyd is asked once in a period; in between its word stands."""
    clock = ManualClock()
    quality = ClockQuality(clock.now, str(chronyc), period=300.0)
    for _ in range(5):
        assert of_source(await quality.observe(None), ClockSource.CHRONY) == [CHRONY]
        clock.advance(60)
    assert runs() == 1
    await quality.observe(None)
    assert runs() == 2


async def test_its_word_does_not_outlive_a_clock_that_was_set(
    chronyc: Path, runs: Callable[[], int]
) -> None:
    """What was said of the old time says nothing of the new one."""
    clock = ManualClock()
    quality = ClockQuality(clock.now, str(chronyc), period=300.0)
    await quality.observe(None)
    clock.set_wall(clock.now().wall + timedelta(milliseconds=100))
    await quality.observe(None)
    assert runs() == 1
    for step in (timedelta(hours=-2), timedelta(seconds=2)):
        clock.set_wall(clock.now().wall + step)
        await quality.observe(None)
    assert runs() == 3


async def test_that_there_is_no_chrony_is_remembered_as_well(
    tmp_path: Path, chronyc: Path, runs: Callable[[], int]
) -> None:
    """It is looked for once in a period, and found when it was installed meanwhile."""
    clock = ManualClock()
    named = tmp_path / "installed-later"
    quality = ClockQuality(clock.now, str(named), period=300.0)
    await quality.observe(None)
    os.link(chronyc, named)
    assert of_source(await quality.observe(None), ClockSource.CHRONY) == []
    clock.advance(300)
    assert of_source(await quality.observe(None), ClockSource.CHRONY) == [CHRONY]
    assert runs() == 1


# --- the Date of a server -----------------------------------------------------------------------


def date_of(clock: ManualClock, server: timedelta) -> ClockReading:
    """What a `Date` says that is `server` after the beginning of time here."""
    ahead = clock.now().wall - (BEGAN + server)
    return ClockReading(ClockSource.DATE_HEADER, ahead.total_seconds(), 1.0)


BEGAN = ManualClock().now().wall
SECOND = timedelta(seconds=1)


async def believed(quality: ClockQuality, date: ClockReading | None) -> list[ClockReading]:
    """What a tick is told of the `Date`."""
    return of_source(await quality.observe(date), ClockSource.DATE_HEADER)


@pytest.fixture
def clock() -> ManualClock:
    """Time that passes when told."""
    return ManualClock()


@pytest.fixture
def quality(clock: ManualClock, tmp_path: Path) -> ClockQuality:
    """A host without chrony."""
    return ClockQuality(clock.now, str(tmp_path / "chronyc"))


@pytest.mark.parametrize("pause", [0.4, 6.0, 60.0])
async def test_a_date_that_stands_still_is_no_witness(
    clock: ManualClock, quality: ClockQuality, pause: float
) -> None:
    """Whatever the pace at which it is asked for: a cache has kept it."""
    told = []
    for _ in range(40):
        told.append(await believed(quality, date_of(clock, -120 * SECOND)))
        clock.advance(pause)
    assert not any(told[int(5.5 / pause) + 1 :])


@pytest.mark.parametrize("pause", [0.4, 60.0, 3000.0])
async def test_a_date_that_runs_is_a_witness(
    clock: ManualClock, quality: ClockQuality, pause: float
) -> None:
    """A host that is two hours ahead is told so at each look, answer or none."""
    clock.set_wall(BEGAN + timedelta(hours=2))
    for _ in range(30):
        passed = clock.now().wall - BEGAN - timedelta(hours=2)
        whole = timedelta(seconds=int(passed.total_seconds()))
        [heard] = await believed(quality, date_of(clock, whole))
        assert 7200 <= heard.ahead <= 7201
        assert heard.steady or passed < timedelta(seconds=6)
        clock.advance(pause)
    [without] = await believed(quality, None)
    assert abs(without.ahead - 7200) <= without.uncertainty


async def test_a_date_that_begins_to_run_is_believed_from_then_on(
    clock: ManualClock, quality: ClockQuality
) -> None:
    """A cache that is taken out of the way leaves a server's clock."""
    for _ in range(3):
        await believed(quality, date_of(clock, -120 * SECOND))
        clock.advance(60)
    assert not await believed(quality, date_of(clock, -120 * SECOND))
    clock.advance(60)
    assert not await believed(quality, date_of(clock, 240 * SECOND))  # it has jumped
    clock.advance(60)
    [heard] = await believed(quality, date_of(clock, 300 * SECOND))
    assert heard.ahead == 0.0
    clock.advance(60)
    assert not await believed(quality, date_of(clock, 300 * SECOND))
    assert not await believed(quality, None)


async def test_a_clock_that_is_set_shows_without_another_answer(
    clock: ManualClock, quality: ClockQuality
) -> None:
    """A server's clock that runs is known in between its answers, and for an hour."""
    for seconds in (0, 60):
        await believed(quality, date_of(clock, seconds * SECOND))
        clock.advance(60)
    clock.set_wall(clock.now().wall + timedelta(minutes=5))
    [heard] = await believed(quality, None)
    assert heard.ahead == 300.0
    clock.advance(3600)
    assert not await believed(quality, None)


async def test_one_answer_is_remembered_for_nothing(
    clock: ManualClock, quality: ClockQuality
) -> None:
    """Whether it runs is not known: it counts where it was heard, and not beyond."""
    assert await believed(quality, date_of(clock, -120 * SECOND))
    assert not await believed(quality, None)


async def test_a_date_from_the_beginning_of_time_raises_nothing(quality: ClockQuality) -> None:
    """What a server writes reaches beyond what a date can be."""
    await quality.observe(ClockReading(ClockSource.DATE_HEADER, 1e11))
