"""Changes the owned keys in the text of `pinning-config.json` and leaves every other byte alone.

Values are spliced where they stand; missing keys come last, spaced as their neighbours are. A
value that says already what it should keeps its spelling. The result is read again before it is
given out. Touches no file.
"""

import json
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from edgepind.effects.json_text import WHITESPACE, Member, ObjectText
from edgepind.effects.pinning_text import SECTION, PinningText, owned_values, parse_pinning_text
from edgepind.model.document import Pinning
from edgepind.model.observation import DocumentRejected


@dataclass(frozen=True, slots=True)
class EditRefused:
    """The edited text does not read back as it should, so it must not be written."""

    reason: str


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


@dataclass(frozen=True, slots=True)
class _Splice:
    start: int
    end: int
    text: str


_DEFAULT = _Layout("\n  ", ": ", "  ")
_OWNED = frozenset({"enabled", "algorithm", "fingerprint", "fingerprints"})


def edit_pinning(document: PinningText, pinning: Pinning) -> bytes | EditRefused:
    """Give the document's bytes with the four owned keys saying `pinning`; the same if they do."""
    return _edit(document, owned_values(pinning))


def edit_enabled(document: PinningText, *, enabled: bool) -> bytes | EditRefused:
    """Give the document's bytes with `enabled` alone changed, whatever else stands in it."""
    return _edit(document, {"enabled": enabled})


def differs_beyond_pins(one: PinningText, other: PinningText) -> bool:
    """Whether two documents say anything else in what edgepind does not own."""
    return _kept(one, _OWNED) != _kept(other, _OWNED)


def _edit(document: PinningText, wanted: dict[str, Any]) -> bytes | EditRefused:
    layout = _layout(document.text, document.root, _DEFAULT)
    if document.section is None:
        splices = [_added(document.root, {SECTION: wanted}, layout, _line_start(layout))]
    else:
        splices = _changes(document, document.section, wanted, layout)
    text = document.text
    for splice in sorted(splices, key=lambda splice: splice.start, reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    content = text.encode("utf-8")
    problem = _problem(document, content, wanted)
    return EditRefused(problem) if problem else content


def _changes(
    document: PinningText, section: ObjectText, wanted: dict[str, Any], outer: _Layout
) -> list[_Splice]:
    layout = _layout(document.text, section, outer.inner)
    splices = [
        _replaced(document.text, member, wanted[member.key], layout)
        for member in section.members
        if member.key in wanted and member.value != wanted[member.key]
    ]
    missing = {key: value for key, value in wanted.items() if section.member(key) is None}
    if missing:
        splices.append(_added(section, missing, layout, outer.gap if layout.broken else ""))
    return splices


def _replaced(text: str, member: Member, value: object, layout: _Layout) -> _Splice:
    """A list that stood in one line stays in one."""
    old = text[member.value_start : member.value_end]
    in_line = isinstance(member.value, list) and member.value and "\n" not in old
    rendered = _render(value, layout.inline if in_line else layout)
    return _Splice(member.value_start, member.value_end, rendered)


def _added(where: ObjectText, values: dict[str, Any], layout: _Layout, closing: str) -> _Splice:
    """Members after the last one of `where`; `closing` stands before the brace of an empty one."""
    members = [
        f"{json.dumps(key)}{layout.colon}{_render(value, layout)}" for key, value in values.items()
    ]
    joined = f",{layout.gap}".join(members)
    if where.members:
        end = where.members[-1].value_end
        return _Splice(end, end, f",{layout.gap}{joined}")
    opening = layout.gap if layout.broken else ""
    return _Splice(where.start, where.end, f"{{{opening}{joined}{closing}}}")


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
    space = before[len(before.rstrip(WHITESPACE)) :]
    colon = text[last.key_end : last.value_start]
    lines, line_break, indent = space.rpartition("\n")
    if not line_break:
        return _Layout(space or (" " if " " in colon else ""), colon, otherwise.unit)
    carriage_return = "\r" if lines.endswith("\r") else ""
    unit = otherwise.unit if otherwise is not _DEFAULT else indent or _DEFAULT.unit
    return _Layout(f"{carriage_return}\n{indent}", colon, unit)


def _line_start(layout: _Layout) -> str:
    """What stands before the closing brace of the outermost object."""
    return layout.gap.rstrip(" \t") if layout.broken else ""


def _problem(old: PinningText, content: bytes, wanted: dict[str, Any]) -> str | None:
    """Why the edited bytes are not what was asked for; None where they are."""
    new = parse_pinning_text(content)
    if isinstance(new, DocumentRejected):
        return new.reason
    if any(new.owned.get(key) != value for key, value in wanted.items()):
        return "the owned keys do not say what they should"
    if _kept(new, wanted) != _kept(old, wanted):
        return "a key that edgepind does not own has changed"
    return None


def _kept(document: PinningText, wanted: Container[str]) -> tuple[list[str], list[str]]:
    """Every other member of both levels as it is spelt, in order."""
    text = document.text
    outer = [m for m in document.root.members if m.key != SECTION]
    inner = document.section.members if document.section else ()
    others = [m for m in inner if m.key not in wanted]
    spelt_outer, spelt_inner = (
        [text[m.key_start : m.value_end] for m in members] for members in (outer, others)
    )
    return spelt_outer, spelt_inner
