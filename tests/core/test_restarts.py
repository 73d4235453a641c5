"""When a restart is owed and asked for, rule by rule: the debt, the budget, the next attempt."""

from dataclasses import replace

import pytest

from edgepind.core.restarts import (
    is_closing,
    is_debt,
    leave_rollback,
    pursue_restart,
    ready_ends,
)
from edgepind.core.tick import Tick
from edgepind.model.action import (
    RestartDeferred,
    RestartDone,
    RestartEdge,
    RestartRefused,
)
from edgepind.model.enums import EventName, Posture, Validator
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    DocumentRejected,
    EdgeUnit,
    NoUnit,
    Observations,
    Unit,
    UnitState,
    UnitUnknown,
)
from edgepind.model.rules import RestartRules
from edgepind.model.state import Edge, Guard, Idle, Owed, RestartPhase, RolledBack, RollingBack
from tests.core.restart_situations import (
    DEBT,
    EARLIER,
    FAILED,
    NEW,
    OLD,
    OWED,
    SETTLING,
    UP,
    WAITING,
    amid,
    asks,
    debt,
    owing,
    saw,
    serving,
    spent,
    state,
)
from tests.core.situations import NOW, RULES, document, pinning, state_of, tick

# --- whether one is owed ------------------------------------------------------------------------


def test_a_debt_is_what_the_document_says_and_the_edge_has_not_loaded() -> None:
    """Nothing written owes nothing; nothing known to be loaded owes a restart."""
    assert not is_debt(Edge(), saw())
    assert is_debt(Edge(written=OLD), saw())
    assert is_debt(Edge(written=NEW, loaded=OLD), saw())
    assert not is_debt(Edge(written=pinning("b", "a"), loaded=pinning("a", "b")), saw())
    single = saw(restart=RestartRules(validator=Validator.SINGLE))
    assert is_debt(Edge(written=pinning("b", "a"), loaded=pinning("a", "b")), single)


def test_a_new_debt_is_noted_with_its_instant_and_a_settling_run_is_not_taken_as_well() -> None:
    """An idle Edge's run stays known as the one that is well."""
    idle = replace(OWED, restart=Idle(), watched_run="run 1")
    noted, _, _ = pursue_restart(state(idle), saw(), alone=False)
    assert noted.edge.restart == Owed(replace(DEBT, since=NOW))
    assert noted.edge.watched_run == "run 1"
    unsettled, _, _ = pursue_restart(state(replace(SETTLING, loaded=OLD)), saw(), alone=False)
    assert unsettled.edge.restart == Owed(replace(FAILED, since=NOW))
    assert unsettled.edge.watched_run == ""
    owed, _, _ = pursue_restart(state(OWED), saw(), alone=False)
    assert owed.edge.restart == OWED.restart


def test_a_debt_that_is_gone_leaves_nothing_behind() -> None:
    """The document that is loaded is good; it had settled in this very run."""
    paid = replace(OWED, loaded=NEW, invocation="run 1", watched_run="run 1")
    paid = amid(owing(paid, failures=2, not_before=EARLIER, asked=True), deferral_told=True)
    after, _, _ = pursue_restart(state(paid), saw(), alone=True)
    assert after.edge == replace(paid, restart=Idle(), good=NEW)
    for edge, unit in (
        (replace(paid, watched_run="run 0"), UP),
        (paid, Unit(UnitState.FAILED)),
        (replace(paid, written=OLD, loaded=OLD), UP),
    ):
        after, _, _ = pursue_restart(state(edge), saw(unit), alone=False)
        assert after.edge.restart.phase is RestartPhase.OWED


def test_an_idle_edge_that_is_up_with_what_is_wanted_is_well_in_its_run() -> None:
    """That is how the first good document is known; one that is known stays it."""
    idle = Edge(written=NEW, loaded=NEW, invocation="run 1")
    after, _, _ = pursue_restart(state(idle), saw(), alone=True)
    assert (after.edge.good, after.edge.watched_run) == (NEW, "run 1")
    after, _, _ = pursue_restart(state(replace(idle, good=OLD)), saw(), alone=True)
    assert after.edge.good == OLD
    down, _, _ = pursue_restart(state(idle), saw(Unit(UnitState.FAILED)), alone=True)
    assert down.edge.good is None
    none, _, _ = pursue_restart(state_of((), Edge()), saw(), alone=True)
    assert none.edge == Edge()


# --- asking for one -----------------------------------------------------------------------------


def test_a_restart_is_asked_for_with_what_it_will_load_and_told_once() -> None:
    """It counts from now on; the next time for the same debt it is not told again."""
    after, (action,), (event,) = pursue_restart(state(OWED), saw(), alone=True)
    assert action == RestartEdge(NEW, forced=False)
    assert event.name is EventName.RESTART_REQUESTED
    assert "so that it loads the new pinning config" in event.message
    assert debt(after.edge).asked
    assert after.edge.restarts == (NOW,)
    _, (_,), events = pursue_restart(after, saw(), alone=True)
    assert events == ()


