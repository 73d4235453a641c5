"""What was measured, and how it is shown and kept."""

import json
import os
import platform
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.tools.bench.meters import Cost


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `key` is for programs and `what` for people; `aim` is what is asked of it."""

    key: str
    what: str
    value: float
    unit: str
    aim: str = ""


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each, as one slow round among several says nothing."""
    return Cost(median(it.cpu for it in costs), median(it.wall for it in costs))


def ratio(key: str, what: str, value: float, aim: str = "") -> Figure:
    """A figure that says how many times one thing is another."""
    return Figure(key, what, value, "times", aim)


def surroundings(*, quick: bool) -> dict[str, object]:
    """Where and when the figures were taken, and how busy the machine was with others."""
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def store(path: Path, figures: Sequence[Figure], around: dict[str, object]) -> None:
    """Keep the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"schema": 1, **around, "figures": [asdict(it) for it in figures]}
    path.write_text(json.dumps(whole, indent=2) + "\n")


def show(figures: Sequence[Figure], around: dict[str, object]) -> None:
    """Print the table."""
    table = Table(title="The cost of edgepind", title_justify="left")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("asked for", justify="right")
    for it in figures:
        table.add_row(it.what, f"{_short(it.value)} {it.unit}", it.aim)
    console = Console()
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in around.items()), highlight=False)


def _short(value: float) -> str:
    """Three figures that count, for no measurement here is better than that."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
