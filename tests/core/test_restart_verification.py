"""What becomes of a restart, rule by rule: begun, failed, put off, watched while it settles."""

from dataclasses import replace
from typing import Any

import pytest

from edgepind.core.restart_verification import learn_restart, watch_restarted
from edgepind.model.action import (
    RestartDeferred,
    RestartDone,
    RestartFailed,
    RestartRefused,
)
from edgepind.model.enums import EventName, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    EdgeUnit,
    Health,
    Unit,
    UnitState,
    UnitUnknown,
)
from edgepind.model.rules import RestartRules
from edgepind.model.state import (
    Edge,
    Idle,
    Owed,
    Restart,
    RestartPhase,
    RolledBack,
    RollingBack,
    Settling,
    Starting,
    State,
)
from tests.core.restart_situations import (
    DEBT,
    EARLIER,
    FAILED,
    NEW,
    OLD,
    OWED,
    SETTLING,
    UP,
    WELL,
    amid,
    debt,
    owing,
    saw,
    serving,
    state,
)
from tests.core.situations import NOW, RULES

# --- what became of one -------------------------------------------------------------------------


def test_a_restart_that_is_done_begins_to_settle_from_nothing() -> None:
    """And what kept the restart waiting counts no more."""
    before = amid(owing(OWED, asked=True), deferral_told=True)
    after, events = learn_restart(state(before), RestartDone(NEW, "run 2", "digest"), saw())
    assert events == ()
    assert after.edge == replace(
        before,
        loaded=NEW,
        invocation="run 2",
        watched_run="run 2",
        restart=Settling(DEBT, since=NOW, settled=0.0, seen_well=False),
    )


def test_a_restart_by_a_command_names_no_run_and_keeps_the_one_that_is_known() -> None:
    """Under `restart_command` nothing tells which run it is, and any run is the right one."""
    before = state(replace(OWED, invocation="run 1"))
    after, _ = learn_restart(before, RestartDone(NEW, read="digest"), saw())
    assert (after.edge.invocation, after.edge.watched_run) == ("run 1", "")


@pytest.mark.parametrize("read", ["", "another"])
@pytest.mark.parametrize(
    ("phase", "after"),
    [(Owed, Owed), (RollingBack, RolledBack)],
)
def test_a_restart_in_which_something_else_was_read_leaves_the_debt(
    phase: type[Owed | RollingBack], after: type[Owed | RolledBack], read: str
) -> None:
    """Not known is what is loaded, and in which run: the next look says, or it is tried again."""
    asked = phase(replace(DEBT, asked=True))
    before = replace(OWED, restart=asked, invocation="run 1", watched_run="run 1")
    done, (event,) = learn_restart(state(before), RestartDone(NEW, "run 2", read), saw())
    assert done.edge == replace(
        before,
        restart=after(replace(DEBT, failures=1, not_before=Monotonic(NOW + 60.0))),
        loaded=None,
        may_be_off=True,
        invocation="",
    )
    assert (event.name, event.severity) == (EventName.RESTART_FAILED, Severity.ERR)
    assert "not known what the Edge has loaded; it is restarted again in 1min" in event.message


@pytest.mark.parametrize("enabled", [True, False])
def test_what_is_loaded_says_whether_the_edge_may_be_off(enabled: bool) -> None:  # noqa: FBT001 - a case
    """As does a restart that failed, of which nobody knows how far it came."""
    loading = replace(NEW, enabled=enabled)
    for before in (OWED, replace(OWED, may_be_off=True)):
        done, _ = learn_restart(state(before), RestartDone(loading, "run 2", "digest"), saw())
        assert done.edge.may_be_off is not enabled
        failed, _ = learn_restart(state(before), RestartFailed(loading, "it hung"), saw())
        assert failed.edge.may_be_off is (before.may_be_off or not enabled)


def test_a_way_back_that_is_loaded_is_told_and_waits_for_the_next_attempt() -> None:
    """It is not watched while it settles: there would be nothing to go back to."""
    before = replace(OWED, restart=RollingBack(DEBT), written=OLD, loaded=None)
    after, (event,) = learn_restart(state(before), RestartDone(OLD, "run 3", "digest"), saw())
    assert after.edge.restart == RolledBack(DEBT)
    assert (event.name, event.severity) == (EventName.ROLLED_BACK, Severity.ERR)


@pytest.mark.parametrize("outcome", [RestartDeferred("3 calls"), RestartRefused("3 calls")])
def test_a_restart_that_was_not_made_costs_nothing(
    outcome: RestartDeferred | RestartRefused,
) -> None:
    """It is taken back from the budget, and told once a debt, with the reason that was given."""
    before = replace(OWED, restarts=(EARLIER, NOW))
    after, (event,) = learn_restart(state(before), outcome, saw())
    assert after.edge.restarts == (EARLIER,)
    assert event.name is EventName.RESTART_DEFERRED
    assert "3 calls" in event.message
    again, events = learn_restart(after, outcome, saw())
    assert events == ()
    assert again.edge.restarts == ()


