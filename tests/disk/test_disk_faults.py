"""Whatever call a process dies in, whatever a disk answers: old or new whole, and the truth told.

Each case is a real process under strace, killed at one system call, or given an error by it.
"""

import errno
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.host.durable_file import Replaced, replace
from edgepind.model.action import DocumentWritten
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import DocumentRead
from edgepind.state.store import Loaded, StateStore
from tests.faults.seen import Sightings
from tests.support.syscall_faults import Call, Tracer

OLD, NEW = b"old content\n", b"new content, longer than the old\n"
ERRORS = ("EIO", "ENOSPC", "EROFS", "EDQUOT", "EACCES", "EMFILE", "EINTR")

_CHANGES = re.compile(
    r"O_CREAT|^\d+ +(write|fsync|rename|renameat|linkat|unlinkat|fchmod|fchown|fsetxattr)\("
)
_REPLACE = f"""
from edgepind.host.durable_file import replace
from edgepind.host.file_owner import Owner
group = 23456 if os.geteuid() == 0 else os.getegid()
begin()
print(replace(folder / "file", {NEW!r}, owner=Owner(os.geteuid(), group), mode=0o640))
end()
"""

_Case = TypeVar("_Case")
_Result = TypeVar("_Result")


def two_at_a_time(work: Callable[[_Case], _Result], cases: list[_Case]) -> list[_Result]:
    """Do all cases; most of each is waiting for a process to start."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, cases))


def with_old_file(folder: Path) -> Path:
    """Give a new folder with the old file in it, and something attached to that."""
    folder.mkdir()
    (folder / "file").write_bytes(OLD)
    with suppress(OSError):  # where the file system keeps none
        os.setxattr(folder / "file", "user.edgepind.test", b"kept")
    return folder


def temporaries(folder: Path) -> list[Path]:
    """What a killed writer left."""
    return list(folder.glob(".*.tmp"))


def test_killed_at_any_call_the_file_is_old_or_new(
    tmp_path: Path, tracer: Tracer, seen: Sightings
) -> None:
    """SIGKILL at each of the calls of a replacement; the next one finishes the work and tidies."""
    calls = tracer.calls(_REPLACE, with_old_file(tmp_path / "whole"))
    renamed = next(n for n, call in enumerate(calls) if call.name == "renameat")

    def kill(numbered: tuple[int, Call]) -> bytes:
        number, call = numbered
        folder = with_old_file(tmp_path / f"killed-{number}")
        tracer.kill(_REPLACE, folder, call)
        found = (folder / "file").read_bytes()
        assert found == (OLD if number <= renamed else NEW), call
        replace(folder / "file", NEW, mode=0o640)
        assert (folder / "file").read_bytes() == NEW
        left = temporaries(folder)
        # A temporary that was renamed away is none; one that nobody needs is swept with the next.
        assert not left or number > renamed, call
        return found

    found = two_at_a_time(kill, list(enumerate(calls)))
    seen(
        "writer-killed",
        f"{len(found)} kills: {found.count(OLD)} old, {found.count(NEW)} new, none torn",
        "nothing, by who was killed; systemd tells of the signal and starts the daemon again",
    )


@pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_an_error_of_any_call_is_told_and_nothing_is_lost(
    tmp_path: Path, tracer: Tracer, seen: Sightings, *, every: bool
) -> None:
    """Each error at each call: what is said is what is there, and no temporary stays."""
    calls = tracer.calls(_REPLACE, with_old_file(tmp_path / "whole"))
    cases = [(call, name) for call in calls for name in (ERRORS if every else fitting_errors(call))]

    def fail(case: tuple[Call, str]) -> str:
        call, name = case
        folder = with_old_file(tmp_path / f"{call.name}-{call.count}-{name}")
        said = tracer.run(_REPLACE, folder, call, f"error={name}")
        found = (folder / "file").read_bytes()
        if said.startswith("Replaced"):
            assert found == NEW, case
        else:
            assert said.startswith("NotReplaced(error="), (case, said)
            assert found == OLD, (case, said)
            assert f"errno={getattr(errno, name)}" in said, (case, said)
            assert str(folder) in said
            assert "; " in said
        assert not temporaries(folder), case
        return "" if said.startswith("Replaced") else said.partition("error=")[2]

    told = [text for text in two_at_a_time(fail, cases) if text]
    state = f"{len(cases)} errors: {len(told)} told with the old file whole, the others survived"
    for text in told[-3:]:
        seen("writer-errors", state, text)


def fitting_errors(call: Call) -> tuple[str, ...]:
    """All errors for the calls that change something, one for the calls that only look."""
    return ERRORS if _CHANGES.search(call.line) else ("EIO",)


def the_call(calls: list[Call], name: str, which: int) -> Call:
    """One of several calls of a name, counted from 0, or from the end."""
    return [call for call in calls if call.name == name][which]


def test_an_error_after_the_rename_is_not_a_failure(tmp_path: Path, tracer: Tracer) -> None:
    """The folder's fsync fails: the new file is there, and only its durability is unknown."""
    call = the_call(tracer.calls(_REPLACE, with_old_file(tmp_path / "whole")), "fsync", -1)
    folder = with_old_file(tmp_path / "failed")
    assert tracer.run(_REPLACE, folder, call, "error=EIO") == str(Replaced(durable=False))
    assert (folder / "file").read_bytes() == NEW


