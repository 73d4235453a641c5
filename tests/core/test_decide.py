"""One whole decision: what it remembers, tells and asks, and when it looks again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.decide import decide
from edgepind.core.invariants import violations
from edgepind.core.restarts import debt_of
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf, link
from edgepind.model.action import (
    DocumentWritten,
    OverrideNotRemoved,
    OverrideRemoved,
    RemoveOverride,
    RestartDone,
    RestartEdge,
    WriteDocument,
    WriteFailed,
)
from edgepind.model.decision import Decision
from edgepind.model.enums import (
    Bootstrap,
    Channel,
    EventName,
    Finding,
    Origin,
    Posture,
    Role,
    Severity,
)
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import (
    ClockReading,
    ClockSource,
    Health,
    IgnoredField,
    Leaf,
    NoUnit,
    Observations,
    OverrideFile,
    PinAdd,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
    StatusUnreachable,
    Unit,
    UnitState,
)
from edgepind.model.rules import PinRules
from edgepind.model.state import (
    ClockJudgement,
    Debt,
    Edge,
    Guard,
    OverrideState,
    Owed,
    RollingBack,
    Settling,
    State,
)
from tests.core.situations import NOW, RULES, A, B, C, document, pin, pinning, rules, state_of, tick

HERE = Moment(NOW, EPOCH)
BEFORE = Moment(Monotonic(NOW - 60.0), EPOCH - timedelta(seconds=60))
ON_A = pinning("a")
CURRENT = replace(pin("a", Role.CURRENT), ever_live=True, proven=True)
LOADED = Edge(
    written=ON_A,
    loaded=ON_A,
    good=ON_A,
    digest="digest",
    active=True,
    invocation="run 1",
    watched_run="run 1",
)
STEADY = replace(
    state_of([CURRENT], LOADED),
    finding=Finding.PINNED,
    last=BEFORE,
    last_good=BEFORE.wall,
    guard=Guard(since=BEFORE.wall),
    ticks=7,
)
UP = Unit(UnitState.ACTIVE, "run 1", EPOCH - timedelta(hours=1))


def looked(serves: Mapping[str, Leaf] | None = None) -> Observations:
    """What a look at a site shows at which all is as it should be, but for what is served."""
    return Observations(
        RULES,
        link=link(serves or {"1": leaf("a"), "2": leaf("a")}),
        unit=UP,
        document=document(ON_A, EPOCH - timedelta(days=1)),
        override_looked_at=True,
    )


def decided(state: State, seen: Observations) -> Decision:
    """The decision, held to the invariants."""
    decision = decide(state, seen, HERE)
    assert not tuple(violations(state, seen, decision, HERE))
    return decision


def names(decision: Decision) -> list[EventName | None]:
    """What it tells."""
    return [it.name for it in decision.events]


def test_a_steady_state_is_quiet_and_looked_at_again_in_an_interval() -> None:
    """Only the memory of having looked goes on."""
    decision = decided(STEADY, looked())
    assert (decision.actions, decision.events, decision.delay) == ((), (), 60.0)
    after = decision.state
    assert (after.ticks, after.last, after.last_good) == (8, HERE, EPOCH)
    assert after.next_tick == NOW + 60.0
    assert after.guard == STEADY.guard
    assert after.reason.startswith("Pinning is enforced with 1 current; every address of acme.test")
    assert [it.verdict for it in after.addresses] == [Finding.PINNED, Finding.PINNED]
    within = decided(replace(after, last=HERE), Observations(RULES))
    assert (within.state.ticks, within.state.addresses) == (8, after.addresses)


def test_the_first_tick_names_the_posture_from_then_on() -> None:
    """Since when it holds is the time of that tick, and of no later one."""
    fresh = replace(STEADY, guard=Guard(), last=None)
    assert decided(fresh, looked()).state.guard.since == EPOCH
    assert decided(STEADY, looked()).state.guard.since == BEFORE.wall


def test_time_is_counted_from_the_last_tick_of_this_run() -> None:
    """None of it where there was none, or where the clock of the boot seems to run back."""
    pending = replace(pin("b"), role=Role.RETIRING)
    for last, unseen in (
        (BEFORE, 60.0),
        (None, 0.0),
        (Moment(Monotonic(NOW + 5), EPOCH), 0.0),
        (Moment(Monotonic(NOW - 180), EPOCH), 180.0),
        (Moment(Monotonic(NOW - 181), EPOCH), 0.0),
    ):
        state = replace(STEADY, pins=(CURRENT, pending), last=last)
        seen = replace(looked(), document=document(pinning("a", "b")))
        assert decided(state, seen).state.pins[1].unseen == unseen


def test_a_clock_that_is_not_asked_about_is_what_it_was() -> None:
    """One that is asked about is judged anew."""
    wrong = ClockJudgement(trusted=False, error=90.0, source=ClockSource.CHRONY)
    state = replace(STEADY, clock=wrong)
    assert decided(state, looked()).state.clock == wrong
    assert decided(state, looked()).state.finding is Finding.CLOCK_FAULT
    right = replace(looked(), clock=(ClockReading(ClockSource.CHRONY, 0.1),))
    assert decided(state, right).state.clock.trusted
    assert decided(state, right).state.finding is Finding.PINNED


def test_a_finding_that_changed_is_told_once_with_what_it_was() -> None:
    """The last good tick stays what it was while it is not good."""
    seen = looked({"1": leaf("x", public=False)})
    decision = decided(STEADY, seen)
    (event,) = [it for it in decision.events if it.name is EventName.FINDING_CHANGED]
    assert (event.finding, event.severity) == (Finding.INTERCEPTION, Severity.CRIT)
    assert "Finding interception (was pinned): something between this site" in event.message
    assert "issuer CN=Imagined Public CA" in event.message
    after = decision.state
    assert (after.finding, after.lockout, after.last_good) == (
        Finding.INTERCEPTION,
        True,
        BEFORE.wall,
    )
    assert after.finding_sentence in after.reason
    assert names(decided(after, seen)) == []
    rotating = decided(replace(after, pins=(CURRENT, pin("b"))), looked({"1": leaf("b")}))
    assert rotating.state.last_good == EPOCH


@pytest.mark.parametrize(
    ("status", "name", "text"),
    [
        (StatusRejected(Channel.PINNED, "null"), EventName.STATUS_REJECTED, "rejected"),
        (StatusUnreachable("timed out"), EventName.STATUS_UNREACHABLE, "is missing"),
    ],
)
def test_trouble_with_the_status_endpoint_is_told_once_an_error(
    status: StatusRejected | StatusUnreachable, name: EventName, text: str
) -> None:
    """What it is, and that it changes nothing; an answer is not told."""
    seen = Observations(RULES, status=status)
    decision = decided(STEADY, seen)
    (event,) = decision.events
    assert (event.name, event.severity) == (name, Severity.WARNING)
    assert text in event.message
    error = decision.state.status.error
    assert error is not None
    assert f": {error};" in event.message
    again = decided(decision.state, seen)
    assert (again.events, again.state.status.failures) == ((), 2)
    answered = decided(again.state, Observations(RULES, status=StatusUnchanged(Channel.PINNED)))
    assert (answered.events, answered.state.status.ok) == ((), True)
    right = StatusAnswer(Channel.PINNED, A)
    assert decided(again.state, Observations(RULES, status=right)).events == ()


def test_a_field_that_is_not_understood_is_told_once_until_it_is() -> None:
    """Whatever stands in it; an answer that did not change repeats nothing either."""
    odd = StatusAnswer(Channel.PINNED, A, ignored=(IgnoredField("rotates_at", "it is soon"),))
    first = decided(STEADY, Observations(RULES, status=odd))
    (event,) = first.events
    assert (event.name, event.severity) == (None, Severity.WARNING)
    assert "it is soon" in event.message
    assert (first.state.status.ok, first.state.status.error) == (True, "it is soon")
    later = replace(odd, ignored=(IgnoredField("rotates_at", "it is later"),))
    same = StatusUnchanged(Channel.PINNED)
    state = first.state
    for status in (same, later, StatusAnswer(Channel.PINNED, A), odd, same):
        again = decided(state, Observations(RULES, status=status))
        assert again.events == ()
        state = again.state
    assert state.status.error == "it is soon"
    good = decided(state, Observations(RULES, status=replace(odd, rotates_at=EPOCH, ignored=())))
    assert (good.state.status.error, good.state.status.ignored_told) == (None, ())
    assert len(decided(good.state, Observations(RULES, status=odd)).events) == 1


def test_outcomes_are_learned_each_in_its_own_way() -> None:
    """Of the document, of the restart, and of the override's file."""
    owed = replace(STEADY, edge=replace(LOADED, loaded=None, restart=Owed(Debt(NOW))))
    told = OverrideState(EPOCH, NOW, "calls are down", "ann", told_over=True)
    overridden = replace(owed, guard=Guard(since=EPOCH, override=told))
    outcomes = (
        DocumentWritten(ON_A, "new"),
        RestartDone(ON_A, "run 2", "new"),
        OverrideRemoved(),
        OverrideNotRemoved("read-only"),
    )
    decision = decided(overridden, Observations(RULES, outcomes=outcomes))
    assert names(decision) == [EventName.CONFIG_REPAIRED, EventName.WRITE_FAILED]
    assert decision.state.edge.digest == "new"
    assert isinstance(decision.state.edge.restart, Settling)
    assert decision.state.guard.override == replace(told, told_stuck=True)
    failed = decided(STEADY, Observations(RULES, outcomes=(WriteFailed("ENOSPC"),)))
    assert failed.state.edge.write_failures == 1
    assert failed.delay == 60.0


