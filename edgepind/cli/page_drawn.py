"""Pages on a terminal: the same blocks with colour, and tables that fit its width.

`NO_COLOR` and `TERM` are obeyed by the library.
"""

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as DrawnTable
from rich.text import Text

from edgepind.cli.page import Block, Facts, Page, Said, Sentences, Table, Tone, word

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
    """A page as the library draws it, for a live view as well."""
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
    if not table.rows:
        return Group(*_titled(table.title), Text(table.empty))
    drawn_table = DrawnTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in table.columns:
        drawn_table.add_column(column, overflow="fold")
    for row in table.rows:
        drawn_table.add_row(*map(_text, row))
    return Group(*_titled(table.title), drawn_table)


def _titled(title: str) -> tuple[Text, ...]:
    return (Text(title, style="bold"),) if title else ()


def _text(said: Said) -> Text:
    it = word(said)
    return Text(it.text, style=_STYLES[it.tone])
