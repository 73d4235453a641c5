"""Whether a document locks the Edge out of what the cloud serves, and whether the Edge is."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edgepind.core.desired import way_back
from edgepind.core.live_leaves import note_served
from edgepind.core.lockout import accepts_live, is_locked_out, is_lockout
from edgepind.lab.sim_observations import fingerprint, leaf, link, spki
from edgepind.model.document import Pinning
from edgepind.model.enums import PinKind, Role, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import HandshakeFault, Leaf, Observations
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules, RestartRules
from edgepind.model.state import Edge, State
from tests.core.situations import RULES, pin, pinning, rules, state_of, tick

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
