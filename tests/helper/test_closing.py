"""What root's helper recorded ends at its time: by its own clock, whoever else is gone."""

import asyncio
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edgepind.effects.helper_protocol import Apply, Restart
from edgepind.helper.closing import GRACE, Closed, Closer
from edgepind.helper.handler import fulfil
from edgepind.helper.policy import HelperPolicy
from edgepind.helper.records import NAME, Damaged, Opening, OpeningRecord
from edgepind.lab.sim_observations import fingerprint
from edgepind.model.action import DocumentWritten, RestartDone, RestartRefused, WriteFailed
from edgepind.model.document import Pinning
from edgepind.operator.override_file import remove_override, write_override
from tests.support.helper_grounds import Grounds
from tests.support.manual_clock import ManualClock
from tests.support.systemd_stand_in import NoMessageBusError, SystemdStandIn, message_bus

HOUR = 3600.0
PIN = fingerprint("a")
OFF, ON = Pinning(False, PIN, (PIN,)), Pinning(True, PIN, (PIN,))  # noqa: FBT003 - `enabled`
LIMIT = 4 * HOUR


@pytest.fixture
def clock() -> ManualClock:
    """Time that passes when told."""
    return ManualClock()


def ask(grounds: Grounds, clock: ManualClock, request: Apply | Restart) -> object:
    """One request, by a helper of its own."""
    return fulfil(request, grounds.settings, grounds.memory, clock)


def open_edge(grounds: Grounds, clock: ManualClock) -> None:
    """Let the daemon open the Edge, as it would."""
    assert isinstance(ask(grounds, clock, Apply(OFF)), DocumentWritten)
    assert isinstance(ask(grounds, clock, Restart(OFF)), RestartDone)


def close(grounds: Grounds, clock: ManualClock, *, before_start: bool = False) -> Closed:
    """What systemd runs again and again."""
    closer = Closer(grounds.settings, grounds.memory, clock, before_start=before_start)
    return closer.close().became


def recorded(grounds: Grounds, clock: ManualClock) -> Opening | Damaged | None:
    """What is recorded."""
    return OpeningRecord(grounds.memory, clock).read()


# --- an opening -----------------------------------------------------------------------------


def test_an_opening_is_recorded_and_ends(grounds: Grounds, clock: ManualClock) -> None:
    """Not a second early; then the document is closed, the Edge restarted and the record gone."""
    open_edge(grounds, clock)
    found = recorded(grounds, clock)
    assert isinstance(found, Opening)
    assert found.ends == clock.now().monotonic + LIMIT
    assert (grounds.memory / NAME).stat().st_mode & 0o777 == 0o600
    restarts = grounds.restarts()
    clock.advance(LIMIT + GRACE - 1)
    assert close(grounds, clock) is Closed.NOT_YET
    assert grounds.pinning()["enabled"] is False
    clock.advance(1)
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    assert grounds.pinning()["enabled"] is True
    assert grounds.pinning()["fingerprints"] == [str(PIN)]
    assert grounds.restarts() == restarts + 1
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    assert grounds.restarts() == restarts + 1


def test_a_daemon_that_closes_leaves_nothing_to_do(grounds: Grounds, clock: ManualClock) -> None:
    """The record goes with the restart that loads a document with validation on, not before."""
    open_edge(grounds, clock)
    ask(grounds, clock, Apply(ON))
    assert isinstance(recorded(grounds, clock), Opening)
    assert isinstance(ask(grounds, clock, Restart(ON)), RestartDone)
    assert recorded(grounds, clock) is None


def test_who_says_that_it_closes_and_does_not_is_not_believed(
    grounds: Grounds, clock: ManualClock
) -> None:
    """What counts is the document that stood there, and not what the request names."""
    open_edge(grounds, clock)
    ask(grounds, clock, Restart(ON))
    assert isinstance(recorded(grounds, clock), Opening)


def test_a_longer_stay_by_writing_again_is_not_to_be_had(
    grounds: Grounds, clock: ManualClock
) -> None:
    """The end is that of the first write of this opening."""
    open_edge(grounds, clock)
    found = recorded(grounds, clock)
    clock.advance(HOUR)
    assert isinstance(ask(grounds, clock, Apply(OFF)), DocumentWritten)
    assert recorded(grounds, clock) == found


def test_without_a_record_nothing_is_opened(grounds: Grounds, clock: ManualClock) -> None:
    """The end first: where it cannot be kept, validation stays on."""
    (grounds.memory / NAME).mkdir()
    said = ask(grounds, clock, Apply(OFF))
    assert isinstance(said, WriteFailed)
    assert "keeps validation on" in said.error


# --- time -----------------------------------------------------------------------------------


