"""Pages: the same blocks as plain lines and drawn on a terminal."""

import io

from rich.console import Console

from edgepind.cli.render import Facts, Page, Sentences, Table, Tone, Word, plain_lines
from edgepind.cli.render_terminal import drawn

LONG = ":".join(["AB"] * 32)
PAGE: Page = (
    Facts((("posture", Word("open", Tone.BAD)), ("next poll", "soon"))),
    Table("pins", ("role", "fingerprint", "since"), (("current", LONG, "now"),)),
    Table("addresses", ("address",), (), empty="no address is known"),
    Sentences(("one", "two"), "why"),
)


def on_terminal(width: int) -> str:
    """The page as a terminal of this width shows it, without colour."""
    screen = io.StringIO()
    Console(file=screen, width=width, force_terminal=False, highlight=False).print(drawn(PAGE))
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines())


def test_plain_lines_are_padded_columns() -> None:
    """Labels and cells line up, nothing is drawn, nothing trails."""
    facts, table, empty, sentences = (list(plain_lines(block)) for block in PAGE)
    assert facts == ["posture    open", "next poll  soon"]
    assert table == [
        "pins",
        f"role     {'fingerprint'.ljust(len(LONG))}  since",
        f"current  {LONG}  now",
    ]
    assert empty == ["addresses", "no address is known"]
    assert sentences == ["why", "one", "two"]


def test_what_steers_a_terminal_is_taken_out() -> None:
    """Whoever wrote the text: it stays one line of printable signs."""
    evil = "a\x1b[31mb\r\nc\u202ed\x00"
    [line] = plain_lines(Sentences((evil,)))
    assert line == "a [31mb  c d "
    screen = io.StringIO()
    Console(file=screen, width=80, force_terminal=False).print(drawn((Sentences((evil,)),)))
    assert screen.getvalue().splitlines()[0].rstrip() == line.rstrip()


def test_markup_is_text() -> None:
    """What looks like the library's markup is shown as it is."""
    screen = io.StringIO()
    Console(file=screen, width=80).print(drawn((Sentences(("[bold]x[/bold]",)),)))
    assert "[bold]x[/bold]" in screen.getvalue()


def test_a_wide_terminal_shows_rows_side_by_side() -> None:
    """Where it fits, a row is a line."""
    assert any(line.split() == ["current", LONG, "now"] for line in on_terminal(140).splitlines())


def test_a_narrow_terminal_never_cuts_a_fingerprint() -> None:
    """Where it does not fit, the widest column has a line of its own."""
    lines = on_terminal(100).splitlines()
    at = lines.index("current  now")
    assert lines[at + 1] == f"  {LONG}"
    assert "".join(on_terminal(60).split()).count(LONG) == 1
