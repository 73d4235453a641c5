"""What an announcement does: it vouches, and prepares one backup pin."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.announcements import note_announcement
from edgepind.core.pin_lifecycle import REFUSALS_KEPT
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf, link, spki
from edgepind.model.enums import Channel, EventName, Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    Observations,
    Status,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
    StatusUnreachable,
)
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import State, StatusMemory
from tests.core.situations import NOW, RULES, A, B, C, pin, rules, state_of, tick

ANSWER = StatusAnswer(Channel.PINNED, A, B, EPOCH + timedelta(days=1))
CURRENT = pin("a", Role.CURRENT)


def remembered(current: Fingerprint | None, following: Fingerprint | None = None) -> StatusMemory:
    """The memory of an endpoint that announced these."""
    return StatusMemory(announced_current=current, announced_next=following)


def announced(
    state: State, memory: StatusMemory, seen: Tick | None = None, status: Status = ANSWER
) -> tuple[tuple[Pin, ...], State, list[tuple[EventName | None, Fingerprint | None]]]:
    """The pins, the state and what was told after an announcement."""
    after, events = note_announcement(replace(state, status=memory), status, seen or tick())
    return after.pins, after, [(it.name, it.fingerprint) for it in events]


def test_an_announced_pin_is_prepared_as_backup() -> None:
    """Of this tick, by announcement, and told."""
    seen = tick(wall=EPOCH + timedelta(hours=1))
    pins, _, told = announced(state_of([CURRENT]), remembered(A, B), seen)
    new = Pin(B, PinKind.CERTIFICATE, Role.BACKUP, Origin.ANNOUNCED, EPOCH + timedelta(hours=1))
    assert pins == (CURRENT, new)
    assert told == [(EventName.PIN_PREPARED, B)]


@pytest.mark.parametrize(
    "status",
    [
        replace(ANSWER, channel=Channel.WITHOUT_STANDING),
        replace(ANSWER, channel=Channel.UNPINNED),
        replace(ANSWER, channel=Channel.NONE),
        StatusUnchanged(Channel.WITHOUT_STANDING),
        StatusUnchanged(Channel.UNPINNED),
        StatusRejected(Channel.PINNED, "null"),
        StatusUnreachable("timed out", Channel.PINNED),
    ],
)
def test_a_hint_changes_nothing(status: Status) -> None:
    """Only an answer over a channel with standing announces; one that did not change is one."""
    state = state_of([CURRENT])
    assert announced(state, remembered(A, B), status=status)[0] == (CURRENT,)
    unchanged = announced(state, remembered(A, B), status=StatusUnchanged(Channel.PINNED))
    assert unchanged[0][1].fingerprint == B


def test_what_it_calls_current_is_prepared_before_what_it_calls_next() -> None:
    """One at a time: the next has to wait for it."""
    pins, _, _ = announced(state_of([CURRENT]), remembered(B, C))
    assert [it.fingerprint for it in pins] == [A, B]
    pins, _, told = announced(state_of(pins), remembered(B, C))
    assert [it.fingerprint for it in pins] == [A, B]
    assert told == []


def test_an_announced_backup_that_was_never_live_makes_room_for_the_next() -> None:
    """It is forgotten, not retired; one that was or is live stays, and so does the operator's."""
    former = pin("b", origin=Origin.ANNOUNCED)
    pins, after, told = announced(state_of([CURRENT, former]), remembered(A, C))
    assert [it.fingerprint for it in pins] == [A, C]
    assert after.retired == ()
    assert told == [(EventName.PIN_RETIRED, B), (EventName.PIN_PREPARED, C)]
    was_live = state_of([CURRENT, replace(former, ever_live=True)])
    assert announced(was_live, remembered(A, C))[0] == was_live.pins
    live = tick(Observations(RULES, link=link({"1": leaf("b")})))
    is_live = state_of([CURRENT, former])
    assert announced(is_live, remembered(A, C), live)[0] == is_live.pins
    other = tick(Observations(RULES, link=link({"1": leaf("a")})))
    assert [it.fingerprint for it in announced(is_live, remembered(A, C), other)[0]] == [A, C]
    by_hand = state_of([CURRENT, pin("b")])
    assert [it.fingerprint for it in announced(by_hand, remembered(A, C))[0]] == [A, B, C]


def test_a_pin_that_waits_is_accepted_when_it_is_announced() -> None:
    """It keeps its evidence, and its hold-down is of no more interest."""
    waiting = replace(
        pin("b", Role.PENDING, Origin.OBSERVED),
        seen_at=(("1", 2),),
        last_seen=NOW,
        sightings=2,
        ever_live=True,
    )
    later = EPOCH + timedelta(hours=1)
    pins, _, told = announced(state_of([CURRENT, waiting]), remembered(A, B), tick(wall=later))
    expected = replace(
        waiting,
        role=Role.BACKUP,
        origin=Origin.ANNOUNCED,
        since=later,
        seen_at=(),
        last_seen=None,
    )
    assert pins == (CURRENT, expected)
    assert told == [(EventName.PIN_PREPARED, B)]