def test_time_away_counts(grounds: Grounds, clock: ManualClock) -> None:
    """A host that was off for the rest of the time closes at boot, before the Edge starts."""
    open_edge(grounds, clock)
    clock.advance(HOUR)
    clock.reboot(off_for=LIMIT - HOUR)
    restarts = grounds.restarts()
    close(grounds, clock, before_start=True)
    assert grounds.pinning()["enabled"] is True
    assert grounds.restarts() == restarts


def test_a_reboot_before_the_end_leaves_it_open_until_then(
    grounds: Grounds, clock: ManualClock
) -> None:
    """What is left of the time goes on."""
    open_edge(grounds, clock)
    clock.reboot(off_for=HOUR)
    assert close(grounds, clock, before_start=True) is Closed.NOT_YET
    assert grounds.pinning()["enabled"] is False
    clock.advance(LIMIT - HOUR - 1)
    assert close(grounds, clock) is Closed.NOT_YET
    clock.advance(GRACE + 1)
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    assert grounds.pinning()["enabled"] is True


@pytest.mark.parametrize("days", [-3650, 3650])
def test_setting_the_clock_moves_nothing(grounds: Grounds, clock: ManualClock, days: int) -> None:
    """Within one boot only the boot clock counts."""
    open_edge(grounds, clock)
    clock.set_wall(clock.now().wall + timedelta(days=days))
    clock.advance(LIMIT - 1)
    assert close(grounds, clock) is Closed.NOT_YET
    clock.advance(GRACE + 1)
    assert close(grounds, clock) is Closed.NOTHING_LEFT


def test_a_clock_that_stands_behind_after_a_reboot_ends_it_all_the_same(
    grounds: Grounds, clock: ManualClock
) -> None:
    """It makes nothing older, and nothing eternal."""
    open_edge(grounds, clock)
    clock.reboot()
    clock.set_wall(clock.now().wall - timedelta(days=3650))
    assert close(grounds, clock, before_start=True) is Closed.NOT_YET
    clock.advance(LIMIT + GRACE)
    assert close(grounds, clock) is Closed.NOTHING_LEFT


# --- an override ----------------------------------------------------------------------------


def override(grounds: Grounds, clock: ManualClock, seconds: float) -> None:
    """Root's override for so long, granted by the helper."""
    until = clock.now().wall + timedelta(seconds=seconds)
    write_override(grounds.folder / "run", grounds.state, until, "no voice path", "root")
    file = grounds.state / "override"
    made = clock.now().wall.timestamp()
    os.utime(file, (made, made))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's override counts for the helper")
def test_an_override_ends_with_its_file_or_its_time(grounds: Grounds, clock: ManualClock) -> None:
    """Made longer it lasts longer; removed, it is over."""
    grounds.write_settings({"fail_open": {"enabled": False}})
    override(grounds, clock, HOUR)
    open_edge(grounds, clock)
    override(grounds, clock, 2 * HOUR)
    clock.advance(HOUR + GRACE)
    assert close(grounds, clock) is Closed.NOT_YET
    remove_override(grounds.folder / "run", grounds.state)
    clock.advance(GRACE)
    assert close(grounds, clock) is Closed.NOT_YET
    clock.advance(GRACE)
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    assert grounds.pinning()["enabled"] is True


# --- trouble --------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "{", "[]", '{"saved": {}}', '{"opening": 3}'])
def test_a_damaged_record_ends_now(grounds: Grounds, clock: ManualClock, content: str) -> None:
    """Nobody but root writes there, so it is the disk; and an Edge must not stay open for that."""
    open_edge(grounds, clock)
    (grounds.memory / NAME).write_text(content)
    assert recorded(grounds, clock) == Damaged()
    assert close(grounds, clock) is Closed.NOT_YET
    clock.advance(GRACE)
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    assert grounds.pinning()["enabled"] is True


def test_what_fails_is_tried_again_and_more_and_more_seldom(
    grounds: Grounds, clock: ManualClock
) -> None:
    """The record stays; a minute, two, and at most a quarter of an hour between two attempts."""
    open_edge(grounds, clock)
    broken = grounds.folder / "restart"
    broken.write_text("#!/bin/sh\nexit 7\n")
    clock.advance(LIMIT + GRACE)
    for pause in (60.0, 120.0, 240.0, 480.0, 900.0, 900.0):
        assert close(grounds, clock) is Closed.FAILED
        assert grounds.pinning()["enabled"] is True
        clock.advance(pause - 1)
        assert close(grounds, clock) is Closed.NOT_YET
        clock.advance(1)
    broken.write_text("#!/bin/sh\nexit 0\n")
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    assert recorded(grounds, clock) is None


def test_a_full_disk_does_not_keep_it_open(grounds: Grounds, clock: ManualClock) -> None:
    """The restart follows though its count cannot be kept."""
    open_edge(grounds, clock)
    (grounds.memory / "restarts.json").unlink()
    (grounds.memory / "restarts.json").mkdir()
    clock.advance(LIMIT + GRACE)
    restarts = grounds.restarts()
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    assert grounds.restarts() == restarts + 1


