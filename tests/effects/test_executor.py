"""Acting: a real document on disk, real commands, in order and up to the first failure."""

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgepind.effects.appliance import DryAppliance, LocalAppliance
from edgepind.effects.executor import Executor
from edgepind.effects.restart import RestartCommand, ask_health, objection_to_restart
from edgepind.host.disk_thread import DiskThread
from edgepind.model.action import (
    DocumentWritten,
    OverrideNotRemoved,
    OverrideRemoved,
    RemoveOverride,
    RestartDeferred,
    RestartDone,
    RestartEdge,
    RestartFailed,
    RestoreDocument,
    WriteDocument,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    Health,
    NoUnit,
    UnitUnknown,
)
from edgepind.operator.override_file import remove_override
from edgepind.settings.schema import EdgeSettings

WALL = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
OLD, NEW = Fingerprint(bytes([1] * 32)), Fingerprint(bytes([2] * 32))
ONE = Pinning(enabled=True, current=OLD, accepted=(OLD,))
TWO = Pinning(enabled=True, current=OLD, accepted=(OLD, NEW))


class Site:
    """One Edge: its document, its commands, and the trace that they leave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.document = folder / "pinning-config.json"
        self.trace = folder / "trace"
        document = {
            "certificatePinning": {
                "enabled": True,
                "algorithm": "SHA256",
                "fingerprint": str(OLD),
                "fingerprints": [str(OLD)],
            },
            "site": "kept",
        }
        self.document.write_text(json.dumps(document))
        self.document.chmod(0o600)
        self.edge = EdgeSettings(
            pinning_config=self.document,
            owner=f"{os.geteuid()}:{os.getegid()}",
            restart_command=self.says("restart"),
        )

    def says(self, word: str, code: int = 0) -> tuple[str, ...]:
        """Make a command that leaves `word` in the trace and exits with `code`."""
        return ("sh", "-c", f"echo {word} >> {self.trace}; echo said {word}; exit {code}")

    @property
    def traced(self) -> list[str]:
        """What ran, in order."""
        return self.trace.read_text().split() if self.trace.exists() else []

    def fingerprints(self) -> list[str]:
        """The allowlist on disk."""
        found = json.loads(self.document.read_text())["certificatePinning"]["fingerprints"]
        return [str(it) for it in found]

    def settings(self, **changes: object) -> EdgeSettings:
        """The site's settings, changed."""
        return replace(self.edge, **changes)  # type: ignore[arg-type] # as given by the test

    def executor(self, edge: EdgeSettings | None = None, *, dry: bool = False) -> Executor:
        """Act on this site."""
        edge = edge or self.edge
        appliance = LocalAppliance(edge, lambda: WALL, looks_only=dry)
        return Executor(
            DryAppliance(appliance, edge.unit) if dry else appliance,
            edge.ready_command,
            self.remove_override,
        )

    async def remove_override(self) -> OverrideRemoved | OverrideNotRemoved:
        """Remove the override of this site, if there is one."""
        return remove_override(self.folder, self.folder)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An Edge with one pin."""
    return Site(tmp_path)


# --- the order of doing -----------------------------------------------------------------------


async def test_actions_are_done_in_order(site: Site) -> None:
    """The document says it before the Edge is restarted to read it."""
    override = site.folder / "override"
    override.touch()
    written, restarted, removed = await site.executor().execute(
        (WriteDocument(TWO), RestartEdge(TWO, forced=False), RemoveOverride())
    )
    assert isinstance(written, DocumentWritten)
    assert written.digest == hashlib.sha256(site.document.read_bytes()).hexdigest()
    assert restarted == RestartDone(TWO, read=written.digest)
    assert removed == OverrideRemoved()
    assert not override.exists()
    assert site.fingerprints() == [str(OLD), str(NEW)]
    assert json.loads(site.document.read_text())["site"] == "kept"
    assert site.traced == ["restart"]


async def test_what_follows_a_failure_is_not_begun(site: Site) -> None:
    """An Edge is not restarted to read a document that could not be written."""
    edge = site.settings(owner="nobody-of-that-name:nogroup")
    [failed] = await site.executor(edge).execute(
        (WriteDocument(TWO), RestartEdge(TWO, forced=True))
    )
    assert isinstance(failed, WriteFailed)
    assert site.traced == []


async def test_a_missing_document_is_made_anew(site: Site) -> None:
    """Restoring is an action as any other."""
    site.document.unlink()
    [made] = await site.executor().execute((RestoreDocument(TWO),))
    assert isinstance(made, DocumentWritten)
    assert site.fingerprints() == [str(OLD), str(NEW)]


async def test_nothing_to_do_is_done(site: Site) -> None:
    """A steady tick."""
    assert await site.executor().execute(()) == ()


# --- the restart ------------------------------------------------------------------------------


async def test_ready_command_is_asked_first(site: Site) -> None:
    """Exit code 0 lets the restart go ahead."""
    edge = site.settings(ready_command=site.says("ready"))
    await site.executor(edge).execute((RestartEdge(ONE, forced=False),))
    assert site.traced == ["ready", "restart"]


async def test_calls_in_progress_put_the_restart_off(site: Site) -> None:
    """Anything but 0 defers it, with the command's own words, and what follows waits as well."""
    edge = site.settings(ready_command=site.says("busy", 1))
    outcomes = await site.executor(edge).execute((RestartEdge(ONE, forced=False), RemoveOverride()))
    assert outcomes == (RestartDeferred("sh: exit code 1: said busy"),)
    assert site.traced == ["busy"]


