"""A floor under time: what bounds the wall clock from below, and what moves the bound."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edgepind.core.diagnosis import may_judge
from edgepind.core.time_floor import JITTER, Judged, floor_at, judge_time
from edgepind.lab.sim_observations import EPOCH, leaf, link
from edgepind.model.enums import Origin, Role
from edgepind.model.instants import Moment, Monotonic, Validity
from edgepind.model.observation import ClockReading, ClockSource, Leaf, Observations
from edgepind.model.state import ClockJudgement, State
from tests.core.situations import NOW, RULES, pin, state_of, tick

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
BEGAN = EPOCH - timedelta(seconds=NOW)
"""When this boot began, if it is the epoch now."""
LIFE = Validity(EPOCH - 30 * DAY, EPOCH + 30 * DAY)
A = leaf("a", validity=LIFE)
PINNED = replace(state_of([pin("a", Role.CURRENT)]), began=BEGAN)
CHRONY, KERNEL, DATE = ClockSource.CHRONY, ClockSource.KERNEL, ClockSource.DATE_HEADER


def judged(
    state: State,
    off: timedelta = timedelta(0),
    *readings: ClockReading,
    serves: Leaf | None = A,
    later: float = 0.0,
) -> Judged:
    """The judgement on a clock that is off by so much, `later` seconds after the epoch."""
    seen = Observations(RULES, clock=readings, link=link({"1": serves} if serves else {}))
    moment = Moment(Monotonic(NOW + later), EPOCH + timedelta(seconds=later) + off)
    return judge_time(state, seen, moment)


def test_the_first_time_is_believed() -> None:
    """There is no other, and a clock of which nothing is known counts as trusted."""
    assert judged(State()) == Judged(ClockJudgement(), BEGAN, None)


def test_a_step_backwards_is_not_believed_and_moves_nothing() -> None:
    """By as much as is borne it is; beyond, it is behind by at least so much, at every look."""
    bound = timedelta(seconds=RULES.max_clock_error)
    assert judged(PINNED, -bound).clock.trusted
    for later in (0.0, 3600.0, 86_400.0):
        back = judged(PINNED, -bound - SECOND, later=later)
        wrong = ClockJudgement(trusted=False, error=-61.0, source=ClockSource.NONE)
        assert back == Judged(wrong, BEGAN, EPOCH + timedelta(seconds=later))
    assert judged(PINNED).clock.trusted


@pytest.mark.parametrize("source", [CHRONY, KERNEL, DATE])
def test_a_witness_confirms_it(source: ClockSource) -> None:
    """From then on that is the time, and the next step is measured by it."""
    after = judged(PINNED, -HOUR, ClockReading(source, 1.0))
    assert after.clock.trusted
    assert after.began == BEGAN - HOUR - SECOND
    assert after.floor == EPOCH - HOUR - SECOND
    assert judged(replace(PINNED, began=after.began), -HOUR).clock.trusted


@pytest.mark.parametrize(
    "reading",
    [
        ClockReading(DATE, 0.0, steady=False),
        ClockReading(KERNEL, 0.0, uncertainty=61.0),
        ClockReading(CHRONY, 0.0, uncertainty=3600.0),
    ],
)
def test_who_is_no_witness_confirms_nothing(reading: ClockReading) -> None:
    """A `Date` that was heard once, and who is less certain than the error that is borne."""
    after = judged(PINNED, -HOUR, reading)
    assert not after.clock.trusted
    assert after.began == BEGAN


def test_a_witness_against_the_clock_sets_the_floor_to_what_it_says() -> None:
    """So that the time is known when it falls silent."""
    after = judged(replace(PINNED, began=None), -HOUR, ClockReading(DATE, -3600.0))
    assert not after.clock.trusted
    assert after.began == BEGAN
    alone = judged(replace(PINNED, began=after.began), -HOUR, later=7200.0)
    assert alone.clock == ClockJudgement(trusted=False, error=-3600.0)


def test_the_best_witness_sets_it_and_one_beyond_all_time_does_not() -> None:
    """In the order in which they are believed."""
    both = (ClockReading(DATE, 30.0), ClockReading(CHRONY, 10.0))
    assert judged(PINNED, timedelta(0), *both).began == BEGAN - timedelta(seconds=10)
    mad = judged(PINNED, timedelta(0), ClockReading(CHRONY, 1e18))
    assert (mad.clock.trusted, mad.began) == (False, BEGAN)


def test_it_does_not_move_for_what_a_date_may_be_off() -> None:
    """Else the state would be written at each tick."""
    near = JITTER.total_seconds()
    assert judged(PINNED, timedelta(0), ClockReading(DATE, near)).began == BEGAN
    assert judged(PINNED, timedelta(0), ClockReading(DATE, near + 1)).began != BEGAN
    assert judged(PINNED, JITTER).began == BEGAN


@pytest.mark.parametrize(
    ("serves", "raised"),
    [
        (A, True),
        (leaf("b", validity=LIFE), False),
        (leaf("a", validity=Validity(LIFE.not_before, EPOCH)), False),
        (None, False),
    ],
    ids=["pinned and in time", "not pinned", "out of time", "nothing"],
)
def test_a_clock_without_a_witness_raises_it_only_by_what_is_pinned(
    serves: Leaf | None,
    raised: bool,  # noqa: FBT001 - a case
) -> None:
    """A clock that is set ahead of everything raises nothing, and may be set right again."""
    after = judged(PINNED, 10 * DAY, serves=serves)
    assert after.clock.trusted
    assert after.began == (BEGAN + 10 * DAY if raised else BEGAN)
    assert judged(replace(PINNED, began=after.began)).clock.trusted is not raised


def test_no_pinned_leaf_is_served_before_it_was_made() -> None:
    """Where it has standing and no witness says otherwise."""
    made = Validity(EPOCH + DAY, EPOCH + 9 * DAY)
    fresh = replace(pin("a", Role.CURRENT), validity=made)
    assert judged(state_of([fresh])).clock == ClockJudgement(trusted=False, error=-86_400.0)
    assert judged(state_of([fresh]), timedelta(0), ClockReading(CHRONY, 0.0)).clock.trusted
    for other in (replace(fresh, role=Role.PENDING), replace(fresh, origin=Origin.EXCEPTION)):
        assert judged(state_of([other])).clock.trusted


def test_between_looks_the_judgement_stays_and_the_floor_goes_on() -> None:
    """Where the clock was not asked for, as within a tick."""
    wrong = ClockJudgement(trusted=False, error=-1.0)
    state = replace(PINNED, clock=wrong)
    later = Moment(Monotonic(NOW + 60.0), EPOCH)
    after = judge_time(state, Observations(RULES), later)
    assert after == Judged(wrong, BEGAN, EPOCH + timedelta(seconds=60))
    assert floor_at(State(), RULES, later) is None


def test_a_clock_that_another_doubts_moves_nothing() -> None:
    """As one before the day of the release, or one against which a `Date` was heard once."""
    back = judged(PINNED, RULES.earliest - EPOCH - DAY)
    assert (back.clock.trusted, back.began) == (False, BEGAN)
    once = judged(PINNED, timedelta(0), ClockReading(DATE, 3600.0, steady=False))
    assert (once.clock.source, once.began) == (DATE, BEGAN)


def test_what_an_earlier_release_stored_bounds_it_by_the_time_of_its_seal() -> None:
    """It does not say when the boot began: then the time of the file, until that is over."""
    old = replace(PINNED, began=None, floor=EPOCH)
    back = judged(old, -HOUR)
    assert back == Judged(ClockJudgement(trusted=False, error=-3600.0), None, EPOCH)
    assert judged(replace(old, floor=back.floor), timedelta(0)).began == BEGAN


# --- what is judged by such a clock -------------------------------------------------------------


def at(wall: datetime, validity: Validity, floor: datetime | None) -> bool:
    """Whether a new leaf is judged by an unwitnessed clock that is not trusted."""
    new = leaf("b", validity=validity)
    seen = Observations(RULES, link=link({"1": new}))
    return may_judge(new, PINNED.pins, tick(seen, wall=wall, trusted=False), floor)


def test_what_is_in_time_by_both_clocks_is_judged_and_nothing_else() -> None:
    """Whichever is right, the leaf is; one that has expired by the floor is not."""
    assert at(EPOCH, LIFE, EPOCH + HOUR)
    assert not at(EPOCH, Validity(LIFE.not_before, EPOCH + HOUR / 2), EPOCH + HOUR)
    assert not at(EPOCH, Validity(EPOCH + HOUR / 2, LIFE.not_after), EPOCH + HOUR)
    assert not at(EPOCH, LIFE, None)
    assert not at(RULES.earliest - SECOND, LIFE, EPOCH + HOUR)
