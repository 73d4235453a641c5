"""`edgepind history`: the record of decisions, newest last."""

import argparse

from edgepind.cli.exit_code import ExitCode, demand_readable
from edgepind.cli.load_config import settings_of
from edgepind.cli.render import (
    Said,
    Table,
    Tone,
    Word,
    add_json,
    complain,
    print_json,
    show,
    spoken,
)
from edgepind.model.enums import Severity
from edgepind.state.codec import encode
from edgepind.state.history import History, HistoryLine, NotRead

_DIGITS = 9
_TONES = {
    Severity.WARNING: Tone.WARNING,
    Severity.ERR: Tone.BAD,
    Severity.CRIT: Tone.BAD,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        "--limit",
        type=_positive,
        default=50,
        metavar="N",
        help="print at most the N newest decisions (default: 50)",
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Print the recorded decisions."""
    settings = settings_of(args)
    demand_readable(settings.paths.state / "history.jsonl")
    lines = History(settings.paths.state).read(args.limit)
    if isinstance(lines, NotRead):
        complain(lines.error)
        return ExitCode.UNOBSERVED
    if args.json:
        print_json({"decisions": [encode(line) for line in lines]})
    else:
        show((_table(lines),))
    return ExitCode.GOOD


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _table(lines: tuple[HistoryLine, ...]) -> Table:
    return Table(
        "",
        ("when", "event", "what was decided"),
        tuple(_row(line) for line in lines),
        empty="no decision has been recorded yet",
    )


def _row(line: HistoryLine) -> tuple[Said, ...]:
    tone = _TONES.get(line.severity, Tone.PLAIN)
    return (spoken(line.at), Word(line.event, tone), line.message)