def test_after_a_refusal_the_next_attempt_waits_for_an_interval() -> None:
    """Who may restart and declined is asked again later; `ready_command` at the next tick."""
    refused, _ = learn_restart(state(OWED), RestartRefused("stopped"), saw())
    deferred, _ = learn_restart(state(OWED), RestartDeferred("calls"), saw())
    assert debt(refused.edge).not_before == NOW + RULES.interval
    assert debt(deferred.edge).not_before is None


@pytest.mark.parametrize("restart", [Idle(), SETTLING.restart])
def test_a_restart_that_was_not_made_and_is_not_owed_is_told_all_the_same(
    restart: Restart,
) -> None:
    """It was asked for by a daemon that could not decide; nothing waits for it but an operator."""
    before = replace(OWED, restarts=(NOW,), restart=restart)
    after, (event,) = learn_restart(state(before), RestartDeferred("3 calls"), saw())
    assert after.edge == replace(before, restarts=())
    assert event.name is EventName.RESTART_DEFERRED


def test_a_restart_that_failed_is_followed_by_the_way_back() -> None:
    """What it loaded is not known then."""
    before = replace(SETTLING, restart=Owed(replace(DEBT, asked=True)))
    after, (event,) = learn_restart(state(before), RestartFailed(NEW, "it hung"), saw())
    assert after.edge == replace(
        before,
        restart=RollingBack(replace(DEBT, failures=1, not_before=Monotonic(NOW + 60.0))),
        loaded=None,
    )
    assert (event.name, event.severity) == (EventName.RESTART_FAILED, Severity.ERR)
    assert "it hung; the last document that was loaded well is put back" in event.message


def test_a_way_back_that_fails_is_no_second_failure_of_the_document() -> None:
    """It is given up, and the new document tried again when its own wait is over."""
    before = replace(OWED, restart=RollingBack(FAILED), written=OLD)
    after, (event,) = learn_restart(state(before), RestartFailed(OLD, "it hung"), saw())
    assert (after.edge.restart.phase, debt(after.edge).failures) == (RestartPhase.ROLLED_BACK, 1)
    assert "it hung; it is tried again in 1min;" in event.message


def test_a_way_back_that_is_none_any_more_leaves_the_debt() -> None:
    """Its pins may have been removed on the way."""
    before = replace(OWED, restart=RollingBack(DEBT), good=None)
    after, _ = learn_restart(state(before), RestartFailed(OLD, "it hung"), saw())
    assert after.edge.restart.phase is RestartPhase.OWED


def test_without_a_way_back_the_attempt_itself_is_repeated_under_backoff() -> None:
    """Twice as long after the second failure, up to the restart window."""
    before = replace(OWED, restart=Owed(FAILED), good=None)
    after, (event,) = learn_restart(state(before), RestartFailed(NEW, "it hung"), saw())
    assert (after.edge.restart.phase, debt(after.edge).failures) == (RestartPhase.OWED, 2)
    assert debt(after.edge).not_before == NOW + 120.0
    assert "it is tried again in 2min;" in event.message
    often, _ = learn_restart(
        state(owing(before, failures=20)), RestartFailed(NEW, "it hung"), saw()
    )
    assert debt(often.edge).not_before == NOW + RULES.restart.window


# --- while it settles ---------------------------------------------------------------------------


def test_time_is_served_between_two_looks_that_both_found_it_well() -> None:
    """The first look that finds it well begins the count."""
    first, _ = watch_restarted(state(amid(SETTLING, seen_well=False)), saw())
    assert first.edge == amid(SETTLING, settled=0.0, seen_well=True)
    seen = replace(saw(), elapsed=3.0)
    second, events = watch_restarted(state(amid(SETTLING, settled=4.0)), seen)
    assert second.edge == amid(SETTLING, settled=7.0)
    assert events == ()


def test_a_look_that_finds_it_unwell_begins_the_count_anew() -> None:
    """`settle` is time in which it stayed well."""
    seen = saw(health=Health(well=False, detail="no dial tone"))
    after, events = watch_restarted(state(SETTLING), seen)
    assert after.edge == amid(SETTLING, settled=0.0, seen_well=False)
    assert events == ()


def test_settled_is_settled_when_all_of_it_is_served() -> None:
    """What it runs with is the good document from then on, and nothing is left of the attempt."""
    seen = replace(saw(), elapsed=6.0)
    after, (event,) = watch_restarted(state(SETTLING), seen)
    assert after.edge == replace(SETTLING, restart=Idle(), good=NEW)
    assert (event.name, event.severity) == (EventName.RESTART_SUCCEEDED, Severity.NOTICE)


