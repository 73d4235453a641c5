"""The posture machine, condition by condition."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest

from edgepind.core.diagnosis import Diagnosis
from edgepind.core.loans import Offer
from edgepind.core.posture import deadline, guard_on, is_opening_lockout
from edgepind.lab.sim_observations import EPOCH, fingerprint
from edgepind.model.enums import EventName, Finding, PinKind, Posture, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import Observations
from edgepind.model.openings import Opened, closed, freed_in
from edgepind.model.rules import FailOpenRules, RestartRules
from edgepind.model.state import Guard, Loan, OverrideState
from tests.core.situations import NOW, rules, tick

LOCKED = Diagnosis(Finding.UNANNOUNCED_ROTATION, accepted=False, verdicts=(), lockout=True)
PINNED = Diagnosis(Finding.PINNED, accepted=True, verdicts=())
ROTATING = Diagnosis(Finding.UNANNOUNCED_ROTATION, accepted=True, verdicts=())
INTERCEPTED = Diagnosis(Finding.INTERCEPTION, accepted=False, verdicts=(), lockout=True)
SILENT = Diagnosis(Finding.UNREACHABLE, accepted=False, verdicts=())
LOADED_OFF = replace(LOCKED, lockout=False)
"""The cloud serves nothing that is accepted, and the Edge has `enabled: false` loaded."""
LEARNED = replace(LOCKED, accepted=True)
"""The new leaf is accepted, and the Edge has yet to load it."""
LATER = EPOCH + timedelta(hours=1)
IN_HAND = 4
LEAF = Loan(fingerprint("x"), PinKind.CERTIFICATE, LATER)
LENDABLE = Offer((LEAF,), suffices=True)
"""What is served could be lent, and connects the Edge."""
UNLENDABLE = Offer()
BARRED = Offer(barred=True)
FAIL_OPEN = FailOpenRules(grace=300.0)
RULES = rules(fail_open=FAIL_OPEN)

GRACE = Guard(Posture.GRACE, EPOCH, lockout_ticks=2, grace_served=100.0, reminded=NOW)
OPEN = Guard(
    Posture.OPEN,
    EPOCH,
    lockout_ticks=2,
    openings=(Opened(Monotonic(NOW - 3600)),),
    open_ends=Monotonic(NOW + 60),
    loans=(LEAF,),
    reminded=NOW,
)
SPENT = (Opened(Monotonic(NOW - 43_200), NOW),)
EXHAUSTED = Guard(Posture.EXHAUSTED, EPOCH, lockout_ticks=2, openings=SPENT, reminded=NOW)
OVERRIDE = OverrideState(LATER, Monotonic(NOW + 3600), "calls are down", "ann")


def on(
    guard: Guard,
    diagnosis: Diagnosis | None,
    before: Diagnosis | None = LOCKED,
    fail_open: FailOpenRules | None = None,
    elapsed: float = 10.0,
    in_hand: int = IN_HAND,
    offered: Offer = LENDABLE,
) -> Guard:
    """The guard after a tick that concluded this, after one that had concluded that."""
    its = rules(fail_open=fail_open) if fail_open else RULES
    seen = tick(Observations(its), wall=LATER, elapsed=elapsed)
    return guard_on(guard, diagnosis, before, in_hand, offered, seen)[0]


def entered(guard: Guard, diagnosis: Diagnosis) -> list[Posture | None]:
    """Each posture that such a tick tells of having been entered."""
    seen = tick(Observations(RULES), wall=LATER)
    told = guard_on(guard, diagnosis, LOCKED, IN_HAND, LENDABLE, seen)[1]
    return [it.posture for it in told if it.name is EventName.POSTURE_CHANGED]


# --- postures -----------------------------------------------------------------------------------


def test_a_lockout_is_confirmed_by_the_second_tick_in_a_row() -> None:
    """One tick is none, a tick between that saw something else begins anew."""
    once = on(Guard(), LOCKED, PINNED)
    assert once == Guard(lockout_ticks=1)
    assert on(once, PINNED) == Guard()
    assert on(once, None) == once
    twice = on(once, LOCKED)
    assert twice == Guard(Posture.GRACE, LATER, lockout_ticks=2, grace_served=0.0, reminded=NOW)
    assert on(twice, LOCKED).lockout_ticks == 2


@pytest.mark.parametrize("other", [ROTATING, INTERCEPTED, SILENT, LOADED_OFF, LEARNED, None])
def test_only_a_lockout_by_an_unannounced_rotation_may_open(other: Diagnosis | None) -> None:
    """Not interception, not silence, nothing that the pin set or the Edge itself accepts."""
    assert is_opening_lockout(LOCKED)
    assert not is_opening_lockout(other)


def test_the_change_is_told_with_its_reason() -> None:
    """From what, to what, why, and how grave it is."""
    guard, (event,) = guard_on(Guard(lockout_ticks=1), LOCKED, LOCKED, IN_HAND, LENDABLE, tick())
    assert guard.posture is Posture.GRACE
    assert (event.name, event.posture) == (EventName.POSTURE_CHANGED, Posture.GRACE)
    assert event.severity is Severity.WARNING
    assert "(was enforcing), because a lockout was seen in two ticks in a row" in event.message


def test_grace_is_served_while_the_lockout_is_watched() -> None:
    """The time between two ticks that both saw it; no gap, no other finding, no silence."""
    assert on(GRACE, LOCKED).grace_served == 110.0
    assert on(GRACE, LOCKED, PINNED).grace_served == 100.0
    assert on(GRACE, LOCKED, None).grace_served == 100.0
    assert on(GRACE, LOCKED, elapsed=181.0).grace_served == 100.0
    assert on(GRACE, SILENT).grace_served == 100.0
    assert on(GRACE, None).grace_served == 100.0
    assert on(Guard(), LOCKED).grace_served == 0.0


def test_when_the_grace_is_over_the_edge_is_opened() -> None:
    """At its very end, for `limit`, and the opening counts."""
    earlier = Opened(Monotonic(NOW - 100), Monotonic(NOW - 90))
    almost = replace(GRACE, grace_served=289.9, openings=(earlier,))
    assert on(almost, LOCKED).posture is Posture.GRACE
    opened = on(replace(almost, grace_served=290.0), LOCKED)
    assert opened == Guard(
        Posture.OPEN,
        LATER,
        lockout_ticks=2,
        grace_served=0.0,
        openings=(earlier, Opened(NOW)),
        open_ends=Monotonic(NOW + 14_400),
        loans=(LEAF,),
        reminded=NOW,
    )
    assert on(replace(almost, grace_served=300.0), SILENT).posture is Posture.GRACE


@pytest.mark.parametrize(
    ("fail_open", "openings", "posture"),
    [
        (FAIL_OPEN, 2, Posture.OPEN),
        (FAIL_OPEN, 3, Posture.EXHAUSTED),
        (replace(FAIL_OPEN, enabled=False), 0, Posture.EXHAUSTED),
        (replace(FAIL_OPEN, budget=0), 0, Posture.EXHAUSTED),
    ],
)
def test_an_opening_must_be_allowed_and_left_in_the_budget(
    fail_open: FailOpenRules, openings: int, posture: Posture
) -> None:
    """Else an operator is needed."""
    made = tuple(Opened(Monotonic(NOW - 14_400 * n)) for n in range(1, openings + 1))
    guard = on(replace(GRACE, grace_served=300.0, openings=made), LOCKED, fail_open=fail_open)
    assert guard.posture is posture
    running = on(replace(GRACE, openings=made), LOCKED, fail_open=fail_open)
    assert running.posture is Posture.GRACE
    assert (guard.open_ends is None) is (posture is Posture.EXHAUSTED)


def test_openings_are_charged_by_the_time_that_they_lasted() -> None:
    """Many short ones are one; half a limit must be left, and no more than is left is opened."""
    over = replace(GRACE, grace_served=300.0)
    flaps = tuple(
        Opened(Monotonic(NOW - 2000.0 * n), Monotonic(NOW - 2000.0 * n + 420.0))
        for n in range(1, 31)
    )
    assert on(replace(over, openings=flaps), LOCKED).open_ends == NOW + 14_400
    full = Opened(Monotonic(NOW - 40_000.0), Monotonic(NOW - 40_000.0 + 2.4 * 14_400.0))
    assert on(replace(over, openings=(full,)), LOCKED).open_ends == pytest.approx(
        NOW + 0.6 * 14_400
    )
    fuller = replace(full, ended=Monotonic(NOW - 40_000.0 + 2.6 * 14_400.0))
    assert on(replace(over, openings=(fuller,)), LOCKED).posture is Posture.EXHAUSTED


def test_openings_older_than_the_window_are_forgotten() -> None:
    """At its very end as well."""
    window = RULES.fail_open.budget_window
    made = (
        Opened(Monotonic(NOW - window - 10), Monotonic(NOW - window)),
        Opened(Monotonic(NOW - window - 10), Monotonic(NOW - window + 1)),
    )
    for seen in (PINNED, None):
        assert on(Guard(openings=made), seen).openings == made[1:]


def test_an_opening_lends_or_is_the_last_resort() -> None:
    """What does not suffice is not lent where validation may be switched off."""
    over = replace(GRACE, grace_served=300.0)
    some = Offer((LEAF,))
    lending, last = on(over, LOCKED), on(over, LOCKED, offered=some)
    assert (lending.loans, lending.last_resort) == ((LEAF,), False)
    assert (last.loans, last.last_resort) == ((), True)
    never = replace(FAIL_OPEN, last_resort=False)
    kept = on(over, LOCKED, fail_open=never, offered=some)
    assert (kept.posture, kept.loans, kept.last_resort) == (Posture.OPEN, (LEAF,), False)
    for rules_, offered in ((never, UNLENDABLE), (FAIL_OPEN, BARRED)):
        refused = on(over, LOCKED, fail_open=rules_, offered=offered)
        assert refused.posture is Posture.EXHAUSTED
        assert on(refused, LOCKED, fail_open=rules_, offered=offered).posture is Posture.EXHAUSTED
        assert on(refused, LOCKED, fail_open=rules_).posture is Posture.GRACE
        emptied = replace(OPEN, loans=())
        ended = on(emptied, LOADED_OFF, fail_open=rules_, offered=offered)
        assert ended.posture is Posture.EXHAUSTED
        assert on(emptied, None, fail_open=rules_, offered=offered).posture is Posture.OPEN
    assert on(replace(OPEN, loans=(), last_resort=True), LOADED_OFF, offered=BARRED).last_resort


def test_an_opening_that_connects_nothing_is_widened_once_that_is_confirmed() -> None:
    """By what could be lent besides, and else by the last resort, with a restart left to close."""
    other = replace(LEAF, fingerprint=fingerprint("y"))
    more = Offer((LEAF, other), suffices=True)
    assert on(OPEN, LOCKED, offered=more).loans == (LEAF, other)
    assert on(OPEN, LOCKED, offered=LENDABLE).loans == (LEAF,)
    assert on(replace(OPEN, lockout_ticks=0), LOCKED, offered=more).loans == (LEAF,)
    assert on(OPEN, LOADED_OFF, offered=more).loans == (LEAF,)
    assert on(OPEN, LOCKED, offered=more, in_hand=1).loans == (LEAF,)
    last = on(OPEN, LOCKED, offered=Offer((LEAF,)))
    assert (last.loans, last.last_resort) == ((), True)
    assert last.open_ends == OPEN.open_ends
    assert on(last, LOCKED, offered=more) == last
    assert on(OPEN, LOCKED, offered=BARRED).loans == (LEAF,)


def test_the_loans_that_begin_and_end_are_told() -> None:
    """Each by itself, and a switch to the last resort as what it is."""
    over = replace(GRACE, grace_served=300.0)
    seen = tick(Observations(RULES), wall=LATER)

    def told(guard: Guard, diagnosis: Diagnosis, offered: Offer) -> list[EventName | None]:
        events = guard_on(guard, diagnosis, LOCKED, IN_HAND, offered, seen)[1]
        return [it.name for it in events]

    changed = EventName.POSTURE_CHANGED
    assert told(over, LOCKED, LENDABLE) == [changed, EventName.LOAN_GRANTED]
    assert told(over, LOCKED, UNLENDABLE) == [changed, None]
    assert told(OPEN, PINNED, LENDABLE) == [changed, EventName.LOAN_ENDED]
    assert told(OPEN, LOCKED, Offer((LEAF,))) == [EventName.LOAN_ENDED, None]


def test_exhausted_has_a_way_out_when_the_window_frees_an_opening() -> None:
    """After an opening that ran into its limit only when the window has let go of half a limit."""
    window, limit = FAIL_OPEN.budget_window, FAIL_OPEN.limit
    began = Monotonic(NOW - limit)
    ended = on(replace(OPEN, openings=(Opened(began),), open_ends=NOW), LOCKED)
    assert (ended.posture, ended.openings) == (Posture.EXHAUSTED, (Opened(began, NOW),))
    assert ended.freed_at == pytest.approx(limit / 2)
    wait = freed_in(ended.openings, FAIL_OPEN, NOW, ended.freed_at)
    assert wait == pytest.approx(window - limit / 2)
    for at, posture in ((-1.0, Posture.EXHAUSTED), (1.0, Posture.GRACE)):
        seen = tick(Observations(RULES), at=NOW + wait + at, wall=LATER)
        after, _ = guard_on(ended, LOCKED, LOCKED, IN_HAND, LENDABLE, seen)
        assert after.posture is posture
        silent, _ = guard_on(ended, SILENT, LOCKED, IN_HAND, LENDABLE, seen)
        assert silent.posture is Posture.EXHAUSTED
    assert freed_in((), FAIL_OPEN, NOW, None) == 0.0
    assert freed_in((), replace(FAIL_OPEN, budget=0), NOW, None) == inf
    poor = rules(fail_open=FAIL_OPEN, restart=RestartRules(budget=1))
    seen = tick(Observations(poor), wall=LATER)
    assert (
        guard_on(replace(EXHAUSTED, openings=()), LOCKED, LOCKED, 1, LENDABLE, seen)[0].posture
        is Posture.EXHAUSTED
    )


@pytest.mark.parametrize("guard", [GRACE, OPEN, EXHAUSTED])
def test_a_link_that_is_accepted_again_ends_them_all(guard: Guard) -> None:
    """Whatever the finding, as long as one accepted leaf is served; silence ends nothing."""
    for seen in (PINNED, ROTATING):
        after = on(guard, seen)
        assert after == Guard(
            since=LATER, openings=closed(guard.openings, NOW) if guard is OPEN else guard.openings
        )
        assert entered(guard, seen) == [Posture.ENFORCING]
    assert on(guard, SILENT).posture is guard.posture
    assert on(guard, None).posture is guard.posture


def test_what_ends_open() -> None:
    """Interception, its limit, and fail-open being disabled; each needs an operator then."""
    assert on(OPEN, LOCKED).posture is Posture.OPEN
    exhausted = replace(EXHAUSTED, since=LATER, openings=closed(OPEN.openings, NOW), freed_at=0.0)
    assert entered(OPEN, INTERCEPTED) == [Posture.EXHAUSTED]
    assert entered(replace(OPEN, open_ends=NOW), LOCKED) == [Posture.EXHAUSTED]
    assert on(OPEN, INTERCEPTED) == replace(exhausted, lockout_ticks=0)
    assert on(replace(OPEN, open_ends=NOW), LOCKED) == exhausted
    assert on(OPEN, LOCKED, fail_open=replace(FAIL_OPEN, enabled=False)) == exhausted
    assert on(GRACE, INTERCEPTED).posture is Posture.GRACE
    partly = replace(INTERCEPTED, accepted=True)
    assert entered(OPEN, partly) == [Posture.ENFORCING]


def test_of_several_reasons_to_close_the_gravest_is_told() -> None:
    """Interception before the limit, and that before fail-open being disabled."""
    over = replace(OPEN, open_ends=NOW)
    off = tick(Observations(rules(fail_open=replace(FAIL_OPEN, enabled=False))))
    gravest = ((INTERCEPTED, "what is served is intercepted"), (LOCKED, "fail_open.limit"))
    for diagnosis, why in gravest:
        _, (event, _) = guard_on(over, diagnosis, LOCKED, IN_HAND, LENDABLE, off)
        assert f"because {why}" in event.message


def test_nothing_is_opened_that_could_not_be_closed() -> None:
    """Two restarts must be in hand; until then the grace goes on, without a stated end."""
    over = replace(GRACE, grace_served=300.0)
    for in_hand, posture in ((2, Posture.OPEN), (1, Posture.GRACE), (-1, Posture.GRACE)):
        assert on(over, LOCKED, in_hand=in_hand).posture is posture
    assert on(over, PINNED, in_hand=0).posture is Posture.ENFORCING


@pytest.mark.parametrize(("budget", "posture"), [(2, Posture.OPEN), (1, Posture.EXHAUSTED)])
def test_a_budget_below_two_opens_nothing(budget: int, posture: Posture) -> None:
    """What never comes is not waited for; where fail-open is off, that is the reason given."""
    over = replace(GRACE, grace_served=300.0)
    its = rules(fail_open=FAIL_OPEN, restart=RestartRules(budget=budget))
    guard, (event, *_) = guard_on(over, LOCKED, LOCKED, budget, LENDABLE, tick(Observations(its)))
    assert guard.posture is posture
    assert ("edge.restart_budget, being less than two" in event.message) is (budget < 2)
    off = replace(its, fail_open=replace(FAIL_OPEN, enabled=False))
    guard, (event,) = guard_on(over, LOCKED, LOCKED, budget, LENDABLE, tick(Observations(off)))
    assert guard.posture is Posture.EXHAUSTED
    assert "fail-open is off" in event.message


@pytest.mark.parametrize("posture", [GRACE, OPEN, EXHAUSTED])
def test_a_pin_that_the_edge_has_yet_to_load_ends_the_emergency(posture: Guard) -> None:
    """The posture is left by the pin set; the restart follows, and no second grace is counted."""
    assert entered(posture, LEARNED) == [Posture.ENFORCING]
    assert on(Guard(lockout_ticks=1), LEARNED) == Guard()


def test_while_the_edge_does_not_pin_no_grace_is_served() -> None:
    """It begins when the Edge has loaded a document that locks it out, as after an override."""
    assert on(Guard(lockout_ticks=1), LOADED_OFF) == Guard()
    assert on(GRACE, LOADED_OFF).grace_served == 100.0
    assert on(OPEN, LOADED_OFF).posture is Posture.OPEN


@pytest.mark.parametrize("guard", [Guard(), GRACE, OPEN, EXHAUSTED])
def test_an_override_comes_before_everything(guard: Guard) -> None:
    """And when it is over, the lockout has to be confirmed anew."""
    locked = replace(guard, override=OVERRIDE, lockout_ticks=2, grace_served=300.0)
    assert entered(locked, LOCKED) == [Posture.OVERRIDE]
    overridden = on(replace(guard, override=OVERRIDE), PINNED)
    assert overridden.posture is Posture.OVERRIDE
    assert entered(replace(guard, override=OVERRIDE), PINNED) == [Posture.OVERRIDE]
    assert on(overridden, LOCKED).posture is Posture.OVERRIDE
    assert on(replace(overridden, override=None), PINNED).posture is Posture.ENFORCING
    ended = replace(overridden, override=replace(OVERRIDE, ends=NOW), lockout_ticks=2)
    assert on(ended, LOCKED) == replace(
        ended, posture=Posture.ENFORCING, lockout_ticks=0, since=LATER, reminded=None
    )


def test_every_posture_but_enforcing_repeats_a_warning() -> None:
    """A quarter of an hour after it was entered, or was told last; with what time is left."""
    quarter = Monotonic(NOW - 900)
    guard, (event,) = guard_on(
        replace(OPEN, reminded=quarter), LOCKED, LOCKED, IN_HAND, LENDABLE, tick()
    )
    assert guard.reminded == NOW
    assert (event.name, event.severity, event.posture) == (None, Severity.WARNING, Posture.OPEN)
    assert "Posture is still open for at most 1min: " in event.message
    assert guard_on(guard, LOCKED, LOCKED, IN_HAND, LENDABLE, tick()) == (guard, ())
    fresh = replace(OPEN, reminded=Monotonic(NOW - 899))
    assert guard_on(fresh, LOCKED, LOCKED, IN_HAND, LENDABLE, tick()) == (fresh, ())
    _, (event,) = guard_on(
        replace(EXHAUSTED, reminded=quarter), LOCKED, LOCKED, IN_HAND, LENDABLE, tick()
    )
    assert "Posture is still exhausted: the Edge is locked out" in event.message
    assert guard_on(Guard(reminded=quarter), PINNED, PINNED, IN_HAND, LENDABLE, tick())[1] == ()
    assert (
        guard_on(replace(EXHAUSTED, reminded=None), LOCKED, LOCKED, IN_HAND, LENDABLE, tick())[1]
        == ()
    )


def test_when_a_posture_ends_at_the_latest() -> None:
    """What is left of the grace, the end of the opening, the end of the override."""
    assert deadline(GRACE, 300.0, NOW) == NOW + 200.0
    assert deadline(GRACE, 100.0, NOW) is None, "it goes on until there are restarts"
    assert deadline(GRACE, 100.1, NOW) == pytest.approx(NOW + 0.1)
    assert deadline(OPEN, 300.0, NOW) == NOW + 60.0
    assert deadline(Guard(Posture.OVERRIDE, override=OVERRIDE), 300.0, NOW) == NOW + 3600.0
    assert deadline(Guard(Posture.OVERRIDE), 300.0, NOW) is None
    assert deadline(Guard(), 300.0, NOW) is None
    assert deadline(EXHAUSTED, 300.0, NOW) is None
