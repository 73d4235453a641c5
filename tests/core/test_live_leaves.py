"""Live leaves: what each address serves, beyond the look that saw it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edgepind.core.live_leaves import (
    MOST,
    MOST_LEAVES,
    RECENT,
    WINDOW,
    first_looks,
    live_at,
    live_keys,
    note_served,
    others_live,
    passes,
    pinned_in_turn,
)
from edgepind.lab.sim_observations import leaf, link
from edgepind.model.enums import Finding, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    AddressSeen,
    HandshakeFault,
    Leaf,
    Link,
    Observations,
    Served,
)
from edgepind.model.pin import PinKey
from edgepind.model.rules import PinRules
from edgepind.model.state import LastServed, ServedLeaf, State
from edgepind.state.codec import encode
from tests.core.situations import NOW, pin, rules, state_of, tick

LEAF_A, LEAF_B = leaf("a"), leaf("b")
SHORT = rules(PinRules(overlap=900.0))
REFUSED = HandshakeFault.REFUSED


def served(it: Leaf) -> ServedLeaf:
    """A leaf as it is remembered after one look."""
    return ServedLeaf(it.certificate, it.spki, first=1, finding=Finding.UNANNOUNCED_ROTATION)


def looked(
    state: State, served: Mapping[str, Leaf | HandshakeFault] | None, at: float = NOW
) -> State:
    """`state` after a look at these addresses; None: there was no look."""
    seen = Link(()) if served is None else link(served)
    observations = Observations(SHORT, link=None if served is None else seen)
    return note_served(state, tick(observations, at=at))


def keys(*leaves: Leaf) -> frozenset[tuple[PinKind, Fingerprint]]:
    """Both hashes of each."""
    both = ((PinKind.CERTIFICATE, "certificate"), (PinKind.SPKI, "spki"))
    return frozenset((kind, getattr(it, name)) for it in leaves for kind, name in both)


def test_each_address_is_remembered_with_both_hashes() -> None:
    """In the order of their names, whatever order the look had."""
    after = looked(State(), {"2": LEAF_B, "1": LEAF_A, "3": REFUSED})
    assert after.served == (
        LastServed("1", (served(LEAF_A),), looks=1),
        LastServed("2", (served(LEAF_B),), looks=1),
    )
    assert live_keys(after) == keys(LEAF_A, LEAF_B)


def test_a_steady_state_is_kept_as_it_was() -> None:
    """Looks are counted, and what is written to the disk stays the same to the byte."""
    before = looked(looked(State(), {"1": LEAF_A, "2": LEAF_B}), {"1": LEAF_A, "2": REFUSED})
    after = looked(before, {"1": LEAF_A, "2": REFUSED}, at=NOW + 60.0)
    assert encode(after) == encode(before)
    assert looked(before, None, at=NOW + 60.0) is before


@pytest.mark.parametrize("then", [{"1": LEAF_B, "2": REFUSED}, {"1": LEAF_B}])
def test_a_silent_address_is_remembered_for_an_overlap(
    then: Mapping[str, Leaf | HandshakeFault],
) -> None:
    """Also one that the name does not give any more; what is live is what answers."""
    state = looked(looked(State(), {"1": LEAF_A, "2": LEAF_A}), then)
    assert state.served[1] == LastServed("2", (served(LEAF_A),), looks=1, silent_since=NOW)
    assert live_keys(state) == keys(LEAF_B)
    assert len(looked(state, then, at=NOW + 900.0).served) == 2
    assert [it.address for it in looked(state, then, at=NOW + 900.1).served] == ["1"]


def test_an_address_that_answers_again_is_silent_no_longer() -> None:
    """With what it serves now."""
    state = looked(looked(State(), {"1": LEAF_A}), {"1": REFUSED})
    (now,) = looked(state, {"1": LEAF_B}, at=NOW + 1.0).served
    assert (now.silent_since, live_at(now)) == (None, (served(LEAF_B),))


def test_while_nothing_answers_the_last_look_that_saw_something_counts() -> None:
    """Not what an address served that had been silent by then."""
    state = looked(State(), {"1": LEAF_A, "2": LEAF_A})
    state = looked(state, {"1": LEAF_B, "2": REFUSED}, at=NOW + 60.0)
    state = looked(state, {"1": REFUSED, "2": REFUSED}, at=NOW + 120.0)
    assert live_keys(looked(state, {}, at=NOW + 180.0)) == keys(LEAF_B)


def test_nothing_is_live_before_the_first_look_and_after_an_overlap() -> None:
    """Then it is not known."""
    assert live_keys(State()) == frozenset()
    state = looked(looked(State(), {"1": LEAF_A}), {})
    assert live_keys(looked(state, {}, at=NOW + 901.0)) == frozenset()


def test_an_address_that_was_silent_at_the_very_first_instant_of_a_boot() -> None:
    """Zero is an instant like any other."""
    state = looked(looked(State(), {"1": LEAF_A}, at=0.0), {}, at=0.0)
    assert live_keys(state) == keys(LEAF_A)


def test_the_longest_silent_are_forgotten_first() -> None:
    """A name that gives new addresses all day long fills nothing up."""
    state = looked(State(), {f"old-{n}": LEAF_A for n in range(10)}, at=NOW)
    state = looked(state, {f"mid-{n}": LEAF_A for n in range(30)}, at=NOW + 1.0)
    state = looked(state, {f"new-{n}": LEAF_B for n in range(30)}, at=NOW + 2.0)
    names = [it.address for it in state.served]
    assert len(names) == MOST
    assert sum(name.startswith("old") for name in names) == MOST - 60
    many = looked(state, {f"{n:03}": LEAF_B for n in range(100)}, at=NOW + 3.0)
    assert len(many.served) == MOST
    assert live_keys(many) == keys(LEAF_B)


# --- sets of leaves -------------------------------------------------------------------------------

FRESH = State()
KEY_A: PinKey = (PinKind.CERTIFICATE, LEAF_A.certificate)
KEY_B: PinKey = (PinKind.CERTIFICATE, LEAF_B.certificate)


def turns(names: str, state: State = FRESH) -> State:
    """The state after looks at one address that was served these leaves, one after the other."""
    for name in names:
        state = looked(state, {"1": leaf(name)})
    return state


def offered(first: Leaf, *others: Leaf, full: bool = True, state: State = FRESH) -> State:
    """The state after one look with several offers."""
    result = Served(first, "TLSv1.3", "TLS_AES_128_GCM_SHA256", full=full, others=others)
    observed = Observations(SHORT, link=Link((AddressSeen("1", result),), full=full))
    return note_served(state, tick(observed, at=NOW))


@pytest.mark.parametrize(
    ("looks", "turned"),
    [
        ("a", False),
        ("aab", False),
        ("aabba", False),  # a rotation that was taken back
        ("abab", True),
        ("aaaabbbbabbb", True),
        ("abcd", False),
        ("abcabc", True),
    ],
)
def test_leaves_are_in_turn_once_two_of_them_came_back(looks: str, *, turned: bool) -> None:
    """A rotation is not that, nor one that is taken back."""
    (it,) = turns(looks).served
    assert it.in_turn is turned


def test_what_is_served_in_turn_is_live_until_it_stays_away() -> None:
    """Ten looks without it, and it is gone."""
    state = turns("abab")
    assert live_keys(state) >= {KEY_A, KEY_B}
    assert [it.certificate for it in others_live(state)] == [LEAF_A.certificate]
    assert live_keys(turns("b" * (RECENT - 2), state)) >= {KEY_A, KEY_B}
    assert KEY_A not in live_keys(turns("b" * RECENT, state))
    (it,) = turns("b" * WINDOW, state).served
    assert len(it.leaves) == 1


def test_a_rotation_leaves_the_former_leaf_behind_at_once() -> None:
    """What came back from nowhere is no turn."""
    assert live_keys(turns("aaab")).isdisjoint({KEY_A})


def test_keys_pass_by_the_share_of_recent_looks() -> None:
    """Half of them refused is a lockout; without turns the newest look decides."""
    assert passes({KEY_A}, turns("bbba"))
    assert not passes({KEY_A}, turns("aaab"))
    assert not passes({KEY_A}, turns("ab" * 5))
    assert passes({KEY_A}, turns("aab" * 4))
    assert not passes({KEY_A}, turns("abb" * 4))
    assert not passes({KEY_A}, State())


def test_a_look_with_fewer_offers_takes_nothing_away() -> None:
    """What the last look with all of them showed is live until the next such look."""
    both = offered(LEAF_A, LEAF_B)
    assert live_keys(both) >= {KEY_A, KEY_B}
    narrow = offered(LEAF_A, full=False, state=both)
    assert live_keys(narrow) >= {KEY_A, KEY_B}
    assert KEY_B not in live_keys(offered(LEAF_A, state=narrow))


def test_a_pinned_leaf_in_turn_is_known() -> None:
    """Not one that is served beside, under another offer."""
    pinned = state_of([pin("a", Role.CURRENT)])
    assert pinned_in_turn(turns("abab", pinned))
    assert not pinned_in_turn(turns("cbcb", pinned))
    assert not pinned_in_turn(offered(LEAF_A, LEAF_B, state=pinned))


def test_looks_at_the_own_offer_are_counted() -> None:
    """Of the recent ones only."""
    (it,) = turns("a" * 3 + "b" * 8).served
    assert (first_looks(KEY_A, it), first_looks(KEY_B, it)) == (2, 8)


def test_a_new_leaf_at_each_look_does_not_fill_the_state() -> None:
    """Those that were seen last are kept."""
    (it,) = turns("abcdefghijkl").served
    assert {known.certificate for known in it.leaves} == {
        leaf(name).certificate for name in "efghijkl"
    }
    assert len(it.leaves) == MOST_LEAVES
    assert replace(it, leaves=()) == LastServed("1", looks=12)
