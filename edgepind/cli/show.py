"""Shows a page: drawn with colour on a terminal, as plain lines for `grep` and `awk` when piped."""

import sys
from collections.abc import Iterable, Sequence

from edgepind.cli.page import Block, Facts, Page, Sentences, Table, word


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
