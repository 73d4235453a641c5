"""Each clause that explains a fingerprint is shown where it holds and only there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edgepind.core.explain_pin import Explanation, explain_pin, explain_unpinned
from edgepind.lab.sim_observations import EPOCH, fingerprint
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel, Finding, Origin, Policy, Role
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import (
    AddressVerdict,
    Breach,
    ClockJudgement,
    Edge,
    LastServed,
    ServedLeaf,
    State,
    StatusMemory,
)
from tests.core.situations import (
    BACKUP,
    CURRENT,
    NEW_LEAF,
    OLD_LEAF,
    PENDING,
    A,
    B,
    pin,
    state_of,
)
from tests.support.sim_site import rules

RULES = rules()
C = fingerprint("c")
OVERLAP = RULES.pins.overlap
PROVEN = replace(CURRENT, ever_live=True, proven=True)
RETIRING = replace(BACKUP, role=Role.RETIRING)


def _loaded(*accepted: Any) -> Edge:
    return Edge(loaded=Pinning(enabled=True, current=accepted[0], accepted=accepted))


def _pin(pin: Pin, state: State | None = None, pins: PinRules | None = None) -> Explanation:
    """Explain `pin`, by default beside the current one."""
    among = (CURRENT,) if pin.key == CURRENT.key else (CURRENT, pin)
    return explain_pin(pin, state or State(pins=among), rules(pins or PinRules()))


# --- what speaks for a pin ----------------------------------------------------------------------


@pytest.mark.parametrize("pin", [CURRENT, BACKUP, RETIRING, PENDING])
def test_a_pin_is_told_by_its_role_and_the_row_that_let_it_in(pin: Pin) -> None:
    """The standing is the role, the summary says what it means, the first clause whence it came."""
    why = _pin(pin)
    assert (why.subject, why.standing) == (str(pin.fingerprint), pin.role.value)
    assert f"{pin.role} pin" in why.summary
    assert "under policy balanced" in why.evidence_for[0]
    assert why.evidence_for[1] == f"{pin.role} since 2027-01-01 00:00:00 UTC"


@pytest.mark.parametrize(
    ("sightings", "seen_at", "told"),
    [
        (1, (), "once sighted in all"),
        (3, (), "3 times sighted in all"),
        (3, (("1", 2),), "3 times sighted in all; since the last contradiction 2 at 1"),
    ],
)
def test_sightings_are_counted(sightings: int, seen_at: Any, told: str) -> None:
    """In all, and by address where any is left since the last contradiction."""
    assert told in _pin(replace(BACKUP, sightings=sightings, seen_at=seen_at)).evidence_for
    assert not any("sighted" in it for it in _pin(BACKUP).evidence_for)


def test_where_a_pin_is_or_was_live_is_told() -> None:
    """The addresses that serve it, or that there were some once."""
    lived = replace(BACKUP, ever_live=True)
    there = State(pins=(CURRENT, lived), addresses=(NEW_LEAF, replace(NEW_LEAF, address="2")))
    assert "live now at 1, 2" in _pin(lived, there).evidence_for
    assert "it has been live before" in _pin(lived).evidence_for
    assert not any("live" in it for it in _pin(BACKUP).evidence_for[1:])


def test_whether_the_edge_has_loaded_a_pin_is_told() -> None:
    """Having been live since tells more than having been loaded, and that more than neither."""
    state = State(pins=(CURRENT, BACKUP), edge=_loaded(A, B))
    proven = _pin(replace(BACKUP, proven=True), state)
    assert "it was live after the Edge had loaded it" in proven.evidence_for
    loaded = _pin(BACKUP, state)
    assert "the Edge has loaded it" in loaded.evidence_for
    assert any("no other pin is retired yet" in it for it in loaded.evidence_against)
    assert not any("is retired yet" in it for it in proven.evidence_against)
    for edge in (Edge(), _loaded(A)):
        unknown = _pin(BACKUP, replace(state, edge=edge))
        assert "the Edge has loaded it" not in unknown.evidence_for
        assert "the Edge is not known to have loaded it" in unknown.evidence_against


@pytest.mark.parametrize(("rotates_at", "planned"), [(None, ""), (EPOCH, ", planned for 2027-")])
def test_what_the_status_endpoint_says_of_a_pin_is_told(rotates_at: Any, planned: str) -> None:
    """As the one in use or the next, by which channel, and when where that is known."""
    status = StatusMemory(
        channel=Channel.PINNED, announced_current=A, announced_next=B, rotates_at=rotates_at
    )
    state = State(pins=(CURRENT, BACKUP), status=status)
    in_use = "the status endpoint names it as the one in use (pinned channel)"
    coming = f"the status endpoint names it as the next one (pinned channel){planned}"
    assert in_use in _pin(CURRENT, state).evidence_for
    told = _pin(BACKUP, state).evidence_for
    assert in_use not in told
    assert told[-1].startswith(coming)
    assert any(it.startswith(coming) for it in explain_unpinned(B, state, RULES).evidence_for)


# --- what speaks against a pin ------------------------------------------------------------------


def test_a_pending_pin_without_contradiction_has_nothing_against_it() -> None:
    """Served at one address, by a good clock, while another that never served it is pinned."""
    held = replace(PENDING, seen_at=(("1", 4),), sightings=4, held=60.0)
    why = _pin(held, State(pins=(CURRENT, held), addresses=(NEW_LEAF, OLD_LEAF)))
    assert why.evidence_against == ()
    assert "1min of 15min of the hold-down and 4 of 5 sightings served" in why.evidence_for
    assert any("14min more of being seen and once more sighted," in it for it in why.would_change)


def test_what_contradicts_a_pending_pin_is_told() -> None:
    """Another unpinned leaf anywhere, or a pinned one where it was seen; and a bad clock."""
    held = replace(PENDING, seen_at=(("2", 1),))
    other = AddressVerdict("3", Finding.INTERCEPTION, C)
    state = State(
        pins=(CURRENT, held), addresses=(OLD_LEAF, other), clock=ClockJudgement(trusted=False)
    )
    assert set(_pin(held, state).evidence_against) == {
        "no address serves it now, so its hold-down is paused",
        "the clock is known to be wrong, so its hold-down is paused",
        "2 serves a pinned leaf again, which contradicts it",
        "3 serves another unpinned leaf, which contradicts it",
    }


def test_a_pending_pin_under_strict_has_no_way_but_the_operator() -> None:
    """Neither a hold-down is shown nor what would end it."""
    why = _pin(PENDING, pins=PinRules(policy=Policy.STRICT))
    assert "policy strict never accepts this kind of evidence" in why.evidence_against
    assert not any("hold-down and" in it for it in why.evidence_for)
    assert why.would_change == (f"`edgepind pin add {B}` accepts it at once",)


def test_a_leaf_in_turn_with_a_pinned_one_is_told_the_longer_hold_down() -> None:
    """The row of the policy table is that of leaves in turn, and what is left goes by it."""
    both = (_served(CURRENT), _served(PENDING))
    turns = State(pins=(CURRENT, PENDING), served=(LastServed("1", both, looks=10, in_turn=True),))
    alone = replace(turns, served=(LastServed("1", both, looks=10),))
    assert _pin(PENDING, turns).evidence_for[0] != _pin(PENDING, alone).evidence_for[0]
    assert any("1h" in it for it in _pin(PENDING, turns).would_change)


def _served(pin: Pin) -> ServedLeaf:
    return ServedLeaf(pin.fingerprint, fingerprint(f"key of {pin.fingerprint}"), seen=3, first=3)


def test_a_first_pin_is_looked_for_at_every_address() -> None:
    """Where it must be sighted everywhere, that is told."""
    why = _pin(replace(PENDING, origin=Origin.BOOTSTRAP))
    assert any("sighted at every address that answers" in it for it in why.would_change)


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ({"ever_live": True, "unseen": 3600.0}, "no address served it for 1h"),
        ({"ever_live": True}, "no address served it at the last look"),
        ({}, "it was never live"),
    ],
)
def test_how_long_an_accepted_pin_was_not_live_is_told(evidence: Any, told: str) -> None:
    """For how long, or that it never was."""
    assert told in _pin(replace(BACKUP, **evidence)).evidence_against


def test_an_address_that_serves_a_pin_and_is_no_good_is_told() -> None:
    """An accepted leaf with another fault does not go unmentioned; one that is pinned does."""
    faulty = AddressVerdict("1", Finding.CERTIFICATE_FAULT, A)
    state = State(pins=(CURRENT,), addresses=(faulty, OLD_LEAF))
    against = _pin(CURRENT, state).evidence_against
    assert "1 serves it and is found certificate_fault" in against
    assert not any(it.startswith("2 ") for it in against)


# --- what would change a pin --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "ever_live", "told"),
    [
        (Origin.OBSERVED, True, "not live for 23h more, it is retired"),
        (Origin.ANNOUNCED, False, "another announcement"),
        (Origin.ANNOUNCED, True, "`edgepind pin remove"),
        (Origin.OPERATOR, False, "`edgepind pin remove"),
    ],
)
def test_what_would_end_a_backup_pin(origin: Origin, told: str, *, ever_live: bool) -> None:
    """Being gone for the overlap, another announcement, or the operator alone: by its origin."""
    why = _pin(replace(BACKUP, origin=origin, ever_live=ever_live, unseen=3600.0))
    assert "it becomes the current pin" in why.would_change[0]
    assert why.would_change[1].startswith(told)


def test_a_backup_that_a_bundle_bounds_ends_with_its_bundle() -> None:
    """The instant that the bundle names is told, and that it is retired after it."""
    ends = EPOCH + timedelta(days=30)
    why = _pin(replace(BACKUP, origin=Origin.BUNDLE, not_after=ends))
    assert f"not live after {ends:%Y-%m-%d %H:%M:%S} UTC, it is retired, by its bundle" in (
        why.would_change
    )


def test_an_announced_backup_ends_also_with_a_rotation_that_came_without_it() -> None:
    """Once another leaf has come in its place, and the endpoint names it no more."""
    why = _pin(replace(BACKUP, origin=Origin.ANNOUNCED, ever_live=False))
    told = "it is dropped once another leaf became current and the endpoint no longer names it"
    assert told in why.would_change


def test_what_would_end_the_current_pin() -> None:
    """Another accepted pin that is live; without one, a rotation has to be let in first."""
    alone = _pin(CURRENT, State(pins=(CURRENT, PENDING)))
    assert alone.would_change[0].startswith("no other pin is accepted")
    assert "is refused: it is the only accepted pin" in alone.would_change[-1]
    beside = _pin(CURRENT, State(pins=(CURRENT, BACKUP)))
    assert beside.would_change[0].startswith("once only another accepted pin is live")
    assert beside.would_change[-1] == f"`edgepind pin remove {A}` ends it at once"
    assert "not live for 24h" in beside.would_change[1]


def test_what_would_end_a_retiring_pin() -> None:
    """The rest of the overlap, once the current pin is proven; no sooner, and not without one."""
    retiring = replace(RETIRING, unseen=3600.0)
    proven = State(pins=(replace(CURRENT, proven=True), retiring))
    assert "not live for 23h more, it is accepted no longer" in _pin(retiring, proven).would_change
    waits = "it stays until the current pin was seen live after the Edge loaded it"
    assert waits in _pin(retiring).would_change
    assert waits in _pin(retiring, State(pins=(retiring,))).would_change


# --- not a pin ----------------------------------------------------------------------------------


def test_a_unpinned_leaf_that_is_served_is_told_with_its_address() -> None:
    """Where it is served and how that is found; or that it is served nowhere."""
    why = explain_unpinned(B, State(addresses=(NEW_LEAF, OLD_LEAF)), RULES)
    assert why.standing == "unknown"
    assert why.evidence_against == ("1 serves it and is found unannounced_rotation",)
    assert "seen live with a public chain for 15min and 5 times, it is accepted" in why.would_change
    nowhere = explain_unpinned(B, State(), RULES)
    assert nowhere.evidence_against == ("no address served it at the last look",)


def test_a_retired_unpinned_leaf_is_not_brought_back_by_announcement() -> None:
    """That stands against it."""
    why = explain_unpinned(B, State(retired=(B,)), RULES)
    assert why.standing == "retired"
    assert "no announcement brings a retired pin back" in why.evidence_against[0]


def test_a_removed_unpinned_leaf_is_brought_back_by_an_operator_alone() -> None:
    """Whatever else became of it."""
    why = explain_unpinned(B, State(removed=(B,), retired=(B,), refusals_told=(B,)), RULES)
    assert (why.standing, why.summary) == (
        "removed",
        "An operator or a bundle removed it: it is not accepted.",
    )
    assert why.evidence_against[0] == (
        "an operator or a bundle removed it, and these alone bring it back"
    )


@pytest.mark.parametrize(
    ("state", "policy"),
    [
        (State(), Policy.STRICT),
        (State(refusals_told=(B,)), Policy.BALANCED),
        (State(removed=(B,)), Policy.AVAILABLE),
    ],
)
def test_an_unpinned_leaf_that_no_hold_down_admits_needs_an_operator(
    state: State, policy: Policy
) -> None:
    """Under strict, and where it is refused, being seen does not help."""
    why = explain_unpinned(B, state, rules(PinRules(policy=policy)))
    [only] = why.would_change
    assert only.startswith(f"`edgepind pin add {B}`")


# --- figures -------------------------------------------------------------------------------------


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
    told = explain_pin(PENDING, state_of([PROVEN, PENDING]), rules(PinRules(policy=policy)))
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
    it = replace(PENDING, held=held, sightings=sightings)
    assert told in explain_pin(it, state_of([PROVEN, it]), RULES).would_change[0]


@pytest.mark.parametrize(("unseen", "left"), [(0.0, "24h"), (OVERLAP - 60, "1min"), (9e9, "0ms")])
def test_what_is_left_of_the_overlap_is_never_less_than_none(unseen: float, left: str) -> None:
    """Of a backup that lapses, and of a pin that retires."""
    lapsing = replace(pin("b", origin=Origin.OBSERVED), unseen=unseen)
    retiring = replace(pin("b", Role.RETIRING), unseen=unseen)
    for it in (lapsing, retiring):
        told = explain_pin(it, state_of([PROVEN, it]), RULES).would_change
        assert told[1].startswith(f"not live for {left} more, it is ")


def test_sightings_are_told_by_address() -> None:
    """All of them, and those since the last contradiction, where there are any."""
    it = replace(PENDING, sightings=5, seen_at=(("1", 2), ("2", 1)))
    told = explain_pin(it, state_of([PROVEN, it]), RULES).evidence_for
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
        state = replace(state_of([PROVEN]), status=replace(memory, rotates_at=when))
        told = explain_unpinned(B, state, RULES)
        assert told.evidence_for == (clause + planned,)
        assert told.subject == str(B)


def test_a_unpinned_leaf_is_explained_as_what_it_is() -> None:
    """Retired, refused or unknown."""
    for state, standing in (
        (replace(State(), retired=(A,)), "retired"),
        (replace(State(), refusals_told=(A,)), "refused"),
        (State(), "unknown"),
    ):
        assert explain_unpinned(A, state, RULES).standing == standing


@pytest.mark.parametrize("pinned", [True, False])
def test_a_rule_that_its_chain_breaks_is_named_and_a_hold_down_is_not_promised(
    pinned: bool,  # noqa: FBT001  pending from before, or never begun
) -> None:
    """By the fingerprint, whether it waits since before the rule was broken or never did."""
    pins = (CURRENT, PENDING) if pinned else (CURRENT,)
    state = State(
        pins=pins, addresses=(NEW_LEAF,), breaches=(Breach(B, "keyUsage: missing"),),
        refusals_told=(B,),
    )  # fmt: skip
    why = _pin(PENDING, state) if pinned else explain_unpinned(B, state, RULES)
    assert any("keyUsage: missing" in it for it in why.evidence_against)
    if not pinned:
        assert len(why.would_change) == 1, "the operator alone"


def test_leaves_of_named_cas_do_not_contradict_one_another() -> None:
    """Another leaf does."""
    mine = replace(PENDING, origin=Origin.EXCEPTION)
    other = Pin(fingerprint("c"), mine.kind, Role.PENDING, Origin.EXCEPTION, EPOCH)
    there = AddressVerdict("2", Finding.INTERCEPTION, other.fingerprint)
    state = State(pins=(CURRENT, mine, other), addresses=(NEW_LEAF, there))
    assert not any("contradicts" in it for it in _pin(mine, state).evidence_against)
    alone = replace(state, pins=(CURRENT, mine))
    assert any("contradicts" in it for it in _pin(mine, alone).evidence_against)
