"""Kinds of value that a key may hold: plain ones, and what other kinds are made of.

A kind reads a value of a TOML document and gives back what the program works with, or says
what is wrong. Only form is judged here; whether a file or user exists is for `edgepind check`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from edgepind.settings.durations import RefusedDuration, parse_duration
from edgepind.settings.load import show

_LARGEST = 2**63 - 1  # what TOML 1.0 guarantees for an integer


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a value is not of a kind, as a clause: "it is text, not a number"."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """`form` says what belongs in a key of this kind, to follow "write"; `read` reads it.

    `words` are all there are where the kind is a closed set of them, else empty.
    """

    form: str
    read: Callable[[object], object | Wrong]
    words: tuple[str, ...] = ()


def text(form: str, judge: Callable[[str], object | Wrong]) -> Kind:
    """Text of a form that `judge` knows. NUL is never part of it: no system call takes it."""

    def read(value: object) -> object | Wrong:
        if not isinstance(value, str):
            return Wrong(f"it is {_describe(value)}, not text in quotes")
        return Wrong("it holds a NUL character") if "\0" in value else judge(value)

    return Kind(form, read)


def list_of(
    item: Kind, form: str, gather: Callable[[list[object]], object | Wrong] = tuple
) -> Kind:
    """Make a list kind whose items are all of one kind; `gather` makes the value of them."""

    def read(value: object) -> object | Wrong:
        if not isinstance(value, list):
            return Wrong(f"it is {_describe(value)}, not a list")
        items = [item.read(element) for element in value]
        for at, (element, result) in enumerate(zip(value, items, strict=True), 1):
            if isinstance(result, Wrong):
                return Wrong(f"its item {at}, {show(element)}, is wrong: {result.reason}")
        return gather(items)

    return Kind(form, read)


def one_of(words: type[StrEnum] | tuple[str, ...]) -> Kind:
    """Make a kind of a closed set of words; an enumeration's members come out as such."""
    known = {str(word): word for word in words}
    form = "one of " + ", ".join(show(word) for word in known)
    kind = text(form, lambda word: known.get(word) or Wrong("it is not one of the known words"))
    return replace(kind, words=tuple(known))


def whole_number(least: int, most: int = _LARGEST, form: str = "") -> Kind:
    """Make a kind of whole numbers; TOML's true and false are none."""

    def read(value: object) -> object | Wrong:
        if not isinstance(value, int) or isinstance(value, bool):
            return Wrong(f"it is {_describe(value)}, not a whole number")
        if value < least:
            return Wrong(f"it is below {least}")
        return Wrong(f"it is above {most}") if value > most else value

    return Kind(form or f"a whole number from {least} up", read)


def _read_boolean(value: object) -> object | Wrong:
    if not isinstance(value, bool):
        return Wrong(f"it is {_describe(value)}, not true or false")
    return value


def _judge_duration(word: str) -> float | Wrong:
    match parse_duration(word):
        case RefusedDuration(reason=reason):
            return Wrong(reason)
        case 0.0:
            return Wrong("it is not above zero")
        case seconds:
            return seconds


def filled(word: str) -> str | Wrong:
    """Judge that text is not empty."""
    return word if word.strip() else Wrong("it is empty")


def _describe(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or a time"


BOOLEAN = Kind("true or false, without quotes", _read_boolean)
DURATION = text(
    'a duration above zero in quotes, such as "200ms", "90s", "15min" or "1h 30min"',
    _judge_duration,
)
ANY_TEXT = text('text in quotes, which may be ""', str)
FILLED_TEXT = text("text in quotes that is not empty", filled)
JQ_PROGRAM = text('a jq program in quotes, such as ".certificateFingerprint"', filled)
