"""What `status` tells as wrong, by what is on disk, loaded and served, and by nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.desired import is_written
from edgepind.core.diagnosis import diagnose
from edgepind.core.explain_pin import explain_pin
from edgepind.core.lockout import is_locked_out
from edgepind.core.problems import problems
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf
from edgepind.model.document import EdgeTls
from edgepind.model.enums import Finding, Validator
from edgepind.model.instants import Validity
from edgepind.model.observation import AddressSeen, Chain, Leaf, Link, Observations, Served
from edgepind.model.rules import RestartRules
from edgepind.model.state import AddressVerdict, Edge, LastServed, ServedLeaf, State, StatusMemory
from tests.core.situations import (
    BACKUP,
    CURRENT,
    ON_A,
    RULES,
    pin,
    pinning,
    rules,
    state_of,
    tick,
)

AB = pinning("a", "b")
BOTH = (CURRENT, BACKUP)
WELL = Edge(written=AB, on_disk=AB, loaded=AB, good=AB)


def ids(state: State) -> list[str]:
    """The names of what is wrong."""
    return [it.id for it in problems(state, RULES)]


@pytest.mark.parametrize(
    ("edge", "written", "told"),
    [
        (WELL, True, []),
        (replace(WELL, on_disk=ON_A), False, ["document-unwritten"]),
        (replace(WELL, on_disk=None), False, []),
        (
            replace(WELL, write_failures=1, write_error="rename failed: busy; mount its folder"),
            False,
            ["document-unwritten"],
        ),
        (replace(WELL, document_problem="no JSON; correct it"), False, ["document-unusable"]),
    ],
)
def test_a_document_that_is_not_the_wanted_one_is_told(
    edge: Edge,
    written: bool,  # noqa: FBT001 - a case
    told: list[str],
) -> None:
    """By what was found at the path, and why the last write failed."""
    state = state_of(BOTH, edge)
    assert is_written(state) is written
    assert ids(state) == told


def test_the_write_that_fails_is_named_with_its_remedy() -> None:
    """The call, the path and the reason; the remedy is a sentence."""
    error = "rename of /x failed: Device or resource busy; mount its folder"
    (told,) = problems(state_of(BOTH, replace(WELL, write_failures=3, write_error=error)), RULES)
    assert "rename of /x failed: Device or resource busy" in told.what
    assert told.remedy == "Mount its folder."


def test_before_the_first_pin_any_document_is_the_wanted_one() -> None:
    """Nothing is written then."""
    assert is_written(State())
    assert ids(State()) == []


def test_a_channel_that_stays_unpinned_is_told() -> None:
    """Once is a rotation; and not where nobody asks the endpoint."""
    once = replace(State(), status=StatusMemory(unpinned_in_a_row=2))
    state = replace(State(), status=StatusMemory(unpinned_in_a_row=3))
    assert ids(once) == []
    assert ids(state) == ["status-channel-unpinned"]
    assert problems(state, replace(RULES, status_enabled=False)) == ()


@pytest.mark.parametrize("loaded", [ON_A, None])
def test_a_lockout_goes_by_what_is_loaded_or_on_disk(loaded: object) -> None:
    """And never by a pin that stands nowhere."""
    edge = replace(WELL, on_disk=ON_A, loaded=ON_A if loaded else None)
    live = (LastServed("1", (ServedLeaf(fingerprint("b"), fingerprint("key-b")),), looks=1),)
    state = replace(state_of(BOTH, edge), served=live)
    assert is_locked_out(state, RULES)
    assert not is_locked_out(replace(state, edge=replace(edge, on_disk=AB, loaded=None)), RULES)
    assert "locked-out" in ids(replace(state, lockout=True))


@pytest.mark.parametrize(
    ("edge", "validator", "says"),
    [
        (WELL, Validator.ALLOWLIST, "the Edge accepts it"),
        (replace(WELL, loaded=ON_A), Validator.ALLOWLIST, "has yet to be loaded"),
        (replace(WELL, loaded=None), Validator.ALLOWLIST, "is not known"),
        (replace(WELL, loaded=ON_A, on_disk=ON_A), Validator.ALLOWLIST, "does not stand"),
        (replace(WELL, loaded=ON_A, on_disk=None), Validator.ALLOWLIST, "does not stand"),
        (WELL, Validator.SINGLE, "another pin stands"),
        (
            replace(WELL, loaded=pinning("a", enabled=False)),
            Validator.ALLOWLIST,
            "validation is off",
        ),
    ],
)
def test_explain_says_what_the_edge_does(edge: Edge, validator: Validator, says: str) -> None:
    """Only where it has loaded the pin it is said to accept it."""
    why = explain_pin(BACKUP, state_of(BOTH, edge), rules(restart=RestartRules(validator)))
    assert says in why.summary
    assert ("the Edge accepts it" in why.summary) is (says == "the Edge accepts it")


def test_explain_names_the_write_that_keeps_a_pin_away() -> None:
    """Against it, with the reason."""
    edge = Edge(written=ON_A, on_disk=ON_A, loaded=ON_A, write_failures=1, write_error="EBUSY; do")
    why = explain_pin(BACKUP, state_of(BOTH, edge), RULES)
    assert any("could not be written: EBUSY" in it for it in why.evidence_against)


# --- a chain that the Edge refuses ----------------------------------------------------------------

STRICT = EdgeTls(strict_validation=True)
DAY = timedelta(days=1)
OVER = Chain(Validity(EPOCH - 9 * DAY, EPOCH - DAY))
TO_COME = Chain(Validity(EPOCH + DAY, EPOCH + 9 * DAY))
GOOD = Chain(Validity(EPOCH - DAY, EPOCH + DAY))
NOWHERE = Chain(None, problem="its issuer is not known")
ODD = replace(GOOD, openssl_differs=True, problem="OpenSSL alone finds no path")


def verdict(it: Leaf, tls: EdgeTls = STRICT, *, trusted: bool = True) -> AddressVerdict:
    """What is made of an address that serves this pinned leaf."""
    seen = Link((AddressSeen("1", Served(it, "TLSv1.3", "x")),))
    now = tick(Observations(RULES, link=seen, tls=tls), trusted=trusted)
    (found,) = diagnose(seen, (pin("a", CURRENT.role),), now, None).verdicts
    return found


def served(public: Chain, system: Chain, exception: Chain | None = None) -> Leaf:
    """The pinned leaf, in time, with these chains."""
    return replace(leaf("a"), public=public, system=system, exception=exception)


@pytest.mark.parametrize(
    ("it", "why"),
    [
        (served(OVER, OVER), "expired"),
        (served(OVER, NOWHERE), "expired"),
        (served(NOWHERE, TO_COME), "not valid before"),
        (served(NOWHERE, NOWHERE), "its issuer is not known"),
        (served(Chain(None), NOWHERE), "reaches no root"),
        (served(ODD, ODD), "OpenSSL alone"),
    ],
)
def test_a_chain_that_a_strict_edge_refuses_is_a_problem(it: Leaf, why: str) -> None:
    """The finding stays what it is: the leaf is pinned and in time."""
    found = verdict(it)
    assert found.verdict is Finding.PINNED
    assert why in (found.chain_refused or "")
    told = problems(replace(state_of(BOTH, WELL), addresses=(found,)), RULES)
    assert [it.id for it in told] == ["chain-refused"]
    assert "an Edge that checks the CA chain refuses this" in told[0].what


@pytest.mark.parametrize(
    "found",
    [
        verdict(served(GOOD, OVER)),
        verdict(served(OVER, GOOD)),
        verdict(served(ODD, GOOD)),
        verdict(served(NOWHERE, NOWHERE, GOOD)),
        verdict(served(OVER, OVER), EdgeTls()),
        verdict(served(OVER, OVER), EdgeTls(strict_validation=False)),
        verdict(served(OVER, OVER), trusted=False),
        verdict(replace(leaf("c"), public=OVER, system=OVER)),
    ],
)
def test_a_chain_that_it_takes_is_none(found: AddressVerdict) -> None:
    """Nor one that it does not check, nor by a wrong clock, nor of a leaf that is not pinned."""
    assert found.chain_refused is None
