"""When a restart is owed and asked for, rule by rule: the debt, the budget, the next attempt."""

from dataclasses import replace

import pytest

from edgepind.core.last_served import note_served
from edgepind.core.restarts import (
    budget_frees,
    is_debt,
    leave_rollback,
    pursue_restart,
    ready_ends,
)
from edgepind.core.tick import Tick
from edgepind.lab.imagined import leaf, link
from edgepind.model.action import RestartEdge
from edgepind.model.moment import Monotonic
from edgepind.model.observation import (
    DocumentRejected,
    EdgeUnit,
    NoUnit,
    Observations,
    Unit,
    UnitState,
    UnitUnknown,
)
from edgepind.model.outcome import (
    RestartDeferred,
    RestartDone,
    RestartRefused,
)
from edgepind.model.rules import RestartRules
from edgepind.model.state import Edge, Guard, RestartPhase, State
from edgepind.model.words import EventName, Posture, Validator
from tests.core.restart_situations import EARLIER, NEW, OLD, OWED, SETTLING, UP, WAITING, saw, state
from tests.core.situations import NOW, RULES, document, pinning, state_of, tick


def asks(edge: Edge, seen: Tick | None = None, guard: Guard | None = None) -> bool:
    """Whether a restart is asked for."""
    before = replace(state(edge), guard=guard or Guard())
    return bool(pursue_restart(before, seen or saw(), alone=True)[1])


def serving(edge: Edge, *names: str) -> State:
    """A state with this Edge, and a cloud whose addresses serve these leaves."""
    seen = tick(Observations(RULES, link=link({name: leaf(name) for name in names})))
    return note_served(state(edge), seen)


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
    idle = replace(OWED, phase=RestartPhase.IDLE, owed_since=None, settling_run="run 1")
    noted, _, _ = pursue_restart(state(idle), saw(), alone=False)
    assert (noted.edge.phase, noted.edge.owed_since) == (RestartPhase.OWED, NOW)
    assert noted.edge.settling_run == "run 1"
    unsettled, _, _ = pursue_restart(state(replace(SETTLING, loaded=OLD)), saw(), alone=False)
    assert (unsettled.edge.phase, unsettled.edge.settling_run) == (RestartPhase.OWED, "")
    owed, _, _ = pursue_restart(state(OWED), saw(), alone=False)
    assert owed.edge.owed_since == OWED.owed_since


def test_a_debt_that_is_gone_leaves_nothing_behind() -> None:
    """The document that is loaded is good; it had settled in this very run."""
    paid = replace(
        OWED, loaded=NEW, invocation="run 1", settling_run="run 1", failures=2, asked=True
    )
    paid = replace(paid, not_before=EARLIER, deferral_told=True)
    after, _, _ = pursue_restart(state(paid), saw(), alone=True)
    assert after.edge == replace(
        paid,
        phase=RestartPhase.IDLE,
        good=NEW,
        failures=0,
        owed_since=None,
        not_before=None,
        asked=False,
        deferral_told=False,
    )
    for edge, unit in (
        (replace(paid, settling_run="run 0"), UP),
        (paid, Unit(UnitState.FAILED)),
        (replace(paid, written=OLD, loaded=OLD), UP),
    ):
        after, _, _ = pursue_restart(state(edge), saw(unit), alone=False)
        assert after.edge.phase is RestartPhase.OWED


def test_an_idle_edge_that_is_up_with_what_is_wanted_is_well_in_its_run() -> None:
    """That is how the first good document is known; one that is known stays it."""
    idle = Edge(written=NEW, loaded=NEW, invocation="run 1")
    after, _, _ = pursue_restart(state(idle), saw(), alone=True)
    assert (after.edge.good, after.edge.settling_run) == (NEW, "run 1")
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
    assert after.edge.asked
    assert after.edge.restarts == (NOW,)
    _, (_,), events = pursue_restart(after, saw(), alone=True)
    assert events == ()


def test_a_way_back_is_forced_and_says_what_it_is_for() -> None:
    """It does not wait, neither for `ready_command` nor for the time of the next attempt."""
    back = replace(OWED, phase=RestartPhase.ROLLING_BACK, written=OLD, loaded=None)
    back = replace(back, not_before=Monotonic(NOW + 60.0))
    _, (action,), (event,) = pursue_restart(state(back), saw(), alone=True)
    assert action == RestartEdge(OLD, forced=True)
    assert "to load the last good pinning config again" in event.message


def test_an_owed_restart_is_forced_when_its_deadline_is_over() -> None:
    """Before that `ready_command` has to agree."""
    for age, forced in ((1799.0, False), (1800.0, True)):
        edge = replace(OWED, owed_since=Monotonic(NOW - age))
        _, (action,), _ = pursue_restart(state(edge), saw(), alone=True)
        assert action == RestartEdge(NEW, forced=forced)


@pytest.mark.parametrize(
    "edge",
    [
        replace(OWED, written=OLD),
        replace(OWED, write_failures=1),
        replace(OWED, document_problem="no JSON"),
        replace(OWED, not_before=Monotonic(NOW + 1.0)),
        replace(OWED, phase=RestartPhase.ROLLED_BACK, not_before=Monotonic(NOW + 1.0)),
        replace(OWED, loaded=NEW, phase=RestartPhase.SETTLING),
    ],
)
def test_no_restart_is_asked_for_that_would_do_no_good(edge: Edge) -> None:
    """What is wanted must stand in the document, undoubted, and the wait must be over."""
    assert asks(OWED)
    assert not asks(edge)