def test_the_first_look_of_a_new_daemon_watches_anew() -> None:
    """In whichever run the Edge is; what nobody saw is neither held against it nor counted."""
    other = Unit(UnitState.ACTIVE, "run 9")
    before = replace(state(amid(SETTLING, since=Monotonic(NOW - 900.0))), last=None)
    after, events = watch_restarted(before, saw(other))
    assert events == ()
    anew = amid(SETTLING, since=NOW, settled=0.0, seen_well=True)
    assert after.edge == replace(anew, watched_run="run 9")
    unseen, _ = watch_restarted(before, saw(UnitUnknown("no D-Bus")))
    assert unseen.edge == replace(amid(anew, seen_well=False), watched_run="")


@pytest.mark.parametrize(
    ("unit", "why"),
    [
        (Unit(UnitState.FAILED, "run 2"), "its unit is failed"),
        (Unit(UnitState.INACTIVE), "its unit is inactive"),
        (Unit(UnitState.ACTIVE, "run 3"), "its unit died after the restart and was started again"),
    ],
)
def test_some_troubles_are_told_at_once(unit: Unit, why: str) -> None:
    """No patience makes a dead run live."""
    after, (event,) = watch_restarted(state(SETTLING), saw(unit))
    assert after.edge.restart.phase is RestartPhase.ROLLING_BACK
    assert why in event.message
    alone, _ = watch_restarted(state(replace(SETTLING, good=None)), saw(unit))
    assert alone.edge.restart.phase is RestartPhase.OWED


@pytest.mark.parametrize(
    ("unit", "health", "why"),
    [
        (UP, Health(well=False, detail="no dial tone"), "call it well (no dial tone)"),
        (UP, Health(well=False), "call it well (no word)"),
        (Unit(UnitState.MASKED), WELL, "its unit is not active"),
    ],
)
def test_other_troubles_are_given_the_deadline_of_health(
    unit: Unit, health: Health, why: str
) -> None:
    """Until `health_deadline` is over."""
    almost = state(amid(SETTLING, since=Monotonic(NOW - 119.9)))
    assert watch_restarted(almost, saw(unit, health))[1] == ()
    over = state(amid(SETTLING, since=Monotonic(NOW - 120.0)))
    after, (event,) = watch_restarted(over, saw(unit, health))
    assert after.edge.restart.phase is RestartPhase.ROLLING_BACK
    assert why in event.message


def test_an_unwell_edge_is_waited_for_where_the_way_back_is_a_lockout() -> None:
    """For as long as it takes, and that is told once."""
    long = amid(SETTLING, since=Monotonic(NOW - 900.0))
    unwell = saw(health=Health(well=False, detail="not registered"))
    waiting, (event,) = watch_restarted(serving(long, "b"), unwell)
    assert waiting.edge == amid(long, wait_told=True, seen_well=False, settled=0.0)
    assert (event.name, event.severity) == (None, Severity.WARNING)
    assert "call it well (not registered); it keeps the new pinning config" in event.message
    assert watch_restarted(waiting, unwell) == (waiting, ())
    well, _ = watch_restarted(waiting, saw())
    settled, (event,) = watch_restarted(well, replace(saw(), elapsed=10.0))
    assert settled.edge.restart == Idle()
    assert event.name is EventName.RESTART_SUCCEEDED


@pytest.mark.parametrize(
    ("serves", "edge", "unit", "phase"),
    [
        ("a", SETTLING, UP, RestartPhase.ROLLING_BACK),
        ("b", replace(SETTLING, good=None), UP, RestartPhase.OWED),
        ("b", SETTLING, Unit(UnitState.MASKED), RestartPhase.OWED),
        ("b", SETTLING, Unit(UnitState.FAILED), RestartPhase.OWED),
    ],
)
def test_nothing_else_is_waited_for(
    serves: str, edge: Edge, unit: Unit, phase: RestartPhase
) -> None:
    """A way back that connects is taken; without one, or with a dead unit, it is tried again."""
    long = amid(edge, since=Monotonic(NOW - 900.0), wait_told=True)
    unwell = saw(unit, Health(well=False))
    after, (event,) = watch_restarted(serving(long, serves), unwell)
    assert after.edge.restart.phase is phase
    assert event.name is EventName.RESTART_FAILED
    if phase is RestartPhase.OWED:
        assert "it is tried again in 2min" in event.message


@pytest.mark.parametrize(
    "unit",
    [
        Unit(UnitState.ACTIVATING),
        Unit(UnitState.ACTIVATING, "run 2"),
        UnitUnknown("no D-Bus"),
        Unit(UnitState.ACTIVE, "run 2"),
    ],
)
def test_some_units_are_waited_for_however_long(unit: EdgeUnit) -> None:
    """One that waits for its turn at boot; one nobody can ask about; one that is well."""
    long = amid(SETTLING, since=Monotonic(NOW - 900.0), seen_well=False)
    after, events = watch_restarted(state(long), saw(unit))
    assert after.edge.restart.phase is RestartPhase.SETTLING
    assert events == ()