def test_a_new_pin_is_written_before_the_edge_is_restarted() -> None:
    """The restart is asked for when the document is known to be written, and not behind it."""
    first = decided(STEADY, replace(looked(), words=(PinAdd(B),)))
    both = pinning("a", "b")
    assert first.actions == (WriteDocument(both),)
    assert first.state.pins[1].fingerprint == B
    assert "1 current, 1 backup" in first.state.reason
    written = Observations(RULES, unit=UP, outcomes=(DocumentWritten(both, "new"),))
    second = decided(first.state, written)
    assert second.actions == (RestartEdge(both, forced=False),)
    assert names(second) == [EventName.CONFIG_WRITTEN, EventName.RESTART_REQUESTED]
    assert second.state.reason.endswith("; a restart of the Edge is owed.")


def test_an_override_lets_go_and_is_taken_away_when_it_is_over() -> None:
    """Letting go and closing again are no retries of a document that failed."""
    file = OverrideFile(EPOCH, EPOCH + timedelta(hours=1), "calls are down", "ann")
    debt = Debt(NOW, failures=3, not_before=Monotonic(NOW + 500))
    failed = replace(LOADED, restart=Owed(debt))
    seen = replace(looked(), override=file)
    on = decided(replace(STEADY, edge=failed), seen)
    assert names(on) == [EventName.OVERRIDE_ON, EventName.POSTURE_CHANGED]
    assert on.actions == (WriteDocument(pinning("a", enabled=False)),)
    assert on.state.edge.restart == Owed(Debt(NOW))
    assert "ann switched pinning validation off for at most 1h" in on.state.reason
    held = replace(on.state, edge=failed)
    kept = decided(held, replace(seen, document=document(pinning("a", enabled=False))))
    assert debt_of(kept.state.edge.restart, NOW).failures == 3
    over = replace(file, until=EPOCH)
    off = decided(replace(on.state, edge=failed), replace(seen, override=over))
    assert off.state.guard.posture is Posture.ENFORCING
    assert RemoveOverride() in off.actions
    assert debt_of(off.state.edge.restart, NOW).failures == 0


