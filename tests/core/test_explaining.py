"""Each clause of an explanation is told where it holds, and not where it does not.

Also the one rule of `core.machine`: what is not in the table cannot happen.
"""

from dataclasses import replace
from typing import Any

import pytest

from edgepind.core.explain_pin import explain_pin, explain_stranger
from edgepind.core.explain_posture import explain_posture
from edgepind.core.explanation import Explanation
from edgepind.core.machine import IllegalTransitionError, step
from edgepind.lab.imagined import EPOCH, fingerprint
from edgepind.lab.imagined_site import rules
from edgepind.model.document import Pinning
from edgepind.model.moment import Moment, Monotonic
from edgepind.model.observation import ClockSource
from edgepind.model.pin import Pin
from edgepind.model.rules import FailOpenRules, PinRules
from edgepind.model.state import (
    AddressVerdict,
    ClockJudgement,
    Edge,
    Guard,
    OverrideState,
    RestartPhase,
    State,
    StatusMemory,
)
from edgepind.model.words import (
    Bootstrap,
    Channel,
    Finding,
    Origin,
    PinKind,
    Policy,
    Posture,
    Role,
)

NOW = Moment(Monotonic(1000.0), EPOCH)
RULES = rules()
A, B, C = fingerprint("a"), fingerprint("b"), fingerprint("c")
CURRENT = Pin(A, PinKind.CERTIFICATE, Role.CURRENT, Origin.OPERATOR, EPOCH)
BACKUP = Pin(B, PinKind.CERTIFICATE, Role.BACKUP, Origin.OPERATOR, EPOCH)
RETIRING = replace(BACKUP, role=Role.RETIRING)
PENDING = replace(BACKUP, role=Role.PENDING, origin=Origin.OBSERVED)
STEADY = State(pins=(CURRENT,))
NEW_LEAF = AddressVerdict("1", Finding.UNANNOUNCED_ROTATION, B)
OLD_LEAF = AddressVerdict("2", Finding.PINNED, A)


def _loaded(*accepted: Any) -> Edge:
    return Edge(loaded=Pinning(enabled=True, current=accepted[0], accepted=accepted))


def _pin(pin: Pin, state: State | None = None, pins: PinRules | None = None) -> Explanation:
    """Explain `pin`, by default beside the current one."""
    among = (CURRENT,) if pin.key == CURRENT.key else (CURRENT, pin)
    return explain_pin(pin, state or State(pins=among), rules(pins or PinRules()))


def _posture(state: State, fail_open: FailOpenRules | None = None) -> Explanation:
    return explain_posture(state, rules(fail_open=fail_open or FailOpenRules()), NOW)


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
    assert any("nothing is removed on its account" in it for it in loaded.evidence_against)
    assert not any("is removed on its account" in it for it in proven.evidence_against)
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
    assert any(it.startswith(coming) for it in explain_stranger(B, state, RULES).evidence_for)


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
        "no address serves it now, so its hold-down stands still",
        "the clock is known to be wrong, so its hold-down stands still",
        "2 serves a pinned leaf again, which contradicts it",
        "3 serves another unpinned leaf, which contradicts it",
    }


def test_a_pending_pin_under_strict_has_no_way_but_the_operator() -> None:
    """Neither a hold-down is shown nor what would end it."""
    why = _pin(PENDING, pins=PinRules(policy=Policy.STRICT))
    assert "policy strict never accepts this kind of evidence" in why.evidence_against
    assert not any("hold-down and" in it for it in why.evidence_for)
    assert why.would_change == (f"`edgepind pin add {B}` accepts it at once",)


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
        (Origin.ANNOUNCED, False, "another announcement takes its place"),
        (Origin.ANNOUNCED, True, "`edgepind pin remove"),
        (Origin.OPERATOR, False, "`edgepind pin remove"),
    ],
)
def test_what_would_end_a_backup_pin(origin: Origin, told: str, *, ever_live: bool) -> None:
    """Being gone for the overlap, another announcement, or the operator alone: by its origin."""
    why = _pin(replace(BACKUP, origin=origin, ever_live=ever_live, unseen=3600.0))
    assert "it becomes the current pin" in why.would_change[0]
    assert why.would_change[1].startswith(told)


def test_an_announced_backup_ends_also_with_a_rotation_that_came_without_it() -> None:
    """Once another leaf has come in its place, and the endpoint names it no more."""
    why = _pin(replace(BACKUP, origin=Origin.ANNOUNCED, ever_live=False))
    told = "another leaf comes in its place, and the status endpoint names it no more"
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


# --- strangers ----------------------------------------------------------------------------------


