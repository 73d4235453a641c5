"""When to look and to ask again: paces, backoff, and how the status endpoint is spared."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.scheduling import (
    UNPINNED_FOR_GOOD,
    ask_again,
    ask_status,
    backoff,
    next_delay,
    note_status,
)
from edgepind.core.standing import NOT_BELIEVED
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.enums import Channel, Finding, Role, Validator
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    HandshakeFault,
    Observations,
    PinAdd,
    Status,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
    StatusUnreachable,
)
from edgepind.model.rules import FailOpenRules, PinRules
from edgepind.model.state import State, StatusMemory
from tests.core.situations import NOW, RULES, A, B, C, tick
from tests.support.sim_site import rules as site_rules
from tests.support.sim_site import site

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


def noted(status: Status, memory: StatusMemory = TROUBLED, entropy: float = 0.5) -> StatusMemory:
    """What is remembered of `status` by who remembered `memory`."""
    seen = tick(Observations(RULES, entropy=entropy))
    return note_status(replace(State(), status=memory), status, seen)


# --- the status endpoint: memory and pace ---------------------------------------------------------


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


@pytest.mark.parametrize("finding", [Finding.PINNED, Finding.ROTATING])
def test_a_channel_that_stays_unpinned_beside_a_pinned_link_is_counted(finding: Finding) -> None:
    """Until it is no chance any more; a pinned answer, or a link that is not pinned, ends it."""
    state, unpinned = State(finding=finding), replace(ANSWER, channel=Channel.UNPINNED)
    seen = tick(Observations(RULES))
    counts = []
    for _ in range(UNPINNED_FOR_GOOD + 1):
        state = replace(state, status=note_status(state, unpinned, seen))
        counts.append(state.status.unpinned_in_a_row)
    assert counts == [*range(1, UNPINNED_FOR_GOOD + 1), UNPINNED_FOR_GOOD]
    assert note_status(state, ANSWER, seen).unpinned_in_a_row == 0
    elsewhere = replace(state, finding=Finding.UNANNOUNCED_ROTATION)
    assert note_status(elsewhere, unpinned, seen).unpinned_in_a_row == 0


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


# --- a site over time ----------------------------------------------------------------------------

_HOUR = 3600.0
_UNREACHABLE = {"1": HandshakeFault.TIMEOUT, "2": HandshakeFault.TIMEOUT}


def _ticks_in(world: ImaginedWorld, seconds: float) -> int:
    before = world.state.ticks
    world.run(seconds)
    return world.state.ticks - before


def _posture(world: ImaginedWorld) -> str:
    return world.state.guard.posture.value


def _until(world: ImaginedWorld, what: str) -> None:
    """Make tick after tick until what `world` waits for is less than a second away."""
    for _ in range(500):
        if world.due - world.monotonic < 1.0:
            return
        world.run(world.due - world.monotonic)
    pytest.fail(f"{what} never came")


def test_an_unreachable_cloud_does_not_hurry_an_almost_served_hold_down() -> None:
    """The last split second of a hold-down is not waited for while nothing can be seen."""
    world = site(site_rules(pins=PinRules(hold_down=900.3)), "a")
    world.run(60.0)
    world.serves = {"1": leaf("a"), "2": leaf("b")}
    _until(world, "the end of the hold-down")
    world.serves = _UNREACHABLE
    assert _ticks_in(world, _HOUR) <= 62


def test_an_unreachable_cloud_does_not_hurry_an_almost_served_grace() -> None:
    """The last split second of the grace is not waited for while nothing can be seen."""
    world = site(site_rules(fail_open=FailOpenRules(grace=300.3)), "a")
    world.run(60.0)
    world.serves = {"1": leaf("b")}
    _until(world, "the end of the grace")
    assert _posture(world) == "grace"
    world.serves = _UNREACHABLE
    assert _ticks_in(world, _HOUR) <= 62


def test_a_contradiction_for_ever_does_not_hurry() -> None:
    """Leaves that contradict each other are looked at no more often than a lockout asks for."""
    world = site(site_rules(), "a")
    world.run(60.0)
    world.serves = {"1": leaf("b"), "2": leaf("c")}
    assert _ticks_in(world, _HOUR) <= 6 * 62


def test_a_failed_restart_is_followed_by_a_look_at_once() -> None:
    """Before going back, the unit is looked at, and that does not wait for an interval."""
    world = site(site_rules(), "a")
    world.run(60.0)
    world.edge.troubles.restart = "its job failed"
    world.say(PinAdd(fingerprint("b")))
    world.run(5.0)
    assert len(world.edge.restarts) == 2


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, 60.0), (1, 60.0), (2, 120.0), (4, 480.0), (9, 3600.0)]
)
def test_backoff_doubles_up_to_its_cap(failures: int, expected: float) -> None:
    """CONTRACT section 11: from `interval` up to `restart_window`."""
    assert backoff(60.0, failures, 3600.0) == expected


def test_backoff_beyond_every_float() -> None:
    """A failure that lasts for years is no arithmetic error."""
    assert backoff(60.0, 10**9, 3600.0) == 3600.0


def test_looks_that_last_longer_than_three_intervals_are_no_gaps() -> None:
    """With a short interval and an address that swallows packets, time is observed all the same."""
    world = site(replace(site_rules(), interval=1.0), "a")
    world.look_takes = 10.0
    world.run(60.0)
    world.serves = {"1": leaf("b"), "2": HandshakeFault.TIMEOUT}
    world.run(420.0)
    assert _posture(world) == "open"
    world.run(700.0)
    assert _posture(world) == "enforcing"
    assert world.edge.connects(leaf("b"), Validator.ALLOWLIST, world.wall)


def test_a_host_that_slept_through_a_look_has_observed_nothing() -> None:
    """A look that seems to have lasted for hours is a gap like any other."""
    world = site(site_rules(), "a")
    world.run(60.0)
    world.serves = {"1": leaf("a"), "2": leaf("b")}
    world.run(120.0)
    world.look_takes = 7200.0
    world.run(61.0)
    pin = next(pin for pin in world.state.pins if pin.role is Role.PENDING)
    assert pin.held < 180.0
