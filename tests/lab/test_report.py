"""The table and the object at the end of the story."""

import json

import pytest
from rich.console import Console

from edgepind.lab import report
from edgepind.lab.chapter import Result, Score
from edgepind.lab.stage import Check
from edgepind.lab.timers import Pace

OURS = Score(
    rejected=0, locked_out=0.0, at_the_end=False, restarts=2, attackers_pins=0, carried=0, secrets=0
)
THEIRS = Score(
    rejected=7, locked_out=1.25, at_the_end=True, restarts=1, attackers_pins=1, carried=0, secrets=3
)
GOOD = Result(
    "announced", "An announced rotation", 6.5, (Check("all is well", met=True),), OURS, THEIRS
)
BAD = Result(
    "rolling",
    "A rolling rotation",
    5.0,
    (Check("it held", met=False, detail="it did not"),),
    OURS,
    None,
)


def _rendered(*results: Result) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(report.as_table(results))
    return capture.get()


def test_both_edges_stand_side_by_side() -> None:
    """Each cell names edgepind's figure and the shell loop's."""
    line = next(line for line in _rendered(GOOD).splitlines() if "announced" in line)
    assert "0 | 7" in line
    assert "0.0 | 1.2+" in line
    assert "yes" in line


def test_a_column_that_could_not_be_played_is_absent_not_zero() -> None:
    """Where curl or jq are missing nothing is made up."""
    line = next(line for line in _rendered(BAD).splitlines() if "rolling" in line)
    assert "0 | -" in line
    assert "NO" in line


def test_what_was_not_met_is_said() -> None:
    """The failed expectation and what was seen in its place."""
    lines = report.as_lines([GOOD, BAD], Pace())
    assert "rolling: not met: it held (it did not)" in lines
    assert lines[-1].startswith("1 of 2 chapters")


def test_missing_tools_are_said_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table without its other half is no comparison, and says so."""
    monkeypatch.setattr(report, "missing_tools", lambda: ("curl", "jq"))
    assert any("NOT played: curl, jq not found" in line for line in report.as_lines([BAD], Pace()))


def test_the_object_holds_everything() -> None:
    """For programs: each figure by name, and null where there is none."""
    told = json.loads(json.dumps(report.as_object([GOOD, BAD], speed=2.0)))
    assert (told["schema"], told["speed"], told["met"]) == (1, 2.0, False)
    first, second = told["chapters"]
    assert first["shell_loop"]["attackers_pins"] == 1
    assert second["shell_loop"] is None
    assert second["checks"] == [{"what": "it held", "met": False, "detail": "it did not"}]
