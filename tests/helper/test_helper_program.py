"""The helper as a process behind a real socket: what it does, and what nobody can make it do."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from edgepind.effects.helper_protocol import (
    GREETING,
    LONGEST_REQUEST,
    Answer,
    Apply,
    AskUnit,
    KeepSerial,
    NoAnswer,
    PutBack,
    ReadDocument,
    Rehearse,
    Rehearsed,
    Request,
    RequestRefused,
    Restart,
    Restore,
    encode_request,
    parse_answer,
)
from edgepind.effects.pinning_text import DocumentReading
from edgepind.helper.program import PATIENCE
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.bundle import KeptSerial
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentMissing, DocumentRead, NoUnit
from edgepind.operator.override_file import OverrideWritten, write_override
from tests.support.helper_grounds import Grounds, serving
from tests.support.helper_socket import HelperSocket

A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
ON = Pinning(enabled=True, current=A, accepted=(A, B))
OFF = Pinning(enabled=False, current=A, accepted=(A, B))

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def call(helper: HelperSocket) -> AsyncIterator[Ends]:
    """Connect when nobody else is served."""
    await helper.idle.wait()
    reader, writer = await asyncio.open_unix_connection(helper.path, limit=1 << 22)
    try:
        yield reader, writer
    finally:
        writer.close()


async def send(helper: HelperSocket, octets: bytes, *, end: bool = False) -> Answer | NoAnswer:
    """Say just these octets after the greeting; give the answer."""
    async with call(helper) as (reader, writer):
        assert await reader.readline() == GREETING
        writer.write(octets)
        if end:
            writer.write_eof()
        answer = parse_answer(await reader.readline())
        assert await reader.read() == b""
    return answer


async def ask(helper: HelperSocket, request: Request) -> Answer | NoAnswer:
    """Ask as the daemon does."""
    return await send(helper, encode_request(request))


# --- what it does ---------------------------------------------------------------------------


async def test_it_reads_writes_and_restarts(grounds: Grounds, helper: HelperSocket) -> None:
    """The whole of its work, each part in a process of its own."""
    seen = await ask(helper, ReadDocument(looks_only=False))
    assert isinstance(seen, DocumentReading)
    assert isinstance(seen.document, DocumentRead)
    assert seen.document.enabled is False

    written = await ask(helper, Apply(ON))
    assert isinstance(written, DocumentWritten)
    assert written.changed
    assert grounds.pinning() == {
        "enabled": True,
        "algorithm": "SHA256",
        "fingerprint": str(A),
        "fingerprints": [str(A), str(B)],
    }
    assert json.loads(grounds.document.read_text())["edgeId"] == "e-1"

    assert await ask(helper, AskUnit()) == NoUnit()
    assert await ask(helper, Restart(ON)) == RestartDone(ON, read=written.digest)
    assert grounds.restarts() == 1
    assert helper.started == 4


async def test_it_restores_a_broken_document(grounds: Grounds, helper: HelperSocket) -> None:
    """What was found is set aside, the operator's keys come back."""
    await ask(helper, Apply(ON))
    grounds.document.write_text("{")
    restored = await ask(helper, Restore(ON))
    assert isinstance(restored, DocumentWritten)
    assert restored.set_aside is not None
    assert [it.read_text() for it in grounds.folder.glob("*.rejected-*")] == ["{"]
    assert json.loads(grounds.document.read_text())["edgeId"] == "e-1"


