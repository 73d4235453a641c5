"""When the next rotation is due: announced, by the cadence that was seen, or by the leaf's end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgepind.core.forecast import (
    ENOUGH,
    KEPT,
    Forecast,
    Sureness,
    forecast,
    note_rotation,
)
from edgepind.core.leaf_dates import note_dates
from edgepind.lab.sim_observations import EPOCH, leaf, link, spki
from edgepind.model.enums import Channel, PinKind, Role
from edgepind.model.instants import Validity
from edgepind.model.pin import Pin
from edgepind.model.state import Rotation, State, StatusMemory
from tests.core.situations import pin, state_of, tick

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LIFE = Validity(EPOCH - 98 * DAY, EPOCH + 100 * DAY)
CURRENT = replace(pin("a", Role.CURRENT), validity=LIFE)
SPAN_OF_DATES = Forecast(EPOCH + 34 * DAY, EPOCH + 100 * DAY, Sureness.DATES)


def rotated(*left: float) -> tuple[Rotation, ...]:
    """Rotations at which so many days of a hundred were left."""
    life = Validity(EPOCH - 100 * DAY, EPOCH)
    return tuple(Rotation(EPOCH - days * DAY, life) for days in left)


def saying(when: datetime, channel: Channel = Channel.PINNED, *, ok: bool = True) -> StatusMemory:
    """The status endpoint names this time for the next rotation."""
    return StatusMemory(ok=ok, channel=channel, rotates_at=when)


def test_nothing_is_forecast_where_nothing_is_known() -> None:
    """No current pin, or one whose leaf was never seen."""
    assert forecast(State()) is None
    assert forecast(state_of([pin("a", Role.CURRENT), pin("b")])) is None


def test_the_end_of_the_leaf_is_the_least_that_is_known() -> None:
    """In the last third of its validity; one rotation makes no cadence."""
    assert forecast(state_of([CURRENT])) == SPAN_OF_DATES
    assert forecast(replace(state_of([CURRENT]), rotations=rotated(30.0))) == SPAN_OF_DATES


def test_a_cadence_says_when_it_is_due_again() -> None:
    """Between the least and the most that was left, with a margin, as parts of the validity."""
    state = replace(state_of([CURRENT]), rotations=rotated(30.0, 25.0, 35.0))
    due = forecast(state)
    assert due is not None
    assert due.sureness is Sureness.CADENCE
    lifetime = LIFE.not_after - LIFE.not_before
    assert LIFE.not_after - due.begins == pytest.approx(0.40 * lifetime, abs=SECOND)
    assert LIFE.not_after - due.ends == pytest.approx(0.20 * lifetime, abs=SECOND)


def test_no_forecast_reaches_beyond_the_leaf() -> None:
    """Whatever was seen: rotations after the end, on the first day, and leaves without a length."""
    odd = Rotation(EPOCH, Validity(EPOCH, EPOCH))
    state = replace(state_of([CURRENT]), rotations=(*rotated(-5.0, 100.0), odd))
    assert forecast(state) == Forecast(LIFE.not_before, LIFE.not_after, Sureness.CADENCE)


def test_an_announced_time_is_the_surest() -> None:
    """Of a channel with standing, and of a rotation that has not been seen yet."""
    when = EPOCH + 5 * DAY
    announced = replace(state_of([CURRENT]), status=saying(when), rotations=rotated(30.0, 30.0))
    assert forecast(announced) == Forecast(when, when, Sureness.ANNOUNCED)
    undated = replace(announced, pins=(pin("a", Role.CURRENT),))
    assert forecast(undated) == Forecast(when, when, Sureness.ANNOUNCED)


@pytest.mark.parametrize(
    "status",
    [
        saying(EPOCH + DAY, Channel.UNPINNED),
        saying(EPOCH + DAY, Channel.WITHOUT_STANDING),
        saying(EPOCH + DAY, ok=False),
        saying(EPOCH - DAY),
        saying(CURRENT.since),
    ],
)
def test_what_is_not_believed_or_over_is_no_announcement(status: StatusMemory) -> None:
    """Then the dates decide."""
    assert forecast(replace(state_of([CURRENT]), status=status)) == SPAN_OF_DATES


walls = st.integers(-400, 400).map(lambda days: EPOCH + days * DAY)
lives = st.builds(
    lambda begin, days: Validity(begin, begin + days * DAY), walls, st.integers(1, 400)
)


@given(lives, st.lists(st.builds(Rotation, walls, lives), max_size=KEPT))
def test_a_span_lies_within_the_validity_and_has_an_order(
    life: Validity, rotations: list[Rotation]
) -> None:
    """For every history."""
    state = replace(state_of([replace(CURRENT, validity=life)]), rotations=tuple(rotations))
    due = forecast(state)
    assert due is not None
    assert life.not_before <= due.begins <= due.ends <= life.not_after
    assert due.sureness is (Sureness.CADENCE if len(rotations) >= ENOUGH else Sureness.DATES)


# --- what is remembered of rotations ------------------------------------------------------------


NEXT = replace(pin("b"), validity=Validity(EPOCH, EPOCH + 198 * DAY))


def test_a_rotation_is_remembered_and_the_last_few_are_kept() -> None:
    """With the dates of the leaf that gave way."""
    state = state_of([CURRENT, NEXT])
    for n in range(KEPT + 2):
        state = note_rotation(CURRENT, NEXT, state, tick(wall=EPOCH + n * DAY))
    assert [it.at for it in state.rotations] == [EPOCH + n * DAY for n in range(2, KEPT + 2)]
    assert {it.validity for it in state.rotations} == {LIFE}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CURRENT, replace(NEXT, role=Role.RETIRING)),
        (CURRENT, replace(NEXT, validity=LIFE)),
        (pin("a", Role.CURRENT), NEXT),
    ],
    ids=["on the way back", "the same leaf by another hash", "a leaf of unknown dates"],
)
def test_what_is_no_rotation_is_not_remembered(before: Pin, after: Pin) -> None:
    """Or cannot be dated."""
    assert note_rotation(before, after, State(), tick()) == State()


def test_a_wrong_clock_dates_no_rotation() -> None:
    """What was left of the validity would be made up."""
    assert note_rotation(CURRENT, NEXT, State(), tick(trusted=False)) == State()


# --- the dates of leaves ------------------------------------------------------------------------


def test_the_dates_of_what_is_served_are_noted() -> None:
    """Of pending pins as well; what is not served keeps what is known of it."""
    served = {"1": leaf("a", validity=LIFE), "2": leaf("b", validity=LIFE)}
    pins = [pin("a", Role.CURRENT), pin("b", Role.PENDING), replace(pin("c"), validity=LIFE)]
    state = note_dates(state_of(pins), link(served))
    assert [it.validity for it in state.pins] == [LIFE, LIFE, LIFE]
    assert note_dates(state, link(served)) is state
    assert note_dates(state, link({})) is state


def test_of_several_leaves_of_one_key_the_one_that_lasts_longest_is_noted() -> None:
    """Else they would take turns in the stored state."""
    longer = Validity(LIFE.not_before, LIFE.not_after + DAY)
    key = Pin(spki("a"), PinKind.SPKI, Role.CURRENT, CURRENT.origin, EPOCH)
    state = state_of([key])
    for validity in (LIFE, longer, LIFE):
        state = note_dates(state, link({"1": leaf("a", validity=validity)}))
    assert state.pins[0].validity == longer


def test_what_only_a_wider_look_sees_dates_nothing() -> None:
    """No Edge is served it."""
    state = state_of([pin("a", Role.CURRENT)])
    assert note_dates(state, link({"1": leaf("a")}, wider_only=True)) is state
