"""Windows of maintenance as the settings write them: what is read, and what is refused and why."""

import pytest

from edgepind.model.maintenance import Window
from edgepind.settings.kinds import Wrong
from edgepind.settings.windows import WINDOWS, parse_window

DAY = 24 * 60


@pytest.mark.parametrize(
    ("written", "windows"),
    [
        ("02:00-05:00", [Window(day, 120, 180) for day in range(7)]),
        ("22:00-05:00", [Window(day, 22 * 60, 7 * 60) for day in range(7)]),
        ("00:00-24:00", [Window(day, 0, DAY) for day in range(7)]),
        ("Sat 22:00-Sun 06:00", [Window(5, 22 * 60, 8 * 60)]),
        ("saturday 22:00 - sunday 6:00", [Window(5, 22 * 60, 8 * 60)]),
        ("Mon-Fri 22:00-05:00", [Window(day, 22 * 60, 7 * 60) for day in range(5)]),
        ("Sat,Sun 00:00-24:00", [Window(5, 0, DAY), Window(6, 0, DAY)]),
        ("Fri-Mon 01:00-02:00", [Window(day, 60, 60) for day in (4, 5, 6, 0)]),
        ("Fri 22:00-Mon 06:00", [Window(4, 22 * 60, 2 * DAY + 8 * 60)]),
        ("Sun 22:00-Sun 06:00", [Window(6, 22 * 60, 7 * DAY - 16 * 60)]),
        ("Sun 06:00-Sun 22:00", [Window(6, 6 * 60, 16 * 60)]),
    ],
)
def test_what_is_read(written: str, windows: list[Window]) -> None:
    """Each day, each of some days, or one window from a day to a day."""
    assert parse_window(written) == tuple(windows)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "neither two times"),
        ("02:00", "neither two times"),
        ("2am-5am", "neither two times"),
        ("02:00-05:00 daily", "neither two times"),
        ("Funday 02:00-05:00", "'funday' is not a day"),
        ("Mon-Nod 02:00-05:00", "'nod' is not a day"),
        ("Sat 02:00-Nod 05:00", "'nod' is not a day"),
        ("02:60-05:00", "02:60 is not a time"),
        ("02:00-25:00", "25:00 is not a time"),
        ("24:00-02:00", "begins at 24:00"),
        ("02:00-02:00", "same time"),
        ("Sat,Sun 22:00-Mon 06:00", "begins on one day"),
    ],
)
def test_what_is_refused(written: str, why: str) -> None:
    """With the reason, for a person."""
    refused = parse_window(written)
    assert isinstance(refused, Wrong)
    assert why in refused.reason


def test_a_list_holds_each_window_once() -> None:
    """In the order of the week; its items are refused by their place."""
    assert WINDOWS.read(["Tue 02:00-03:00", "Mon-Tue 02:00-03:00"]) == (
        Window(0, 120, 60),
        Window(1, 120, 60),
    )
    assert WINDOWS.read([]) == ()
    refused = WINDOWS.read(["02:00-03:00", "never"])
    assert isinstance(refused, Wrong)
    assert "item 2" in refused.reason
