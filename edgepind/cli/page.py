"""What a command shows to a person, as blocks: facts, tables and sentences.

On a terminal they are drawn with colour; piped, they are plain lines that `grep` and `awk` like.
What is said in them is the business of the commands.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from edgepind.cli.printable import printable


class Tone(Enum):
    """How a word should strike the eye."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of text with its tone."""

    text: str
    tone: Tone = Tone.PLAIN


Said = str | Word


@dataclass(frozen=True, slots=True)
class Facts:
    """Labelled lines: what is said stands behind its label."""

    rows: tuple[tuple[str, Said], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. A table without rows is shown as its `empty` sentence."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Said, ...], ...]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences of their own, under a title where there is one."""

    lines: tuple[Said, ...]
    title: str = ""


Block = Facts | Table | Sentences
Page = Sequence[Block]


def word(said: Said) -> Word:
    """Whatever is said, as one printable line with a tone."""
    plain = Word(said) if isinstance(said, str) else said
    return Word(printable(plain.text), plain.tone)


def show(page: Page) -> None:
    """Print a page in the way that suits standard output."""
    if sys.stdout.isatty():
        from edgepind.cli.page_drawn import draw  # noqa: PLC0415  rich is slow to import

        draw(page)
    else:
        print("\n\n".join("\n".join(plain_lines(block)) for block in page))


def plain_lines(block: Block) -> Iterable[str]:
    """Lay a block out as plain lines, its columns padded with spaces."""
    match block:
        case Facts(rows):
            yield from _padded([(label, word(said).text) for label, said in rows])
        case Table(title, columns, rows, empty):
            yield from (title,) if title else ()
            cells = [tuple(word(cell).text for cell in row) for row in rows]
            yield from _padded([columns, *cells]) if rows else (empty,)
        case Sentences(lines, title):
            yield from (title,) if title else ()
            yield from (word(line).text for line in lines)


def _padded(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
