"""Time spans as systemd.time(7) writes them, read.

`infinity` is refused: every wait of edgepind ends.
"""

import re
from dataclasses import dataclass

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY + 6 * _HOUR

_UNITS = (
    (("us", "usec", "\u00b5s", "\u03bcs"), 1),  # the micro sign and the Greek letter
    (("ms", "msec"), 1000),
    (("s", "sec", "second", "seconds"), _SECOND),
    (("m", "min", "minute", "minutes"), _MINUTE),
    (("h", "hr", "hour", "hours"), _HOUR),
    (("d", "day", "days"), _DAY),
    (("w", "week", "weeks"), 7 * _DAY),
    (("M", "month", "months"), _YEAR // 12),
    (("y", "year", "years"), _YEAR),
)
_MICROSECONDS = {"": _SECOND} | {name: length for names, length in _UNITS for name in names}

_PART = re.compile(
    r"""
    \+? (?: (?P<whole>[0-9]+) (?: \.(?P<rest>[0-9]+) )? | \.(?P<bare>[0-9]+) )
    (?: [ \t\r\n]* (?P<unit>[^\W\d_]+) | (?=[ \t\r\n]|$) )  # without a unit it stands alone
    [ \t\r\n]*
    """,
    re.VERBOSE,
)
_SPACE = " \t\r\n"
_LONGEST_TEXT = 100

LONGEST = 1000 * _YEAR // _SECOND
"""A thousand years in seconds: added to any date that `edgepind.clock` gives, it still is one."""


@dataclass(frozen=True, slots=True)
class RefusedDuration:
    """Text that was offered as a time span and is not one, with the reason for a person."""

    text: str
    reason: str

    def __str__(self) -> str:
        """One sentence that names the text and the reason."""
        return f"{self.text!r} is refused as a duration: {self.reason}"


def parse_duration(text: str) -> float | RefusedDuration:
    """Seconds, exact to the microsecond, from "200ms", "90s", "15min", "1h 30min", "2d".

    A number without a unit counts seconds. "0" is read as nought: whether that will do is for
    the caller to say. Never raises.
    """
    if reason := _not_worth_reading(text):
        return RefusedDuration(text[:_LONGEST_TEXT], reason)
    total, rest = 0, text.strip(_SPACE)
    while rest:
        part = _PART.match(rest)
        if part is None:
            return RefusedDuration(text, f"{rest!r} is not a number with a unit")
        unit = part["unit"] or ""
        if unit not in _MICROSECONDS:
            return RefusedDuration(text, f"{unit!r} is not a unit of time")
        total += _scaled(part["whole"] or "0", part["rest"] or part["bare"], _MICROSECONDS[unit])
        rest = rest[part.end() :]
    if total > LONGEST * _SECOND:
        return RefusedDuration(text, "it is longer than a thousand years")
    return total / _SECOND


def _not_worth_reading(text: str) -> str | None:
    word = text.strip(_SPACE)
    if len(text) > _LONGEST_TEXT:
        return "it is too long to be one"
    if not word:
        return "it is empty"
    if word.lower() in {"infinity", "inf", "nan"}:
        return "it has no end"
    return "it is negative" if word.startswith("-") else None


def _scaled(whole: str, fraction: str | None, unit: int) -> int:
    """Microseconds, rounded down as systemd does."""
    digits = fraction or ""
    denominator: int = 10 ** len(digits)
    return int(whole + digits) * unit // denominator
