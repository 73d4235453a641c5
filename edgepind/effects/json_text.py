"""JSON objects as text with places, so that values can be replaced and every other byte be kept.

Python's own scanner finds the places; numbers keep their spelling, because a number that is read
and written again is not always the same number. Knows nothing of what the keys mean.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from edgepind.effects.tolerant_text import place

_WHITESPACE = " \t\n\r"
_SPACE = re.compile(f"[{_WHITESPACE}]*")
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

    A key that stands twice is refused at this level alone: what lies deeper is not edgepind's.
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
        raise ValueError(f"it is JSON, but not an object ({place(text, start)})")
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
            key, where = member.key[:_SHOWN], place(text, position)
            raise ValueError(f"the key {key!a} stands twice in one object ({where})")
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


# --- editing ----------------------------------------------------------------------------------


def put_members(
    text: str, root: ObjectText, name: str, section: ObjectText | None, wanted: dict[str, Any]
) -> str:
    """The text with `wanted` in the object `section`, which stands under `name` in `root`.

    Values are spliced where they stand, and one that says already what it should keeps its
    spelling; missing members come last, spaced as their neighbours are. `section` None: it is made.
    """
    layout = _layout(text, root, _DEFAULT)
    if section is None:
        before_brace = layout.gap.rstrip(" \t") if layout.broken else ""
        splices = [_added(root, {name: wanted}, layout, before_brace)]
    else:
        splices = _changes(text, section, wanted, layout)
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the members of an object are spaced.

    `gap` stands before each key, `colon` between key and value; `unit` is one step of
    indentation. A gap without a line break means that everything stands in one line.
    """

    gap: str
    colon: str
    unit: str

    @property
    def inner(self) -> "_Layout":
        """The layout one level further in."""
        return _Layout(self.gap + self.unit, self.colon, self.unit) if self.broken else self

    @property
    def broken(self) -> bool:
        """Whether each member has a line of its own."""
        return "\n" in self.gap

    @property
    def inline(self) -> "_Layout":
        """The same in one line."""
        return _Layout(" " if " " in self.colon else "", self.colon, self.unit)


_Splice = tuple[int, int, str]
"""`text[start:end]` becomes this."""

_DEFAULT = _Layout("\n  ", ": ", "  ")


def _changes(text: str, where: ObjectText, wanted: dict[str, Any], outer: _Layout) -> list[_Splice]:
    layout = _layout(text, where, outer.inner)
    splices = [
        _replaced(text, member, wanted[member.key], layout)
        for member in where.members
        if member.key in wanted and member.value != wanted[member.key]
    ]
    missing = {key: value for key, value in wanted.items() if where.member(key) is None}
    if missing:
        splices.append(_added(where, missing, layout, outer.gap if layout.broken else ""))
    return splices


def _replaced(text: str, member: Member, value: object, layout: _Layout) -> _Splice:
    """A list that stood in one line stays in one."""
    old = text[member.value_start : member.value_end]
    in_line = isinstance(member.value, list) and member.value and "\n" not in old
    rendered = _render(value, layout.inline if in_line else layout)
    return member.value_start, member.value_end, rendered


def _added(where: ObjectText, values: dict[str, Any], layout: _Layout, closing: str) -> _Splice:
    """Members after the last one of `where`; `closing` stands before the brace of an empty one."""
    members = [
        f"{json.dumps(key)}{layout.colon}{_render(value, layout)}" for key, value in values.items()
    ]
    joined = f",{layout.gap}".join(members)
    if where.members:
        end = where.members[-1].value_end
        return end, end, f",{layout.gap}{joined}"
    opening = layout.gap if layout.broken else ""
    return where.start, where.end, f"{{{opening}{joined}{closing}}}"


def _render(value: object, layout: _Layout) -> str:
    """JSON for a value beside keys that are spaced by `layout`."""
    inner = layout.inner
    match value:
        case dict():
            items = [f"{json.dumps(k)}{inner.colon}{_render(v, inner)}" for k, v in value.items()]
            brackets = "{}"
        case list():
            items = [_render(item, inner) for item in value]
            brackets = "[]"
        case _:
            return json.dumps(value)
    opening, closing = (inner.gap, layout.gap) if layout.broken else ("", "")
    return brackets[0] + opening + f",{inner.gap}".join(items) + closing + brackets[1]


def _layout(text: str, where: ObjectText, otherwise: _Layout) -> _Layout:
    """How the last member of an object is spaced; `otherwise` where it has none."""
    if not where.members:
        return otherwise
    last = where.members[-1]
    before = text[where.start : last.key_start]
    space = before[len(before.rstrip(_WHITESPACE)) :]
    colon = text[last.key_end : last.value_start]
    lines, line_break, indent = space.rpartition("\n")
    if not line_break:
        return _Layout(space or (" " if " " in colon else ""), colon, otherwise.unit)
    carriage_return = "\r" if lines.endswith("\r") else ""
    unit = otherwise.unit if otherwise is not _DEFAULT else indent or _DEFAULT.unit
    return _Layout(f"{carriage_return}\n{indent}", colon, unit)
