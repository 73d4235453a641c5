"""Instants and spans as a person reads them."""

from datetime import UTC, datetime

from edgepind.observe.rfc3339 import parse_rfc3339
from edgepind.settings.durations import format_duration


def instant(text: str | None) -> str:
    """A time of RFC 3339 in UTC and to the second: `2026-11-23 14:00:00Z`."""
    when = parse_rfc3339(text)
    return "never" if when is None else spoken(when)


def spoken(when: datetime) -> str:
    """The same for an instant."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def relation(text: str | None, now: datetime) -> str:
    """How a time stands to `now`: `3 minutes ago`, `in 20 seconds`."""
    when = parse_rfc3339(text)
    if when is None:
        return "at no known time"
    seconds = round((when - now).total_seconds())
    if not seconds:
        return "now"
    return f"in {format_duration(seconds)}" if seconds > 0 else f"{format_duration(-seconds)} ago"