async def test_a_ready_command_that_cannot_start_has_not_agreed(site: Site) -> None:
    """A misspelt command must not let calls be cut off; the deadline bounds the wait."""
    edge = site.settings(ready_command=("/no/such/command",))
    [deferred] = await site.executor(edge).execute((RestartEdge(ONE, forced=False),))
    assert isinstance(deferred, RestartDeferred)
    assert "could not be started" in deferred.detail


async def test_a_ready_command_that_hangs_has_not_agreed() -> None:
    """The question itself is bounded."""
    objection = await objection_to_restart(("sleep", "60"), deadline=0.1)
    assert objection == "sleep: no end after 0.1 s, so it was killed"


async def test_a_forced_restart_asks_nobody(site: Site) -> None:
    """After the deadline, and for a rollback."""
    edge = site.settings(ready_command=site.says("busy", 1))
    digest = hashlib.sha256(site.document.read_bytes()).hexdigest()
    assert await site.executor(edge).execute((RestartEdge(ONE, forced=True),)) == (
        RestartDone(ONE, read=digest),
    )
    assert site.traced == ["restart"]


async def test_restart_command_fails_with_its_own_words(site: Site) -> None:
    """There is no unit then, and no journal of it to look into."""
    edge = site.settings(restart_command=site.says("no", 3))
    [failed] = await site.executor(edge).execute((RestartEdge(ONE, forced=True),))
    assert failed == RestartFailed(ONE, "restart_command sh: exit code 3: said no")


async def test_restart_command_is_bounded() -> None:
    """A restart that hangs has failed."""
    failed = await RestartCommand(("sleep", "60"), deadline=0.1).restart(ONE)
    assert isinstance(failed, RestartFailed)
    assert "no end after 0.1 s" in failed.error


async def test_under_restart_command_there_is_no_unit(site: Site) -> None:
    """Nor is D-Bus even looked for."""
    assert await LocalAppliance(site.edge, lambda: WALL).unit() == NoUnit()


async def test_without_restart_command_systemd_is_asked(site: Site) -> None:
    """And where there is no systemd to ask, that is a value too."""
    edge = site.settings(restart_command=())
    appliance = LocalAppliance(edge, lambda: WALL, bus_address=f"unix:path={site.folder}/absent")
    unit = await appliance.unit()
    assert isinstance(unit, UnitUnknown)
    assert "purecloud-edge.service" in unit.error
    appliance.close()


# --- health -----------------------------------------------------------------------------------


async def test_without_health_command_nothing_speaks_against_it() -> None:
    """None set: well."""
    assert await ask_health(()) == Health(well=True)


@pytest.mark.parametrize(("code", "well"), [(0, True), (1, False)])
async def test_health_is_an_exit_code(site: Site, code: int, *, well: bool) -> None:
    """With what the command said, for whoever has to look."""
    health = await ask_health(site.says("something", code))
    assert health == Health(well, f"sh: exit code {code}: said something")


async def test_health_that_does_not_answer_is_not_well() -> None:
    """A hanging check has not said that the Edge is well."""
    assert not (await ask_health(("sleep", "60"), deadline=0.1)).well


# --- a dry run --------------------------------------------------------------------------------


