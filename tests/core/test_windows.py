"""From windows of the week to instants, where clocks are changed and where they are not."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.core.windows import Open, local_name, next_open
from edgepind.model.maintenance import LocalOffset, Window, offset_at
from edgepind.observe.local_time import table
from edgepind.settings.windows import parse_window

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def offsets(zone: ZoneInfo, now: datetime) -> tuple[LocalOffset, ...]:
    """What the observer would bring."""
    return table(lambda instant: instant.astimezone(zone).utcoffset() or timedelta(), now)


def opens(written: str, now: str, zone: ZoneInfo = BERLIN) -> tuple[str, str]:
    """The window that is open or next, in UTC without the year."""
    windows = parse_window(written)
    assert isinstance(windows, tuple)
    found = next_open(windows, offsets(zone, at(now)), at(now))
    assert found is not None
    return f"{found.begins:%m-%d %H:%M}", f"{found.ends:%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("written", "now", "window"),
    [
        ("02:00-05:00", "2026-12-01T12:00", ("12-02 01:00", "12-02 04:00")),
        ("02:00-05:00", "2026-12-02T02:00", ("12-02 01:00", "12-02 04:00")),
        ("02:00-05:00", "2026-12-02T04:00", ("12-03 01:00", "12-03 04:00")),  # its end is not in it
        ("22:00-05:00", "2026-12-01T23:30", ("12-01 21:00", "12-02 04:00")),  # spans midnight
        ("22:00-05:00", "2026-12-01T03:00", ("11-30 21:00", "12-01 04:00")),
        ("Sat 22:00-Sun 06:00", "2026-12-01T12:00", ("12-05 21:00", "12-06 05:00")),
        ("Sat 22:00-Sun 06:00", "2026-12-06T05:00", ("12-12 21:00", "12-13 05:00")),
        ("Fri 22:00-Mon 06:00", "2026-12-06T12:00", ("12-04 21:00", "12-07 05:00")),
        ("Sat,Sun 00:00-24:00", "2026-12-01T12:00", ("12-04 23:00", "12-06 23:00")),  # one
        # Forward on 28 March 2027 at 01:00 UTC: the clock reads 02:00 to 03:00 not at all.
        ("02:00-05:00", "2027-03-27T12:00", ("03-28 01:00", "03-28 03:00")),
        ("01:00-02:30", "2027-03-27T12:00", ("03-28 00:00", "03-28 01:00")),
        ("02:10-02:50", "2027-03-27T12:00", ("03-28 01:00", "03-28 01:40")),
        ("02:00-03:00", "2027-03-27T12:00", ("03-28 01:00", "03-28 02:00")),
        ("Sat 22:00-Sun 06:00", "2027-03-27T12:00", ("03-27 21:00", "03-28 04:00")),
        # Back on 25 October 2026 at 01:00 UTC: the clock reads 02:00 to 03:00 twice.
        ("02:00-05:00", "2026-10-24T12:00", ("10-25 00:00", "10-25 04:00")),
        ("02:00-03:00", "2026-10-24T12:00", ("10-25 00:00", "10-25 02:00")),
        ("01:00-02:30", "2026-10-24T12:00", ("10-24 23:00", "10-25 00:30")),
        ("01:00-02:30", "2026-10-25T00:30", ("10-25 01:00", "10-25 01:30")),  # opens again
        ("Sat 22:00-Sun 06:00", "2026-10-24T12:00", ("10-24 20:00", "10-25 05:00")),
    ],
)
def test_a_window_is_open_while_the_clock_on_the_wall_says_so(
    written: str, now: str, window: tuple[str, str]
) -> None:
    """As people mean it, also on the two nights of the year."""
    assert opens(written, now) == window


def test_half_an_hour_is_left_out_on_lord_howe() -> None:
    """From 02:00 to 02:30 on 4 October 2026: the change is at 15:30 UTC the day before."""
    assert opens("02:00-02:30", "2026-10-03T12:00", LORD_HOWE) == ("10-03 15:30", "10-03 16:00")
    assert opens("02:00-03:00", "2026-10-03T12:00", LORD_HOWE) == ("10-03 15:30", "10-03 16:00")


def test_no_windows_no_opening() -> None:
    """And where nothing is known of local time, it is UTC."""
    now = at("2026-12-01T12:00")
    assert next_open((), (), now) is None
    assert next_open((Window(2, 60, 60),), (), now) == Open(
        at("2026-12-02T01:00"), at("2026-12-02T02:00")
    )
    late = (LocalOffset(now + timedelta(days=1), timedelta(hours=2)),)
    assert offset_at(now, late) == timedelta(hours=2)


def test_an_instant_is_named_as_the_clock_on_the_wall_will_read() -> None:
    """With its date where the day of the week alone could mean another."""
    now = at("2026-10-24T12:00")
    its = offsets(BERLIN, now)
    assert local_name(at("2026-10-25T00:30"), its, now) == "Sun 02:30"
    assert local_name(at("2026-10-25T05:00"), its, now) == "Sun 06:00"
    assert local_name(at("2026-10-31T05:00"), its, now) == "Sat 2026-10-31 06:00"


ZONES = st.sampled_from([BERLIN, LORD_HOWE, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")])
WINDOW = st.builds(
    Window, st.integers(0, 6), st.integers(0, 24 * 60 - 1), st.integers(1, 7 * 24 * 60)
)


@given(
    zone=ZONES,
    windows=st.lists(WINDOW, min_size=1, max_size=3),
    now=st.integers(0, 240 * 24 * 60).map(lambda it: at("2026-09-01") + timedelta(minutes=it)),
)
def test_there_is_always_a_next_window_and_it_is_right(
    zone: ZoneInfo, windows: list[Window], now: datetime
) -> None:
    """It is not over, comes within eight days, and is open where the clock on the wall reads so."""
    found = next_open(windows, offsets(zone, now), now)
    assert found is not None
    assert now < found.ends
    assert found.begins - now < timedelta(days=8, hours=2)
    local = now.astimezone(zone).replace(tzinfo=None)
    if any(_holds(window, local) for window in windows):
        assert found.begins <= now


def _holds(window: Window, local: datetime) -> bool:
    monday = (local - timedelta(days=local.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    starts = (monday + timedelta(weeks=it, days=window.day, minutes=window.start) for it in (-1, 0))
    return any(it <= local < it + timedelta(minutes=window.length) for it in starts)
