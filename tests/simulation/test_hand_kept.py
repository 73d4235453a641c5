"""The ways that edgepind is held against do what is said of them, no better and no worse."""

import pytest

from edgepind.lab.simulation.adversaries import Kind
from edgepind.lab.simulation.hand_kept import (
    RFC5011_HOLD_DOWN,
    Rfc5011,
    ShellLoop,
    TrustOnFirstUse,
)
from edgepind.lab.simulation.keeper import POLL
from edgepind.lab.simulation.life import live
from edgepind.lab.simulation.rates import DAY, HOUR
from edgepind.model.enums import Channel
from edgepind.model.observation import Status, StatusRejected, StatusUnreachable
from tests.support.by_hand import FIRST, FORGED, SECOND, says, scene, world


def test_the_shell_loop_follows_the_endpoint() -> None:
    """After a rotation it is locked out until its next poll, and restarts once."""
    made = world(scene(0.0, HOUR), scene(HOUR, DAY, SECOND))
    keeper = ShellLoop(made)
    tally = live(made, keeper)
    assert 0 <= tally.lockout <= POLL / 60
    assert tally.restarts == 1
    assert keeper.pins == {SECOND.certificate}


@pytest.mark.parametrize(
    "word",
    [StatusUnreachable("HTTP 503"), StatusRejected(Channel.UNPINNED, "it names no fingerprint")],
)
def test_the_shell_loop_locks_the_edge_out_when_it_gets_no_answer(word: Status) -> None:
    """An empty pin or `null` is written as any other, and accepts nothing until there is a word."""
    made = world(scene(0.0, HOUR), scene(HOUR, 3 * HOUR, word=word))
    tally = live(made, ShellLoop(made))
    assert tally.lockout == pytest.approx(120, abs=POLL / 60)


def test_a_pin_that_a_person_wrote_stands_until_the_shell_loop_hears_another_word() -> None:
    """The endpoint is gone for good: only a person ends the lockout, and the loop lets it stand."""
    gone = StatusUnreachable("HTTP 404")
    made = world(scene(0.0, HOUR), scene(HOUR, 14 * DAY, word=gone))
    keeper = ShellLoop(made)
    tally = live(made, keeper)
    assert tally.visits == 1
    assert keeper.pins == {FIRST.certificate}


def test_the_shell_loop_believes_an_adversary() -> None:
    """Who answers in the endpoint's place is pinned at the next poll."""
    made = world(scene(0.0, HOUR), scene(HOUR, 2 * HOUR, FORGED))
    tally = live(made, ShellLoop(made))
    assert tally.adopted == {Kind.HOURS: 1}
    assert tally.exposed == pytest.approx(60, abs=POLL / 60)


def test_first_use_takes_whatever_is_live() -> None:
    """A rotation costs a minute at most; so does an adversary need no longer."""
    made = world(scene(0.0, HOUR), scene(HOUR, 2 * HOUR, FORGED), scene(2 * HOUR, DAY, SECOND))
    tally = live(made, TrustOnFirstUse(made))
    assert tally.lockout <= POLL / 60
    assert tally.adopted == {Kind.HOURS: 1}


def test_thirty_days_on_show_are_asked_by_rfc5011() -> None:
    """What was announced for thirty days over a pinned leaf is accepted before it is live."""
    lead = RFC5011_HOLD_DOWN + DAY
    word = says(FIRST, SECOND)
    announced = scene(HOUR, HOUR + lead, word=word)
    made = world(scene(0.0, HOUR), announced, scene(HOUR + lead, HOUR + lead + DAY, SECOND))
    tally = live(made, Rfc5011(made))
    assert tally.lockout == 0
    assert tally.restarts == 1


def test_less_notice_than_thirty_days_locks_rfc5011_out() -> None:
    """A week's notice does not help: a person must come."""
    word = says(FIRST, SECOND)
    week = 7 * DAY
    made = world(
        scene(0.0, week, word=word),
        scene(week, 2 * week, SECOND),
    )
    assert live(made, Rfc5011(made)).visits == 1
