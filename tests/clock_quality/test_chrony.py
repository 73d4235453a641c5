"""What chronyd says is understood with the right sign, or there is no reading."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.model.observation import ClockSource
from edgepind.observe.clock_quality import ask_chrony, read_tracking

# As chronyc 4.3 prints it, one to a field: "slow" in words is a positive fifth field.
LINE = (
    "C0000201,192.0.2.1,3,1795444373.345874652,0.250000000,-0.000012345,0.000020000,"
    "-12.345,0.001,0.020,0.030000000,0.002000000,64.2,Normal"
)


def with_field(index: int, value: str) -> str:
    """The line with one field replaced."""
    fields = LINE.split(",")
    fields[index] = value
    return ",".join(fields)


def test_a_slow_clock_is_behind_and_the_bound_is_that_of_ntp() -> None:
    """Root dispersion and half of the root delay."""
    reading = read_tracking(LINE)
    assert reading is not None
    assert reading.source is ClockSource.CHRONY
    assert reading.ahead == -0.25
    assert reading.uncertainty == pytest.approx(0.017)


def test_a_fast_clock_is_ahead() -> None:
    """The sign of the field is that of the correction still to be made."""
    reading = read_tracking(with_field(4, "-7200.000000000"))
    assert reading is not None
    assert reading.ahead == 7200.0


@pytest.mark.parametrize("leap", ["Insert second", "Delete second"])
def test_a_leap_second_to_come_is_no_fault(leap: str) -> None:
    """Such a clock is synchronised."""
    assert read_tracking(with_field(13, leap)) is not None


@pytest.mark.parametrize(
    "line",
    [
        with_field(13, "Not synchronised"),
        with_field(13, "Invalid"),
        with_field(2, "0"),
        with_field(0, "00000000"),
        with_field(0, "7F7F0101"),
        with_field(0, "7f7f0101"),
        with_field(4, "nan"),
        with_field(4, "inf"),
        with_field(4, "x"),
        with_field(10, "nan"),
        with_field(11, ""),
        with_field(2, "1.5"),
        LINE + ",more",
        LINE.rpartition(",")[0],
        "506 Cannot talk to daemon",
        "",
        "," * 13,
    ],
)
def test_no_synchronisation_and_no_sense_give_no_reading(line: str) -> None:
    """Its own `local` clock is no witness for itself either."""
    assert read_tracking(line) is None


@given(st.text(), st.lists(st.text(st.characters(codec="utf-8")), min_size=14, max_size=14))
def test_whatever_it_prints_nothing_raises(text: str, fields: list[str]) -> None:
    """Garbage, also garbage of the right shape."""
    read_tracking(text)
    read_tracking(",".join(fields))
    read_tracking(",".join([*fields[:13], "Normal"]))


@pytest.fixture
def chronyc(tmp_path: Path) -> Callable[[str], str]:
    """Make a program that stands in for chronyc and checks how it is called."""

    def make(body: str) -> str:
        script = tmp_path / "chronyc"
        script.write_text(f'#!/bin/sh\n[ "$*" = "-c -n tracking" ] || exit 64\n{body}\n')
        script.chmod(0o755)
        return str(script)

    return make


async def test_the_program_is_asked_for_csv_without_names(chronyc: Callable[[str], str]) -> None:
    """No name is looked up on its account."""
    reading = await ask_chrony(chronyc(f"echo '{LINE}'"))
    assert reading is not None
    assert reading == read_tracking(LINE)


@pytest.mark.parametrize(
    "body",
    [
        "echo '506 Cannot talk to daemon'; exit 1",
        f"echo '{LINE}'; exit 1",
        "exit 0",
        "head -c 100000 /dev/zero",
        "kill -9 $$",
    ],
)
async def test_a_program_that_fails_gives_no_reading(
    chronyc: Callable[[str], str], body: str
) -> None:
    """Chronyd may be stopped, or its port closed."""
    assert await ask_chrony(chronyc(body)) is None


async def test_a_program_that_is_not_there_gives_no_reading(tmp_path: Path) -> None:
    """Many hosts have another daemon for the time, or none."""
    assert await ask_chrony(str(tmp_path / "chronyc")) is None
    assert await ask_chrony("no-such-chronyc") is None
