"""The override is understood when all else is lost, and what is no override never hangs a tick."""

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.model.action import OverrideNotRemoved, OverrideRemoved
from edgepind.model.observation import OverrideFile, OverrideRejected
from edgepind.operator.override_file import (
    OverrideNotWritten,
    OverrideWritten,
    read_override,
    remove_override,
    write_override,
)

UNTIL = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """Give a runtime folder."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give a state folder."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def usable(runtime: Path, state: Path) -> OverrideFile:
    """There is an override."""
    override = read_override(runtime, state)
    assert isinstance(override, OverrideFile), override
    return override


def rejected(runtime: Path, state: Path) -> OverrideRejected:
    """There is a file, and it is none."""
    override = read_override(runtime, state)
    assert isinstance(override, OverrideRejected), override
    return override


def test_no_file_is_no_override(runtime: Path, state: Path, tmp_path: Path) -> None:
    """Nor are missing folders."""
    assert read_override(runtime, state) is None
    assert read_override(tmp_path / "none", tmp_path / "neither") is None


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n "])
def test_an_empty_file_counts_from_its_modification(
    runtime: Path, state: Path, content: bytes
) -> None:
    """What a hand made with `touch`, or an editor that ends files with a line feed."""
    path = runtime / "override"
    path.write_bytes(content)
    os.utime(path, (0, UNTIL.timestamp()))
    assert usable(runtime, state) == OverrideFile(made_at=UNTIL)


def test_what_is_written_is_read(runtime: Path, state: Path) -> None:
    """The command's words come back, in UTC, whatever they are."""
    reason, by = 'proxy "X"\nbroken: été \x1b[31m', "op\udc80"
    done = write_override(runtime, state, UNTIL.astimezone(), reason, by)
    assert done == OverrideWritten(state / "override")
    found = usable(runtime, state)
    assert found.until == UNTIL
    assert found.reason == 'proxy "X" broken: été  [31m'
    assert found.by == "op\\udc80"
    written = json.loads((state / "override").read_text())
    assert datetime.fromisoformat(written["until"]) == UNTIL
    assert set(written) == {"until", "reason", "by"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"for an hour", "not JSON"),
        (b"{}", "until"),
        (b'{"until": "2027-01-02T03:04:05"}', "zone"),
        (b'{"until": "2027-01-02"}', "RFC 3339"),
        (b'{"until": "20270102T030405Z"}', "RFC 3339"),
        (b'{"until": "2027-13-02T03:04:05Z"}', "RFC 3339"),
        (b'{"until": "9999-12-31T23:59:59-23:59"}', "RFC 3339"),
        (b'{"until": 1798858800}', "RFC 3339"),
        (b'{"until": "2027-01-02T03:04:05Z", "reason": 5}', "text"),
        (b'{"until": "2027-01-02T03:04:05Z", "until": "2028-01-02T03:04:05Z"}', "twice"),
        (b'["2027-01-02T03:04:05Z"]', "not an object"),
        (b"\xff", "UTF-8"),
        (b"[" * 30_000, "nested"),
        (b" " * 70_000, "longer"),
    ],
)
def test_anything_else_is_rejected_with_why(
    runtime: Path, state: Path, content: bytes, reason: str
) -> None:
    """A file that is neither empty nor what the command writes turns nothing off."""
    (state / "override").write_bytes(content)
    found = rejected(runtime, state)
    assert reason in found.reason
    assert found.path == str(state / "override")


def test_reason_and_by_may_be_missing(runtime: Path, state: Path) -> None:
    """In an emergency a hand may write the end alone."""
    (state / "override").write_text('{"until": "2027-01-02t04:04:05+01:00"}')
    assert usable(runtime, state).until == UNTIL


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "socket", "dangling"])
def test_what_is_no_plain_file_is_rejected_at_once(runtime: Path, state: Path, kind: str) -> None:
    """Nothing waits for a FIFO, and nothing follows a link, wherever it leads."""
    path = runtime / "override"
    with socket.socket(socket.AF_UNIX) as unix:
        match kind:
            case "fifo":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "link":
                (runtime / "empty").touch()
                path.symlink_to(runtime / "empty")
            case "dangling":
                path.symlink_to("nowhere")
            case _:
                unix.bind(os.path.relpath(path))
        assert str(path) in rejected(runtime, state).reason


def test_of_two_the_later_end_counts(runtime: Path, state: Path) -> None:
    """Wherever each lies, and whether it tells its end or not."""
    empty, told = runtime / "override", state / "override"
    empty.touch()
    told.write_text(json.dumps({"until": UNTIL.isoformat()}))
    for made, later in ((UNTIL - HOUR / 2, None), (UNTIL - HOUR * 2, UNTIL)):
        os.utime(empty, (0, made.timestamp()))
        assert usable(runtime, state).until == later
    told.write_text("broken")
    assert usable(runtime, state).until is None


def test_a_new_override_replaces_both_old_ones(runtime: Path, state: Path) -> None:
    """So an operator can also bring the end forward."""
    for folder in (runtime, state):
        (folder / "override").write_text(json.dumps({"until": UNTIL.isoformat()}))
    write_override(runtime, state, UNTIL - HOUR, "sooner", "op")
    assert usable(runtime, state).until == UNTIL - HOUR
    assert not (runtime / "override").exists()


def test_a_lost_state_folder_leaves_the_runtime_folder(tmp_path: Path, runtime: Path) -> None:
    """Also where systemd has removed that with the stopped daemon."""
    runtime.rmdir()
    done = write_override(runtime, tmp_path / "lost", UNTIL, "reason", "op")
    assert done == OverrideWritten(runtime / "override")
    assert usable(runtime, tmp_path / "lost").until == UNTIL


def test_an_override_that_stays_is_told(runtime: Path, state: Path) -> None:
    """What lies at the other place and cannot be removed may end later."""
    (runtime / "override").mkdir()
    done = write_override(runtime, state, UNTIL, "reason", "op")
    assert isinstance(done, OverrideWritten)
    assert str(runtime / "override") in (done.problem or "")


def test_nowhere_to_write_is_told_for_both_places(tmp_path: Path) -> None:
    """The sentence names both."""
    (tmp_path / "file").touch()
    done = write_override(tmp_path / "file" / "a", tmp_path / "file" / "b", UNTIL, "reason", "op")
    assert isinstance(done, OverrideNotWritten)
    assert str(tmp_path / "file" / "a") in done.error
    assert str(tmp_path / "file" / "b") in done.error


def test_removal_takes_both_away_and_minds_no_absence(runtime: Path, state: Path) -> None:
    """Also a link, and never what it leads to."""
    (state / "kept").touch()
    (runtime / "override").touch()
    (state / "override").symlink_to("kept")
    for _ in range(2):
        assert remove_override(runtime, state) == OverrideRemoved()
        assert read_override(runtime, state) is None
    assert (state / "kept").exists()
    (state / "override").mkdir()
    outcome = remove_override(runtime, state)
    assert isinstance(outcome, OverrideNotRemoved)
    assert str(state / "override") in outcome.error