async def test_a_dry_run_answers_and_touches_nothing(site: Site) -> None:
    """The question is asked, the outcomes are those of the real run, the world is as before."""
    edge = site.settings(ready_command=site.says("ready"))
    before = site.document.read_bytes()
    outcomes = await site.executor(edge, dry=True).execute(
        (WriteDocument(TWO), RestartEdge(TWO, forced=False))
    )
    assert isinstance(outcomes[0], DocumentWritten)
    assert outcomes[0].pinning == TWO
    assert outcomes[1] == RestartDone(TWO, read=outcomes[0].digest)
    assert site.document.read_bytes() == before
    assert site.traced == ["ready"]
    assert sorted(entry.name for entry in site.folder.iterdir()) == [
        "pinning-config.json",
        "trace",
    ]


async def test_a_dry_run_does_not_decide_the_same_at_each_tick(site: Site) -> None:
    """The next look finds what would have been written, under the digest that was answered."""
    dry = DryAppliance(LocalAppliance(site.edge, lambda: WALL, looks_only=True), site.edge.unit)
    written = await dry.apply(TWO)
    seen = (await dry.read_document()).document
    assert isinstance(written, DocumentWritten)
    assert isinstance(seen, DocumentRead)
    assert (seen.enabled, seen.current, seen.accepted) == (True, OLD, (OLD, NEW))
    assert seen.digest == written.digest
    assert seen.exact
    assert seen.attributes_right


async def test_a_dry_run_sees_what_others_write(site: Site) -> None:
    """As soon as the real document changes, it is shown as it is."""
    dry = DryAppliance(LocalAppliance(site.edge, lambda: WALL, looks_only=True), site.edge.unit)
    await dry.apply(TWO)
    site.document.write_text("{")
    assert isinstance((await dry.read_document()).document, DocumentRejected)
    site.document.unlink()
    assert isinstance((await dry.read_document()).document, DocumentMissing)
    await dry.restore(ONE)
    seen = (await dry.read_document()).document
    assert isinstance(seen, DocumentRead)
    assert seen.accepted == (OLD,)
    assert not site.document.exists()


async def test_a_dry_run_before_the_first_pin_restores_nothing(site: Site) -> None:
    """There is nothing to pretend then."""
    site.document.write_text("{")
    dry = DryAppliance(LocalAppliance(site.edge, lambda: WALL, looks_only=True), site.edge.unit)
    assert await dry.restore(None) == DocumentWritten(None, "", changed=False)
    assert isinstance((await dry.read_document()).document, DocumentRejected)


async def test_a_dry_run_fails_where_the_real_one_would(site: Site) -> None:
    """A document that cannot be read cannot be written either."""
    site.document.unlink()
    site.document.mkdir()
    dry = DryAppliance(LocalAppliance(site.edge, lambda: WALL, looks_only=True), site.edge.unit)
    assert isinstance(await dry.apply(ONE), WriteFailed)


# --- the thread for the disk ------------------------------------------------------------------


@pytest.fixture
def disk() -> Iterator[DiskThread]:
    """A thread that ends with the test."""
    thread = DiskThread("edgepind-test")
    yield thread
    thread.close()


async def test_a_disk_that_stands_still_does_not_stop_the_loop(disk: DiskThread) -> None:
    """The loop goes round while a call is stuck, and the next call waits its turn."""
    release = threading.Event()
    stuck = asyncio.create_task(disk.run(release.wait))
    later = asyncio.create_task(disk.run(threading.current_thread))
    await asyncio.sleep(0)
    assert not stuck.done()
    release.set()
    assert await stuck
    assert (await later).name == "edgepind-test"


async def test_a_cancelled_call_is_finished_and_one_that_waits_is_dropped(
    disk: DiskThread,
) -> None:
    """What has begun is left whole; what has not begun is never done."""
    begun, release = threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        release.wait()
        done.append("first")

    running = asyncio.create_task(disk.run(first))
    waiting = asyncio.create_task(disk.run(done.append, "second"))
    await asyncio.to_thread(begun.wait)
    for task in (running, waiting):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    release.set()
    await disk.run(done.append, "third")
    assert done == ["first", "third"]


async def test_a_programming_error_reaches_whoever_asked(disk: DiskThread) -> None:
    """And the thread lives on."""
    with pytest.raises(ZeroDivisionError):
        await disk.run(divmod, 1, 0)
    assert await disk.run(divmod, 7, 2) == (3, 1)
