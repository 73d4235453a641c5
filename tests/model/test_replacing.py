"""`replace` gives what `dataclasses.replace` gives, and the very value where nothing changes."""

import dataclasses
from datetime import UTC, datetime

import pytest

from edgepind.model.document import Pinning
from edgepind.model.enums import Posture
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.replacing import replace
from edgepind.model.state import Edge, Guard, State

_PIN = Fingerprint(bytes(32))
_OTHER = Fingerprint(bytes(31) + b"\x01")


def test_it_gives_what_the_original_gives() -> None:
    """One field or several, and the others as they were."""
    state = State(ticks=3, guard=Guard(posture=Posture.OPEN))
    changed = replace(state, edge=Edge(write_failures=2), ticks=4)
    assert changed == dataclasses.replace(state, edge=Edge(write_failures=2), ticks=4)
    assert changed != state


def test_what_is_to_become_what_it_is_stays_itself() -> None:
    """No new value is made where every field is equal to what it was."""
    state = State(ticks=3)
    assert replace(state, ticks=3, edge=Edge()) is state


def test_a_value_that_refuses_its_fields_still_does() -> None:
    """What a class checks when it is made is checked here too."""
    with pytest.raises(ValueError, match="begins with the current pin"):
        replace(Pinning(enabled=True, current=_PIN, accepted=(_PIN,)), current=_OTHER)
    with pytest.raises(ValueError, match="zone"):
        replace(Moment(Monotonic(1.0), datetime.now(UTC)), wall=datetime(2027, 1, 1))  # noqa: DTZ001


def test_a_field_that_there_is_not_is_an_error() -> None:
    """As with the original, though by another name; type checkers say so before."""
    with pytest.raises(KeyError):
        replace(State(), tick=1)  # type: ignore[call-arg]
