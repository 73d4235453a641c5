"""Each row of evidence holds where its rule does, and says what is missing and for how long."""

from dataclasses import replace

import pytest

from edgepind.core.evidence_rows import ROWS, EvidenceRow, evidence
from edgepind.core.explain_pin import explain_pin, explain_unpinned
from edgepind.model.enums import Finding, Origin, Policy, Role
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules, Rules
from edgepind.model.state import AddressVerdict, Breach, ClockJudgement, State
from tests.core.situations import BACKUP, CURRENT, NEW_LEAF, OLD_LEAF, PENDING, A, B
from tests.support.sim_site import rules

RULES = rules()
HELD = replace(PENDING, held=600.0, sightings=2, seen_at=(("1", 2),))
SITE = State(pins=(CURRENT, HELD), addresses=(NEW_LEAF,), finding=Finding.UNANNOUNCED_ROTATION)


def rows(pin: Pin, state: State = SITE, its: Rules = RULES) -> dict[str, EvidenceRow]:
    """By name."""
    return {it.row: it for it in evidence(pin.fingerprint, pin, state, its)}


def test_a_pending_pin_lacks_age_and_sightings_and_says_for_how_long() -> None:
    """A look a minute at one address gives a sighting each."""
    found = rows(HELD)
    assert found["age"] == EvidenceRow("age", "15min of being seen", "5min more", 300.0)
    assert found["sightings"] == EvidenceRow("sightings", "5 in all", "3 more", 180.0)
    for name in ("policy", "live", "contradiction", "chain", "clock"):
        assert found[name].holds, name
        assert (found[name].missing, found[name].complete_in) == (None, None)
    assert not found["operator"].holds
    assert not found["announcement"].holds
    assert {"proof", "standing"}.isdisjoint(found)


def test_what_is_served_holds() -> None:
    """Age and sightings, when there is enough of them."""
    found = rows(replace(HELD, held=900.0, sightings=5))
    assert found["age"].holds
    assert found["sightings"].holds
    assert found["sightings"].complete_in is None


def test_several_addresses_make_it_quicker_and_the_first_pin_asks_for_each() -> None:
    """Two sightings a look; five for each address that answers, and no age."""
    both = replace(SITE, addresses=(NEW_LEAF, replace(NEW_LEAF, address="2")))
    assert rows(HELD, both)["sightings"].complete_in == 120.0
    first = replace(HELD, origin=Origin.BOOTSTRAP)
    silent = AddressVerdict("3", Finding.UNREACHABLE, error="late")
    found = rows(first, State(pins=(first,), addresses=(*both.addresses, silent)))
    assert "age" not in found
    assert found["sightings"].missing == "8 more"
    assert rows(first, State(pins=(first,)))["sightings"].missing == "3 more"


def test_a_leaf_that_is_shown_to_other_offers_only_is_served_all_the_same() -> None:
    """It is one of the address's set."""
    other = replace(OLD_LEAF, leaves=(A, B))
    assert rows(HELD, replace(SITE, addresses=(other,)))["live"].holds
    assert not rows(HELD, replace(SITE, addresses=(OLD_LEAF,)))["live"].holds


def test_what_stands_in_the_way_is_named() -> None:
    """Policy, contradictions, a chain that breaks a rule, and a clock that is not believed."""
    strict = rows(HELD, SITE, rules(PinRules(policy=Policy.STRICT)))
    assert not strict["policy"].holds
    assert {"age", "sightings"}.isdisjoint(strict)
    spoken_against = replace(
        SITE, addresses=(NEW_LEAF, replace(NEW_LEAF, address="2", fingerprint=A))
    )
    assert "2 serves another" in str(rows(HELD, spoken_against)["contradiction"].missing)
    broken = replace(SITE, breaches=(Breach(B, "no SAN"),))
    assert "no SAN" in str(rows(HELD, broken)["chain"].missing)
    wrong = replace(SITE, clock=ClockJudgement(trusted=False), finding=Finding.CLOCK_FAULT)
    assert not rows(HELD, wrong)["clock"].holds
    # In doubt, and judged all the same: in time by every clock in question.
    assert rows(HELD, replace(wrong, finding=Finding.UNANNOUNCED_ROTATION))["clock"].holds


def test_an_accepted_pin_shows_proof_and_standing() -> None:
    """And nothing of the hold-down."""
    found = rows(CURRENT)
    assert found["operator"].holds
    assert found["standing"].holds
    assert not found["proof"].holds
    assert rows(replace(CURRENT, proven=True))["proof"].holds
    assert {"policy", "age", "sightings", "contradiction", "chain", "clock"}.isdisjoint(found)


@pytest.mark.parametrize(
    ("origin", "complete_in"), [(Origin.OBSERVED, 82_800.0), (Origin.EXCEPTION, None)]
)
def test_standing_is_earned_with_time_or_never(origin: Origin, complete_in: float | None) -> None:
    """A day alone at every address; an inspecting CA's leaf never has it."""
    row = rows(replace(BACKUP, origin=origin, tenure=3600.0))["standing"]
    assert (row.holds, row.complete_in) == (False, complete_in)


def test_an_announcement_holds_or_says_why_it_cannot() -> None:
    """What was retired or removed is not announced again."""
    assert rows(replace(BACKUP, origin=Origin.ANNOUNCED))["announcement"].holds
    for state, word in ((State(retired=(B,)), "retired"), (State(removed=(B,)), "removed")):
        [row] = [it for it in evidence(B, None, state, RULES) if it.row == "announcement"]
        assert word in str(row.missing)


def test_an_explanation_carries_the_rows_of_its_fingerprint() -> None:
    """Of a pin and of what is none; each name once."""
    assert explain_pin(HELD, SITE, RULES).rows == evidence(B, HELD, SITE, RULES)
    strange = explain_unpinned(B, State(), RULES).rows
    assert [it.row for it in strange] == ["operator", "announcement", "live", "chain"]
    names = [it.row for pin in (HELD, CURRENT) for it in evidence(B, pin, SITE, RULES)]
    assert len(set(names)) == len(ROWS)


def test_a_pin_is_a_role_whatever_its_evidence() -> None:
    """A row that does not hold says what it lacks, one that holds does not."""
    for role in Role:
        for row in rows(replace(HELD, role=role)).values():
            assert row.holds is (row.missing is None)