def test_a_failed_fsync_is_never_tried_again(tmp_path: Path, tracer: Tracer) -> None:
    """One fsync, one failure: a second one on the same descriptor would lie (fsync(2))."""
    calls = tracer.calls(_REPLACE, with_old_file(tmp_path / "whole"))
    folder = with_old_file(tmp_path / "failed")
    said = tracer.run(_REPLACE, folder, the_call(calls, "fsync", 0), "error=EIO")
    assert "fsync" in said
    assert "kernel log" in said
    assert (folder / "file").read_bytes() == OLD


def test_a_disk_that_loses_what_is_written_is_found_out(tmp_path: Path, tracer: Tracer) -> None:
    """A write that claims success and does nothing is seen when it is read back."""
    calls = tracer.calls(_REPLACE, with_old_file(tmp_path / "whole"))
    folder = with_old_file(tmp_path / "lost")
    said = tracer.run(_REPLACE, folder, the_call(calls, "write", 0), f"retval={len(NEW)}")
    assert "reads back otherwise" in said
    assert (folder / "file").read_bytes() == OLD


_PIN = "AA:" * 31 + "AA"
_RESTORE = f"""
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import parse_fingerprint
pin = parse_fingerprint({_PIN!r})
keeper = DocumentKeeper(folder / "pinning-config.json", f"{{os.getuid()}}:{{os.getgid()}}", 0o600)
begin()
keeper.restore(Pinning(True, pin, (pin,)))
end()
"""


def test_killed_while_restoring_the_document_is_never_absent(
    tmp_path: Path, tracer: Tracer, seen: Sightings
) -> None:
    """Killed at any call that changes something: broken or restored, and restored the next time."""
    pin = Fingerprint(b"\xaa" * 32)

    def broken(folder: Path) -> Path:
        folder.mkdir()
        path = folder / "pinning-config.json"
        path.write_text('{"kept": 1}')
        keeper(path).read()
        path.write_text("broken")
        return folder

    def keeper(path: Path) -> DocumentKeeper:
        status = path.stat()
        return DocumentKeeper(path, f"{status.st_uid}:{status.st_gid}", 0o600)

    def kill(call: Call) -> None:
        folder = broken(tmp_path / f"{call.name}-{call.count}")
        path = folder / "pinning-config.json"
        tracer.kill(_RESTORE, folder, call)
        assert path.read_text() == "broken" or json.loads(path.read_text())["kept"] == 1, call
        outcome = keeper(path).restore(Pinning(enabled=True, current=pin, accepted=(pin,)))
        assert isinstance(outcome, DocumentWritten), call
        document = keeper(path).read().document
        assert isinstance(document, DocumentRead)
        assert document.accepted == (pin,)
        assert json.loads(path.read_text())["kept"] == 1
        asides = list(folder.glob("pinning-config.json.rejected-*"))
        assert [aside.read_text() for aside in asides] == ["broken"], call

    calls = tracer.calls(_RESTORE, broken(tmp_path / "whole"))
    changing = [call for call in calls if _CHANGES.search(call.line)]
    two_at_a_time(kill, changing)
    state = f"{len(changing)} kills: never absent, restored by the next try, one copy set aside"
    seen("writer-killed-restoring", state, "config_rejected again, by the daemon started next")


_SAVE = """
from datetime import UTC, datetime
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.state import State
from edgepind.state.store import StateStore
now = Moment(Monotonic(1.0), datetime(2027, 1, 1, tzinfo=UTC))
store = StateStore(folder)
store.load(now, "boot")
store.save(State(lockout=True), now, "boot")
begin()
store.save(State(resumed_after_damage=True), now, "boot")
end()
"""


def test_killed_while_saving_the_state_is_old_or_new(
    tmp_path: Path, tracer: Tracer, seen: Sightings
) -> None:
    """Killed at any call that changes something: one of the two generations loads, undamaged."""
    now = Moment(Monotonic(2.0), datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC))

    def kill(call: Call) -> None:
        folder = tmp_path / f"{call.name}-{call.count}"
        folder.mkdir()
        tracer.kill(_SAVE, folder, call)
        loaded = StateStore(folder).load(now, "boot")
        assert isinstance(loaded, Loaded), (call, loaded)
        assert loaded.state.lockout != loaded.state.resumed_after_damage
        assert not temporaries(folder)

    (tmp_path / "whole").mkdir()
    calls = tracer.calls(_SAVE, tmp_path / "whole")
    changing = [call for call in calls if _CHANGES.search(call.line)]
    two_at_a_time(kill, changing)
    state = f"{len(changing)} kills: each time one whole generation loads"
    seen("writer-killed-saving", state, "nothing: there is no damage to tell of")