def test_a_way_back_is_forced_and_says_what_it_is_for() -> None:
    """It does not wait, neither for `ready_command` nor for the time of the next attempt."""
    back = replace(OWED, restart=RollingBack(DEBT), written=OLD, loaded=None)
    back = owing(back, not_before=Monotonic(NOW + 60.0))
    _, (action,), (event,) = pursue_restart(state(back), saw(), alone=True)
    assert action == RestartEdge(OLD, forced=True)
    assert "to load the last good pinning config again" in event.message


def test_an_owed_restart_is_forced_when_its_deadline_is_over() -> None:
    """Before that `ready_command` has to agree."""
    for age, forced in ((1799.0, False), (1800.0, True)):
        edge = owing(OWED, since=Monotonic(NOW - age))
        _, (action,), _ = pursue_restart(state(edge), saw(), alone=True)
        assert action == RestartEdge(NEW, forced=forced)


@pytest.mark.parametrize(
    "edge",
    [
        replace(OWED, written=OLD),
        replace(OWED, write_failures=1),
        replace(OWED, document_problem="no JSON"),
        owing(OWED, not_before=Monotonic(NOW + 1.0)),
        replace(OWED, restart=RolledBack(replace(DEBT, not_before=Monotonic(NOW + 1.0)))),
        replace(OWED, loaded=NEW, restart=SETTLING.restart),
    ],
)
def test_no_restart_is_asked_for_that_would_do_no_good(edge: Edge) -> None:
    """What is wanted must stand in the document, undoubted, and the wait must be over."""
    assert asks(OWED)
    assert not asks(edge)


def test_at_the_very_end_of_its_wait_a_restart_is_asked_for() -> None:
    """The instant itself is not before the instant."""
    assert asks(owing(OWED, not_before=NOW))


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (UP, True),
        (Unit(UnitState.FAILED), True),
        (NoUnit(), True),
        (UnitUnknown("no D-Bus"), True),
        (None, False),
        (Unit(UnitState.INACTIVE), False),
        (Unit(UnitState.ACTIVATING), False),
        (Unit(UnitState.MASKED), False),
    ],
)
def test_only_a_unit_that_runs_or_failed_is_restarted(
    unit: EdgeUnit | None,
    expected: bool,  # noqa: FBT001 - a case
) -> None:
    """One that an operator stopped is not started; one in between is left to finish."""
    assert asks(OWED, saw(unit)) is expected


def test_a_restart_that_was_put_off_in_this_tick_is_not_asked_for_again_in_it() -> None:
    """Nor behind another action, nor without a pin."""
    for outcome in (RestartDeferred("calls"), RestartRefused("stopped")):
        assert not asks(OWED, tick(Observations(RULES, unit=UP, outcomes=(outcome,))))
    assert asks(
        OWED, tick(Observations(RULES, unit=UP, outcomes=(RestartDone(OLD, read="digest"),)))
    )
    assert pursue_restart(state(OWED), saw(), alone=False)[1:] == ((), ())
    assert pursue_restart(state_of((), OWED), saw(), alone=True)[1:] == ((), ())


# --- how long it waits, and when it is tried again ----------------------------------------------


def test_an_edge_that_is_locked_out_or_overridden_waits_less() -> None:
    """And never longer for being urgent."""
    since = NOW - 60.0
    assert ready_ends(DEBT, state(OWED), saw()) == since + 1800.0
    assert ready_ends(DEBT, serving(OWED, "b"), saw()) == since + 30.0
    overridden = replace(state(OWED), guard=Guard(posture=Posture.OVERRIDE))
    assert ready_ends(DEBT, overridden, saw()) == since + 30.0
    opened = replace(state(OWED), guard=Guard(posture=Posture.OPEN))
    assert ready_ends(DEBT, opened, saw()) == since + 1800.0
    closing = replace(OWED, may_be_off=True)
    assert is_closing(state(closing))
    assert ready_ends(DEBT, state(closing), saw()) == since + 30.0
    still_open = replace(state(closing), guard=Guard(posture=Posture.OPEN))
    assert not is_closing(still_open)
    assert ready_ends(DEBT, still_open, saw()) == since + 1800.0
    hasty = saw(restart=RestartRules(ready_deadline=10.0))
    assert ready_ends(DEBT, serving(OWED, "b"), hasty) == since + 10.0


def test_a_document_is_tried_again_when_its_wait_is_over_and_the_budget_allows_it() -> None:
    """Until then the Edge keeps the one that it is well with, and it is told why once."""
    due = owing(WAITING, not_before=NOW)
    after = leave_rollback(state(due), saw())
    assert after.edge.restart == Owed(replace(FAILED, since=NOW, not_before=NOW))
    for edge in (
        owing(WAITING, not_before=Monotonic(NOW + 1.0)),
        replace(due, restarts=spent(3000, 2000, 1000)),
        replace(due, restart=Idle()),
    ):
        assert leave_rollback(state(edge), saw()) == state(edge)
    let_go = replace(owing(due, failures=0), restarts=spent(3000, 2000, 1000, 10))
    assert leave_rollback(state(let_go), saw()).edge.restart.phase is RestartPhase.OWED
    early = state(owing(WAITING, not_before=Monotonic(NOW + 1.0)))
    assert pursue_restart(early, saw(), alone=True)[1:] == ((), ())
    held_up = state(replace(due, restarts=spent(3000, 2000, 1000)))
    _, actions, (event,) = pursue_restart(held_up, saw(), alone=True)
    assert actions == ()
    assert event.name is EventName.RESTART_DEFERRED


