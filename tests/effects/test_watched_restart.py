"""What the Edge can have read while it was restarted: by a command, and by a job of systemd's."""

import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.effects.local_appliance import LocalAppliance
from edgepind.effects.pinning_text import digest_of
from edgepind.effects.watched_restart import Stood, look_at, read_from
from edgepind.model.action import RestartDone, RestartFailed
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.settings.schema import EdgeSettings
from tests.support.systemd_stand_in import NoMessageBusError, SystemdStandIn, message_bus

PIN = Fingerprint(bytes(range(32)))
LOADING = Pinning(enabled=True, current=PIN, accepted=(PIN,))
MEANT = json.dumps({"certificatePinning": {"enabled": True, "fingerprints": [str(PIN)]}}).encode()
SWAPPED = json.dumps({"certificatePinning": {"enabled": False}}).encode()

STARTED = datetime(2027, 1, 1, tzinfo=UTC)
BEFORE, BETWEEN, AFTER = (STARTED + timedelta(seconds=it) for it in (-9, -1, 1))


# --- what follows from the looks ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("stood", "read"),
    [
        ([("meant", BEFORE)], "meant"),
        ([("meant", STARTED)], "meant"),
        ([("meant", AFTER)], "meant"),
        ([("", BEFORE)], ""),
        ([("meant", BEFORE), ("other", BETWEEN)], "other"),
        ([("meant", BEFORE), ("other", BETWEEN), ("meant", STARTED)], "meant"),
        ([("meant", BEFORE), ("other", BETWEEN), ("meant", AFTER)], ""),
        ([("meant", BEFORE), ("other", AFTER)], ""),
        ([("meant", BEFORE), ("other", AFTER), ("meant", AFTER)], ""),
        ([("meant", BEFORE), ("meant", AFTER)], "meant"),
        ([("meant", BEFORE), ("meant", BETWEEN)], "meant"),
        ([("other", AFTER), ("meant", AFTER)], ""),
    ],
)
def test_what_was_read_is_what_alone_stood_there_since_the_start(
    stood: list[tuple[str, datetime]], read: str
) -> None:
    """What was swapped in and out while the Edge stopped was never read; an Edge may save its own.

    Where something else stood there after the start, it may be what was read.
    """
    looks = [Stood(digest, changed) for digest, changed in stood]
    assert read_from(looks, STARTED) == read
    unchanged = len(looks) == 1
    assert read_from(looks, None) == (looks[0].digest if unchanged else "")


def test_a_document_that_is_gone_or_no_file_was_read_by_nobody(tmp_path: Path) -> None:
    """It is never taken for one that stood there before the start."""
    assert look_at(tmp_path / "none") == Stood("")
    assert look_at(tmp_path) == Stood("")
    gone = [Stood("meant", BEFORE), Stood(""), Stood("meant", AFTER)]
    assert read_from(gone, STARTED) == ""


def test_a_file_that_is_moved_there_has_changed_whatever_its_age(tmp_path: Path) -> None:
    """`mv` keeps the modification time, and so does what puts the former document back."""
    document, aside = tmp_path / "document", tmp_path / "aside"
    document.write_bytes(MEANT)
    before = look_at(document)
    document.rename(aside)
    aside.rename(document)
    after = look_at(document)
    assert after.digest == before.digest
    assert after != before


# --- by a command -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grounds:
    """A document, and what may happen to it."""

    document: Path

    def put(self, content: bytes) -> None:
        """Replace it, as a software update does."""
        fresh = self.document.with_name("fresh")
        fresh.write_bytes(content)
        fresh.replace(self.document)

    def swap(self) -> None:
        """Put another one there."""
        self.put(SWAPPED)

    def put_back(self) -> None:
        """Put the one there that was meant."""
        self.put(MEANT)

    def edge(self, *command: str) -> EdgeSettings:
        """The Edge of these grounds."""
        return EdgeSettings(pinning_config=self.document, restart_command=command)


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    """With the document that is meant to be loaded."""
    made = Grounds(tmp_path / "pinning-config.json")
    made.put_back()
    return made


async def restarted(edge: EdgeSettings, bus: str | None = None) -> RestartDone | RestartFailed:
    """The outcome of a restart by the appliance in the process."""
    appliance = LocalAppliance(edge, lambda: datetime.now(UTC), bus_address=bus)
    try:
        outcome = await appliance.restart(LOADING)
    finally:
        appliance.close()
    assert isinstance(outcome, RestartDone | RestartFailed)
    return outcome


@pytest.mark.parametrize(
    ("script", "read"),
    [
        ("true", MEANT),
        ("cp other document", None),
        ("mv document aside; cp other document; mv aside document", None),
        ("touch -d 2001-01-01 document", None),
        ("rm document", None),
    ],
)
async def test_under_a_command_nothing_may_have_changed(
    grounds: Grounds, script: str, read: bytes | None
) -> None:
    """Nobody knows when the Edge read it: neither another content, nor the same one put back."""
    folder = grounds.document.parent
    (folder / "other").write_bytes(SWAPPED)
    script = f"cd {folder}; {script}".replace("document", grounds.document.name)
    outcome = await restarted(grounds.edge("sh", "-c", script))
    assert outcome == RestartDone(LOADING, read=digest_of(read) if read else "")


async def test_a_restart_that_fails_tells_nothing_of_the_document(grounds: Grounds) -> None:
    """Only why."""
    outcome = await restarted(grounds.edge("sh", "-c", "exit 3"))
    assert isinstance(outcome, RestartFailed)


# --- by a job of systemd's ----------------------------------------------------------------------


@pytest.fixture
async def systemd() -> AsyncIterator[tuple[SystemdStandIn, str]]:
    """A systemd whose unit takes a moment to start, and the address of its bus."""
    stand_in = SystemdStandIn("purecloud-edge.service", takes=0.6)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="edgepind-"))
        try:
            address = await stack.enter_async_context(message_bus(Path(folder, "bus")))
        except NoMessageBusError as error:
            pytest.skip(f"NOT TESTED, a restart over D-Bus that is watched: {error}")
        await stack.enter_async_context(stand_in.serving(address))
        yield stand_in, address


def in_turn(*calls: Callable[[], object]) -> Callable[[], object]:
    """Make each of these calls."""
    return lambda: [call() for call in calls]


@pytest.mark.parametrize(
    ("stopping", "starting", "read"),
    [
        ((), (), MEANT),
        (("swap",), (), SWAPPED),
        (("swap", "put_back"), (), MEANT),
        (("swap",), ("put_back",), None),
        ((), ("swap",), None),
        ((), ("put_back",), MEANT),
    ],
)
async def test_a_unit_has_read_what_stood_there_since_its_start(
    grounds: Grounds,
    systemd: tuple[SystemdStandIn, str],
    stopping: tuple[str, ...],
    starting: tuple[str, ...],
    read: bytes | None,
) -> None:
    """An Edge that saves its own document once it has started is no swap."""
    stand_in, address = systemd
    stand_in.stopping = in_turn(*(getattr(grounds, it) for it in stopping))
    stand_in.starting = in_turn(*(getattr(grounds, it) for it in starting))
    outcome = await restarted(grounds.edge(), address)
    run = stand_in.invocation.hex()
    assert outcome == RestartDone(LOADING, run, digest_of(read) if read else "")