def test_a_stranger_that_is_served_is_told_with_its_address() -> None:
    """Where it is served and how that is found; or that it is served nowhere."""
    why = explain_stranger(B, State(addresses=(NEW_LEAF, OLD_LEAF)), RULES)
    assert why.standing == "unknown"
    assert why.evidence_against == ("1 serves it and is found unannounced_rotation",)
    assert "seen live with a public chain for 15min and 5 times, it is accepted" in why.would_change
    nowhere = explain_stranger(B, State(), RULES)
    assert nowhere.evidence_against == ("no address served it at the last look",)


def test_a_retired_stranger_is_not_brought_back_by_announcement() -> None:
    """That stands against it."""
    why = explain_stranger(B, State(retired=(B,)), RULES)
    assert why.standing == "retired"
    assert "no announcement brings a retired pin back" in why.evidence_against[0]


@pytest.mark.parametrize(
    ("state", "policy"),
    [(State(), Policy.STRICT), (State(refusals_told=(B,)), Policy.BALANCED)],
)
def test_a_stranger_that_no_hold_down_lets_in_has_the_operator_alone(
    state: State, policy: Policy
) -> None:
    """Under strict, and where it is refused, being seen does not help."""
    why = explain_stranger(B, state, rules(PinRules(policy=policy)))
    [only] = why.would_change
    assert only.startswith(f"`edgepind pin add {B}`")


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


def test_an_override_is_told_in_the_operators_words() -> None:
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
        ({"lockout": True}, "the cloud answers, and nothing that it serves is accepted"),
        ({"edge": Edge(locked_out=True)}, "by what the Edge has loaded, it accepts nothing"),
        (
            {"clock": ClockJudgement(trusted=False, source=ClockSource.CHRONY)},
            "the clock is known to be wrong (source: chrony)",
        ),
        ({"status": StatusMemory(error="404")}, "the status endpoint gives no usable answer: 404"),
        ({"edge": Edge(document_problem="no JSON")}, "the pinning config cannot be used: no JSON"),
        ({"edge": Edge(write_failures=2)}, "the pinning config could not be written, 2 times"),
        ({"edge": Edge(active=False)}, "the Edge's unit is not active"),
        (
            {"guard": Guard(override_problem="not JSON")},
            "there is an override file that is none: not JSON",
        ),
    ],
)
def test_each_trouble_has_its_clause(change: Any, told: str) -> None:
    """One trouble, one clause."""
    [only] = _posture(replace(STEADY, **change)).evidence_against
    assert only.startswith(told)


@pytest.mark.parametrize(
    ("debt", "told"),
    [
        ({}, ""),
        ({"failures": 2}, "; 2 failed in a row"),
        ({"not_before": Monotonic(1060.0)}, "; the next is tried in 1min"),
        ({"not_before": Monotonic(940.0)}, ""),
        ({"restarts": (Monotonic(990.0),) * 4}, "; the budget allows the next in 59min 50s"),
        (
            {"deferral_told": True, "owed_since": Monotonic(1000.0)},
            "; ready_command is waited for, 30min more at the most",
        ),
        ({"deferral_told": True}, ""),
    ],
)
def test_a_debt_is_told_with_what_delays_it(debt: Any, told: str) -> None:
    """Each delay has its clause, and only where it holds."""
    edge = Edge(phase=RestartPhase.OWED, **debt)
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


@pytest.mark.parametrize("posture", [Posture.GRACE, Posture.OPEN, Posture.EXHAUSTED])
def test_a_lockout_names_each_way_out(posture: Posture) -> None:
    """An accepted leaf, a hold-down, the operator's word on each leaf that is served, once."""
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
        (Bootstrap.OPERATOR, "`edgepind pin add` is waited for"),
        (Bootstrap.CORROBORATED, "the first is adopted after its sightings at every address"),
    ],
)
def test_before_the_first_pin_what_is_waited_for_is_told(bootstrap: Bootstrap, told: str) -> None:
    """Whichever way to the first pin the settings name."""
    why = explain_posture(State(), rules(PinRules(bootstrap=bootstrap)), NOW)
    assert why.would_change[-1] == f"no pin is known: {told}"


# --- a table is all of a machine ----------------------------------------------------------------


def test_a_machine_does_what_its_table_lists_and_nothing_else() -> None:
    """A row is followed; without one it is an error that names state and event."""
    table = {("shut", "push"): "open"}
    assert step(table, "shut", "push") == "open"
    with pytest.raises(IllegalTransitionError, match="push cannot happen in open"):
        step(table, "open", "push")