def test_all_evidence_of_one_tick_is_told() -> None:
    """The operator's word, an announcement and a sighting, in this order."""
    seen = replace(
        looked({"1": leaf("a"), "2": leaf("d")}),
        words=(PinAdd(B),),
        status=StatusAnswer(Channel.PINNED, A, C),
    )
    decision = decided(STEADY, seen)
    pins = [(it.name, it.fingerprint) for it in decision.events if it.fingerprint]
    assert pins == [
        (EventName.PIN_PREPARED, B),
        (EventName.PIN_PREPARED, C),
        (EventName.PIN_PENDING, fingerprint("d")),
    ]


@pytest.mark.parametrize(
    ("took", "seconds", "watched"),
    [
        (0.0, 180.0, 180.0),
        (0.0, 180.1, 0.0),
        (20.0, 200.0, 200.0),
        (20.0, 200.1, 0.0),
        (600.0, 780.0, 780.0),
        (7200.0, 780.0, 780.0),
        (7200.0, 780.1, 0.0),
    ],
)
def test_time_is_watched_up_to_three_intervals_and_the_look_itself(
    took: float, seconds: float, watched: float
) -> None:
    """A look that lasts longer than ten minutes was a host that slept."""
    assert tick(Observations(RULES, took=took)).watched(seconds) == watched


# --- when to look again -------------------------------------------------------------------------


def test_a_lockout_is_looked_at_six_times_as_often() -> None:
    """While it may open the Edge; not when it is exhausted or overridden."""
    locked = looked({"1": leaf("x")})
    once = decided(STEADY, locked)
    assert once.delay == 10.0
    twice = decided(once.state, locked)
    assert (twice.state.guard.posture, twice.delay) == (Posture.GRACE, 10.0)
    assert "Locked out; pinning stays enforced for at most 5min" in twice.state.reason
    for guard, delay in (
        (Guard(Posture.EXHAUSTED, EPOCH, lockout_ticks=2, reminded=NOW), 60.0),
        (Guard(Posture.OPEN, EPOCH, open_ends=Monotonic(NOW + 900), reminded=NOW), 10.0),
        (Guard(Posture.OPEN, EPOCH, open_ends=Monotonic(NOW + 4), reminded=NOW), 4.0),
    ):
        assert decided(replace(once.state, guard=guard), locked).delay == delay


