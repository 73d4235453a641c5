"""Notes what was seen of each fault, and makes the table of it that people read.

A row cannot be seen to end in a forbidden way: who notes it so fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.forbidden import forbidden_ends, is_a_cause
from tests.faults.matrix import Row
from tests.support.small_site import Site

_MOST_TOLD = 6
"""Different sightings of one row that the table shows; the others are counted."""

_SHORTER = (
    (re.compile(r"/tmp/pytest-of-[^/]+/pytest-[^/]+/[^/\s\"']+"), "/site"),  # noqa: S108 - a name
    (re.compile(r"/tmp/edgepind[^/\s\"']*"), "/site"),  # noqa: S108 - likewise
    (re.compile(r"((?:[0-9A-F]{2}:){3})(?:[0-9A-F]{2}:){27,28}[0-9A-F]{2}"), r"\1…"),
    (re.compile(r"(127\.\d+\.\d+\.\d+|\[::1\]|localhost):\d{4,5}"), r"\1:PORT"),
    (re.compile(r"pid \d+"), "pid N"),
    (re.compile(r"\d{8}T\d{6}Z"), "TIME"),
)
"""What differs from run to run, and what would fill the table."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one test saw of one fault: how things stood after it, and what a person was told."""

    state: str
    said: str


@dataclass(slots=True)
class Sightings:
    """What the tests of this run saw, by the name of the row."""

    rows: frozenset[str]
    by_row: dict[str, list[Sighting]] = field(default_factory=dict)

    def __call__(self, row: str, state: str, said: str) -> None:
        """Note how things stood after the fault of a row, and the message that a person read.

        Fails for a row that the matrix does not have, and where nothing was told.
        """
        assert row in self.rows, f"{row} is no row of tests/faults/matrix.md"
        assert is_a_cause(said), f"{row}: no person would learn the cause from {said!r}"
        sighting = Sighting(_short(state), _short(said))
        known = self.by_row.setdefault(row, [])
        if sighting not in known:
            known.append(sighting)

    def at(self, row: str, site: Site, state: str, said: str, accepted: set[str]) -> None:
        """Note the same of a whole site, and fail where it stands as it never may.

        `accepted` are the fingerprints that the policy allows in the document by now.
        """
        ends = forbidden_ends(site, accepted)
        assert not ends, f"{row}: {'; '.join(ends)}"
        self(row, state, said)


def table(matrix: Mapping[str, tuple[Row, ...]], seen: Sightings, before: str = "") -> str:
    """The document: the matrix, and beside each row what was seen of it.

    A row that this run was not about stays as it stands in `before`, the document so far.
    """
    lines = [_HEAD]
    for heading, rows in matrix.items():
        lines += [f"## {heading}", "", "| fault | how it is injected | expected | seen | told |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for row in rows:
            start = f"| {row.fault} | {row.injected} | {row.expected} | "
            told = seen.by_row.get(row.name, [])
            states, words = _joined([it.state for it in told]), _joined([it.said for it in told])
            earlier = [line for line in before.splitlines() if line.startswith(start) and not told]
            lines.append(earlier[0] if earlier else f"{start}{states or NOT_SEEN} | {words} |")
        lines.append("")
    return "\n".join(lines)


NOT_SEEN = "NOT SEEN"
_HEAD = """\
# Faults, and what was seen of them

Written by `make faults`; the rows stand in `tests/faults/matrix.md`, and each was run for this
table with the real fault. Folders, ports and the most of a fingerprint are left out of what was
told. No row ended in a torn document, an empty allowlist, a lost debt of a restart, a crash without
a cause told, a hang beyond its deadline, or a pin accepted outside the policy: a run that sees one
of these fails.
"""


def _joined(parts: list[str]) -> str:
    different = list(dict.fromkeys(part.replace("|", "\\|") for part in parts))
    more = len(different) - _MOST_TOLD
    shown = different[:_MOST_TOLD] + ([f"(and {more} more)"] if more > 0 else [])
    return "<br>".join(shown)


def _short(text: str) -> str:
    text = " ".join(text.split())
    for pattern, instead in _SHORTER:
        text = pattern.sub(instead, text)
    return text


def write_table(path: Path, matrix: Mapping[str, tuple[Row, ...]], seen: Sightings) -> list[str]:
    """Write the document; the names of the rows that nothing was seen of."""
    before = path.read_text("utf-8") if path.exists() else ""
    path.write_text(table(matrix, seen, before), "utf-8")
    return [row.name for rows in matrix.values() for row in rows if row.name not in seen.by_row]
