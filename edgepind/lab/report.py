"""The end of the story: a table for people, one object for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgepind.lab.chapter import Result, Score
from edgepind.lab.shell_loop import missing_tools
from edgepind.lab.timers import INTERVAL, Pace

_REAL_INTERVAL = 60.0
_COLUMNS = ("rejected", "locked\nout, s", "restarts", "attacker's\npins", "secrets\nleaked")


def as_table(results: Sequence[Result]) -> Table:
    """Chapter by chapter, edgepind beside the shell loop."""
    absent = " (NOT PLAYED)" if missing_tools() else ""
    table = Table(
        title=f"edgepind | shell loop{absent}",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("chapter", no_wrap=True)
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("as it\nmust be")
    for result in results:
        ours, theirs = _cells(result.edgepind), _cells(result.shell)
        pairs = [_pair(mine, other) for mine, other in zip(ours, theirs, strict=True)]
        verdict = Text("yes", "green") if result.met else Text("NO", "bold red")
        table.add_row(result.name, *pairs, verdict)
    return table


def as_lines(results: Sequence[Result], pace: Pace) -> list[str]:
    """What was not as expected, and what could not be played, in sentences."""
    lines = [
        f"{result.name}: not met: {check.what}" + (f" ({check.detail})" if check.detail else "")
        for result in results
        for check in result.checks
        if not check.met
    ]
    if missing := missing_tools():
        lines.append(
            f"The shell loop was NOT played: {', '.join(missing)} not found. Its figures are "
            "missing, not zero; install what is missing to see the comparison."
        )
    scale = _REAL_INTERVAL / pace.seconds(INTERVAL)
    lines.append(
        f"Both look every {pace.seconds(INTERVAL):.2f} s here, and every minute by default: "
        f"a second locked out here would be about {scale / 60:.0f} minutes (+: it lasted on)."
    )
    met = sum(result.met for result in results)
    seconds = sum(result.seconds for result in results)
    lines.append(f"{met} of {len(results)} chapters went as expected, in {seconds:.0f} s.")
    return lines


def as_object(results: Sequence[Result], speed: float) -> dict[str, Any]:
    """The same as one JSON object; `shell_loop` is null where it could not be played."""
    return {
        "schema": 1,
        "speed": speed,
        "met": all(result.met for result in results),
        "missing_tools": list(missing_tools()),
        "chapters": [_chapter(result) for result in results],
    }


def _chapter(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "title": result.title,
        "met": result.met,
        "seconds": round(result.seconds, 3),
        "edgepind": _score(result.edgepind),
        "shell_loop": None if result.shell is None else _score(result.shell),
        "checks": [asdict(check) for check in result.checks],
    }


def _score(score: Score) -> dict[str, Any]:
    return {**asdict(score), "locked_out": round(score.locked_out, 3)}


def _cells(score: Score | None) -> list[str]:
    if score is None:
        return ["-"] * len(_COLUMNS)
    return [
        str(score.rejected),
        f"{score.locked_out:.1f}" + ("+" if score.at_the_end else ""),
        str(score.restarts),
        str(score.attackers_pins),
        str(score.secrets),
    ]


def _pair(mine: str, other: str) -> Text:
    return Text.assemble((mine, "bold"), (" | ", "dim"), other)
