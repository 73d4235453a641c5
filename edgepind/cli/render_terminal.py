"""Pages on a terminal: blocks with colour, and tables that fit its width.

Apart from `render`, because rich, which obeys `NO_COLOR` and `TERM`, is slow to import.
"""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as DrawnTable
from rich.text import Text

from edgepind.cli.render import Block, Facts, Page, Said, Sentences, Table, Tone, word

_BETWEEN = 3
"""Cells between two columns of a table without edges."""

_STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.WARNING: "yellow",
    Tone.BAD: "bold red",
}


def draw(page: Page) -> None:
    """Draw a page once."""
    Console(highlight=False).print(drawn(page))


def drawn(page: Page) -> RenderableType:
    """A page for rich to draw, also in a live view."""
    return Group(*(Padding(_drawn(block), (0, 0, 1, 0)) for block in page))


def _drawn(block: Block) -> RenderableType:
    match block:
        case Facts(rows):
            return _facts(rows)
        case Table():
            return _table(block)
        case Sentences(lines, title):
            return Group(*_titled(title), *map(_text, lines))


def _facts(rows: tuple[tuple[str, Said], ...]) -> RenderableType:
    grid = DrawnTable.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, said in rows:
        grid.add_row(label, _text(said))
    return grid


def _table(table: Table) -> RenderableType:
    return Group(*_titled(table.title), _Rows(table) if table.rows else Text(table.empty))


class _Rows:
    """Rows on one line each or, where a word would have to be cut, on two."""

    def __init__(self, table: Table) -> None:
        self._columns = [
            (Text(column, style="bold"), *(_text(row[i]) for row in table.rows))
            for i, column in enumerate(table.columns)
        ]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Choose by the available width."""
        longest_words = (max(map(_longest_word, column)) for column in self._columns)
        needed = sum(longest_words) + _BETWEEN * (len(self._columns) - 1)
        yield self._side_by_side() if needed <= options.max_width else Group(*self._stacked())

    def _side_by_side(self) -> DrawnTable:
        table = DrawnTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for title, *_ in self._columns:
            table.add_column(title)
        for row in list(zip(*self._columns, strict=True))[1:]:
            table.add_row(*row)
        return table

    def _stacked(self) -> Iterator[Text]:
        """Give the widest column a line of its own beneath the others."""
        widths = [max(map(len, column)) for column in self._columns]
        widest = widths.index(max(widths))
        rest = [
            [Text.assemble(cell, " " * (width - len(cell))) for cell in column]
            for i, (column, width) in enumerate(zip(self._columns, widths, strict=True))
            if i != widest
        ]
        for row, beneath in zip(zip(*rest, strict=True), self._columns[widest], strict=True):
            yield Text("  ").join(row)
            yield Text.assemble("  ", beneath)


def _longest_word(text: Text) -> int:
    return max(map(len, text.plain.split()), default=0)


def _titled(title: str) -> tuple[Text, ...]:
    return (Text(title, style="bold"),) if title else ()


def _text(said: Said) -> Text:
    it = word(said)
    return Text(it.text, style=_STYLES[it.tone])
