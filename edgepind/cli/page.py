"""What a command shows to a person, as blocks: facts, tables and sentences.

How they are laid out is `show`'s business, what is said in them that of the commands.
"""

from collections.abc import Sequence
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
