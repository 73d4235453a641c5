"""The daemon's side: the appliance through the helper, with a real helper and with bad ones."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.effects.helper_appliance import HelperAppliance, HelperClient, Lost, Unserved
from edgepind.effects.helper_protocol import GREETING, AskUnit, encode_answer
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
    NoUnit,
    UnitUnknown,
)
from tests.support.helper_grounds import Grounds, serving
from tests.support.helper_socket import HelperSocket

A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
ON = Pinning(enabled=True, current=A, accepted=(A, B))


class Wall:
    """A wall clock that is read by the appliance: ahead of the files' times by `ahead`."""

    def __init__(self) -> None:
        self.ahead = timedelta(minutes=1)

    def __call__(self) -> datetime:
        """Now, as it is told here."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def wall() -> Wall:
    """A minute ahead, so that every file is an old one."""
    return Wall()


@pytest.fixture
def appliance(grounds: Grounds, helper: HelperSocket, wall: Wall) -> Iterator[HelperAppliance]:
    """The appliance under test, with a real helper behind it."""
    made = HelperAppliance(helper.path, grounds.settings.edge, wall)
    yield made
    made.close()


async def test_it_is_an_appliance(grounds: Grounds, appliance: HelperAppliance) -> None:
    """Read, write, restore, restart and look, as in the process itself."""
    seen = (await appliance.read_document()).document
    assert isinstance(seen, DocumentRead)
    assert seen.enabled is False
    assert isinstance(await appliance.apply(ON), DocumentWritten)
    assert grounds.pinning()["fingerprints"] == [str(A), str(B)]
    grounds.document.write_text("{")
    assert isinstance((await appliance.read_document()).document, DocumentRejected)
    assert isinstance(await appliance.restore(None), DocumentWritten)
    assert grounds.pinning()["fingerprint"] == str(A)
    written = await appliance.apply(ON)
    assert isinstance(written, DocumentWritten)
    assert await appliance.restart(ON) == RestartDone(ON, read=written.digest)
    assert grounds.restarts() == 1
    assert await appliance.unit() == NoUnit()


# --- a steady tick asks nothing --------------------------------------------------------------


async def test_an_unchanged_document_is_not_asked_for_again(
    appliance: HelperAppliance, helper: HelperSocket
) -> None:
    """No process is started in a steady state."""
    first = await appliance.read_document()
    for _ in range(10):
        assert await appliance.read_document() == first
        await appliance.unit()
    assert helper.started == 1


async def test_every_kind_of_change_is_noticed_at_once(
    grounds: Grounds, appliance: HelperAppliance, helper: HelperSocket
) -> None:
    """Another file, other bytes of the same length and time, another mode, none, and one again."""
    await appliance.read_document()
    found = grounds.document.stat()
    content = grounds.document.read_text()

    grounds.document.write_text(content.replace("false", "true ").replace("e-1", "e-2"))
    os.utime(grounds.document, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert grounds.document.stat().st_size == found.st_size
    changed = (await appliance.read_document()).document
    assert isinstance(changed, DocumentRead)
    assert changed.enabled is True

    grounds.document.chmod(0o644)
    other_mode = (await appliance.read_document()).document
    assert isinstance(other_mode, DocumentRead)
    assert not other_mode.attributes_right

    grounds.document.unlink()
    assert (await appliance.read_document()).document == DocumentMissing()
    grounds.write_document({"certificatePinning": {"enabled": False}})
    back = (await appliance.read_document()).document
    assert isinstance(back, DocumentRead)
    assert back.enabled is False
    assert helper.started == 5


async def test_a_document_of_this_moment_is_asked_for_again(
    appliance: HelperAppliance, helper: HelperSocket, wall: Wall
) -> None:
    """It can change once more and show the same times; also where the clock is behind."""
    for ahead in (timedelta(0), timedelta(seconds=-1)):
        wall.ahead = ahead
        await appliance.read_document()
    wall.ahead = timedelta(minutes=1)
    for _ in range(3):
        await appliance.read_document()
    assert helper.started == 3


async def test_a_document_that_cannot_be_seen_is_asked_for_each_time(
    grounds: Grounds, helper: HelperSocket, wall: Wall
) -> None:
    """What the daemon may not see it does not guess."""
    unseen = grounds.settings.edge
    hidden = type(unseen)(
        pinning_config=Path("/nowhere/pinning-config.json"),
        restart_command=unseen.restart_command,
    )
    appliance = HelperAppliance(helper.path, hidden, wall)
    for _ in range(2):
        assert isinstance((await appliance.read_document()).document, DocumentRead)
    assert helper.started == 2


# --- a helper that is not there, busy, or bad ------------------------------------------------


async def test_without_a_socket_every_answer_says_what_to_do(grounds: Grounds, wall: Wall) -> None:
    """Typed values with the remedy; nothing was done, so a restart is only deferred."""
    appliance = HelperAppliance(grounds.folder / "absent.sock", grounds.settings.edge, wall)
    read = (await appliance.read_document()).document
    assert isinstance(read, DocumentUnreadable)
    written, restarted = await appliance.apply(ON), await appliance.restart(ON)
    assert isinstance(written, WriteFailed)
    assert isinstance(restarted, RestartRefused)
    for error in (read.error, written.error, restarted.error):
        assert "systemctl enable --now edgepind-apply.socket" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket")
async def test_a_closed_socket_is_told(grounds: Grounds, helper: HelperSocket, wall: Wall) -> None:
    """Who is not in the group learns that."""
    helper.path.chmod(0)
    appliance = HelperAppliance(helper.path, grounds.settings.edge, wall)
    written = await appliance.apply(ON)
    assert isinstance(written, WriteFailed)
    assert "group edgepind" in written.error


async def test_two_daemons_at_once_are_both_served(
    grounds: Grounds, helper: HelperSocket, wall: Wall
) -> None:
    """Who is hung up on before the greeting comes again."""
    several = [HelperAppliance(helper.path, grounds.settings.edge, wall) for _ in range(3)]
    outcomes = await asyncio.gather(*(it.apply(ON) for it in several))
    assert all(isinstance(it, DocumentWritten) for it in outcomes)
    assert helper.hung_up_on > 0


@asynccontextmanager
async def speaking(grounds: Grounds, script: str) -> AsyncIterator[HelperClient]:
    """A line to another program than the helper, which has the connection as `c`."""
    head = "import os, socket, sys, time; c = socket.socket(fileno=0)\n"
    async with serving(grounds, program=("-c", head + script)) as helper:
        yield HelperClient(helper.path, patience=2.0)


async def test_a_helper_that_never_gets_free_is_given_up(grounds: Grounds) -> None:
    """After `patience` nothing was done, and that is the answer."""
    async with speaking(grounds, "") as line:
        answer = await line.ask(AskUnit(), 5.0)
    assert isinstance(answer, Unserved)
    assert "busy" in answer.error


async def test_a_helper_that_does_not_greet_is_given_up(grounds: Grounds) -> None:
    """Its silence does not hold the tick."""
    async with speaking(grounds, "time.sleep(60)") as line:
        answer = await line.ask(AskUnit(), 5.0)
    assert isinstance(answer, Unserved)
    assert "greeting" in answer.error


async def test_a_helper_of_another_release_is_not_asked(grounds: Grounds) -> None:
    """What it would understand is not known."""
    async with speaking(grounds, "c.sendall(b'{\"edgepind-apply\": 3}\\n'); c.recv(1)") as line:
        answer = await line.ask(AskUnit(), 5.0)
    assert isinstance(answer, Unserved)
    assert "another release" in answer.error


GREET = f"c.sendall({GREETING!r}); c.recv(16384)\n"


@pytest.mark.parametrize(
    "script",
    [
        "",
        "time.sleep(60)",
        "c.sendall(b'no JSON\\n')",
        "c.sendall(b'[' * 5000000)",
        'c.sendall(b\'{"is": "RestartDone"}\\n\')',
        "os._exit(1)",
    ],
)
async def test_an_answer_that_is_lost_is_lost(grounds: Grounds, script: str) -> None:
    """Whether it was done is not known; it is not asked for again."""
    async with speaking(grounds, GREET + script) as line:
        answer = await line.ask(AskUnit(), 1.0)
    assert isinstance(answer, Lost)
    assert "journalctl" in answer.error


@pytest.mark.parametrize(
    ("script", "outcome"),
    [("", RestartRefused), (f"c.sendall({encode_answer(WriteFailed('no'))!r})", RestartFailed)],
)
async def test_a_lost_restart_is_not_counted_on(
    grounds: Grounds, wall: Wall, script: str, outcome: type
) -> None:
    """Nobody knows whether it was made: the Edge's run will tell. Another answer is a failure."""
    head = "import os, socket, sys, time; c = socket.socket(fileno=0)\n"
    async with serving(grounds, program=("-c", head + GREET + script)) as helper:
        appliance = HelperAppliance(helper.path, grounds.settings.edge, wall)
        assert isinstance(await appliance.restart(ON), outcome)
        assert helper.started == 1


async def test_where_systemd_is_mute_the_helper_is_asked(grounds: Grounds, wall: Wall) -> None:
    """The first problem is told, where the helper knows no more."""
    absent = f"unix:path={grounds.folder}/no-bus"
    asked = type(grounds.settings.edge)()
    async with serving(grounds, variables={"DBUS_SYSTEM_BUS_ADDRESS": absent}) as helper:
        appliance = HelperAppliance(helper.path, asked, wall, bus_address=absent)
        assert await appliance.unit() == NoUnit()  # the helper goes by the settings file
        grounds.write_settings({"edge": {"restart_command": []}})
        unit = await appliance.unit()
        assert isinstance(unit, UnitUnknown)
        assert "D-Bus cannot be reached" in unit.error