@pytest.mark.parametrize("phase", [RollingBack, RolledBack])
def test_a_way_back_that_the_cloud_has_left_is_left_at_once(
    phase: type[RollingBack | RolledBack],
) -> None:
    """No backoff is sat out; what is tried is what connects."""
    back = replace(WAITING, restart=phase(replace(FAILED, not_before=Monotonic(NOW + 900.0))))
    after = leave_rollback(serving(back, "b"), saw()).edge
    assert after.restart == Owed(replace(FAILED, since=NOW, not_before=None))
    for names in ((), ("a",), ("a", "b")):
        assert leave_rollback(serving(back, *names), saw()).edge == back


def test_a_way_back_is_left_for_something_that_connects_or_before_it_is_taken() -> None:
    """What is put back already stays, where nothing that is accepted would do better."""
    back = owing(WAITING, not_before=Monotonic(NOW + 900.0))
    assert leave_rollback(serving(back, "x"), saw()).edge == back
    rolling = replace(back, restart=RollingBack(debt(back)))
    assert leave_rollback(serving(rolling, "x"), saw()).edge.restart.phase is RestartPhase.OWED
    none = replace(rolling, good=None)
    assert leave_rollback(serving(none, "x"), saw()).edge == none
    no_pin = replace(serving(back, "b"), pins=())
    assert leave_rollback(no_pin, saw()) == no_pin


def test_a_document_that_cannot_be_used_keeps_the_restart_waiting() -> None:
    """What stands at the path may be another's; the next look at it decides."""
    seen = tick(Observations(RULES, unit=UP, document=DocumentRejected("no JSON")))
    assert not asks(replace(OWED, document_problem="no JSON"), seen)


@pytest.mark.parametrize(
    ("unit", "words"), [(UnitState.ABSENT, "edge.unit"), (UnitState.MASKED, "systemctl unmask")]
)
def test_a_unit_that_cannot_be_started_is_told_once(unit: UnitState, words: str) -> None:
    """The debt waits for an operator, who is told what to do; of a stopped unit nothing is said."""
    after, actions, events = pursue_restart(state(OWED), saw(Unit(unit)), alone=True)
    assert actions == ()
    assert [event.name for event in events] == [EventName.RESTART_DEFERRED]
    assert words in events[0].message
    assert pursue_restart(after, saw(Unit(unit)), alone=True)[1:] == ((), ())
    stopped = Unit(UnitState.INACTIVE)
    assert pursue_restart(state(OWED), saw(stopped), alone=True)[1:] == ((), ())


# --- what closes the Edge is loaded though a disk is full ----------------------------------------

SHORT = pinning("b")
OPEN = replace(OWED, written=SHORT, loaded=replace(OLD, enabled=False), may_be_off=True)
"""The document that closes stands there, and lacks a pin of the wanted one, `NEW`."""


def with_document(digest: str) -> Tick:
    """A tick that saw a document with this digest."""
    seen = saw()
    stands = replace(document(SHORT), digest=digest)
    return replace(seen, seen=replace(seen.seen, document=stands))


def test_a_document_that_closes_and_lacks_a_pin_is_loaded() -> None:
    """As it stands, and only where it closes; nothing that is not wanted is ever loaded."""
    _, (action,), _ = pursue_restart(state(OPEN), saw(), alone=True)
    assert action == RestartEdge(SHORT, forced=True)
    assert not asks(replace(OPEN, loaded=pinning("c"), may_be_off=False))
    assert not asks(replace(OPEN, written=pinning("c")))
    assert not asks(replace(OPEN, written=replace(SHORT, enabled=False), loaded=None))


def test_it_is_loaded_though_the_wanted_one_cannot_be_written() -> None:
    """Where it is seen to stand there: a write that fails leaves what may be another's."""
    failing = replace(OPEN, write_failures=2, digest="ours")
    assert asks(failing, with_document("ours"))
    assert not asks(failing, with_document("another's"))
    assert not asks(failing)
    assert not asks(replace(failing, may_be_off=False, loaded=None), with_document("ours"))


def test_a_job_that_systemd_has_for_the_unit_is_waited_for() -> None:
    """A restart that waits in the queue is not asked for once more; that is told once."""
    queued = saw(replace(UP, job=True))
    after, actions, (event,) = pursue_restart(state(OWED), queued, alone=True)
    assert (actions, event.name) == ((), EventName.RESTART_DEFERRED)
    assert "systemctl list-jobs" in event.message
    assert pursue_restart(after, queued, alone=True) == (after, (), ())