def test_at_the_very_end_of_its_wait_a_restart_is_asked_for() -> None:
    """The instant itself is not before the instant."""
    assert asks(replace(OWED, not_before=NOW))


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


# --- the budget ---------------------------------------------------------------------------------


def spent(*ages: float) -> tuple[Monotonic, ...]:
    """Restarts that were made so many seconds ago."""
    return tuple(Monotonic(NOW - age) for age in ages)


def test_the_budget_counts_what_lies_in_the_window() -> None:
    """One that is as old as the window counts no more, and is forgotten with the next."""
    full = replace(OWED, restarts=spent(3000, 2000, 1000, 10))
    assert not asks(full)
    at_the_end = replace(OWED, restarts=spent(3600, 2000, 1000, 10))
    after, actions, _ = pursue_restart(state(at_the_end), saw(), alone=True)
    assert actions
    assert after.edge.restarts == (*spent(2000, 1000, 10), NOW)
    assert asks(replace(OWED, restarts=spent(3000, 2000, 1000)))


def test_a_spent_budget_is_told_once_with_its_figures() -> None:
    """How many in how long, how many are allowed, and nothing of a way back where none is kept."""
    full = state(replace(OWED, restarts=spent(3000, 2000, 1000, 10)))
    after, _, (event,) = pursue_restart(full, saw(), alone=True)
    assert event.name is EventName.RESTART_DEFERRED
    assert (
        "4 restarts were made in 1h and no more than 4 are allowed; restart the Edge by hand"
        in event.message
    )
    assert pursue_restart(after, saw(), alone=True)[1:] == ((), ())


def test_a_document_that_failed_leaves_the_last_restart_for_a_way_back() -> None:
    """Unless there is none, the Edge is locked out, or this is the way back."""
    failed = replace(OWED, failures=1, restarts=spent(3000, 2000, 1000))
    _, actions, (event,) = pursue_restart(state(failed), saw(), alone=True)
    assert actions == ()
    assert (
        "3 restarts were made in 1h and no more than 4 are allowed, the last of them for a way"
        in (event.message)
    )
    assert asks(replace(failed, restarts=spent(2000, 1000)))
    assert asks(replace(failed, good=None))
    assert asks(replace(failed, failures=0))
    assert asks(replace(failed, phase=RestartPhase.ROLLING_BACK, written=OLD, loaded=None))
    assert pursue_restart(serving(failed, "b"), saw(), alone=True)[1]


def test_a_budget_of_one_keeps_nothing_back_and_one_of_none_allows_nothing() -> None:
    """With one restart in the window a way back cannot be kept; with none nothing is asked."""
    failed = replace(OWED, failures=1)
    assert asks(failed, saw(restart=RestartRules(budget=1)))
    assert not asks(OWED, saw(restart=RestartRules(budget=0)))
    two = saw(restart=RestartRules(budget=2))
    assert asks(failed, two)
    assert not asks(replace(failed, restarts=spent(10)), two)


def test_the_budget_frees_when_the_oldest_that_matters_leaves_the_window() -> None:
    """None where it allows one now, or never will."""
    assert budget_frees(state(replace(OWED, restarts=spent(3000, 2000, 1000))), saw()) is None
    full = replace(OWED, restarts=spent(3500, 3000, 2000, 1000, 10))
    assert budget_frees(state(full), saw()) == NOW - 3000 + 3600
    none = saw(restart=RestartRules(budget=0))
    assert budget_frees(state(OWED), none) is None
    assert budget_frees(state(replace(OWED, restarts=spent(10))), none) == NOW - 10 + 3600


# --- how long it waits, and when it is tried again ----------------------------------------------


def test_an_edge_that_is_locked_out_or_overridden_waits_less() -> None:
    """And never longer for being urgent."""
    since = NOW - 60.0
    assert ready_ends(state(OWED), saw()) == since + 1800.0
    assert ready_ends(serving(OWED, "b"), saw()) == since + 30.0
    overridden = replace(state(OWED), guard=Guard(posture=Posture.OVERRIDE))
    assert ready_ends(overridden, saw()) == since + 30.0
    opened = replace(state(OWED), guard=Guard(posture=Posture.OPEN))
    assert ready_ends(opened, saw()) == since + 1800.0
    hasty = saw(restart=RestartRules(ready_deadline=10.0))
    assert ready_ends(serving(OWED, "b"), hasty) == since + 10.0


def test_a_document_is_tried_again_when_its_wait_is_over_and_the_budget_allows_it() -> None:
    """Until then the Edge keeps the one that it is well with, and it is told why once."""
    due = replace(WAITING, not_before=NOW)
    after = leave_rollback(state(due), saw())
    assert (after.edge.phase, after.edge.owed_since) == (RestartPhase.OWED, NOW)
    for edge in (
        replace(WAITING, not_before=Monotonic(NOW + 1.0)),
        replace(due, restarts=spent(3000, 2000, 1000)),
        replace(due, phase=RestartPhase.IDLE),
    ):
        assert leave_rollback(state(edge), saw()) == state(edge)
    let_go = replace(due, failures=0, restarts=spent(3000, 2000, 1000, 10))
    assert leave_rollback(state(let_go), saw()).edge.phase is RestartPhase.OWED
    early = state(replace(WAITING, not_before=Monotonic(NOW + 1.0)))
    assert pursue_restart(early, saw(), alone=True)[1:] == ((), ())
    held_up = state(replace(due, restarts=spent(3000, 2000, 1000)))
    _, actions, (event,) = pursue_restart(held_up, saw(), alone=True)
    assert actions == ()
    assert event.name is EventName.RESTART_DEFERRED


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
