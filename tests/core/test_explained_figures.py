"""The figures in an explanation are those of the pin, never less than none."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.explain_pin import explain_pin, explain_stranger
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.enums import Channel, Origin, Policy, Role
from edgepind.model.rules import PinRules
from edgepind.model.state import State, StatusMemory
from tests.core.situations import RULES, A, B, pin, rules, state_of

CURRENT = replace(pin("a", Role.CURRENT), ever_live=True, proven=True)
WAITING = pin("b", Role.PENDING, Origin.OBSERVED)
OVERLAP = RULES.pins.overlap


@pytest.mark.parametrize(
    ("policy", "row"),
    [
        (Policy.STRICT, "under policy strict: never"),
        (Policy.BALANCED, "under policy balanced: after the hold-down, by age and sightings"),
        (Policy.AVAILABLE, "under policy available: after a tenth of the hold-down's age"),
    ],
)
def test_the_row_of_the_policy_table_is_told(policy: Policy, row: str) -> None:
    """The evidence, the policy and what they ask."""
    told = explain_pin(WAITING, state_of([CURRENT, WAITING]), rules(PinRules(policy=policy)))
    assert row in told.evidence_for[0]


@pytest.mark.parametrize(
    ("held", "sightings", "told"),
    [
        (840.0, 4, "accepted after 1min more of being seen and once more sighted"),
        (900.0, 5, "accepted after 0ms more of being seen and 0 times more sighted"),
        (999.0, 9, "accepted after 0ms more of being seen and 0 times more sighted"),
    ],
)
def test_what_is_left_of_a_hold_down_is_never_less_than_none(
    held: float, sightings: int, told: str
) -> None:
    """It may be served in both and still wait, for a look without doubt."""
    it = replace(WAITING, held=held, sightings=sightings)
    assert told in explain_pin(it, state_of([CURRENT, it]), RULES).would_change[0]


@pytest.mark.parametrize(("unseen", "left"), [(0.0, "24h"), (OVERLAP - 60, "1min"), (9e9, "0ms")])
def test_what_is_left_of_the_overlap_is_never_less_than_none(unseen: float, left: str) -> None:
    """Of a backup that lapses, and of a pin that retires."""
    lapsing = replace(pin("b", origin=Origin.OBSERVED), unseen=unseen)
    retiring = replace(pin("b", Role.RETIRING), unseen=unseen)
    for it in (lapsing, retiring):
        told = explain_pin(it, state_of([CURRENT, it]), RULES).would_change
        assert told[1].startswith(f"not live for {left} more, it is ")


def test_sightings_are_told_by_address() -> None:
    """All of them, and those since the last contradiction, where there are any."""
    it = replace(WAITING, sightings=5, seen_at=(("1", 2), ("2", 1)))
    told = explain_pin(it, state_of([CURRENT, it]), RULES).evidence_for
    assert "5 times sighted in all; since the last contradiction 2 at 1, 1 at 2" in told
    bare = replace(it, seen_at=())
    assert "5 times sighted in all" in explain_pin(bare, state_of([bare]), RULES).evidence_for


def test_when_a_rotation_is_planned_is_told_where_it_is_known() -> None:
    """And nothing where it is not."""
    memory = StatusMemory(ok=True, channel=Channel.PINNED, announced_next=B)
    clause = "the status endpoint names it as the next one (pinned channel)"
    for when, planned in (
        (None, ""),
        (EPOCH + timedelta(hours=1), ", planned for 2027-01-01 01:00:00 UTC"),
    ):
        state = replace(state_of([CURRENT]), status=replace(memory, rotates_at=when))
        told = explain_stranger(B, state, RULES)
        assert told.evidence_for == (clause + planned,)
        assert told.subject == str(B)


def test_a_stranger_is_explained_as_what_it_is() -> None:
    """Retired, refused or unknown."""
    for state, standing in (
        (replace(State(), retired=(A,)), "retired"),
        (replace(State(), refusals_told=(A,)), "refused"),
        (State(), "unknown"),
    ):
        assert explain_stranger(A, state, RULES).standing == standing
