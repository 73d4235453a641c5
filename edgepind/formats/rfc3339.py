"""Times as RFC 3339, section 5.6, writes them: narrower than what `fromisoformat` reads."""

import re
from datetime import UTC, datetime

from edgepind.clock import EARLIEST_WALL, LATEST_WALL

_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_rfc3339(text: object) -> datetime | None:
    """Read a time with its zone as UTC; None where it is no such time, or none of our centuries."""
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        return None
    try:
        instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # a month 13, a second 60; before the year 1
        return None
    return instant if EARLIEST_WALL <= instant <= LATEST_WALL else None


def rfc3339(wall: datetime) -> str:
    """Write a time in UTC to the millisecond: `2026-11-24T09:00:00.250Z`."""
    return wall.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