async def test_it_tries_a_replacement_and_leaves_nothing(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """As root, in its own sandbox: so it is this one that says whether a write will do."""
    folder, name = grounds.document.parent, grounds.document.name
    before = sorted(folder.glob(f".{name}*")), grounds.document.stat().st_ctime_ns
    assert await ask(helper, Rehearse()) == Rehearsed(None)
    after = sorted(folder.glob(f".{name}*")), grounds.document.stat().st_ctime_ns
    assert after == before
    grounds.document.rename(grounds.folder / "kept")
    grounds.document.mkdir()
    tried = await ask(helper, Rehearse())
    assert isinstance(tried, Rehearsed)
    assert "folder" in (tried.error or "")


async def test_it_puts_back_what_it_changed_and_nothing_else(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """It goes by its own record; the request names pins and no rights."""
    grounds.document.chmod(0o666)
    written = await ask(helper, Apply(ON))
    assert isinstance(written, DocumentWritten)
    assert written.attributes is not None
    assert grounds.document.stat().st_mode & 0o777 == 0o640
    assert isinstance(await ask(helper, PutBack(ON)), DocumentWritten)
    assert grounds.document.stat().st_mode & 0o777 == 0o640


async def test_a_look_alone_leaves_no_trace(grounds: Grounds, helper: HelperSocket) -> None:
    """A dry run asks for that: no copy of the document appears beside it."""
    before = sorted(grounds.folder.glob(".*"))
    await ask(helper, ReadDocument(looks_only=True))
    assert sorted(grounds.folder.glob(".*")) == before
    await ask(helper, ReadDocument(looks_only=False))
    assert len(list(grounds.folder.glob(".*last-good"))) == len(before) + 1


async def test_a_missing_document_is_told(grounds: Grounds, helper: HelperSocket) -> None:
    """It is an answer, not a failure."""
    grounds.document.unlink()
    answer = await ask(helper, ReadDocument(looks_only=True))
    assert answer == DocumentReading(DocumentMissing())


async def test_changes_are_told_with_who_asked_and_looks_are_not(helper: HelperSocket) -> None:
    """The kernel's word on the peer, and sd-daemon's priorities, in the journal's one line each."""
    await ask(helper, ReadDocument(looks_only=True))
    await ask(helper, AskUnit())
    assert helper.told() == ""
    await ask(helper, Apply(ON))
    await ask(helper, Apply(OFF))
    on, off = helper.told().splitlines()
    peer = f"pid {os.getpid()} (uid {os.getuid()}, gid {os.getgid()})"
    assert on == f"<5>{peer} asked for 2 accepted pins, current {A.short}: written"
    assert off.startswith(f"<4>{peer} asked for VALIDATION OFF")


# --- whom it does not believe ---------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b'{"do": "read", "looks_only": false, "path": "/etc/shadow"}\n',
        b'{"do": "restart", "unit": "ssh.service"}\n',
        b'{"do": "apply", "pinning": {"enabled": true, "current": "null", "accepted": []}}\n',
        encode_request(AskUnit()) * 2,
        b"\x00" * (LONGEST_REQUEST - 1) + b"\n",
    ],
)
async def test_garbage_is_answered_and_changes_nothing(
    grounds: Grounds, helper: HelperSocket, octets: bytes
) -> None:
    """Refused with a sentence; the next request is served as if nothing had been."""
    before = grounds.document.read_bytes()
    assert isinstance(await send(helper, octets), RequestRefused)
    assert grounds.document.read_bytes() == before
    assert grounds.restarts() == 0
    assert len(helper.told().splitlines()) == 1
    assert isinstance(await ask(helper, ReadDocument(looks_only=True)), DocumentReading)


async def test_a_flood_is_cut_off(helper: HelperSocket) -> None:
    """Beyond the limit nothing is read; whoever goes on sending is hung up on."""
    async with call(helper) as (reader, writer):
        assert await reader.readline() == GREETING
        with suppress(ConnectionError):  # the only end there is
            while True:
                writer.write(b"[" * LONGEST_REQUEST)
                await writer.drain()
    await helper.idle.wait()
    assert str(LONGEST_REQUEST) in helper.told()
    assert isinstance(await ask(helper, ReadDocument(looks_only=True)), DocumentReading)