def test_the_helper_and_the_closing_never_restart_at_once(
    grounds: Grounds, clock: ManualClock
) -> None:
    """Who comes second does nothing, and says so."""
    open_edge(grounds, clock)
    clock.advance(LIMIT + GRACE)
    folder = os.open(grounds.memory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert close(grounds, clock) is Closed.NOT_YET
        assert isinstance(ask(grounds, clock, Restart(ON)), RestartRefused)
        assert isinstance(ask(grounds, clock, Apply(OFF)), WriteFailed)
    finally:
        os.close(folder)
    assert close(grounds, clock) is Closed.NOTHING_LEFT


def test_a_restart_that_closes_is_counted(grounds: Grounds, clock: ManualClock) -> None:
    """No budget refuses it, and the daemon's own find it spent."""
    grounds.write_settings({"edge": {"restart_budget": 1}})
    open_edge(grounds, clock)
    clock.advance(LIMIT + GRACE)
    grounds.write_settings({"edge": {"restart_budget": 1}})
    assert close(grounds, clock) is Closed.NOTHING_LEFT
    refused = HelperPolicy(grounds.settings, grounds.memory, clock).objection_to_restart()
    assert refused is not None


def test_a_record_of_another_shape_is_written_whole(tmp_path: Path, clock: ManualClock) -> None:
    """What is written is read back, instant for instant."""
    record = OpeningRecord(tmp_path, clock)
    assert record.read() is None
    opening = Opening(clock.now().monotonic, None, "a test")
    assert record.write(opening) is None
    assert record.read() == opening
    assert json.loads((tmp_path / NAME).read_text())["opening"]["why"] == "a test"
    assert record.write(replace(opening, failures=2)) is None
    assert record.read() == replace(opening, failures=2)
    assert record.remove() is None
    assert record.read() is None


# --- a start that is under way --------------------------------------------------------------

UNIT = "purecloud-edge.service"


@pytest.fixture
async def systemd(
    grounds: Grounds, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SystemdStandIn]:
    """A systemd on the system bus, whose unit is the Edge."""
    systemd = SystemdStandIn(UNIT)
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(message_bus(grounds.folder / "bus"))
        except NoMessageBusError as error:
            pytest.skip(f"NOT TESTED, a start while the Edge is closed: {error}")
        await stack.enter_async_context(systemd.serving(address))
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield systemd


async def begin_opening(grounds: Grounds, clock: ManualClock) -> None:
    """Open the Edge's document, and have systemd restart the Edge from then on."""
    await asyncio.to_thread(open_edge, grounds, clock)
    grounds.write_settings({"edge": {"restart_command": [], "unit": UNIT}})


async def test_a_start_that_is_under_way_is_not_cut(
    grounds: Grounds, clock: ManualClock, systemd: SystemdStandIn
) -> None:
    """It ends by its owner's limits; beyond them, the Edge is restarted all the same."""
    await begin_opening(grounds, clock)
    systemd.active_state, systemd.began = "activating", 1
    clock.advance(LIMIT + GRACE)
    assert await asyncio.to_thread(close, grounds, clock) is Closed.NOT_YET
    assert grounds.pinning()["enabled"] is True
    assert systemd.calls == []
    clock.advance(179.0)
    assert await asyncio.to_thread(close, grounds, clock) is Closed.NOT_YET
    assert systemd.calls == []
    clock.advance(1.0)
    assert await asyncio.to_thread(close, grounds, clock) is Closed.NOTHING_LEFT
    assert systemd.calls == ["TryRestartUnit"]


async def test_a_start_without_end_keeps_the_edge_open_for_a_while_only(
    grounds: Grounds, clock: ManualClock, systemd: SystemdStandIn
) -> None:
    """A unit may start for ever, and an opening does not last that long."""
    await begin_opening(grounds, clock)
    systemd.spans["TimeoutStartUSec"] = 2**64 - 1
    systemd.active_state, systemd.began = "activating", 1
    clock.advance(LIMIT + GRACE + 899.0)
    assert await asyncio.to_thread(close, grounds, clock) is Closed.NOT_YET
    clock.advance(1.0)
    assert await asyncio.to_thread(close, grounds, clock) is Closed.NOTHING_LEFT


async def test_a_start_after_the_closing_needs_no_other(
    grounds: Grounds, clock: ManualClock, systemd: SystemdStandIn
) -> None:
    """It reads the document that closes the Edge."""
    await begin_opening(grounds, clock)
    systemd.active_state, systemd.began = "activating", 1
    clock.advance(LIMIT + GRACE)
    assert await asyncio.to_thread(close, grounds, clock) is Closed.NOT_YET
    systemd.began = time.time_ns() // 1000 + 1_000_000
    assert await asyncio.to_thread(close, grounds, clock) is Closed.NOTHING_LEFT
    assert systemd.calls == []
