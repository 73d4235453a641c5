"""Whether a document locks the Edge out of what the cloud serves, and whether the Edge is."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edgepind.core.desired import way_back
from edgepind.core.lockout import (
    MOST,
    accepts_live,
    is_locked_out,
    is_lockout,
    live_keys,
    note_served,
)
from edgepind.lab.sim_observations import fingerprint, leaf, link, spki
from edgepind.model.document import Pinning
from edgepind.model.enums import PinKind, Role, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import HandshakeFault, Leaf, Link, Observations
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules, RestartRules
from edgepind.model.state import Edge, LastServed, State
from tests.core.situations import NOW, RULES, pin, pinning, rules, state_of, tick

SILENT = HandshakeFault.TIMEOUT
PINS = (pin("b", Role.CURRENT), pin("a"))


def serving(
    *names: str, loaded: Pinning | None = None, pins: tuple[Pin, ...] = PINS, silent: bool = False
) -> State:
    """A state whose cloud serves these leaves, or did so before it fell silent."""
    state = state_of(pins, Edge(loaded=loaded))
    looks: list[Mapping[str, Leaf | HandshakeFault]] = [{name: leaf(name) for name in names}]
    if silent:
        looks.append(dict.fromkeys(names, SILENT))
    for it in looks:
        state = note_served(state, tick(Observations(RULES, link=link(it))))
    return state


def of(*values: Fingerprint) -> Pinning:
    """A document that accepts these values."""
    return Pinning(enabled=True, current=values[0], accepted=values)


@pytest.mark.parametrize(
    ("document", "live", "accepts"),
    [
        (pinning("a"), ("a",), True),
        (pinning("a"), ("b",), False),
        (pinning("a"), ("b", "a"), True),
        (pinning("b", "a"), ("a",), True),
        (pinning("a", enabled=False), ("b",), True),
        (pinning("a"), (), True),
    ],
)
def test_a_document_accepts_what_it_names(
    document: Pinning,
    live: tuple[str, ...],
    accepts: bool,  # noqa: FBT001 - a case
) -> None:
    """One leaf is enough; one that does not pin takes all; of nothing nothing is said."""
    assert accepts_live(document, serving(*live), RULES) is accepts


def test_a_single_validator_reads_the_current_pin_alone() -> None:
    """Whatever else stands in the document."""
    single = rules(restart=RestartRules(validator=Validator.SINGLE))
    assert not accepts_live(pinning("b", "a"), serving("a"), single)
    assert accepts_live(pinning("b", "a"), serving("b"), single)


def test_a_value_is_compared_as_what_it_is_a_hash_of() -> None:
    """As the pin set says; of what is no pin any more, as the settings say."""
    key, certificate = of(spki("x")), of(fingerprint("x"))
    by_key = rules(PinRules(kind=PinKind.SPKI))
    assert accepts_live(key, serving("x"), by_key)
    assert not accepts_live(key, serving("x"), RULES)
    assert accepts_live(certificate, serving("x"), RULES)
    assert not accepts_live(certificate, serving("x"), by_key)
    known = replace(pin("x"), kind=PinKind.SPKI, fingerprint=spki("x"))
    assert accepts_live(key, serving("x", pins=(known,)), RULES)
    misread = replace(known, kind=PinKind.CERTIFICATE)
    assert not accepts_live(key, serving("x", pins=(misread,)), by_key)
    assert accepts_live(key, serving("x", pins=(misread, known)), RULES)


@pytest.mark.parametrize(
    ("state", "locked_out"),
    [
        (serving("b", loaded=pinning("a")), True),
        (serving("a", loaded=pinning("a")), False),
        (serving("x", loaded=pinning("a", enabled=False)), False),
        (serving("a"), False),
        (serving("x"), True),
        (serving("x", pins=()), False),
        (serving(), False),
        (serving(loaded=pinning("a")), False),
    ],
)
def test_the_edge_is_locked_out_by_what_it_has_loaded(
    state: State,
    locked_out: bool,  # noqa: FBT001 - a case
) -> None:
    """By the pin set only where it is not known what that is."""
    assert is_locked_out(state, RULES) is locked_out
    assert is_lockout(state, RULES) is locked_out


def test_while_the_cloud_is_silent_there_is_no_lockout_and_it_is_not_forgotten() -> None:
    """It is no less urgent to load what the cloud served last."""
    state = serving("b", loaded=pinning("a"), silent=True)
    assert is_locked_out(state, RULES)
    assert not is_lockout(state, RULES)
    assert not is_locked_out(serving("a", loaded=pinning("a"), silent=True), RULES)


def test_no_way_back_leads_into_a_lockout() -> None:
    """What is live decides, and that may be what was live last."""
    good = Edge(good=pinning("a"))
    for live, target in ((("b",), None), (("a",), pinning("a")), ((), pinning("a"))):
        for silent in (False, True):
            state = replace(serving(*live, silent=silent), edge=good)
            assert way_back(state, RULES) == target
    assert way_back(replace(serving("a"), edge=Edge()), RULES) is None


# --- what is live --------------------------------------------------------------------------------

LEAF_A, LEAF_B = leaf("a"), leaf("b")
SHORT = rules(PinRules(overlap=900.0))
REFUSED = HandshakeFault.REFUSED


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
        LastServed("1", LEAF_A.certificate, LEAF_A.spki),
        LastServed("2", LEAF_B.certificate, LEAF_B.spki),
    )
    assert live_keys(after) == keys(LEAF_A, LEAF_B)


def test_while_nothing_changes_the_memory_is_the_very_same() -> None:
    """Neither an address that answers nor one that is silent changes it from look to look."""
    before = looked(looked(State(), {"1": LEAF_A, "2": LEAF_B}), {"1": LEAF_A, "2": REFUSED})
    assert looked(before, {"1": LEAF_A, "2": REFUSED}, at=NOW + 60.0) is before
    assert looked(before, None, at=NOW + 60.0) is before


@pytest.mark.parametrize("then", [{"1": LEAF_B, "2": REFUSED}, {"1": LEAF_B}])
def test_a_silent_address_is_remembered_for_an_overlap(
    then: Mapping[str, Leaf | HandshakeFault],
) -> None:
    """Also one that the name does not give any more; what is live is what answers."""
    state = looked(looked(State(), {"1": LEAF_A, "2": LEAF_A}), then)
    assert state.served[1] == LastServed("2", LEAF_A.certificate, LEAF_A.spki, silent_since=NOW)
    assert live_keys(state) == keys(LEAF_B)
    assert len(looked(state, then, at=NOW + 900.0).served) == 2
    assert [it.address for it in looked(state, then, at=NOW + 900.1).served] == ["1"]


def test_an_address_that_answers_again_is_silent_no_longer() -> None:
    """With what it serves now."""
    state = looked(looked(State(), {"1": LEAF_A}), {"1": REFUSED})
    assert looked(state, {"1": LEAF_B}, at=NOW + 1.0).served == (
        LastServed("1", LEAF_B.certificate, LEAF_B.spki),
    )


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
