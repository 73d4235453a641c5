"""All witnesses of one tick, and no process in a steady one."""

import os
from collections.abc import Callable
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
    assert of_source(readings, ClockSource.DATE_HEADER) == [DATE]
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
