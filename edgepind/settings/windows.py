"""Windows of maintenance as the settings write them, read.

`"02:00-05:00"` is each day, `"Mon-Fri 22:00-05:00"` begins on each of these days, and `"Sat
22:00-Sun 06:00"` is one window; an end that is not after its start is on the next day. Days are
those of systemd.time(7), in English, whole or by three letters.
"""

import re
from collections.abc import Iterator

from edgepind.model.maintenance import MINUTES_A_DAY, Window
from edgepind.settings.kinds import Wrong, list_of, text

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = 3
_WEEK = len(_DAYS)
_TIME = r"(\d{1,2}):(\d{2})"
_FORM = re.compile(
    rf"""
    (?: (?P<days>[a-z]+ (?:-[a-z]+)? (?:,[a-z]+ (?:-[a-z]+)?)*) \s+ )?
    (?P<start>{_TIME}) \s* - \s* (?: (?P<last>[a-z]+) \s+ )? (?P<end>{_TIME})
    """,
    re.VERBOSE,
)


def parse_window(written: str) -> tuple[Window, ...] | Wrong:
    """The windows of one week that `written` stands for."""
    form = _FORM.fullmatch(written.strip().lower())
    if form is None:
        return Wrong("it is neither two times of day nor days and two times of day")
    days = _days(form["days"])
    start, end = _minutes(form["start"]), _minutes(form["end"])
    last = None if form["last"] is None else _day(form["last"])
    for it in (days, start, end, last):
        if isinstance(it, Wrong):
            return it
    if start == MINUTES_A_DAY:
        return Wrong("it begins at 24:00; write 00:00 of the next day")
    return _windows(days, start, end, last)  # type: ignore[arg-type]  # none is Wrong


def _windows(
    days: tuple[int, ...], start: int, end: int, last: int | None
) -> tuple[Window, ...] | Wrong:
    if last is None:
        if start == end:
            return Wrong("it begins and ends at the same time; write 00:00-24:00 for whole days")
        length = end - start if end > start else end - start + MINUTES_A_DAY
        return tuple(Window(day, start, length) for day in days)
    if len(days) != 1:
        return Wrong("a window that names the day of its end begins on one day")
    length = ((last - days[0]) % _WEEK) * MINUTES_A_DAY + end - start
    if length <= 0:
        length += _WEEK * MINUTES_A_DAY
    return (Window(days[0], start, length),)


def _days(written: str | None) -> tuple[int, ...] | Wrong:
    if written is None:
        return tuple(range(_WEEK))
    found: list[int] = []
    for part in written.split(","):
        first, _, last = part.partition("-")
        begins = _day(first)
        ends = _day(last) if last else begins
        if isinstance(begins, Wrong):
            return begins
        if isinstance(ends, Wrong):
            return ends
        found += [(begins + it) % _WEEK for it in range((ends - begins) % _WEEK + 1)]
    return tuple(dict.fromkeys(found))


def _day(word: str) -> int | Wrong:
    named = (at for at, day in enumerate(_DAYS) if word in {day, day[:_SHORT]})
    return next(named, Wrong(f"{word!r} is not a day of the week, such as Mon or Monday"))


def _minutes(written: str) -> int | Wrong:
    hours, minutes = (int(it) for it in written.split(":"))
    if minutes > 59 or hours * 60 + minutes > MINUTES_A_DAY:  # noqa: PLR2004
        return Wrong(f"{written} is not a time of day from 00:00 to 24:00")
    return hours * 60 + minutes


def _gather(items: list[object]) -> tuple[Window, ...]:
    return tuple(sorted(set(_flat(items))))


def _flat(items: list[object]) -> Iterator[Window]:
    for item in items:
        if isinstance(item, tuple):
            yield from item


def _read(written: str) -> object | Wrong:
    return parse_window(written)


WINDOWS = list_of(
    text('a window such as "02:00-05:00", "Mon-Fri 22:00-05:00" or "Sat 22:00-Sun 06:00"', _read),
    'a list of windows in local time, such as ["02:00-05:00", "Sat 22:00-Sun 06:00"], or []',
    _gather,
)
