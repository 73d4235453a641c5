"""What an earlier release stored is read, and the daemon goes on from it as that release did.

The files in `stored_states` are those that the releases before each change of the schema wrote at
the moments of `stored_moments`.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.document import Pinning
from edgepind.model.enums import EventName
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.state import Idle, RestartPhase, State
from edgepind.state.codec import Misfit, decode, encode, unmoved
from edgepind.state.envelope import SCHEMA, Opened, open_state, seal_at, seal_state
from edgepind.state.migration import OLDEST, migrate
from tests.disk.stored_moments import at

STORED = Path(__file__).with_name("stored_states")
EARLIER = range(OLDEST, SCHEMA)
PIN = Fingerprint(bytes(range(32)))
PINNING = Pinning(enabled=True, current=PIN, accepted=(PIN,))
BOOT = "boot-1"

FOLLOWS: dict[RestartPhase, tuple[list[float], list[EventName]]] = {
    RestartPhase.IDLE: ([], []),
    RestartPhase.OWED: ([62.0], [EventName.RESTART_SUCCEEDED]),
    RestartPhase.SETTLING: ([], [EventName.RESTART_SUCCEEDED]),
    RestartPhase.ROLLING_BACK: (
        [62.0, 120.0],
        [
            EventName.RESTART_REQUESTED,
            EventName.ROLLED_BACK,
            EventName.CONFIG_WRITTEN,
            EventName.RESTART_REQUESTED,
            EventName.RESTART_SUCCEEDED,
        ],
    ),
    RestartPhase.ROLLED_BACK: (
        [120.0],
        [EventName.CONFIG_WRITTEN, EventName.RESTART_REQUESTED, EventName.RESTART_SUCCEEDED],
    ),
}
"""The restarts, in seconds of the world, and the events that followed when the trouble was over."""


def stored(schema: int, phase: RestartPhase) -> bytes:
    """The file that was stored under this schema in this phase."""
    return (STORED / str(schema) / f"{phase}.json").read_bytes()


def read(content: bytes, world: ImaginedWorld) -> State:
    """The state in a file, as a daemon reads it that is started in this world."""
    opened = open_state(content, world.now(), BOOT)
    assert isinstance(opened, Opened), opened
    return opened.state


@pytest.mark.parametrize("phase", RestartPhase)
@pytest.mark.parametrize("schema", EARLIER)
def test_a_stored_edge_is_what_would_be_stored_today(schema: int, phase: RestartPhase) -> None:
    """To the last field: of the same moment nothing is forgotten, and nothing made up."""
    world = at(phase)
    today = read(seal_state(world.state, seal_at(world.now(), BOOT, "0")), world)
    assert today.edge.restart.phase is phase
    earlier = read(stored(schema, phase), world)
    if schema < 4:
        # What stands on disk was not kept then: the next look at it tells.
        assert today.edge.on_disk is not None
        today = replace(today, edge=replace(today.edge, on_disk=None))
    # Nor were the dates of leaves before schema 5.
    assert any(it.validity is not None for it in today.pins)
    today = replace(today, pins=tuple(replace(it, validity=None) for it in today.pins))
    assert (earlier.edge, earlier.pins, earlier.guard) == (today.edge, today.pins, today.guard)


@pytest.mark.parametrize("phase", RestartPhase)
@pytest.mark.parametrize("schema", EARLIER)
def test_the_daemon_goes_on_from_a_stored_state(schema: int, phase: RestartPhase) -> None:
    """It makes the restarts and tells the events that the release of that schema did."""
    world = at(phase)
    restarts, events = len(world.edge.restarts), len(world.events)
    world.edge.troubles.restart = world.edge.troubles.unready = ""
    world.crash()
    world.state = read(stored(schema, phase), world)
    world.run(3600.0)
    told = [it.name for it in world.events[events:]]
    assert (world.edge.restarts[restarts:], told) == FOLLOWS[phase]
    assert world.state.edge.restart == Idle()


def changed(schema: int, phase: RestartPhase, **edge: Any) -> Any:
    """A stored state as plain JSON, with these changes to its Edge."""
    state = json.loads(stored(schema, phase))["state"]
    return {**state, "edge": {**state["edge"], **edge}}


@pytest.mark.parametrize(
    ("loaded", "may_be_off"),
    [(None, False), (PINNING, False), (replace(PINNING, enabled=False), True)],
)
def test_whether_the_edge_may_be_off_follows_from_what_it_has_loaded(
    loaded: Pinning | None,
    may_be_off: bool,  # noqa: FBT001 - a case
) -> None:
    """And what locks it out is concluded anew."""
    before = changed(1, RestartPhase.IDLE, loaded=loaded and encode(loaded))
    state = decode(State, migrate(before, 1), unmoved)
    assert (state.edge.loaded, state.edge.may_be_off) == (loaded, may_be_off)


def test_a_debt_that_nothing_dates_is_as_old_as_the_boot() -> None:
    """No release left one so; a file that says it is read all the same."""
    state = changed(2, RestartPhase.SETTLING, owed_since=None, settling_since=None)
    restart = migrate(state, 2)["edge"]["restart"]
    assert (restart["since"], restart["debt"]["since"]) == (0.0, 0.0)


def test_what_no_release_stored_is_refused() -> None:
    """An unknown key is still one, and a key that is missing is not made up."""
    with pytest.raises(Misfit, match="unknown key 'surprise'"):
        decode(State, migrate(changed(2, RestartPhase.OWED, surprise=1), 2), unmoved)
    state = changed(2, RestartPhase.OWED)
    del state["edge"]["failures"]
    with pytest.raises(Misfit, match="is not of its shape"):
        migrate(state, 2)
