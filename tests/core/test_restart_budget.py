"""How many restarts may be made, and which of them leave one for what follows."""

from dataclasses import replace

import pytest

from edgepind.core.restarts import (
    budget_frees,
    pursue_restart,
    restarts_in_hand,
)
from edgepind.model.enums import EventName, Posture
from edgepind.model.rules import RestartRules
from edgepind.model.state import Guard, RollingBack
from tests.core.restart_situations import (
    FAILED,
    NEW,
    OLD,
    OWED,
    asks,
    owing,
    saw,
    serving,
    spent,
    state,
)
from tests.core.situations import NOW


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
    failed = replace(owing(OWED, failures=1), restarts=spent(3000, 2000, 1000))
    _, actions, (event,) = pursue_restart(state(failed), saw(), alone=True)
    assert actions == ()
    assert (
        "3 restarts were made in 1h and no more than 4 are allowed, the last of them for a way"
        in (event.message)
    )
    assert asks(replace(failed, restarts=spent(2000, 1000)))
    assert asks(replace(failed, good=None))
    assert asks(owing(failed, failures=0))
    assert asks(replace(failed, restart=RollingBack(FAILED), written=OLD, loaded=None))
    assert pursue_restart(serving(failed, "b"), saw(), alone=True)[1]


def test_a_budget_of_one_keeps_nothing_back_and_one_of_none_allows_nothing() -> None:
    """With one restart in the window a way back cannot be kept; with none nothing is asked."""
    failed = owing(OWED, failures=1)
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


@pytest.mark.parametrize(
    ("posture", "budget", "made", "expected"),
    [
        (Posture.OPEN, 4, 2, True),
        (Posture.OPEN, 4, 3, False),
        (Posture.OPEN, 2, 0, True),
        (Posture.OPEN, 2, 1, False),
        (Posture.OPEN, 1, 0, False),
        (Posture.OPEN, 0, 0, False),
        (Posture.OVERRIDE, 4, 3, False),
        (Posture.OVERRIDE, 2, 1, False),
        (Posture.OVERRIDE, 1, 0, True),
        (Posture.OVERRIDE, 0, 0, False),
    ],
)
def test_a_restart_that_lets_go_leaves_the_one_that_closes(
    posture: Posture,
    budget: int,
    made: int,
    expected: bool,  # noqa: FBT001 - a case
) -> None:
    """So does an override where the budget can spare it; an opening is made with it only."""
    edge = replace(OWED, written=replace(NEW, enabled=False), restarts=spent(*range(10, 10 + made)))
    seen = saw(restart=RestartRules(budget=budget))
    assert asks(edge, seen, Guard(posture)) is expected
    if made:
        before = replace(state(edge), guard=Guard(posture))
        _, _, events = pursue_restart(before, seen, alone=True)
        assert any("the last of them to close the Edge again" in it.message for it in events) is (
            not expected
        )


def test_what_closes_may_be_the_last_restart_also_when_it_failed_before() -> None:
    """A way back is kept for an Edge that pins, not for one that may not."""
    last = replace(owing(OWED, failures=1), restarts=spent(30, 20, 10))
    assert not asks(last)
    assert asks(replace(last, may_be_off=True))
    assert asks(replace(last, loaded=None, may_be_off=True))
    assert not asks(replace(last, may_be_off=True, restarts=spent(40, 30, 20, 10)))


def test_the_restarts_in_hand_are_what_the_budget_has_left() -> None:
    """Those that left the window are there again; beyond the budget there is less than none."""
    edge = replace(OWED, restarts=spent(3700, 3000, 10))
    assert restarts_in_hand(edge, saw()) == 2
    assert restarts_in_hand(edge, saw(restart=RestartRules(budget=1))) == -1
