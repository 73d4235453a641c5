"""Formats that others write: JSON (RFC 8259), times (RFC 3339, ISO 8601), text for a sentence.

Python's JSON parser is more lenient than the RFC: it takes the last of two equal keys, NaN, and
half of a surrogate pair. Each of these is refused here by name, as are unlimited depth and length.
"""

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from edgepind.clock import EARLIEST_WALL, LATEST_WALL

_SHOWN = 40
_LONGEST_TEXT = 160
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)

# What serialisers make of an instant: seconds and their fraction may be missing, the offset may
# lack its colon or its minutes, Java names its zone behind it (RFC 9557); a date alone is midnight.
_ISO8601 = re.compile(
    r"""(\d{4}-\d\d-\d\d)
    (?: [Tt\ ] (\d\d:\d\d) (?: :(\d\d) (?: [.,](\d+) )? )?
        \ ? (?: ([Zz]) | ([+-]\d\d) (?: :?(\d\d) )? ) (?: \[[\w/+-]+\] )?
    )?""",
    re.ASCII | re.VERBOSE,
)
_EPOCH_TEXT = re.compile(r"\d{9,13}(?:\.\d{1,9})?", re.ASCII)
_LONGEST_TIME = 80
_FIRST_NUMBER = datetime(1973, 3, 3, tzinfo=UTC)
"""A smaller number is no time that anybody announces, but a length of time, a year or a zero."""
_MILLISECONDS = 1e11
"""Seconds reach this in the year 5138; milliseconds did in 1973."""


def printable(text: str) -> str:
    """One line: whatever is not printable becomes a space, so that it cannot steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def foreign_text(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Others' text for a sentence: one line of printable ASCII, at most `longest` characters."""
    line = " ".join("".join(c if " " <= c <= "~" else " " for c in text[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def rfc3339(wall: datetime) -> str:
    """Write a time in UTC to the millisecond: `2026-11-24T09:00:00.250Z`."""
    return wall.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: object) -> datetime | None:
    """Read a time with its zone (RFC 3339, section 5.6) as UTC.

    Narrower than `datetime.fromisoformat`. None where it is not such a time, or not between
    `clock.EARLIEST_WALL` and `clock.LATEST_WALL`.
    """
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        return None
    try:
        instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # a month 13, a second 60; before the year 1
        return None
    return instant if EARLIEST_WALL <= instant <= LATEST_WALL else None


def parse_instant(value: object) -> datetime | None:
    """Read a time as common serialisers write it, as UTC.

    That is ISO 8601 with its zone, a date alone, and seconds or milliseconds since 1970 as a number
    or as text. None where it is none, or not within `clock`'s bounds.
    """
    if isinstance(value, str) and len(value) <= _LONGEST_TIME:
        text = value.strip()
        return _since_1970(float(text)) if _EPOCH_TEXT.fullmatch(text) else _iso8601(text)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def _iso8601(text: str) -> datetime | None:
    match = _ISO8601.fullmatch(text)
    if match is None:
        return None
    date, minute, second, fraction, zulu, hours, minutes = match.groups()
    offset = "Z" if zulu or not hours else f"{hours}:{minutes or '00'}"
    micros = f"{fraction or '':0<6.6}"
    return parse_rfc3339(f"{date}T{minute or '00:00'}:{second or '00'}.{micros}{offset}")


def _since_1970(number: float) -> datetime | None:
    try:
        if not math.isfinite(number):
            return None
        seconds = number / 1000 if abs(number) >= _MILLISECONDS else number
        instant = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return instant if _FIRST_NUMBER <= instant <= LATEST_WALL else None


@dataclass(frozen=True, slots=True)
class ParsedJson:
    """A document that was read whole. `text` is what it said, without a byte order mark."""

    value: Any
    text: str


@dataclass(frozen=True, slots=True)
class RefusedJson:
    """Bytes that are not one JSON document; `reason` is a clause for a person."""

    reason: str


class _NotStrictError(ValueError):
    """Carries a clause out of the parser's hooks."""


def parse_json(content: bytes) -> ParsedJson | RefusedJson:
    """Read one JSON document in UTF-8 (RFC 8259); a leading byte order mark is tolerated.

    Never raises. The caller bounds the size: what is refused here is refused for its form.
    """
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        json.dumps(value, ensure_ascii=False).encode()  # where a lone surrogate shows
    except (ValueError, RecursionError) as error:
        return RefusedJson(_clause(error))
    return ParsedJson(value, text)


def _clause(error: ValueError | RecursionError) -> str:
    match error:
        case _NotStrictError():
            return str(error)
        case json.JSONDecodeError():
            return _not_json(error)
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case UnicodeEncodeError():
            return "it holds half of a surrogate pair"
        case RecursionError():
            return "it is nested too deeply"
        case _:  # int() refuses more digits than sys.get_int_max_str_digits()
            return "it holds a number of too many digits"


def _not_json(error: json.JSONDecodeError) -> str:
    start = error.doc.lstrip()[:1]
    if not start:
        return "it is empty"
    if start == "<":
        return "it is HTML or XML, not JSON"
    return f"it is not JSON ({error.msg} at character {error.pos})"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise _NotStrictError(f"the key {key[:_SHOWN]!a} stands twice in one object")
        members[key] = value
    return members


def _constant(name: str) -> NoReturn:
    raise _NotStrictError(f"{name} is not a JSON number")
