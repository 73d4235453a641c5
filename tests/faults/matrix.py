"""Reads the fault matrix, which is written for people: `matrix.md` beside this file."""

from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("matrix.md")
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: its name for the tests, what it is, how it is injected, and what is expected."""

    name: str
    fault: str
    injected: str
    expected: str


def read_matrix(text: str | None = None) -> dict[str, tuple[Row, ...]]:
    """Give the rows by the heading of their group. Raises ValueError where a line is no row."""
    groups: dict[str, list[Row]] = {}
    for line in (FILE.read_text("utf-8") if text is None else text).splitlines():
        if line.startswith("## "):
            groups[line.removeprefix("## ")] = []
        elif line.startswith("| ") and not line.startswith(("| row ", "| --- ")):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) != _COLUMNS or not all(cells):
                raise ValueError(f"a row has {_COLUMNS} cells, none of them empty: {line}")
            next(reversed(groups.values())).append(Row(*cells))
    return {heading: tuple(rows) for heading, rows in groups.items()}