@pytest.mark.parametrize("origin", [Origin.OBSERVED, Origin.DOCUMENT, Origin.BOOTSTRAP])
@pytest.mark.parametrize(
    "named", [(A, B), (B, None)], ids=["as the next one", "as the current one"]
)
def test_a_backup_that_would_lapse_is_announced_from_now_on(
    origin: Origin, named: tuple[Fingerprint, Fingerprint | None]
) -> None:
    """It was accepted for want of a better reason, and takes the place of what never came."""
    backup = replace(pin("b", origin=origin), unseen=50.0)
    never = pin("c", origin=Origin.ANNOUNCED)
    pins, _, told = announced(state_of([CURRENT, backup, never]), remembered(*named))
    [_, taken] = pins
    assert (taken.role, taken.origin) == (Role.BACKUP, Origin.ANNOUNCED)
    assert told == [(EventName.PIN_RETIRED, C), (EventName.PIN_PREPARED, B)]


def test_what_is_named_is_vouched_for_where_it_can_earn_standing() -> None:
    """An accepted pin of the kind of the settings, in whichever role; it has not been away."""
    retiring = replace(pin("b", Role.RETIRING, Origin.OBSERVED), unseen=50.0)
    pins, _, told = announced(state_of([CURRENT, retiring]), remembered(A, B))
    assert pins == (CURRENT, replace(retiring, vouched=True))
    assert told == []
    held_up = [
        pin("c", origin=Origin.ANNOUNCED),
        replace(pin("b", origin=Origin.DOCUMENT), unseen=9),
    ]
    pins, _, _ = announced(state_of([CURRENT, *held_up]), remembered(C, B))
    assert pins[2] == replace(held_up[1], vouched=True, unseen=0.0)
    for it in (
        pin("b", origin=Origin.EXCEPTION),
        replace(pin("b", origin=Origin.DOCUMENT), kind=PinKind.SPKI),
        replace(pin("b", origin=Origin.OPERATOR), unseen=9.0),
    ):
        pins, _, told = announced(state_of([CURRENT, it]), remembered(A, B))
        assert pins == (CURRENT, it)
        assert told == []


def test_no_announcement_brings_a_retired_pin_back() -> None:
    """It is refused, told once, and does not stand in the way of the other that is named."""
    state = replace(state_of([CURRENT]), retired=(B,))
    pins, after, told = announced(state, remembered(B, C))
    assert [it.fingerprint for it in pins] == [A, C]
    assert told == [(EventName.PIN_REFUSED, B), (EventName.PIN_PREPARED, C)]
    assert after.refusals_told == (B,)
    assert announced(replace(after, pins=(CURRENT,)), remembered(B))[2] == []
    assert announced(replace(after, pins=(CURRENT,)), remembered(A, B))[0] == (CURRENT,)


def test_a_pin_that_came_back_otherwise_is_not_refused() -> None:
    """An operator took it from the retired, or it is accepted all the same."""
    state = replace(state_of([CURRENT, pin("b")]), retired=(B,))
    assert announced(state, remembered(A, B))[2] == []
    waiting = replace(state_of([CURRENT, pin("b", Role.PENDING)]), retired=(B,))
    assert announced(waiting, remembered(A, B))[2] == [(EventName.PIN_REFUSED, B)]


def test_only_so_many_refusals_are_remembered() -> None:
    """The oldest is forgotten first."""
    others = tuple(fingerprint(f"other {n}") for n in range(REFUSALS_KEPT))
    state = replace(state_of([CURRENT]), retired=(B,), refusals_told=others)
    _, after, _ = announced(state, remembered(A, B))
    assert after.refusals_told == (*others[1:], B)


def test_an_endpoint_that_names_the_other_kind_announces_nothing() -> None:
    """It is learned from what is live, and unlearned the same way."""
    keys = rules(PinRules(kind=PinKind.SPKI))
    state = state_of([replace(CURRENT, fingerprint=spki("a"), kind=PinKind.SPKI)])
    seen = tick(Observations(keys, link=link({"1": leaf("a")})))
    pins, after, _ = announced(state, remembered(A, B), seen)
    assert pins == state.pins
    assert after.status.other_kind
    blind = tick(Observations(keys))
    assert announced(after, after.status, blind)[0] == state.pins
    strange = tick(Observations(keys, link=link({"1": leaf("x")})))
    assert announced(after, after.status, strange)[0] == state.pins
    right = replace(after.status, announced_current=spki("a"), announced_next=spki("b"))
    pins, after, _ = announced(after, right, seen)
    assert not after.status.other_kind
    assert [it.fingerprint for it in pins] == [spki("a"), spki("b")]