def test_the_first_pin_is_looked_for_as_often() -> None:
    """Where it is found by looking; also while nothing answers."""
    nothing = replace(STEADY, pins=(), edge=Edge())
    unread = replace(looked(), document=None)
    assert decided(nothing, unread).delay == 10.0
    assert "the first is adopted after its sightings" in decided(nothing, unread).state.reason
    waits = replace(unread, rules=rules(PinRules(bootstrap=Bootstrap.OPERATOR)))
    assert decided(nothing, waits).delay == 60.0
    assert "`edgepind pin add`" in decided(nothing, waits).state.reason
    known = replace(waits, rules=rules(PinRules(bootstrap=Bootstrap.OPERATOR)))
    assert decided(STEADY, known).delay == 60.0


@pytest.mark.parametrize(("served", "delay"), [(250.0, 10.0), (298.0, 2.0), (299.99, 0.05)])
def test_the_end_of_the_grace_is_met_while_it_runs(served: float, delay: float) -> None:
    """And not hurried for while it stands still."""
    grace = Guard(Posture.GRACE, EPOCH, lockout_ticks=2, grace_served=served, reminded=NOW)
    state = replace(STEADY, guard=grace, finding=Finding.UNREACHABLE)
    decision = decided(state, looked({"1": leaf("x")}))
    assert decision.delay == pytest.approx(delay)
    silent = decided(state, replace(looked(), link=link({})))
    assert silent.delay == 60.0


def test_the_end_of_a_hold_down_is_met_while_it_runs() -> None:
    """As far as it was seen: one that is not seen now is not waited for."""
    waiting = replace(
        pin("b", Role.PENDING, Origin.OBSERVED),
        held=880.0,
        sightings=9,
        seen_at=(("2", 9),),
        last_seen=Monotonic(NOW - 5),
    )
    state = replace(STEADY, pins=(CURRENT, waiting))
    assert decided(state, looked({"1": leaf("a"), "2": leaf("b")})).delay == 15.0
    unseen = replace(state, pins=(CURRENT, replace(waiting, last_seen=None)))
    assert decided(unseen, Observations(RULES)).delay == 60.0


def test_what_is_owed_is_met_when_it_may_be_paid() -> None:
    """The end of the patience, of the budget's window, of a wait; and of nothing not owed."""
    both = pinning("a", "b")
    debt = Debt(Monotonic(NOW - 1770), asked=True)
    owed = replace(LOADED, written=both, restart=Owed(debt))
    state = replace(STEADY, pins=(CURRENT, pin("b")), edge=owed)
    blind = Observations(RULES, unit=None)
    assert decided(state, blind).delay == 30.0
    spent = tuple(Monotonic(NOW - age) for age in (3580, 1000, 100, 10))
    full = replace(state, edge=replace(owed, restart=Owed(Debt(NOW)), restarts=spent))
    assert decided(full, blind).delay == 20.0
    later = Owed(Debt(NOW, not_before=Monotonic(NOW + 25)))
    wait = replace(state, edge=replace(owed, restart=later))
    assert decided(wait, blind).delay == 25.0
    write = replace(LOADED, write_not_before=Monotonic(NOW + 35))
    assert decided(replace(STEADY, edge=write), blind).delay == 35.0
    idle = replace(LOADED, restarts=spent)
    assert decided(replace(STEADY, edge=idle), blind).delay == 60.0


def test_a_restarted_edge_is_looked_at_five_times_while_it_settles() -> None:
    """And at once after a restart that failed, before going back."""
    settling = replace(LOADED, restart=Settling(Debt(NOW), since=NOW), watched_run="")
    state = replace(STEADY, edge=settling)
    seen = replace(looked(), unit=NoUnit(), health=Health(well=True))
    assert decided(state, seen).delay == 2.0
    back = replace(LOADED, restart=RollingBack(Debt(NOW)), loaded=None)
    assert decided(replace(STEADY, edge=back), Observations(RULES)).delay == 2.0
    down = Observations(RULES, unit=Unit(UnitState.INACTIVE))
    assert decided(replace(STEADY, edge=back), down).delay == 60.0
