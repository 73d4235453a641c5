"""What an earlier release stored is read with what claims least in the place of what is new."""

from dataclasses import replace
from typing import Any

import pytest

from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.state import Edge, State
from edgepind.state.codec import decode, encode, unmoved
from edgepind.state.migration import migrate

PIN = Fingerprint(bytes(range(32)))


def as_stored_by_0_1(state: State) -> dict[str, Any]:
    """The Edge of `state` as the first schema had it."""
    stored: dict[str, Any] = encode(state)
    edge = {key: it for key, it in stored["edge"].items() if key not in {"wait_told", "may_be_off"}}
    return {**stored, "edge": {**edge, "locked_out": True}}


@pytest.mark.parametrize(
    ("loaded", "may_be_off"),
    [
        (None, False),
        (Pinning(enabled=True, current=PIN, accepted=(PIN,)), False),
        (Pinning(enabled=False, current=PIN, accepted=(PIN,)), True),
    ],
)
def test_whether_the_edge_may_be_off_follows_from_what_it_has_loaded(
    loaded: Pinning | None,
    may_be_off: bool,  # noqa: FBT001 - a case
) -> None:
    """And what locks it out is concluded anew."""
    state = replace(State(), edge=Edge(loaded=loaded, failures=2))
    migrated = decode(State, migrate(as_stored_by_0_1(state), 1), unmoved)
    assert migrated.edge == Edge(loaded=loaded, failures=2, may_be_off=may_be_off)
