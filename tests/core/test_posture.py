"""The posture machine, condition by condition."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.diagnosis import Diagnosis
from edgepind.core.posture import deadline, guard_on, is_opening_lockout
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.enums import EventName, Finding, Posture, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import Observations
from edgepind.model.rules import FailOpenRules, RestartRules
from edgepind.model.state import Guard, OverrideState
from tests.core.situations import NOW, RULES, rules, tick

LOCKED = Diagnosis(Finding.UNANNOUNCED_ROTATION, accepted=False, verdicts=(), lockout=True)
PINNED = Diagnosis(Finding.PINNED, accepted=True, verdicts=())
ROTATING = Diagnosis(Finding.UNANNOUNCED_ROTATION, accepted=True, verdicts=())
INTERCEPTED = Diagnosis(Finding.INTERCEPTION, accepted=False, verdicts=(), lockout=True)
SILENT = Diagnosis(Finding.UNREACHABLE, accepted=False, verdicts=())
LOADED_OFF = replace(LOCKED, lockout=False)
"""The cloud serves nothing that is accepted, and the Edge has `enabled: false` loaded."""
LEARNED = replace(LOCKED, accepted=True)
"""The new leaf is accepted, and the Edge has yet to load it."""
IN_HAND = 4
LATER = EPOCH + timedelta(hours=1)

GRACE = Guard(Posture.GRACE, EPOCH, lockout_ticks=2, grace_served=100.0, reminded=NOW)
OPEN = Guard(
    Posture.OPEN,
    EPOCH,
    lockout_ticks=2,
    openings=(NOW,),
    open_ends=Monotonic(NOW + 60),
    reminded=NOW,
)
EXHAUSTED = Guard(Posture.EXHAUSTED, EPOCH, lockout_ticks=2, reminded=NOW)
OVERRIDE = OverrideState(LATER, Monotonic(NOW + 3600), "calls are down", "ann")


def on(
    guard: Guard,
    diagnosis: Diagnosis | None,
    before: Diagnosis | None = LOCKED,
    fail_open: FailOpenRules | None = None,
    elapsed: float = 10.0,
    in_hand: int = IN_HAND,
) -> Guard:
    """The guard after a tick that concluded this, after one that had concluded that."""
    its = rules(fail_open=fail_open) if fail_open else RULES
    seen = tick(Observations(its), wall=LATER, elapsed=elapsed)
    return guard_on(guard, diagnosis, before, in_hand, seen)[0]


def entered(guard: Guard, diagnosis: Diagnosis) -> list[Posture | None]:
    """Each posture that such a tick tells of having been entered."""
    seen = tick(Observations(RULES), wall=LATER)
    return [it.posture for it in guard_on(guard, diagnosis, LOCKED, IN_HAND, seen)[1]]


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
    guard, (event,) = guard_on(Guard(lockout_ticks=1), LOCKED, LOCKED, IN_HAND, tick())
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
    almost = replace(GRACE, grace_served=289.9, openings=(Monotonic(NOW - 100),))
    assert on(almost, LOCKED).posture is Posture.GRACE
    opened = on(replace(almost, grace_served=290.0), LOCKED)
    assert opened == Guard(
        Posture.OPEN,
        LATER,
        lockout_ticks=2,
        grace_served=0.0,
        openings=(Monotonic(NOW - 100), NOW),
        open_ends=Monotonic(NOW + 14_400),
        reminded=NOW,
    )
    assert on(replace(almost, grace_served=300.0), SILENT).posture is Posture.GRACE


@pytest.mark.parametrize(
    ("fail_open", "openings", "posture"),
    [
        (FailOpenRules(), 2, Posture.OPEN),
        (FailOpenRules(), 3, Posture.EXHAUSTED),
        (FailOpenRules(enabled=False), 0, Posture.EXHAUSTED),
        (FailOpenRules(budget=0), 0, Posture.EXHAUSTED),
    ],
)
def test_an_opening_must_be_allowed_and_left_in_the_budget(
    fail_open: FailOpenRules, openings: int, posture: Posture
) -> None:
    """Else an operator is needed."""
    made = tuple(Monotonic(NOW - 100 * n - 1) for n in range(openings))
    guard = on(replace(GRACE, grace_served=300.0, openings=made), LOCKED, fail_open=fail_open)
    assert guard.posture is posture
    running = on(replace(GRACE, openings=made), LOCKED, fail_open=fail_open)
    assert running.posture is Posture.GRACE
    assert (guard.open_ends is None) is (posture is Posture.EXHAUSTED)


def test_openings_older_than_the_window_are_forgotten() -> None:
    """At its very end as well."""
    window = RULES.fail_open.budget_window
    made = (Monotonic(NOW - window), Monotonic(NOW - window + 1))
    for seen in (PINNED, None):
        assert on(Guard(openings=made), seen).openings == made[1:]


@pytest.mark.parametrize("guard", [GRACE, OPEN, EXHAUSTED])
def test_a_link_that_is_accepted_again_ends_them_all(guard: Guard) -> None:
    """Whatever the finding, as long as one accepted leaf is served; silence ends nothing."""
    for seen in (PINNED, ROTATING):
        after = on(guard, seen)
        assert after == Guard(since=LATER, openings=guard.openings)
        assert entered(guard, seen) == [Posture.ENFORCING]
    assert on(guard, SILENT).posture is guard.posture
    assert on(guard, None).posture is guard.posture


def test_what_ends_open() -> None:
    """Interception, its limit, and fail-open being disabled; each needs an operator then."""
    assert on(OPEN, LOCKED).posture is Posture.OPEN
    exhausted = replace(EXHAUSTED, since=LATER, openings=OPEN.openings)
    assert entered(OPEN, INTERCEPTED) == [Posture.EXHAUSTED]
    assert entered(replace(OPEN, open_ends=NOW), LOCKED) == [Posture.EXHAUSTED]
    assert on(OPEN, INTERCEPTED) == replace(exhausted, lockout_ticks=0)
    assert on(replace(OPEN, open_ends=NOW), LOCKED) == exhausted
    assert on(OPEN, LOCKED, fail_open=FailOpenRules(enabled=False)) == exhausted
    assert on(GRACE, INTERCEPTED).posture is Posture.GRACE
    partly = replace(INTERCEPTED, accepted=True)
    assert entered(OPEN, partly) == [Posture.ENFORCING]


def test_of_several_reasons_to_close_the_gravest_is_told() -> None:
    """Interception before the limit, and that before fail-open being disabled."""
    over = replace(OPEN, open_ends=NOW)
    off = tick(Observations(rules(fail_open=FailOpenRules(enabled=False))))
    for diagnosis, why in ((INTERCEPTED, "the link is intercepted"), (LOCKED, "fail_open.limit")):
        _, (event,) = guard_on(over, diagnosis, LOCKED, IN_HAND, off)
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
    its = rules(restart=RestartRules(budget=budget))
    guard, (event,) = guard_on(over, LOCKED, LOCKED, budget, tick(Observations(its)))
    assert guard.posture is posture
    assert ("edge.restart_budget, being less than two" in event.message) is (budget < 2)
    off = replace(its, fail_open=FailOpenRules(enabled=False))
    guard, (event,) = guard_on(over, LOCKED, LOCKED, budget, tick(Observations(off)))
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
    guard, (event,) = guard_on(replace(OPEN, reminded=quarter), LOCKED, LOCKED, IN_HAND, tick())
    assert guard.reminded == NOW
    assert (event.name, event.severity, event.posture) == (None, Severity.WARNING, Posture.OPEN)
    assert "Posture is still open for at most 1min: " in event.message
    assert guard_on(guard, LOCKED, LOCKED, IN_HAND, tick()) == (guard, ())
    fresh = replace(OPEN, reminded=Monotonic(NOW - 899))
    assert guard_on(fresh, LOCKED, LOCKED, IN_HAND, tick()) == (fresh, ())
    _, (event,) = guard_on(replace(EXHAUSTED, reminded=quarter), LOCKED, LOCKED, IN_HAND, tick())
    assert "Posture is still exhausted: the Edge is locked out" in event.message
    assert guard_on(Guard(reminded=quarter), PINNED, PINNED, IN_HAND, tick())[1] == ()
    assert guard_on(replace(EXHAUSTED, reminded=None), LOCKED, LOCKED, IN_HAND, tick())[1] == ()


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
