"""Log lines from the core's events to where a person or a collector reads them."""

import io
import json
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TextIO

import pytest
import structlog

from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Finding, Posture, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.settings.schema import LogSettings
from edgepind.telemetry.journal import Journal
from edgepind.telemetry.log import (
    MESSAGE_IDS,
    JournalSink,
    StderrSink,
    choose_format,
    set_up_log,
    tell,
)

WALL = datetime(2026, 11, 24, 9, 0, 0, 250, tzinfo=UTC)
PIN = Fingerprint(bytes(range(32)))
ACTIVATED = Event(EventName.PIN_ACTIVATED, Severity.NOTICE, "Pin 00 is current.", PIN)


@pytest.fixture(autouse=True)
def _unset() -> Iterator[None]:
    """Leave logging as it was found."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def lines() -> Callable[[], list[dict[str, Any]]]:
    """Set the log up for JSON; the fixture's value reads what was logged since."""
    stream = io.StringIO()
    set_up_log(LogSettings(level="debug", format="json"), lambda: WALL, stderr=stream)

    def read() -> list[dict[str, Any]]:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    return read


def test_json_lines_use_the_names_of_the_journal(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """A collector reads them as it reads `journalctl -o json`."""
    tell([ACTIVATED], Finding.PINNED, Posture.ENFORCING)
    assert lines() == [
        {
            "__REALTIME_TIMESTAMP": "1795510800000250",
            "MESSAGE": "Pin 00 is current.",
            "PRIORITY": "5",
            "MESSAGE_ID": MESSAGE_IDS[EventName.PIN_ACTIVATED],
            "SYSLOG_IDENTIFIER": "edgepind",
            "EDGEPIND_EVENT": "pin_activated",
            "EDGEPIND_FINDING": "pinned",
            "EDGEPIND_POSTURE": "enforcing",
            "EDGEPIND_FINGERPRINT": str(PIN),
        }
    ]


def test_an_event_speaks_for_itself_first(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """The state fills in only what the event leaves open."""
    event = Event(EventName.FINDING_CHANGED, Severity.ERR, "x", finding=Finding.CLOCK_FAULT)
    tell([event], Finding.PINNED, Posture.GRACE)
    [line] = lines()
    assert line["EDGEPIND_FINDING"] == "clock_fault"
    assert line["EDGEPIND_POSTURE"] == "grace"


def test_a_reminder_is_no_event(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """It is loud and carries the posture, but nothing that counts events counts it."""
    tell([Event(None, Severity.WARNING, "Still.", posture=Posture.OPEN)], Finding.PINNED, None)
    [line] = lines()
    assert line["EDGEPIND_POSTURE"] == "open"
    assert not {"EDGEPIND_EVENT", "MESSAGE_ID", "EDGEPIND_FINGERPRINT"} & set(line)


def test_before_the_first_tick_nothing_is_made_up(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Fields that do not apply are absent, not empty."""
    tell([Event(EventName.STARTED, Severity.INFO, "Started.")], None, None)
    [line] = lines()
    assert {name for name in line if name.startswith("EDGEPIND")} == {"EDGEPIND_EVENT"}


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["info", "notice", "warning", "err", "crit"]),
        ("info", ["info", "notice", "warning", "err", "crit"]),
        ("warning", ["warning", "err", "crit"]),
        ("error", ["err", "crit"]),
    ],
)
def test_level_decides_what_is_heard(level: str, heard: list[str]) -> None:
    """Each level of `[log]` lets the louder ones through."""
    stream = io.StringIO()
    set_up_log(LogSettings(level=level, format="console"), lambda: WALL, stderr=stream)
    tell([Event(None, severity, severity) for severity in Severity], None, None)
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == heard


def test_a_reload_changes_format_and_level() -> None:
    """A logger made before is no exception."""
    stream = io.StringIO()
    log = structlog.get_logger()
    set_up_log(LogSettings(level="error", format="json"), lambda: WALL, stderr=stream)
    log.info("unheard")
    set_up_log(LogSettings(level="info", format="console"), lambda: WALL, stderr=stream)
    log.info("heard")
    assert stream.getvalue() == "2026-11-24T09:00:00Z info: heard\n"


def test_console_lines_are_dated_in_utc_and_harmless() -> None:
    """A person reads time, loudness, sentence, event; escapes do nothing, breaks are indented."""
    stream = io.StringIO()
    berlin = WALL.astimezone(timezone(timedelta(hours=1)))
    set_up_log(LogSettings(format="console"), lambda: berlin, stderr=stream)
    tell([Event(EventName.STOPPING, Severity.CRIT, "a\x1b[2Jb\nc\rd")], None, None)
    assert stream.getvalue() == "2026-11-24T09:00:00Z crit: a [2Jb\n    c d [stopping]\n"


def test_libraries_are_heard_only_when_they_complain(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """A request logged at each tick would not be quiet; a warning must not be lost."""
    logging.getLogger("httpx").info("HTTP Request: GET")
    logging.getLogger("dbus_fast").warning("odd %s", "message")
    [line] = lines()
    assert (line["MESSAGE"], line["PRIORITY"]) == ("dbus_fast: odd message", "4")


def test_a_traceback_stays_in_its_entry(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """One failure is one line, with all of its cause."""
    try:
        raise RuntimeError("why")  # noqa: TRY301 - the traceback is the point
    except RuntimeError:
        structlog.get_logger().exception("It broke.")
    [line] = lines()
    assert line["PRIORITY"] == "3"
    assert line["MESSAGE"].startswith("It broke.\nTraceback")
    assert line["MESSAGE"].endswith("RuntimeError: why")


# --- where the lines go -----------------------------------------------------------------------


def test_auto_is_the_journal_where_stderr_is(tmp_path: Path) -> None:
    """JOURNAL_STREAM counts if it names this very file, not one that a parent had."""
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        own = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert choose_format("auto", stream, own) == "journal"
        assert choose_format("auto", stream, {"JOURNAL_STREAM": "1:2"}) == "console"


def test_auto_is_the_journal_for_systemds_own_child() -> None:
    """Also where the unit sends standard error elsewhere; but not for a child's child."""
    nowhere = io.StringIO()
    assert choose_format("auto", nowhere, {"SYSTEMD_EXEC_PID": str(os.getpid())}) == "journal"
    assert choose_format("auto", nowhere, {"SYSTEMD_EXEC_PID": "1"}) == "console"


def test_auto_is_a_console_in_a_shell_of_a_session() -> None:
    """Every shell inherits the invocation id of the session's unit."""
    assert choose_format("auto", io.StringIO(), {"INVOCATION_ID": "ab" * 16}) == "console"


@pytest.mark.parametrize("word", ["journal", "json", "console"])
def test_a_stated_format_stands(word: str) -> None:
    """`auto` is the only word that looks around."""
    assert choose_format(word, io.StringIO(), {}) == word


@pytest.fixture
def journal_path() -> Iterator[str]:
    """A short path for a socket."""
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        yield f"{folder}/socket"


def test_the_journal_gets_fields_and_stderr_nothing(journal_path: str) -> None:
    """One entry in the native protocol for each event."""
    stream = io.StringIO()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(journal_path)
        journald.settimeout(5)
        settings = LogSettings(format="journal")
        set_up_log(settings, lambda: WALL, stderr=stream, journal=journal_path)
        tell([ACTIVATED], Finding.PINNED, Posture.ENFORCING)
        entry = journald.recv(65_536).decode().splitlines()
    assert "EDGEPIND_EVENT=pin_activated" in entry
    assert "PRIORITY=5" in entry
    assert f"MESSAGE_ID={MESSAGE_IDS[EventName.PIN_ACTIVATED]}" in entry
    assert stream.getvalue() == ""


def test_without_the_journal_lines_go_to_stderr_and_the_gap_is_told(journal_path: str) -> None:
    """The reason stands there once; the journal learns how many it missed."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as read:
        sink = JournalSink(Journal(journal_path), StderrSink(stream), lambda it: it["MESSAGE"])
        sink.msg(MESSAGE="one")
        sink.msg(MESSAGE="two")
        assert read.readline().startswith("edgepind: journald does not take")
        assert [read.readline(), read.readline()] == ["one\n", "two\n"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
            journald.bind(journal_path)
            journald.settimeout(5)
            sink.msg(MESSAGE="three")
            assert b"MESSAGE=2 log entries" in journald.recv(65_536)
            assert journald.recv(65_536) == b"MESSAGE=three\n"


def test_stderr_that_nobody_reads_stops_nobody(journal_path: str) -> None:
    """Under systemd it leads to the same journald, and hangs when that hangs."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        stderr = StderrSink(stream)
        sink = JournalSink(Journal(journal_path), stderr, lambda it: it["MESSAGE"])
        while stderr.lost == 0:
            sink.msg(MESSAGE="x" * 1000)
        os.close(reading)
        sink.msg(MESSAGE="into a broken pipe")
        assert stderr.lost == 2


def test_a_broken_console_does_not_end_the_daemon() -> None:
    """The reader of a pipe may go away at any time."""

    def broken() -> TextIO:
        reading, writing = os.pipe()
        os.close(reading)
        return os.fdopen(writing, "w")

    stream = broken()
    set_up_log(LogSettings(format="json"), lambda: WALL, stderr=stream)
    tell([ACTIVATED], None, None)
    with pytest.raises(OSError, match="Broken pipe"):
        stream.close()
    tell([ACTIVATED], None, None)
