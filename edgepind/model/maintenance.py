"""Windows of maintenance in local time, and what local time is at an instant.

A window is a span of the week by the clock on the wall; what instants that is, `core.windows` says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One window of the week: its day (Monday is 0), and minutes by the clock on the wall.

    `start` counts from the midnight before it, `length` is above zero and at most a week.
    """

    day: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class LocalOffset:
    """From `since` on, local time is ahead of UTC by `offset` (negative: behind)."""

    since: datetime
    offset: timedelta


UTC_ONLY = (LocalOffset(datetime.min.replace(tzinfo=UTC), timedelta()),)
"""What counts where nothing is known of local time."""


def offset_at(instant: datetime, offsets: Iterable[LocalOffset]) -> timedelta:
    """How far local time is ahead of UTC then; before the first entry, what that one says."""
    known = tuple(offsets) or UTC_ONLY
    passed = [it.offset for it in known if it.since <= instant]
    return passed[-1] if passed else known[0].offset
