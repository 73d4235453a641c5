"""Writes `machines.md` from the core's own tables: `make doc`. A test fails when it has drifted."""

from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

from edgepind.core.admission import ADMISSION, Evidence
from edgepind.core.diagnosis import GRAVITY, LEAF_TABLE
from edgepind.core.pin_lifecycle import PIN_TABLE
from edgepind.core.posture import EVENTS, POSTURE_TABLE, WHY
from edgepind.core.restarts import RESTART_TABLE
from edgepind.core.standing import STANDING
from edgepind.model.enums import Origin, Policy

TARGET = Path(__file__).with_name("machines.md")

_HEAD = """\
# The machines of the core

Drawn from the tables in `edgepind/core/` by `make doc`; not to be edited by hand. A pair of state
and event that is not drawn cannot happen: it raises, and the state stays as it was.
"""

_BELIEVED = """\
An accepted pin serves the Edge. Over its leaf announcements are heard, patience is obeyed and
tokens are sent only where it has standing, too. The pin that a document called the current one
when the state was lost counts as named.
"""


def render() -> str:
    """The whole document."""
    parts = [
        _HEAD,
        "## The life of a fingerprint (`core/pin_lifecycle.py`)\n",
        _diagram(PIN_TABLE),
        "## How an unpinned fingerprint becomes accepted (`core/admission.py`)\n",
        _admission(),
        "## Who is believed (`core/standing.py`)\n",
        _BELIEVED,
        _standing(),
        "## The verdict on a leaf (`core/diagnosis.py`)\n",
        "The first row that holds is the verdict.\n",
        _leaf_table(),
        "Of the verdicts on several addresses the link's is the one that stands first here: "
        + ", ".join(f"`{finding}`" for finding in GRAVITY)
        + ".\n",
        "## Postures (`core/posture.py`)\n",
        _diagram(POSTURE_TABLE),
        "In each posture the first event whose condition holds happens:\n",
        _posture_events(),
        "## A restart of the Edge (`core/restarts.py`)\n",
        _diagram(RESTART_TABLE),
    ]
    return "\n".join(parts)


def _diagram(table: Mapping[tuple[Enum, Enum], Enum]) -> str:
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), following in table.items():
        arrows.setdefault((state.value, following.value), []).append(event.value)
    lines = [
        f"    {state} --> {following}: {', '.join(events)}"
        for (state, following), events in arrows.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, tuple("---" for _ in head), *(tuple(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _admission() -> str:
    return _table(
        ("evidence", *Policy),
        (
            (evidence.value, *(ADMISSION[(evidence, policy)].value for policy in Policy))
            for evidence in Evidence
        ),
    )


def _standing() -> str:
    return _table(
        ("origin", "has standing"),
        ((f"`{origin}`", STANDING[origin].value) for origin in Origin),
    )


def _leaf_table() -> str:
    return _table(
        ("", "verdict", "where"),
        ((str(n), f"`{row.finding}`", row.because) for n, row in enumerate(LEAF_TABLE, 1)),
    )


def _posture_events() -> str:
    return _table(
        ("posture", "event", "because", "then"),
        (
            (f"`{posture}`", event.value, WHY[event], f"`{POSTURE_TABLE[(posture, event)]}`")
            for posture, events in EVENTS.items()
            for event, _ in events
        ),
    )


if __name__ == "__main__":
    TARGET.write_text(render())
