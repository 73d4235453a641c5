"""JSON objects as text with places, so that a value can be replaced and all else be left alone.

Python's own scanner finds the places; numbers keep their spelling, because a number that is read
and written again is not always the same number. Knows nothing of what the keys mean.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

WHITESPACE = " \t\n\r"
_SPACE = re.compile(f"[{WHITESPACE}]*")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was spelt: equal only to the same spelling, never to text or a boolean."""

    spelling: str

    def __repr__(self) -> str:
        """The spelling itself, as a sentence shows it."""
        return self.spelling


@dataclass(frozen=True, slots=True)
class Member:
    """One key and its value; both spans are half open, and the key's includes its quotes."""

    key: str
    key_start: int
    key_end: int
    value_start: int
    value_end: int
    value: Any


@dataclass(frozen=True, slots=True)
class ObjectText:
    """An object at `text[start:end]` with its members in order; no key stands twice."""

    start: int
    end: int
    members: tuple[Member, ...]

    def member(self, key: str) -> Member | None:
        """The member under this key, if there is one."""
        return next((member for member in self.members if member.key == key), None)


@dataclass(frozen=True, slots=True)
class NoObject:
    """The text is not one JSON object; `reason` is a clause for a person."""

    reason: str


def parse_object(text: str) -> ObjectText | NoObject:
    """Read a text that is one JSON object (RFC 8259) and nothing else. Never raises.

    A key that stands twice is refused at this level alone: further down it is not ours to judge.
    """
    try:
        return _only_object(text)
    except json.JSONDecodeError as error:
        return NoObject(f"it is not JSON ({error.msg}: line {error.lineno}, column {error.colno})")
    except RecursionError:
        return NoObject("it is nested too deeply")
    except ValueError as error:
        return NoObject(str(error))


def _only_object(text: str) -> ObjectText:
    start = _skip(text, 0)
    if start == len(text):
        raise ValueError("it is empty")
    if text[start] != "{":
        _DECODER.raw_decode(text, start)
        raise ValueError("it is JSON, but not an object")
    found = object_at(text, start)
    rest = _skip(text, found.end)
    if rest != len(text):
        raise json.JSONDecodeError("something stands after the end of the object", text, rest)
    return found


def object_at(text: str, start: int) -> ObjectText:
    """Read the object whose brace is at `start`. Raises ValueError where it is none."""
    members: list[Member] = []
    keys: set[str] = set()
    position = _skip(text, start + 1)
    if text[position : position + 1] == "}":
        return ObjectText(start, position + 1, ())
    while True:
        member = _member_at(text, position)
        if member.key in keys:
            raise ValueError(f"the key {member.key[:_SHOWN]!a} stands twice in one object")
        keys.add(member.key)
        members.append(member)
        position = _skip(text, member.value_end)
        if text[position : position + 1] == "}":
            return ObjectText(start, position + 1, tuple(members))
        position = _skip(text, _after(text, position, ","))


def _member_at(text: str, position: int) -> Member:
    _after(text, position, '"')
    key, key_end = _DECODER.raw_decode(text, position)
    value_start = _skip(text, _after(text, _skip(text, key_end), ":"))
    value, value_end = _DECODER.raw_decode(text, value_start)
    return Member(key, position, key_end, value_start, value_end, value)


def _after(text: str, position: int, expected: str) -> int:
    if text[position : position + 1] != expected:
        raise json.JSONDecodeError(f"expected {expected}", text, position)
    return position + 1


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it is not JSON ({name} is no JSON number)")


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_no_constant)
