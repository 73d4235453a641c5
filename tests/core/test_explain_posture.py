"""Each clause that explains a posture is shown where it holds and only there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edgepind.core.explain_pin import Explanation
from edgepind.core.explain_posture import explain_posture
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.enums import Bootstrap, Finding, Policy, Posture
from edgepind.model.instants import Moment, Monotonic, Validity
from edgepind.model.observation import ClockSource
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules
from edgepind.model.state import (
    AddressVerdict,
    Breach,
    ClockJudgement,
    Debt,
    Edge,
    Guard,
    OverrideState,
    Owed,
    State,
    StatusMemory,
)
from tests.core.situations import CURRENT, NEW_LEAF, OLD_LEAF, PENDING, B
from tests.support.sim_site import rules

NOW = Moment(Monotonic(1000.0), EPOCH)
STEADY = State(pins=(CURRENT,))
DEBT = Debt(since=Monotonic(1000.0))


def _posture(state: State, fail_open: FailOpenRules | None = None) -> Explanation:
    return explain_posture(state, rules(fail_open=fail_open or FailOpenRules()), NOW)


# --- what speaks for a posture ------------------------------------------------------------------


def test_a_steady_site_has_nothing_against_it() -> None:
    """No clause is told of what is not the matter."""
    why = _posture(replace(STEADY, edge=Edge(active=True)))
    assert why.standing == "enforcing"
    assert why.summary == "Posture enforcing: pinning is enforced."
    assert why.evidence_for == ()
    assert why.evidence_against == ()
    assert not any("no pin is known" in it for it in why.would_change)


def test_the_finding_and_each_address_are_told() -> None:
    """With what is served there, or why nothing is."""
    silent = AddressVerdict("3", Finding.UNREACHABLE, error="timed out")
    state = replace(
        STEADY,
        addresses=(NEW_LEAF, silent),
        finding=Finding.UNANNOUNCED_ROTATION,
        finding_sentence="a new leaf is served",
        guard=Guard(since=EPOCH),
    )
    assert _posture(state).evidence_for == (
        "enforcing since 2027-01-01 00:00:00 UTC",
        "finding unannounced_rotation: a new leaf is served",
        f"1 is found unannounced_rotation with {B.short}",
        "3 is found unreachable (timed out)",
    )


@pytest.mark.parametrize(("ticks", "told"), [(0, False), (1, True), (2, False)])
def test_a_lockout_that_is_not_confirmed_yet_is_told(ticks: int, *, told: bool) -> None:
    """After the first of two ticks, and neither before nor after."""
    why = _posture(replace(STEADY, guard=Guard(lockout_ticks=ticks)))
    assert any("a lockout was seen once" in it for it in why.evidence_for) is told


@pytest.mark.parametrize("posture", [Posture.GRACE, Posture.OPEN, Posture.EXHAUSTED])
def test_the_openings_are_told_where_they_matter(posture: Posture) -> None:
    """How many are used, or that none is ever allowed."""
    guard = Guard(posture=posture, openings=(Monotonic(1.0),))
    state = replace(STEADY, guard=guard)
    assert "1 of 3 openings in 24h are used" in _posture(state).evidence_for
    off = _posture(state, FailOpenRules(enabled=False)).evidence_for
    assert "fail-open is off in the settings" in off


def test_an_override_is_shown_with_its_reason() -> None:
    """Who and why while it is in force; one that is over is not told any more."""
    override = OverrideState(EPOCH, Monotonic(4600.0), "calls are down", "ann")
    state = replace(STEADY, guard=Guard(posture=Posture.OVERRIDE, override=override))
    why = _posture(state)
    assert "it ends within 1h at the latest" in why.evidence_for
    assert "ann gave as reason: calls are down" in why.evidence_for
    assert why.would_change[0].startswith("`edgepind override off` ends it now")
    over = _posture(replace(state, guard=Guard(override=override)))
    assert not any("ann" in it for it in over.evidence_for)


# --- what speaks against a posture --------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"finding": Finding.UNANNOUNCED_ROTATION},
            "the cloud answers, and nothing that it serves is accepted",
        ),
        ({"lockout": True}, "by the pinning config on disk, it accepts nothing"),
        (
            {"clock": ClockJudgement(trusted=False, source=ClockSource.CHRONY)},
            "the clock is known to be wrong (source: chrony)",
        ),
        ({"status": StatusMemory(error="404")}, "the status endpoint gives no usable answer: 404"),
        (
            {"status": StatusMemory(ok=True, error="not believed")},
            "the status endpoint is not believed in all: not believed",
        ),
        ({"edge": Edge(document_problem="no JSON")}, "the pinning config cannot be used: no JSON"),
        ({"edge": Edge(write_failures=2)}, "the pinning config could not be written, 2 times"),
        ({"edge": Edge(active=False)}, "the Edge's unit is not active"),
        (
            {"guard": Guard(override_problem="not JSON")},
            "the override file is invalid: not JSON",
        ),
    ],
)
def test_each_trouble_has_its_clause(change: Any, told: str) -> None:
    """One trouble, one clause."""
    [only] = _posture(replace(STEADY, **change)).evidence_against
    assert only.startswith(told)


@pytest.mark.parametrize(
    ("edge", "told"),
    [
        (Edge(restart=Owed(DEBT)), ""),
        (Edge(restart=Owed(replace(DEBT, failures=2))), "; 2 failed in a row"),
        (
            Edge(restart=Owed(replace(DEBT, not_before=Monotonic(1060.0)))),
            "; the next is tried in 1min",
        ),
        (Edge(restart=Owed(replace(DEBT, not_before=Monotonic(940.0)))), ""),
        (
            Edge(restart=Owed(DEBT), restarts=(Monotonic(990.0),) * 4),
            "; the budget allows the next in 59min 50s",
        ),
        (
            Edge(restart=Owed(DEBT, deferral_told=True)),
            "; it waits for ready_command for at most 30min",
        ),
    ],
)
def test_a_debt_is_told_with_what_delays_it(edge: Edge, told: str) -> None:
    """Each delay has its clause, and only where it holds."""
    [only] = _posture(replace(STEADY, edge=edge)).evidence_against
    assert only == f"a restart of the Edge is owed (owed){told}"


# --- what would change a posture ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fail_open", "used", "leads_to"),
    [
        (FailOpenRules(), 2, "open"),
        (FailOpenRules(), 3, "exhausted"),
        (FailOpenRules(enabled=False), 0, "exhausted"),
    ],
)
def test_grace_says_where_it_leads(fail_open: FailOpenRules, used: int, leads_to: str) -> None:
    """To an opening where one is left and allowed, and else to none."""
    openings = (Monotonic(1.0),) * used
    guard = Guard(posture=Posture.GRACE, grace_served=60.0, openings=openings)
    why = _posture(replace(STEADY, guard=guard), fail_open)
    assert f"4min more of the lockout, watched, lead to {leads_to}" in why.would_change
    assert "it ends within 4min at the latest" in why.evidence_for


@pytest.mark.parametrize(("made", "budget", "waits"), [(2, 4, False), (3, 4, True), (0, 1, False)])
def test_grace_says_that_an_opening_waits_for_two_restarts(
    made: int,
    budget: int,
    waits: bool,  # noqa: FBT001 - a case
) -> None:
    """Where the budget will ever allow them; else it leads to none."""
    edge = Edge(restarts=(Monotonic(990.0),) * made)
    state = replace(STEADY, guard=Guard(posture=Posture.GRACE), edge=edge)
    its = rules(restart=RestartRules(budget=budget))
    told = explain_posture(state, its, NOW).would_change
    sentence = "the opening waits until the budget allows 2 restarts, one to open and one to close"
    assert (f"{sentence}; now it allows 1" in told) is waits
    assert any(it.endswith(f"lead to {'open' if budget > 1 else 'exhausted'}") for it in told)


@pytest.mark.parametrize("posture", [Posture.GRACE, Posture.OPEN, Posture.EXHAUSTED])
def test_a_lockout_names_each_way_out(posture: Posture) -> None:
    """An accepted leaf, a hold-down, `pin add` of each leaf that is served, once."""
    ends = Monotonic(1600.0) if posture is Posture.OPEN else None
    addresses = (NEW_LEAF, replace(NEW_LEAF, address="2"), OLD_LEAF)
    guard = Guard(posture=posture, open_ends=ends)
    state = State(pins=(CURRENT, PENDING), guard=guard, addresses=addresses)
    why = _posture(state)
    assert why.would_change[0] == "an accepted leaf at any address leads back to enforcing"
    assert f"pending pin {B.short} is accepted in 15min at the earliest" in why.would_change[1]
    assert [it for it in why.would_change if "`edgepind pin add" in it] == [
        f"`edgepind pin add {B}` accepts what is served, if you know it to be right"
    ]
    assert why.would_change[-1].startswith("`edgepind override on")
    limited = "finding interception, or the end of the limit, leads to exhausted"
    assert (limited in why.would_change) is (posture is Posture.OPEN)
    assert ("it ends within 10min at the latest" in why.evidence_for) is (ends is not None)


def test_enforcing_says_what_would_end_it() -> None:
    """A confirmed lockout; a pending pin that will never be accepted is no way out."""
    state = State(pins=(CURRENT, PENDING))
    strict = rules(PinRules(policy=Policy.STRICT))
    assert "leads to grace" in _posture(state).would_change[0]
    assert any("pending pin" in it for it in _posture(state).would_change)
    assert not any("pending pin" in it for it in explain_posture(state, strict, NOW).would_change)


@pytest.mark.parametrize(
    ("bootstrap", "told"),
    [
        (Bootstrap.OPERATOR, "waiting for `edgepind pin add`"),
        (Bootstrap.CORROBORATED, "the first is adopted after its sightings at every address"),
    ],
)
def test_before_the_first_pin_what_is_waited_for_is_told(bootstrap: Bootstrap, told: str) -> None:
    """Whichever way to the first pin the settings name."""
    why = explain_posture(State(), rules(PinRules(bootstrap=bootstrap)), NOW)
    assert why.would_change[-1] == f"no pin is known: {told}"


def test_a_hold_down_that_has_served_its_age_names_no_time() -> None:
    """It waits for sightings; what another leaf's chain breaks is no matter."""
    held = replace(PENDING, held=900.0, sightings=2)
    state = State(
        pins=(CURRENT, held), addresses=(NEW_LEAF,), breaches=(Breach(CURRENT.fingerprint, "x"),)
    )
    ways = [it for it in _posture(state).would_change if f"pending pin {B.short}" in it]
    assert len(ways) == 1
    assert "0ms" not in ways[0]
    assert "as things stand" not in ways[0]


