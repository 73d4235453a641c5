"""The few header fields that are believed, and how far (RFC 9110, RFC 9111).

Pure: text in, bounded values out. Whatever a server writes, nothing here raises.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from edgepind.clock import EARLIEST_WALL, LATEST_WALL
from edgepind.model.observation import ClockReading, ClockSource

LONGEST_RETRY_AFTER = 3600.0
"""Seconds for which a `Retry-After` is obeyed at most (CONTRACT section 11)."""

_CACHES = frozenset({"age", "via", "warning", "x-varnish"})
ASKS_FOR_CERTIFICATE = ": it asks for a client certificate (cloud.client_certificate)"
"""Behind the status of an answer that is for want of one; no words of its own are shown."""

_NO_CERTIFICATE = frozenset({400, 403, 495, 496})
_CERTIFICATE = re.compile(rb"(?:ssl|tls|client) certificate", re.IGNORECASE)
_LONGEST_DATE = 64
_LONGEST_DELAY = 9
_LONGEST_TAG = 256
_RESOLUTION = 1.0
"""Seconds between two values of a `Date` field."""


def http_date(value: str | None) -> datetime | None:
    """Read an HTTP-date in any of its three forms (RFC 9110, section 5.6.7), as UTC."""
    if value is None or len(value) > _LONGEST_DATE:
        return None
    try:
        date = parsedate_to_datetime(value)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if EARLIEST_WALL <= date <= LATEST_WALL else None


def retry_after(value: str | None, server_date: datetime | None, wall: datetime) -> float | None:
    """How many seconds a `Retry-After` asks for, from 0 to an hour; None where it says nothing.

    A date is counted from the server's own `Date` where it sent one, else from `wall`.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        asked = LONGEST_RETRY_AFTER if len(value) > _LONGEST_DELAY else float(value)
    elif (until := http_date(value)) is not None:
        asked = (until - (server_date or wall)).total_seconds()
    else:
        return None
    return min(max(asked, 0.0), LONGEST_RETRY_AFTER)


def date_reading(
    value: str | None, age: str | None, wall: datetime, round_trip: float
) -> ClockReading | None:
    """What a `Date` field says of the host's clock, which stood at `wall` when it arrived.

    The field counts whole seconds and was written some time within the `round_trip` (seconds).
    An answer with an `Age` came out of a cache, and its date is no witness (RFC 9111, 5.1).
    """
    date = http_date(value)
    if date is None or age is not None:
        return None
    written = date + timedelta(seconds=_RESOLUTION / 2)
    ahead = (wall - written).total_seconds() - round_trip / 2
    return ClockReading(ClockSource.DATE_HEADER, ahead, _RESOLUTION + round_trip)


def was_cached(names: Iterable[str]) -> bool:
    """Whether the fields of an answer, by their names, may be those of a cache on its way.

    `Age` and `Warning` are a cache's (RFC 9111), `Via` a proxy's (RFC 9110, section 7.6.3), and
    `Cache-Status` (RFC 9211) has many forerunners, of which the word in the name is common to all.
    Whether they tell of a hit or a miss is each vendor's own, and not read.
    """
    lower = (name.strip().lower() for name in names)
    return any(it in _CACHES or ("cache" in it and it != "cache-control") for it in lower)


def wants_certificate(status: int, body: object) -> bool:
    """Whether a refusal is for want of a client certificate, as nginx (400) or IIS (403) say so."""
    if status not in _NO_CERTIFICATE or not isinstance(body, bytes):
        return False
    return _CERTIFICATE.search(body) is not None


def usable_tag(value: str | None) -> str | None:
    """An entity tag that may be sent back as it is (RFC 9110, section 8.8.3), or None."""
    if value is None or len(value) > _LONGEST_TAG:
        return None
    opaque = value.removeprefix("W/")
    inner = opaque[1:-1]
    quoted = len(opaque) > 1 and opaque[0] == opaque[-1] == '"'
    return value if quoted and all("!" <= c <= "~" and c != '"' for c in inner) else None
