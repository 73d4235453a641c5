"""What an answer of the status endpoint leaves behind: memory, pace, and one backup pin."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.announcements import note_announcement
from edgepind.core.hold_down import REFUSALS_KEPT
from edgepind.core.scheduling import ask_again, ask_status, backoff, next_delay, note_status
from edgepind.core.standing import NOT_BELIEVED
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf, link, spki
from edgepind.model.enums import Channel, EventName, Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic
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
TROUBLED = StatusMemory(
    channel=Channel.UNPINNED,
    error="503",
    rejected=True,
    announced_current=A,
    announced_next=C,
    failures=2,
    not_before=Monotonic(NOW - 1),
    told_to_wait=Monotonic(NOW - 1),
    other_kind=True,
)
CURRENT = pin("a", Role.CURRENT)


def noted(status: Status, memory: StatusMemory = TROUBLED, entropy: float = 0.5) -> StatusMemory:
    """What is remembered of `status` by who remembered `memory`."""
    seen = tick(Observations(RULES, entropy=entropy))
    return note_status(replace(State(), status=memory), status, seen)


# --- memory and pace ----------------------------------------------------------------------------


def test_an_answer_replaces_all_that_was_remembered() -> None:
    """But for which kind the endpoint names, which is learned from what is live."""
    assert noted(ANSWER) == StatusMemory(
        ok=True,
        channel=Channel.PINNED,
        announced_current=A,
        announced_next=B,
        rotates_at=EPOCH + timedelta(days=1),
        not_before=Monotonic(NOW + 48.0),
        other_kind=True,
    )


def test_an_answer_that_did_not_change_stands() -> None:
    """What was announced is still announced, where it is the last that was heard."""
    heard = replace(TROUBLED, ok=True, channel=Channel.PINNED, error=None, rejected=False)
    assert noted(StatusUnchanged(Channel.PINNED), heard) == replace(
        heard, failures=0, not_before=Monotonic(NOW + 48.0), told_to_wait=None
    )


@pytest.mark.parametrize(
    "heard", [TROUBLED, replace(TROUBLED, ok=True), replace(TROUBLED, channel=Channel.PINNED)]
)
def test_nothing_vouches_for_what_was_heard_over_another_channel(heard: StatusMemory) -> None:
    """Nor for what was heard before trouble: an unchanged answer is then one to nothing."""
    assert noted(StatusUnchanged(Channel.PINNED), heard) == StatusMemory(
        ok=True, channel=Channel.PINNED, not_before=Monotonic(NOW + 48.0), other_kind=True
    )


def test_what_is_not_believed_is_told_as_such() -> None:
    """A person who waits for a pin to be prepared finds out why it is not."""
    for status in (ANSWER, StatusUnchanged(Channel.PINNED)):
        doubted = replace(status, channel=Channel.WITHOUT_STANDING)
        assert (noted(doubted).ok, noted(doubted).error) == (True, NOT_BELIEVED)


def test_trouble_is_remembered_and_asked_about_ever_more_rarely() -> None:
    """The third in a row waits four times as long as an answer would, within the jitter."""
    good = replace(TROUBLED, ok=True)
    rejected = noted(StatusRejected(Channel.PINNED, "null"), good)
    assert rejected == replace(
        TROUBLED,
        ok=False,
        channel=Channel.PINNED,
        error="null",
        failures=3,
        not_before=Monotonic(NOW + 192.0),
        told_to_wait=None,
    )
    for stranger in (Channel.UNPINNED, Channel.WITHOUT_STANDING):
        failing = noted(StatusRejected(stranger, "null"), good)
        assert (failing.failures, failing.not_before) == (2, NOW + 48.0)
    silent = noted(StatusUnreachable("timed out"), good)
    assert (silent.ok, silent.rejected, silent.channel) == (False, False, Channel.NONE)
    assert (silent.error, silent.failures) == ("timed out", 3)


@pytest.mark.parametrize(("entropy", "share"), [(0.0, 0.95), (0.5, 1.0), (1.0, 1.05)])
def test_sites_in_trouble_do_not_march_in_step(entropy: float, share: float) -> None:
    """The wait is off by a twentieth either way."""
    after = noted(StatusUnreachable("timed out"), StatusMemory(), entropy).not_before
    assert after == pytest.approx(NOW + 48.0 * share)


def test_the_wait_in_trouble_has_an_end() -> None:
    """Ten intervals at the most."""
    assert noted(StatusUnreachable("x"), replace(TROUBLED, failures=40)).not_before == NOW + 600.0


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [(120.0, 120.0), (0.5, 0.5), (-5.0, 0.0), (3600.0, 3600.0), (86_400.0, 3600.0)],
)
def test_retry_after_is_obeyed_up_to_an_hour(wish: float, seconds: float) -> None:
    """CONTRACT section 11; a wish for the past is one for now."""
    after = noted(StatusUnreachable("429", Channel.PINNED, wish))
    assert after.told_to_wait == NOW + seconds
    assert after.channel is Channel.PINNED


@pytest.mark.parametrize(("wish", "seconds"), [(0.5, 48.0), (55.0, 55.0), (3600.0, 60.0)])
@pytest.mark.parametrize("channel", [Channel.UNPINNED, Channel.WITHOUT_STANDING, Channel.NONE])
def test_anybody_else_is_given_one_interval_at_the_most(
    channel: Channel, wish: float, seconds: float
) -> None:
    """Whoever held the path for seconds, or a token desk that only a public CA vouches for."""
    after = noted(StatusUnreachable("503", channel, wish), replace(TROUBLED, failures=0))
    assert (after.told_to_wait, after.not_before) == (None, NOW + seconds)


def test_a_link_that_is_back_ends_our_own_patience_alone() -> None:
    """What a server with standing told still stands; an answer keeps its pace."""
    assert ask_again(TROUBLED) == replace(TROUBLED, not_before=None, failures=0)
    good = noted(ANSWER)
    assert ask_again(good) is good


def test_a_prompt_overtakes_all_but_the_server() -> None:
    """Nothing is asked where the endpoint is switched off."""

    def asks(memory: StatusMemory, *, prompted: bool = False, enabled: bool = True) -> bool:
        state = replace(State(), status=memory)
        return ask_status(state, NOW, enabled=enabled, prompted=prompted)

    later, now = Monotonic(NOW + 1), NOW
    assert asks(StatusMemory())
    assert not asks(StatusMemory(), enabled=False, prompted=True)
    assert not asks(StatusMemory(not_before=later))
    assert asks(StatusMemory(not_before=now))
    assert asks(StatusMemory(not_before=later), prompted=True)
    assert not asks(StatusMemory(told_to_wait=later), prompted=True)
    assert asks(StatusMemory(told_to_wait=now))


@pytest.mark.parametrize(("entropy", "expected"), [(0.0, 57.0), (0.5, 60.0), (1.0, 63.0)])
def test_a_steady_tick_is_an_interval_away(entropy: float, expected: float) -> None:
    """Within the jitter."""
    seen = tick(Observations(RULES, entropy=entropy))
    assert next_delay(seen, urgent=False, settling=False, deadlines=()) == pytest.approx(expected)


def test_the_shortest_pace_that_applies_is_taken() -> None:
    """A sixth of the interval, a fifth of `settle`, or the next deadline; never next to nothing."""

    def delay(*deadlines: float | None, urgent: bool = False, settling: bool = False) -> float:
        instants = tuple(None if it is None else Monotonic(NOW + it) for it in deadlines)
        return next_delay(tick(), urgent=urgent, settling=settling, deadlines=instants)

    assert delay(urgent=True) == 10.0
    assert delay(settling=True) == 2.0
    assert delay(urgent=True, settling=True) == 2.0
    assert delay(None, 7.0, 9.0, 0.0, -3.0) == 7.0
    assert delay(120.0) == 60.0
    assert delay(0.001) == 0.05


def test_backoff_begins_with_the_first_wait_even_above_its_cap() -> None:
    """A long interval is no reason to hurry."""
    assert backoff(60.0, 3, 10.0) == 60.0


# --- announcements ------------------------------------------------------------------------------


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
    """The operator's word took it from the retired, or it is accepted all the same."""
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
