"""What each address served last, and what is live by that."""

from collections.abc import Mapping

import pytest

from edgepind.core.lockout import MOST, live_keys, note_served
from edgepind.lab.sim_observations import leaf, link
from edgepind.model.enums import PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import HandshakeFault, Leaf, Link, Observations
from edgepind.model.rules import PinRules
from edgepind.model.state import LastServed, State
from tests.core.situations import NOW, rules, tick

A, B = leaf("a"), leaf("b")
RULES = rules(PinRules(overlap=900.0))
REFUSED = HandshakeFault.REFUSED


def looked(
    state: State, served: Mapping[str, Leaf | HandshakeFault] | None, at: float = NOW
) -> State:
    """`state` after a look at these addresses; None: there was no look."""
    seen = Link(()) if served is None else link(served)
    observations = Observations(RULES, link=None if served is None else seen)
    return note_served(state, tick(observations, at=at))


def keys(*leaves: Leaf) -> frozenset[tuple[PinKind, Fingerprint]]:
    """Both hashes of each."""
    both = ((PinKind.CERTIFICATE, "certificate"), (PinKind.SPKI, "spki"))
    return frozenset((kind, getattr(it, name)) for it in leaves for kind, name in both)


def test_each_address_is_remembered_with_both_hashes() -> None:
    """In the order of their names, whatever order the look had."""
    after = looked(State(), {"2": B, "1": A, "3": REFUSED})
    assert after.served == (
        LastServed("1", A.certificate, A.spki),
        LastServed("2", B.certificate, B.spki),
    )
    assert live_keys(after) == keys(A, B)


def test_while_nothing_changes_the_memory_is_the_very_same() -> None:
    """Neither an address that answers nor one that is silent changes it from look to look."""
    before = looked(looked(State(), {"1": A, "2": B}), {"1": A, "2": REFUSED})
    assert looked(before, {"1": A, "2": REFUSED}, at=NOW + 60.0) is before
    assert looked(before, None, at=NOW + 60.0) is before


@pytest.mark.parametrize("then", [{"1": B, "2": REFUSED}, {"1": B}])
def test_a_silent_address_is_remembered_for_an_overlap(
    then: Mapping[str, Leaf | HandshakeFault],
) -> None:
    """Also one that the name does not give any more; what is live is what answers."""
    state = looked(looked(State(), {"1": A, "2": A}), then)
    assert state.served[1] == LastServed("2", A.certificate, A.spki, silent_since=NOW)
    assert live_keys(state) == keys(B)
    assert len(looked(state, then, at=NOW + 900.0).served) == 2
    assert [it.address for it in looked(state, then, at=NOW + 900.1).served] == ["1"]


def test_an_address_that_answers_again_is_silent_no_longer() -> None:
    """With what it serves now."""
    state = looked(looked(State(), {"1": A}), {"1": REFUSED})
    assert looked(state, {"1": B}, at=NOW + 1.0).served == (LastServed("1", B.certificate, B.spki),)


def test_while_nothing_answers_the_last_look_that_saw_something_counts() -> None:
    """Not what an address served that had been silent by then."""
    state = looked(State(), {"1": A, "2": A})
    state = looked(state, {"1": B, "2": REFUSED}, at=NOW + 60.0)
    state = looked(state, {"1": REFUSED, "2": REFUSED}, at=NOW + 120.0)
    assert live_keys(looked(state, {}, at=NOW + 180.0)) == keys(B)


def test_nothing_is_live_before_the_first_look_and_after_an_overlap() -> None:
    """Then it is not known."""
    assert live_keys(State()) == frozenset()
    state = looked(looked(State(), {"1": A}), {})
    assert live_keys(looked(state, {}, at=NOW + 901.0)) == frozenset()


def test_an_address_that_was_silent_at_the_very_first_instant_of_a_boot() -> None:
    """Zero is an instant like any other."""
    state = looked(looked(State(), {"1": A}, at=0.0), {}, at=0.0)
    assert live_keys(state) == keys(A)


def test_the_longest_silent_are_forgotten_first() -> None:
    """A name that gives new addresses all day long fills nothing up."""
    state = looked(State(), {f"old-{n}": A for n in range(10)}, at=NOW)
    state = looked(state, {f"mid-{n}": A for n in range(30)}, at=NOW + 1.0)
    state = looked(state, {f"new-{n}": B for n in range(30)}, at=NOW + 2.0)
    names = [it.address for it in state.served]
    assert len(names) == MOST
    assert sum(name.startswith("old") for name in names) == MOST - 60
    many = looked(state, {f"{n:03}": B for n in range(100)}, at=NOW + 3.0)
    assert len(many.served) == MOST
    assert live_keys(many) == keys(B)
