"""Continuity of the CA: what is learned from which pins, what is forgotten, what is told."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edgepind.core.continuity import (
    MOST_OF_A_LEAF,
    MOST_OWNERS,
    is_of_another,
    known_owners,
    note_owners,
    tell_strangers,
)
from edgepind.core.explain_pin import explain_pin
from edgepind.core.obstacle import obstacle
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import OWNER, leaf, link, under
from edgepind.model.enums import Cas, EventName, Finding, Origin, Policy, Role
from edgepind.model.observation import HandshakeFault, Leaf, Link, Observations
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import AddressVerdict, CaOwner, State
from tests.core.situations import B, pin, rules, state_of, tick

CURRENT = pin("a", Role.CURRENT)
OURS, STRANGE = leaf("a"), under(leaf("b"), {"Other"})


def look(
    serves: Mapping[str, Leaf | HandshakeFault],
    pins: PinRules = PinRules(),
    *,
    trusted: bool = True,
    elapsed: float = 10.0,
) -> tuple[Tick, Link]:
    """A tick that saw this, where the owner of most imagined leaves is known."""
    seen = link(serves)
    it = tick(Observations(rules(pins), link=seen), trusted=trusted, elapsed=elapsed)
    return replace(it, owners=frozenset({OWNER})), seen


def learned(state: State, **serves: Leaf) -> State:
    """The state after a look that learns."""
    return note_owners(state, look(serves)[0])


def names(state: State) -> list[str]:
    """Who is kept in it."""
    return [it.name for it in state.owners]


# --- learned ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "extra", "kept"),
    [
        (Origin.OPERATOR, {}, True),
        (Origin.BOOTSTRAP, {}, True),
        (Origin.ANNOUNCED, {}, True),
        (Origin.DOCUMENT, {"vouched": True}, True),
        (Origin.DOCUMENT, {}, False),
        (Origin.OBSERVED, {}, False),
        (Origin.OBSERVED, {"tenure": 86_400.0}, True),
        (Origin.OBSERVED, {"vouched": True}, True),
        (Origin.EXCEPTION, {}, False),
        (Origin.EXCEPTION, {"tenure": 86_400.0}, False),
    ],
)
def test_a_pin_with_standing_keeps_its_owner(
    origin: Origin,
    extra: dict[str, float | bool],
    kept: bool,  # noqa: FBT001 - a case
) -> None:
    """And no other: a stranger's pin must not bring his CA along."""
    it: Pin = replace(pin("a", Role.CURRENT, origin), **extra)  # type: ignore[arg-type]
    after = learned(state_of([it]), one=OURS)
    assert after.pins[0].owners == (OWNER,)
    assert names(after) == ([OWNER] if kept else [])


def test_a_pin_that_waits_keeps_nobody() -> None:
    """However often it was seen; what its leaf reaches is known all the same, the newest word."""
    waits = replace(pin("b", Role.PENDING, Origin.OBSERVED), tenure=86_400.0)
    after = learned(state_of([CURRENT, waits]), one=OURS, two=STRANGE)
    assert after.pins[1].owners == ("Other",)
    assert names(after) == [OWNER]
    assert learned(after, one=under(STRANGE, ())).pins[1].owners == ()


def test_an_accepted_leaf_whose_owners_cannot_be_told_loses_none() -> None:
    """One address that leaves its intermediates out is no change of CA."""
    after = learned(learned(state_of([CURRENT]), one=OURS), one=under(OURS, ()))
    assert after.pins[0].owners == (OWNER,)


def test_nothing_is_learned_by_a_wrong_clock_or_without_an_answer() -> None:
    """By a wrong clock a way that is long over may lead to another owner."""
    state = state_of([CURRENT])
    wrong, _ = look({"1": OURS}, trusted=False)
    assert names(note_owners(state, wrong)) == []
    silent, _ = look({"1": HandshakeFault.TIMEOUT})
    assert note_owners(state, silent) is state
    assert note_owners(state, tick()) is state


def test_what_is_kept_is_bounded() -> None:
    """Of one leaf, and of all."""
    many = under(OURS, {f"Owner {n:02}" for n in range(20)})
    after = learned(state_of([CURRENT]), one=many)
    assert len(after.pins[0].owners) == MOST_OF_A_LEAF
    before = tuple(CaOwner(f"Old {n:02}", unseen=float(n)) for n in range(MOST_OWNERS))
    after = learned(replace(state_of([CURRENT]), owners=before), one=OURS)
    assert len(after.owners) == MOST_OWNERS
    assert OWNER in names(after)
    assert "Old 15" not in names(after)