def test_a_hold_down_that_does_not_run_says_what_stands_against_it() -> None:
    """A rule that the leaf's own chain breaks; no time is named."""
    state = State(
        pins=(CURRENT, PENDING), addresses=(NEW_LEAF,), breaches=(Breach(B, "keyUsage: missing"),)
    )
    ways = [it for it in _posture(state).would_change if f"pending pin {B.short}" in it]
    assert len(ways) == 1
    assert "keyUsage: missing" in ways[0]
    assert "at the earliest" not in ways[0]


@pytest.mark.parametrize(
    ("clock", "told"),
    [
        (
            ClockJudgement(trusted=False, error=-7200.0),
            "the clock stands 2h behind what is known of the time, and is not confirmed",
        ),
        (
            ClockJudgement(trusted=False, error=-7200.0, source=ClockSource.KERNEL),
            "the clock is known to be wrong (source: kernel)",
        ),
        (ClockJudgement(trusted=False), "the clock is known to be wrong (source: none)"),
    ],
)
def test_a_clock_that_is_not_believed_says_why(clock: ClockJudgement, told: str) -> None:
    """By a witness, or by what is known of the time."""
    assert told in explain_posture(State(clock=clock), rules(), NOW).evidence_against


def test_the_next_rotation_is_told_with_how_sure_it_is() -> None:
    """Where the dates of the current leaf are known."""
    life = Validity(EPOCH - timedelta(days=60), EPOCH + timedelta(days=30))
    dated = replace(CURRENT, validity=life)
    told = "the next rotation is due from 2027-01-01 00:00 to 2027-01-31 00:00 UTC (not sure"
    why = explain_posture(State(pins=(dated,)), rules(), NOW)
    assert any(it.startswith(told) for it in why.evidence_for)
