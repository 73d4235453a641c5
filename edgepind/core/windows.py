"""From windows of the week to instants: which window is open, and which is next.

Theory of operation. A window is meant by the clock on the wall, and the observer brings what that
clock reads, as a table of offsets from UTC (`LocalOffset`). In each stretch between two changes of
the offset, a window is open while the clock on the wall reads a time within it. So where the clock
is set back, a window is longer by the hour that comes twice, or opens twice; where it is set
forward, a window is shorter by the hour that is left out. A window that lies in the hour that is
left out altogether begins at the change and keeps its length: the site wanted one that night.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edgepind.model.maintenance import UTC_ONLY, LocalOffset, Window, offset_at

_BACK = 9
_AHEAD = 16
"""Days before and after now in which windows are looked for: the longest lasts a week."""
_NEAR = timedelta(days=6)
"""Up to here the day of the week names a day without doubt."""
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Open:
    """A time in which planned restarts may be made: from `begins`, and before `ends`."""

    begins: datetime
    ends: datetime


def next_open(
    windows: Iterable[Window], offsets: tuple[LocalOffset, ...], now: datetime
) -> Open | None:
    """The window that is open `now`, else the next one; None where there are no windows.

    Windows that touch or overlap are one.
    """
    found: Open | None = None
    for it in sorted(_pieces(tuple(windows), offsets or UTC_ONLY, now)):
        if it.ends <= now:
            continue
        if found is None:
            found = it
        elif it.begins <= found.ends:
            found = Open(found.begins, max(found.ends, it.ends))
    return found


def local_name(instant: datetime, offsets: tuple[LocalOffset, ...], now: datetime) -> str:
    """An instant in local time, in few words: `Sat 02:00`, with the date where it is far off."""
    local = instant + offset_at(instant, offsets)
    day = _DAY_NAMES[local.weekday()]
    date = "" if instant - now < _NEAR else f" {local:%Y-%m-%d}"
    return f"{day}{date} {local:%H:%M}"


def _pieces(
    windows: tuple[Window, ...], offsets: tuple[LocalOffset, ...], now: datetime
) -> Iterator[Open]:
    today = (now + offset_at(now, offsets)).replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(-_BACK, _AHEAD):
        midnight = today + timedelta(days=days)
        for window in windows:
            if window.day == midnight.weekday():
                begins = midnight + timedelta(minutes=window.start)
                length = timedelta(minutes=window.length)
                yield from _open(begins, length, offsets)


def _open(begins: datetime, length: timedelta, offsets: tuple[LocalOffset, ...]) -> Iterator[Open]:
    """The instants at which the clock on the wall reads from `begins` on, for `length`.

    `begins` is what that clock reads, as if it were UTC.
    """
    ends = begins + length
    left_out: datetime | None = None
    found = False
    for at, it in enumerate(offsets):
        first, last = it.since, offsets[at + 1].since if at + 1 < len(offsets) else _ALWAYS
        since = begins - it.offset if at == 0 else max(begins - it.offset, first)
        until = min(ends - it.offset, last)
        if since < until:
            found = True
            yield Open(since, until)
        if at > 0 and first + offsets[at - 1].offset <= begins and ends <= first + it.offset:
            left_out = first
    if not found and left_out is not None:
        yield Open(left_out, left_out + length)
