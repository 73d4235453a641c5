"""The record of decisions: one a line, bounded, and readable whatever happened to its last line."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Finding, Posture, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.state.history import History, HistoryLine, NotRead

A = Fingerprint(b"\xaa" * 32)
WALL = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
FULL = Event(
    EventName.PIN_ACTIVATED,
    Severity.NOTICE,
    "The été is now \u2028 current\n.",
    fingerprint=A,
    finding=Finding.ROTATING,
    posture=Posture.ENFORCING,
)
BARE = Event(EventName.STARTED, Severity.INFO, "Started.")
REMINDER = Event(None, Severity.WARNING, "Still open.")


def lines(history: History, limit: int = 1000) -> tuple[HistoryLine, ...]:
    """Read what can be read."""
    read = history.read(limit)
    assert isinstance(read, tuple), read
    return read


def test_what_is_told_is_read(tmp_path: Path) -> None:
    """In order, newest last, the last ones where not all are asked for; reminders are no events."""
    history = History(tmp_path)
    assert lines(history) == ()
    assert history.append((FULL, REMINDER), WALL) is None
    assert history.append([BARE], WALL + timedelta(seconds=1)) is None
    assert history.append([REMINDER], WALL) is None
    told = lines(history)
    assert told == (
        HistoryLine(
            WALL,
            EventName.PIN_ACTIVATED,
            Severity.NOTICE,
            FULL.message,
            A,
            Finding.ROTATING,
            Posture.ENFORCING,
        ),
        HistoryLine(WALL + timedelta(seconds=1), EventName.STARTED, Severity.INFO, "Started."),
    )
    assert lines(history, 1) == told[1:]
    assert lines(history, 0) == ()
    assert History(tmp_path).read(1000) == told


def test_each_line_is_an_object_of_seven_keys(tmp_path: Path) -> None:
    """What other programs read; the file is the owner's alone."""
    History(tmp_path).append([FULL], WALL)
    path = tmp_path / "history.jsonl"
    (line,) = path.read_text().splitlines()
    assert json.loads(line) == {
        "at": "2027-01-02T03:04:05+00:00",
        "event": "pin_activated",
        "severity": "notice",
        "message": FULL.message,
        "fingerprint": str(A),
        "finding": "rotating",
        "posture": "enforcing",
    }
    assert path.stat().st_mode & 0o7777 == 0o600


def test_a_torn_line_costs_that_line_alone(tmp_path: Path) -> None:
    """Cut anywhere: what stands before is read, and what comes after begins a line of its own."""
    history = History(tmp_path)
    history.append([FULL, BARE], WALL)
    path = tmp_path / "history.jsonl"
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        history.append([BARE], WALL)
        found = lines(history)
        assert found[0].event is EventName.PIN_ACTIVATED
        assert found[-1].event is EventName.STARTED
        # The brace may be all that is left of the line, and then nothing is lost.
        assert len(found) == (3 if cut == len(whole) - 1 else 2)


@pytest.mark.parametrize(
    "noise", [b"\n", b"\x00\xff\n", b"[]\n", b'{"at": 1}\n', b"{" * 5000 + b"\n"]
)
def test_noise_is_read_over(tmp_path: Path, noise: bytes) -> None:
    """A line of another kind, or of another release, hides no other."""
    history = History(tmp_path)
    history.append([BARE], WALL)
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(noise)
    history.append([BARE], WALL)
    assert len(lines(history)) == 2


def test_the_record_is_bounded_and_loses_its_oldest_lines(tmp_path: Path) -> None:
    """However long the daemon runs; what is left are whole lines without a gap."""
    history = History(tmp_path, longest=4000)
    for second in range(200):
        assert history.append([BARE], WALL + timedelta(seconds=second)) is None
        assert (tmp_path / "history.jsonl").stat().st_size <= 4000
    seconds = [(line.at - WALL).seconds for line in lines(history)]
    assert seconds == list(range(seconds[0], 200))
    assert len(seconds) >= 10
    assert [entry.name for entry in tmp_path.iterdir()] == ["history.jsonl"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """A sentence with the path; nothing is made."""
    error = History(tmp_path / "missing").append([BARE], WALL)
    assert str(tmp_path / "missing") in (error or "")


@pytest.mark.parametrize("kind", ["fifo", "folder", "link"])
def test_what_is_no_plain_file_is_neither_written_nor_read(tmp_path: Path, kind: str) -> None:
    """Told, without waiting and without following."""
    path = tmp_path / "history.jsonl"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to(tmp_path / "elsewhere")
    history = History(tmp_path)
    assert history.append([BARE], WALL)
    assert isinstance(history.read(10), NotRead)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for somebody else")
def test_what_root_records_belongs_to_the_owner_of_the_state(tmp_path: Path) -> None:
    """So that the daemon can go on with it."""
    os.chown(tmp_path, 12345, 23456)
    History(tmp_path).append([BARE], WALL)
    status = (tmp_path / "history.jsonl").stat()
    assert (status.st_uid, status.st_gid) == (12345, 23456)
