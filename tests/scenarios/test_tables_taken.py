"""The scenarios together take every row of every table of the core.

Played with steady time skipped, which each script must bear: all that it expects is met.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgepind.core import admission, diagnosis, pin_lifecycle, posture, restarts
from edgepind.core.admission import ORIGIN
from edgepind.core.diagnosis import LeafFacts, LeafRow
from edgepind.model.decision import Decision
from edgepind.model.enums import Origin, Policy
from edgepind.model.pin import accepted
from tests.support.scenario.interruptible import InterruptibleWorld
from tests.support.scenario.play import play
from tests.support.scenario.text import parse_scenario

_Pair = tuple[Any, Any]


class _Noting(dict[_Pair, Any]):
    """A table that notes which of its rows were taken."""

    def __init__(self, table: Mapping[_Pair, Any]) -> None:
        super().__init__(table)
        self.taken: set[_Pair] = set()

    def __getitem__(self, pair: _Pair) -> Any:
        following = super().__getitem__(pair)
        self.taken.add(pair)
        return following

    def left(self) -> list[str]:
        return sorted(", ".join(map(str, pair)) for pair in self.keys() - self.taken)


class _World(InterruptibleWorld):
    """A world that notes on which evidence pins were accepted, under which policy."""

    admitted: set[tuple[Origin, Policy]] = set()  # noqa: RUF012 - one for all worlds

    def _keep(self, decision: Decision) -> None:
        before = {pin.key for pin in accepted(self.state.pins)}
        policy = self.rules.pins.policy
        new = [pin for pin in accepted(decision.state.pins) if pin.key not in before]
        self.admitted.update((pin.origin, policy) for pin in new)
        super()._keep(decision)


def _noting_rows(rows: tuple[LeafRow, ...], taken: set[int]) -> Iterator[LeafRow]:
    for number, row in enumerate(rows):

        def holds(facts: LeafFacts, row: LeafRow = row, number: int = number) -> bool:
            if held := row.holds(facts):
                taken.add(number)
            return held

        yield replace(row, holds=holds)


def test_every_row_of_every_table_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pins, postures, restarts, admission and the verdict on a leaf: nothing stands there in vain.

    A row of admission is taken where its evidence was weighed, or a pin accepted on it.
    """
    machines = {
        "pin_lifecycle": _Noting(pin_lifecycle.PIN_TABLE),
        "posture": _Noting(posture.POSTURE_TABLE),
        "restarts": _Noting(restarts.RESTART_TABLE),
        "admission": _Noting(admission.ADMISSION),
    }
    monkeypatch.setattr(pin_lifecycle, "PIN_TABLE", machines["pin_lifecycle"])
    monkeypatch.setattr(posture, "POSTURE_TABLE", machines["posture"])
    monkeypatch.setattr(restarts, "RESTART_TABLE", machines["restarts"])
    monkeypatch.setattr(admission, "ADMISSION", machines["admission"])
    leaf_rows: set[int] = set()
    rows = diagnosis.LEAF_TABLE
    monkeypatch.setattr(diagnosis, "LEAF_TABLE", tuple(_noting_rows(rows, leaf_rows)))
    _World.admitted.clear()
    for path in sorted(Path(__file__).parent.glob("*.scenario")):
        scenario = parse_scenario(path.stem, path.read_text("utf-8"))
        for policy in scenario.policies:
            play(scenario, policy, _World)
    evidence_of = {origin: evidence for evidence, origin in ORIGIN.items()}
    machines["admission"].taken |= {(evidence_of[it], policy) for it, policy in _World.admitted}
    left = {name: table.left() for name, table in machines.items()}
    left["diagnosis"] = [row.because for n, row in enumerate(rows) if n not in leaf_rows]
    assert not any(left.values()), left
