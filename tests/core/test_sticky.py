"""Sticky addresses: who is dialled whatever DNS says, and who has no say meanwhile."""

from collections.abc import Mapping
from dataclasses import replace

from edgepind.core.live_leaves import MOST as MOST_REMEMBERED
from edgepind.core.live_leaves import answering, note_served
from edgepind.core.sticky import LASTS, MOST, dialled, note_pinned, without_say
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import leaf, link
from edgepind.model.enums import Role
from edgepind.model.instants import Monotonic
from edgepind.model.observation import HandshakeFault, Leaf, Observations
from edgepind.model.rules import PinRules
from edgepind.model.state import State
from tests.core.situations import NOW, RULES, pin, rules, state_of, tick

SITE = state_of([pin("a", Role.CURRENT)])
A_, B_, REFUSED = leaf("a"), leaf("b"), HandshakeFault.REFUSED


def looked(
    state: State, serves: Mapping[str, Leaf | HandshakeFault], at: float = NOW, overlap: float = 900
) -> State:
    """The state after a look at these addresses."""
    seen = tick(Observations(rules(PinRules(overlap=overlap)), link=link(serves)), at=at)
    return note_pinned(note_served(state, seen), seen)


def test_an_address_is_dialled_for_a_day_after_it_served_a_pinned_leaf() -> None:
    """From the first look without one; silence, another leaf and DNS are all the same."""
    after: tuple[Mapping[str, Leaf | HandshakeFault], ...] = (
        {"2": A_},
        {"1": B_, "2": A_},
        {"1": REFUSED, "2": A_},
    )
    for later in after:
        state = looked(looked(SITE, {"1": A_, "2": A_}), later)
        assert dialled(looked(state, later, NOW + LASTS)) == ("1", "2")
        assert dialled(looked(state, later, NOW + LASTS + 1)) == ("2",)
    assert dialled(looked(SITE, {"1": B_})) == ()


def test_an_address_that_serves_one_again_is_as_before() -> None:
    """Its day begins anew, and nothing changes in the state while it serves one."""
    first = looked(SITE, {"1": A_})
    again = looked(looked(first, {"1": B_}, NOW + 60), {"1": A_}, NOW + 120)
    assert again.served[0].pinned_until is None
    gone = looked(again, {"1": B_}, NOW + LASTS)
    assert dialled(looked(gone, {"1": B_}, NOW + LASTS + 60)) == ("1",)


def test_a_look_that_was_not_made_changes_nothing() -> None:
    """Nor does one that finds what the last one found."""
    state = looked(looked(SITE, {"1": A_}), {"1": A_})
    seen = Tick(Observations(RULES), tick().now, 10.0, state.clock)
    assert note_pinned(state, seen) is state


def test_so_many_are_dialled_those_first_that_served_one_last() -> None:
    """Whoever fills DNS with addresses drives none of them out of the memory."""
    many = {f"{n:02}": A_ for n in range(MOST + 2)}
    state = looked(SITE, many)
    state = looked(state, {**many, "00": B_}, NOW + 60)
    state = looked(state, {**many, "00": B_, "01": B_}, NOW + 120)
    assert dialled(state) == tuple(sorted(many))[2:]
    flood = {f"x{n}": B_ for n in range(MOST_REMEMBERED)}
    flooded = looked(looked(SITE, {"1": A_}), flood, NOW + 60)
    assert dialled(flooded) == ("1",)
    assert len(flooded.served) == MOST_REMEMBERED


def test_an_address_that_is_silent_for_long_says_nothing_more_and_is_dialled() -> None:
    """What it served is forgotten after the overlap, and that it is sticky after the day."""
    state = looked(SITE, {"1": A_})
    for at in (NOW + 60, NOW + 2000):
        state = looked(state, {"1": REFUSED}, at)
    assert dialled(state) == ("1",)
    assert answering(state) == ()
    over = looked(state, {"1": REFUSED}, NOW + LASTS + 61)
    assert dialled(over) == ()
    assert looked(over, {"1": REFUSED}, NOW + LASTS + 121).served == ()


def test_a_new_address_has_no_say_while_another_serves_a_pinned_leaf() -> None:
    """Not those of the first look, and not one that has served a pinned leaf itself."""
    first = looked(SITE, {"1": A_, "2": B_})
    assert without_say(first) == frozenset()
    added = looked(first, {"1": A_, "2": B_, "3": B_})
    assert without_say(added) == {"3"}
    assert without_say(looked(added, {"1": B_, "2": B_, "3": B_})) == frozenset()
    assert without_say(looked(added, {"1": REFUSED, "2": B_, "3": B_})) == frozenset()
    known = looked(looked(added, {"1": A_, "3": A_}), {"1": A_, "3": B_})
    assert without_say(known) == frozenset()


def test_instants_are_those_of_the_boot() -> None:
    """They are kept, and moved with the others when the host was started again."""
    state = looked(looked(SITE, {"1": A_}), {"1": B_}, NOW + 5)
    assert state.served[0].pinned_until == Monotonic(NOW + 5)
    assert replace(state.served[0], pinned_until=None, pinned=False).new is False