def test_an_owner_is_forgotten_an_overlap_after_its_last_pin() -> None:
    """In observed time; a look that sees such a pin again begins it anew."""
    before = replace(state_of([CURRENT]), owners=(CaOwner("Other", unseen=86_385.0),))
    once = learned(before, one=OURS)
    assert names(once) == [OWNER, "Other"]
    assert once.owners[1].unseen == 86_395.0
    assert names(learned(once, one=OURS)) == [OWNER]


# --- known --------------------------------------------------------------------------------------


def test_the_operators_names_go_before_what_was_learned() -> None:
    """And "any" before both; before the first pin nothing that was learned counts."""
    state = learned(state_of([CURRENT]), one=OURS)
    assert known_owners(state, PinRules()) == {OWNER}
    assert known_owners(state, PinRules(cas=("One",))) == {"One"}
    assert known_owners(state, PinRules(cas=Cas.ANY)) == frozenset()
    assert known_owners(replace(state, pins=()), PinRules()) == frozenset()


def test_a_leaf_is_of_another_only_where_something_is_known() -> None:
    """One owner in common is enough, in whatever letters."""
    assert not is_of_another({"Other"}, ())
    assert not is_of_another({"other", "Third"}, {"OTHER"})
    assert is_of_another({"Third"}, {"Other"})
    assert is_of_another((), {"Other"})


# --- told ---------------------------------------------------------------------------------------


def told(
    state: State, serves: Mapping[str, Leaf | HandshakeFault], pins: PinRules = PinRules()
) -> tuple[State, list[str]]:
    """The state after the strangers of this look were told, and the sentences."""
    it, seen = look(serves, pins)
    after, events = tell_strangers(state, seen, it)
    assert all(event.name is EventName.CA_CHANGED for event in events)
    return after, [event.message for event in events]


def test_a_strange_owner_is_told_once() -> None:
    """With what it waits for; another of them is told as well, a leaf of a known one never."""
    state, [sentence] = told(state_of([CURRENT]), {"1": STRANGE, "2": STRANGE, "3": leaf("c")})
    for words in ("leaf 51:C9", "at 1", "of Other", f"use {OWNER} alone", "after 4h and 5"):
        assert words in sentence
    assert told(state, {"1": STRANGE})[1] == []
    _, [sentence] = told(state, {"1": under(leaf("d"), {"Third"})})
    assert "of Third" in sentence
    _, [sentence] = told(state, {"1": under(leaf("d"), ())})
    assert "an organisation that cannot be told" in sentence


def test_it_is_told_again_when_it_was_gone_for_an_overlap() -> None:
    """Silence is no absence."""
    state, _ = told(state_of([CURRENT]), {"1": STRANGE})
    assert told(state, {"1": HandshakeFault.TIMEOUT}) == (state, [])
    old = replace(state, owners_told=(CaOwner("Other", unseen=86_395.0),))
    gone, _ = told(old, {"1": OURS})
    assert gone.owners_told == ()
    assert len(told(gone, {"1": STRANGE})[1]) == 1


@pytest.mark.parametrize(
    "pins", [PinRules(policy=Policy.STRICT), PinRules(ca_hold_down=None)], ids=["strict", "never"]
)
def test_where_no_look_lets_it_in_that_is_told(pins: PinRules) -> None:
    """By the policy, or by "never"; `explain` and the obstacle name which of them it is."""
    setting = "pins.policy is strict" if pins.ca_hold_down else 'pins.ca_hold_down is "never"'
    _, [sentence] = told(state_of([CURRENT]), {"1": STRANGE}, pins)
    assert "it is not accepted by being seen" in sentence
    waits = replace(pin("b", Role.PENDING, Origin.OBSERVED), owners=("Other",))
    state = replace(
        state_of([CURRENT, waits]),
        owners=(CaOwner(OWNER),),
        addresses=(AddressVerdict("1", Finding.CA_CHANGED, B),),
    )
    assert obstacle(state, pins) == setting
    against = " ".join(explain_pin(waits, state, rules(pins)).evidence_against)
    assert "never accepts this kind of evidence" in against
    assert f"use {OWNER} alone" in against
