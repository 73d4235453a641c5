"""Output of a command: pages for a person, one JSON object for a program, and errors.

A page is a sequence of blocks: facts, tables and sentences. Piped, it is plain lines for `grep`
and `awk`; on a terminal `render_terminal` draws it. Answers go to standard output, everything else
to standard error.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from edgepind.core.messages import span
from edgepind.formats import parse_rfc3339, printable
from edgepind.model.enums import Finding, Posture, Role

_LONGEST = 2000
"""Characters of one line."""
_A_MOMENT = 1.0
"""Seconds after which a person at a terminal is told what the command waits for."""


class Tone(Enum):
    """How much attention a word calls for."""

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
    """Lines of a label and its text."""

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
    """Sentences, with or without a title."""

    lines: tuple[Said, ...]
    title: str = ""


Block = Facts | Table | Sentences
Page = Sequence[Block]


_TONE_OF: Mapping[str, Tone] = {
    Finding.PINNED: Tone.GOOD,
    Finding.ROTATING: Tone.GOOD,
    Finding.UNANNOUNCED_ROTATION: Tone.WARNING,
    Finding.INTERCEPTION: Tone.BAD,
    Finding.CLOCK_FAULT: Tone.BAD,
    Finding.CERTIFICATE_FAULT: Tone.BAD,
    Finding.CIPHER_MISMATCH: Tone.BAD,
    Finding.UNREACHABLE: Tone.BAD,
    Posture.ENFORCING: Tone.GOOD,
    Posture.GRACE: Tone.WARNING,
    Posture.OPEN: Tone.BAD,
    Posture.EXHAUSTED: Tone.BAD,
    Posture.OVERRIDE: Tone.WARNING,
    Role.CURRENT: Tone.GOOD,
    Role.PENDING: Tone.WARNING,
}


# --- output --------------------------------------------------------------------------------


def add_json(parser: argparse._ActionsContainer) -> None:
    """Give a reading command its `--json`."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )


def print_json(answer: Mapping[str, object]) -> None:
    """Print the one JSON object of `--json`."""
    print(json.dumps(answer, indent=2))


def complain(sentence: str) -> None:
    """Print an error to standard error: a sentence that says what to do."""
    print(f"edgepind: {sentence}", file=sys.stderr)


def discard_output() -> None:
    """Discard what is still to be flushed at exit, which would fail with an error message."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def show(page: Page) -> None:
    """Print a page, drawn if standard output is a terminal."""
    if sys.stdout.isatty():
        from edgepind.cli.render_terminal import draw  # noqa: PLC0415  rich is slow to import

        draw(page)
    else:
        print("\n\n".join("\n".join(plain_lines(block)) for block in page))


def plain_lines(block: Block) -> Iterable[str]:
    """A block as plain lines, its columns padded with spaces."""
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


# --- words, instants and spans ---------------------------------------------------------------


def word(said: Said) -> Word:
    """One printable line with a tone."""
    plain = Word(said) if isinstance(said, str) else said
    return Word(one_line(plain.text), plain.tone)


def toned(word: str) -> Word:
    """A finding, posture or role in its tone; any other word is plain."""
    return Word(word, _TONE_OF.get(word, Tone.PLAIN))


def one_line(text: str) -> str:
    """One line of bounded length without control characters."""
    clean = printable(text[:_LONGEST])
    return clean if len(text) <= _LONGEST else f"{clean}..."


def instant(text: str | None) -> str:
    """A time of RFC 3339 in UTC and to the second: `2026-11-23 14:00:00Z`."""
    when = parse_rfc3339(text)
    return "never" if when is None else spoken(when)


def spoken(when: datetime) -> str:
    """The same for an instant."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def relation(text: str | None, now: datetime) -> str:
    """A time relative to `now`: `3min ago`, `in 20s`."""
    when = parse_rfc3339(text)
    if when is None:
        return "at no known time"
    seconds = round((when - now).total_seconds())
    if not seconds:
        return "now"
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


# --- while a person waits --------------------------------------------------------------------


@asynccontextmanager
async def waiting(what: str) -> AsyncIterator[None]:
    """After a second, show on standard error what is waited for; nothing when piped."""
    teller = asyncio.create_task(_tell(what)) if sys.stderr.isatty() else None
    try:
        yield
    finally:
        if teller is not None:
            teller.cancel()
            with suppress(asyncio.CancelledError):
                await teller


async def _tell(what: str) -> None:
    await asyncio.sleep(_A_MOMENT)
    from rich.console import Console  # noqa: PLC0415  only a slow answer on a terminal needs it

    with Console(stderr=True, highlight=False).status(what):
        await asyncio.Event().wait()
