"""Puts the figures of `simulation.json` into `simulation.md` and the README: `make doc`.

That file is what the command prints which both pages name. A test fails when they have drifted.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DOC = Path(__file__).parent
FIGURES = DOC / "simulation.json"
PAGES = (DOC / "simulation.md", DOC.parents[1] / "README.md")

_COLUMNS: Mapping[str, str] = {
    "lockout": "locked out, min",
    "lockout_ca": "at changes of CA, min",
    "exposed_other": "exposed, other CAs, min",
    "exposed_own": "its own CA, min",
    "adopted_other": "attackers' pins, other CAs",
    "adopted_own": "its own CA",
    "last_resorts": "last resorts",
    "visits": "mended by a person",
}
_MORE: Mapping[str, str] = {
    "exposed_override": "exposed in overrides, min",
    "openings": "openings",
    "last_resort": "off as a last resort, min",
    "open": "off in all, min",
    "restarts": "restarts",
}
_CORE_ONLY = frozenset({"openings", "last_resort", "last_resorts"})
_LEAST = 0.01
_WHOLE = 100.0
_MINUTES_AN_HOUR = 60.0


def page_with_figures(text: str, figures: Mapping[str, Any]) -> str:
    """`text` with each part between its two markers made anew."""
    tables = {"ways": _ways(figures), "more": _more(figures), "kinds": _kinds(figures)}
    for name, made in tables.items():
        begin, end = f"<!-- simulation: {name} -->\n", f"<!-- end of {name} -->\n"
        if begin in text:
            before, _, rest = text.partition(begin)
            text = before + begin + made + end + rest.partition(end)[2]
    return text


def _ways(figures: Mapping[str, Any]) -> str:
    """Every way's headline, an edge-year, with its intervals."""
    rows = [
        [f"`{way}`", *(_cell(it, column) for column in _COLUMNS)]
        for way, it in figures["ways"].items()
    ]
    return _table(["way", *_COLUMNS.values()], rows)


def _more(figures: Mapping[str, Any]) -> str:
    """What else became of each way's Edges; `for good`: in how many lives, of how many."""
    lives = figures["lives"]
    rows = [
        [
            f"`{way}`",
            *(_cell(it, column) for column in _MORE),
            _span(it["longest"]),
            f"{it['permanent']} + {it['permanent_ca']} of {lives}" if it["promises_end"] else "",
        ]
        for way, it in figures["ways"].items()
    ]
    return _table(["way", *_MORE.values(), "longest lockout", "for good, lives"], rows)


def _kinds(figures: Mapping[str, Any]) -> str:
    """Minutes exposed to, and pins adopted of, each kind of adversary."""
    ways = figures["ways"]
    kinds = sorted({kind for it in ways.values() for kind in it["exposed_by"]})
    rows = [[f"`{way}`", *(_of_kind(it, kind) for kind in kinds)] for way, it in ways.items()]
    return _table(["way", *kinds], rows)


def _of_kind(way: Mapping[str, Any], kind: str) -> str:
    exposed, adopted = way["exposed_by"].get(kind, 0), way["adopted_by"].get(kind, 0)
    return f"{_figure(exposed)} / {_figure(adopted)}"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(way: Mapping[str, Any], column: str) -> str:
    """One figure; a way that is not edgepind's knows no openings and no last resorts."""
    return _estimate(way[column]) if way["core"] or column not in _CORE_ONLY else ""


def _estimate(it: Mapping[str, float]) -> str:
    if it["low"] == it["high"]:
        return _figure(it["mean"])
    return f"{_figure(it['mean'])} ({_figure(it['low'])} to {_figure(it['high'])})"


def _span(minutes: float) -> str:
    if minutes < _MINUTES_AN_HOUR:
        return f"{_figure(minutes)} min" if minutes else "0"
    return f"{minutes / _MINUTES_AN_HOUR:.1f} h"


def _figure(figure: float) -> str:
    if not figure:
        return "0"
    if figure < _LEAST:
        return f"{figure:.1g}" if figure >= _LEAST / 100 else f"{figure:.0e}"
    return f"{figure:,.0f}" if figure >= _WHOLE else f"{figure:.3g}"


if __name__ == "__main__":
    kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    for page in PAGES:
        page.write_text(page_with_figures(page.read_text(encoding="utf-8"), kept), encoding="utf-8")
