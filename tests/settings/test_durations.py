"""Durations are read as systemd.time(7) says, and what a message says can be read again."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.core.messages import span
from edgepind.settings.durations import (
    LONGEST,
    RefusedDuration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("200ms", 0.2),
        ("90s", 90.0),
        ("15min", 900.0),
        ("1h 30min", 5400.0),
        ("2d", 172_800.0),
        ("1w", 604_800.0),
        ("60", 60.0),
        ("1h30", 3630.0),
        ("1.5 h", 5400.0),
        (".5", 0.5),
        ("2 minutes 3 seconds", 123.0),
        ("1M", 2_629_800.0),
        ("1m", 60.0),
        ("1y", 31_557_600.0),
        ("7us", 0.000007),
        ("7\u00b5s", 0.000007),
        ("7\u03bcs", 0.000007),
        (" \t5 hr ", 18_000.0),
        ("0", 0.0),
        ("1000y", float(LONGEST)),
    ],
)
def test_a_time_span_is_read(text: str, seconds: float) -> None:
    """Every unit, alone and added up, with and without spaces."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("-5s", "negative"),
        ("infinity", "no end"),
        ("nan", "no end"),
        ("5 parsecs", "'parsecs' is not a unit"),
        ("5S", "'S' is not a unit"),
        ("1e3", "'e' is not a unit"),
        ("1ns", "'ns' is not a unit"),
        ("soon", "not a number"),
        ("5.", "not a number"),
        ("12.34.56", "not a number"),
        ("1h, 2m", "not a number"),
        ("\u0665s", "not a number"),
        ("1000y 1us", "longer than a thousand years"),
        ("9" * 5000, "too long"),
    ],
)
def test_anything_else_is_refused_with_its_reason(text: str, reason: str) -> None:
    """The refusal is a value that names the text and says what is the matter with it."""
    refused = parse_duration(text)
    assert isinstance(refused, RefusedDuration)
    assert reason in str(refused)


@given(st.text(alphabet="0123456789. +-smhdwyMuµμinec\t\n", max_size=30) | st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    """Whatever is offered, the answer is a finite number of seconds or a refusal."""
    match parse_duration(text):
        case RefusedDuration():
            pass
        case seconds:
            assert 0 <= seconds <= LONGEST


_number = st.integers(0, 500).map(str) | st.decimals(0, 500, places=2).map(str)
_unit = st.sampled_from(
    re.findall(
        r"\w+",
        "us usec ms msec s sec second seconds m min minute minutes h hr hour hours "
        "d day days w week weeks M month months y year years",
    )
)
_span = st.lists(st.tuples(_number, st.sampled_from(["", " "]), _unit), min_size=1, max_size=3).map(
    lambda parts: " ".join("".join(part) for part in parts)
)


@given(st.lists(_span, min_size=1, max_size=40, unique=True))
def test_systemd_reads_the_same(texts: list[str]) -> None:
    """What `systemd-analyze timespan` makes of a span is what edgepind makes of it."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed: nothing to compare with")
    told = subprocess.run(  # noqa: S603  the program is systemd's own and the text is ours
        [analyze, "timespan", *texts], capture_output=True, text=True, check=False
    ).stdout
    theirs = [int(line.split()[1]) for line in told.splitlines() if "\u03bcs:" in line]
    assert len(theirs) == len(texts)
    for text, microseconds in zip(texts, theirs, strict=True):
        ours = parse_duration(text)
        if microseconds > LONGEST * 1_000_000:  # three spans of years may come to more than that
            assert isinstance(ours, RefusedDuration)
            continue
        assert not isinstance(ours, RefusedDuration)
        assert ours == pytest.approx(microseconds / 1e6, abs=1e-4), text


@given(st.floats(0.0005, LONGEST))
def test_what_is_said_can_be_read_again(seconds: float) -> None:
    """An operator may copy a duration from a message into the settings."""
    again = parse_duration(span(seconds))
    assert not isinstance(again, RefusedDuration)
    assert again == pytest.approx(seconds, rel=1 / 24, abs=0.5)