def test_a_restart_nobody_lived_to_learn_of_is_found_by_its_run() -> None:
    """A new run, up, of what is wanted and loaded: it settles. The run that was known is none."""
    found = replace(OWED, loaded=NEW, invocation="run 2", watched_run="run 1")
    after, _ = watch_restarted(state(found), saw())
    assert (after.edge.restart.phase, after.edge.watched_run) == (RestartPhase.SETTLING, "run 2")
    back = replace(found, restart=RollingBack(DEBT), written=OLD, loaded=OLD)
    after, _ = watch_restarted(state(back), saw())
    assert after.edge.restart.phase is RestartPhase.ROLLED_BACK
    for edge, unit in (
        (replace(found, watched_run="run 2"), UP),
        (found, Unit(UnitState.ACTIVATING, "run 2")),
        (replace(found, loaded=OLD), UP),
        (replace(found, restart=Idle()), UP),
        (replace(found, written=OLD, loaded=OLD), UP),
    ):
        assert watch_restarted(state(edge), saw(unit)) == (state(edge), ())


def test_settling_neither_goes_on_nor_fails_while_systemd_is_silent() -> None:
    """What was served of `settle` stays served."""
    after, events = watch_restarted(state(SETTLING), saw(UnitUnknown("no D-Bus")))
    assert after.edge == SETTLING
    assert events == ()


# --- a start that is followed ----------------------------------------------------------------

STARTS = Unit(UnitState.ACTIVATING, "run 3")


def asked(edge: Edge = OWED, **changes: Any) -> State:
    """An Edge whose restart was asked for, with what is known of its start."""
    return state(replace(owing(edge, asked=True), **changes))


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        (None, STARTS, Starting(NOW, "run 3")),
        (Starting(EARLIER), STARTS, Starting(EARLIER, "run 3")),
        (Starting(EARLIER), Unit(UnitState.DEACTIVATING, "run 2"), Starting(NOW)),
        (Starting(EARLIER), Unit(UnitState.ACTIVATING), Starting(NOW)),
        (Starting(EARLIER), replace(UP, job=True), Starting(NOW)),
        (None, replace(UP, job=True), None),
        (Starting(EARLIER, "run 3"), UP, None),
        (Starting(EARLIER, "run 3"), Unit(UnitState.INACTIVE), None),
    ],
)
def test_a_start_is_followed(before: Starting | None, unit: Unit, after: Starting | None) -> None:
    """Its time begins when the Edge has stopped and its turn has come; it fails by none of this."""
    seen, events = watch_restarted(asked(starting=before), saw(unit))
    assert (seen.edge.starting, events) == (after, ())
    assert seen.edge.restart.phase is RestartPhase.OWED


@pytest.mark.parametrize("unit", [Unit(UnitState.FAILED), Unit(UnitState.ACTIVATING, "run 4")])
def test_a_start_that_ended_without_the_edge_has_failed(unit: Unit) -> None:
    """Also where systemd has begun another by itself."""
    after, (event,) = watch_restarted(asked(starting=Starting(EARLIER, "run 3")), saw(unit))
    assert event.name is EventName.RESTART_FAILED
    assert after.edge.restart.phase is RestartPhase.ROLLING_BACK


def test_a_start_after_a_reboot_is_another() -> None:
    """What the daemon has not seen is not held against the Edge."""
    fresh = replace(asked(starting=Starting(EARLIER, "run 3")), last=None)
    after, events = watch_restarted(fresh, saw(Unit(UnitState.ACTIVATING, "run 4")))
    assert (after.edge.starting, events) == (Starting(NOW, "run 4"), ())


def test_a_unit_that_is_not_seen_changes_nothing_of_a_start() -> None:
    """Not seen is not the same as over."""
    before = asked(starting=Starting(EARLIER, "run 3"))
    assert watch_restarted(before, saw(UnitUnknown("no D-Bus"))) == (before, ())


def test_a_start_is_overdue_by_the_settings_alone() -> None:
    """Then the restart that follows may cut it; and where none is set, none may."""
    since = Starting(Monotonic(NOW - 200.0), "run 3")
    limit = RestartRules(start_timeout=200.0)
    after, (event,) = watch_restarted(asked(starting=since), saw(STARTS, restart=limit))
    assert event.name is EventName.RESTART_FAILED
    assert after.edge.restart.phase is RestartPhase.ROLLING_BACK
    assert watch_restarted(asked(starting=since), saw(STARTS))[1] == ()