@pytest.mark.parametrize("octets", [b"", b'{"do": "re'])
async def test_half_a_request_has_a_deadline(helper: HelperSocket, octets: bytes) -> None:
    """Whoever says nothing whole does not hold the one place for longer than the deadline."""
    async with asyncio.timeout(15 * PATIENCE):
        refused = await send(helper, octets)
    assert isinstance(refused, RequestRefused)
    assert "whole within" in refused.error


async def test_a_request_that_ends_early_is_refused_at_once(helper: HelperSocket) -> None:
    """The end of what is sent is the end of the request."""
    refused = await send(helper, b'{"do": "re', end=True)
    assert isinstance(refused, RequestRefused)
    assert "whole within" not in refused.error


async def test_who_hangs_up_leaves_a_whole_document(grounds: Grounds, helper: HelperSocket) -> None:
    """A request that was taken is carried out though nobody waits for its answer."""
    async with call(helper) as (reader, writer):
        await reader.readline()
        writer.write(encode_request(Apply(ON)))
        await writer.drain()
    await helper.idle.wait()
    assert grounds.pinning()["fingerprint"] == str(A)


async def test_one_at_a_time(helper: HelperSocket) -> None:
    """Who comes second is hung up on before the greeting, and so knows that nothing was done."""
    async with call(helper) as (reader, writer):
        assert await reader.readline() == GREETING
        second, other = await asyncio.open_unix_connection(helper.path)
        assert await second.read() == b""
        other.close()
        writer.write(encode_request(AskUnit()))
        assert parse_answer(await reader.readline()) == NoUnit()
    assert helper.hung_up_on == 1


async def test_connections_without_end_wear_nothing_out(helper: HelperSocket) -> None:
    """After two hundred of them the next request is served."""
    for _ in range(200):
        _, writer = await asyncio.open_unix_connection(helper.path)
        writer.close()
    await helper.idle.wait()
    assert isinstance(await ask(helper, ReadDocument(looks_only=True)), DocumentReading)


