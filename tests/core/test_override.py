"""The override: when one is in force, and how its file is followed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edgepind.core.override import in_force, learn_not_removed, note_override, removal
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.action import OverrideNotRemoved, RemoveOverride
from edgepind.model.enums import EventName, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    Observations,
    OverrideFile,
    OverrideRejected,
)
from edgepind.model.state import Guard, OverrideState
from tests.core.situations import NOW, RULES, tick

HOUR = timedelta(hours=1)

FILE = OverrideFile(EPOCH - timedelta(minutes=1), EPOCH + HOUR, "calls are down", "ann")
KNOWN = OverrideState(EPOCH + HOUR, Monotonic(NOW + 3600), "calls are down", "ann")
OVER = replace(KNOWN, ends=NOW)


def looked(file: OverrideFile | OverrideRejected | None, wall: datetime = EPOCH) -> Tick:
    """A tick that looked for the override file and found this."""
    return tick(Observations(RULES, override=file, override_looked_at=True), wall=wall)


def test_an_override_is_taken_in_with_its_end_and_told_once() -> None:
    """Who, for how long and why; a problem that there was is none any more."""
    guard, (event,) = note_override(Guard(override_problem="no JSON"), looked(FILE))
    assert guard == Guard(override=KNOWN)
    assert (event.name, event.severity) == (EventName.OVERRIDE_ON, Severity.WARNING)
    assert "ann switched pinning validation off for 1h, giving as reason: calls are down" in (
        event.message
    )
    assert note_override(guard, looked(FILE)) == (guard, ())


def test_a_tick_that_did_not_look_changes_nothing() -> None:
    """No file seen is not the same as a file that is gone."""
    guard = Guard(override=KNOWN)
    assert note_override(guard, tick()) == (guard, ())
    assert note_override(guard, looked(None))[0].override is None


def test_an_override_lasts_no_longer_than_it_was_made_for() -> None:
    """Where the clock stands before the time at which the file was made."""
    guard, _ = note_override(Guard(), looked(FILE, EPOCH - timedelta(days=1)))
    assert guard.override is not None
    assert guard.override.ends == NOW + 61 * 60


@pytest.mark.parametrize(("seconds", "over"), [(0.5, False), (0.0, True), (-1.0, True)])
def test_a_file_whose_time_is_over_is_no_override(seconds: float, over: bool) -> None:  # noqa: FBT001 - a case
    """It is kept in mind, so that it is removed; there is nothing to tell of it."""
    late = replace(FILE, until=EPOCH + timedelta(seconds=seconds))
    guard, events = note_override(Guard(override_problem="no JSON"), looked(late))
    assert guard.override is not None
    assert guard.override.told_over is over
    assert guard.override_problem is None
    assert [it.name for it in events] == ([] if over else [EventName.OVERRIDE_ON])
    assert in_force(guard, looked(late)) is not over
    assert removal(guard, looked(late)) == ((RemoveOverride(),) if over else ())


def test_one_that_is_over_in_the_place_of_one_in_force_ends_it() -> None:
    """That is told, unless its end was told before."""
    late = replace(FILE, until=EPOCH - timedelta(seconds=1))
    _, (event,) = note_override(Guard(override=KNOWN), looked(late))
    assert (event.name, event.severity) == (EventName.OVERRIDE_OFF, Severity.NOTICE)
    assert "an expired one replaced it" in event.message
    assert note_override(Guard(override=replace(KNOWN, told_over=True)), looked(late))[1] == ()


def test_the_end_of_an_override_is_told_once() -> None:
    """And its file is asked to be removed, for as long as it is there."""
    guard, (event,) = note_override(Guard(override=OVER), looked(FILE))
    assert guard == Guard(override=replace(OVER, told_over=True))
    assert event.name is EventName.OVERRIDE_OFF
    assert "its time is over" in event.message
    assert note_override(guard, looked(FILE)) == (guard, ())
    assert not in_force(guard, looked(FILE))
    assert removal(guard, looked(FILE)) == (RemoveOverride(),)
    assert removal(guard, tick()) == ()
    assert removal(guard, looked(None)) == ()
    assert removal(Guard(), looked(FILE)) == ()
    assert removal(Guard(override=KNOWN), looked(FILE)) == ()


def test_a_file_that_is_removed_ends_the_override() -> None:
    """That is told, unless its end was told before; what was wrong with a file is forgotten."""
    guard, (event,) = note_override(Guard(override=KNOWN, override_problem="x"), looked(None))
    assert guard == Guard()
    assert "its file was removed" in event.message
    told = Guard(override=replace(OVER, told_over=True))
    assert note_override(told, looked(None)) == (Guard(), ())


def test_a_file_that_is_no_override_is_told_once_a_reason() -> None:
    """It ends an override that there was, as if it were gone."""
    rejected = OverrideRejected("/run/edgepind/override", "no JSON")
    guard, (ended, refused) = note_override(Guard(override=KNOWN), looked(rejected))
    assert guard == Guard(override_problem="no JSON")
    assert ended.name is EventName.OVERRIDE_OFF
    assert (refused.name, refused.severity) == (None, Severity.WARNING)
    assert "/run/edgepind/override is invalid and has no effect: no JSON" in refused.message
    assert note_override(guard, looked(rejected)) == (guard, ())


def test_a_file_that_cannot_be_removed_is_told_once_an_override() -> None:
    """It stays over all the same."""
    told = replace(OVER, told_over=True)
    guard, (event,) = learn_not_removed(Guard(override=told), OverrideNotRemoved("read-only"))
    assert guard == Guard(override=replace(told, told_stuck=True))
    assert (event.name, event.severity) == (EventName.WRITE_FAILED, Severity.WARNING)
    assert learn_not_removed(guard, OverrideNotRemoved("read-only")) == (guard, ())


def test_an_override_file_that_stays_is_reported_without_an_override_too() -> None:
    """A file that was over when it was first seen, and cannot be removed."""
    guard, events = learn_not_removed(Guard(), OverrideNotRemoved("unlink: read-only"))
    assert guard.override is None
    assert "unlink: read-only" in events[0].message