async def test_without_a_connection_it_is_only_a_program() -> None:
    """Run by hand it says how it is run, and touches nothing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "edgepind.helper",
        "/etc/edgepind/edgepind.toml",
        "/nowhere",
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.startswith(b"usage: edgepind-apply")


# --- what it goes by ------------------------------------------------------------------------


async def test_settings_that_others_can_write_are_not_gone_by(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """Else whoever can write them could name any document and any command."""
    grounds.settings_path.chmod(0o666)
    refused = await ask(helper, Apply(ON))
    assert isinstance(refused, RequestRefused)
    assert "chmod go-w" in refused.error
    assert "fingerprint" not in grounds.pinning()


async def test_bad_settings_change_nothing(grounds: Grounds, helper: HelperSocket) -> None:
    """The last good ones stay in force, as they do for the daemon, and the journal says so."""
    await ask(helper, Apply(ON))
    grounds.settings_path.write_text("[edge]\npinning_config = 7\n")
    answer = await ask(helper, Apply(Pinning(enabled=True, current=B, accepted=(B,))))
    assert isinstance(answer, DocumentWritten)
    assert grounds.pinning()["fingerprint"] == str(B)
    assert "the last good settings stay in force" in helper.told()
    grounds.write_settings({"edge": {"restart_command": ["false"]}})
    assert isinstance(await ask(helper, Restart(ON)), RestartFailed)


async def test_without_any_good_settings_nothing_is_done(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """And the answer names each fault."""
    grounds.settings_path.write_text("")
    refused = await ask(helper, Restart(ON))
    assert isinstance(refused, RequestRefused)
    assert "cloud.host" in refused.error
    assert grounds.restarts() == 0


async def test_the_budget_of_restarts_holds(grounds: Grounds, helper: HelperSocket) -> None:
    """Whoever asks, and however often: no more than the settings allow."""
    grounds.write_settings({"edge": {"restart_budget": 2}})
    outcomes = [await ask(helper, Restart(ON)) for _ in range(4)]
    assert [type(it) for it in outcomes] == [RestartDone] * 2 + [RestartRefused] * 2
    assert grounds.restarts() == 2
    assert isinstance(outcomes[-1], RestartRefused)
    assert "restart_window" in outcomes[-1].error


async def test_failed_restarts_count_as_well(grounds: Grounds, helper: HelperSocket) -> None:
    """A failure disturbs the Edge as much as a success."""
    grounds.write_settings({"edge": {"restart_budget": 1, "restart_command": ["false"]}})
    assert isinstance(await ask(helper, Restart(ON)), RestartFailed)
    assert isinstance(await ask(helper, Restart(ON)), RestartRefused)


async def test_a_restart_that_cannot_be_noted_is_not_made(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """A budget that is not kept is none."""
    await ask(helper, AskUnit())  # which keeps a copy of the settings in the folder
    grounds.memory.joinpath("restarts.json").mkdir()
    refused = await ask(helper, Restart(ON))
    assert isinstance(refused, RestartRefused)
    assert grounds.restarts() == 0


async def test_validation_is_switched_off_within_the_budget_only(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """One opening is allowed here, and lasts as long as `limit`: then it is refused."""
    grounds.write_settings({"fail_open": {"budget": 1, "limit": "1ms"}})
    assert isinstance(await ask(helper, Apply(OFF)), DocumentWritten)
    assert isinstance(await ask(helper, Apply(ON)), DocumentWritten)
    for request in (Apply(OFF), Restore(OFF)):
        refused = await ask(helper, request)
        assert isinstance(refused, WriteFailed)
        assert "budget_window" in refused.error
        assert grounds.pinning()["enabled"] is True


async def test_validation_stays_on_where_the_settings_say_so(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """`fail_open.enabled = false` binds every daemon; only root's own override counts more."""
    grounds.write_settings({"fail_open": {"enabled": False}})
    await ask(helper, Apply(ON))
    assert isinstance(await ask(helper, Apply(OFF)), WriteFailed)
    until = datetime.now(UTC) + timedelta(hours=1)
    paths = grounds.settings.paths
    written = write_override(paths.runtime, paths.state, until, "a test", "me")
    assert isinstance(written, OverrideWritten)
    assert isinstance(await ask(helper, Apply(OFF)), DocumentWritten)
    assert grounds.pinning()["enabled"] is False


async def test_without_d_bus_a_restart_fails_with_words(grounds: Grounds) -> None:
    """The helper answers all the same."""
    grounds.write_settings({"edge": {"restart_command": []}})
    absent = f"unix:path={grounds.folder}/no-bus"
    async with serving(grounds, variables={"DBUS_SYSTEM_BUS_ADDRESS": absent}) as helper:
        answer = await ask(helper, Restart(ON))
    assert isinstance(answer, RestartFailed)
    assert "D-Bus cannot be reached" in answer.error


async def test_the_highest_serial_of_a_bundle_is_remembered(
    grounds: Grounds, helper: HelperSocket
) -> None:
    """Each request is a process of its own; a lower one and a mere question change nothing."""
    seven, nine = KeptSerial(7, "aa"), KeptSerial(9, "bb")
    assert await ask(helper, KeepSerial(KeptSerial())) == KeptSerial()
    assert await ask(helper, KeepSerial(nine)) == nine
    assert await ask(helper, KeepSerial(seven)) == nine
    assert await ask(helper, KeepSerial(KeptSerial())) == nine
    assert (grounds.memory / "bundle.json").stat().st_mode & 0o777 == 0o600


async def test_no_serial_is_remembered_that_would_bar_all_that_follow(
    helper: HelperSocket,
) -> None:
    """A compromised daemon may claim what it likes."""
    refused = await ask(helper, KeepSerial(KeptSerial(2**53 - 1, "aa")))
    assert isinstance(refused, RequestRefused)
    assert await ask(helper, KeepSerial(KeptSerial())) == KeptSerial()
