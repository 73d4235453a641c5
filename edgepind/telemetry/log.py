"""How an event becomes a log line: structlog, set up by `[log]`, for journal, JSON or console.

A line is a set of journal fields (systemd.journal-fields(7); CONTRACT section 10) in all three
formats; warnings of libraries go the same way. Whether an event is told is decided in `core`.
Nothing here raises or, on the way to the journal, waits: a log that cannot be written must not
end the daemon.
"""

import json
import logging
import os
import select
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import structlog

from edgepind.formats import printable
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Finding, Posture, Severity
from edgepind.settings.schema import LogSettings
from edgepind.telemetry.journal import SOCKET, Journal

MESSAGE_IDS = {
    EventName.STARTED: "d26f6b5bbd2b4a3b81fbb17491ee737b",
    EventName.STOPPING: "78d364696d1f4af888bbf8890ded2a4f",
    EventName.RELOADED: "e47ef2e4917a4a7ea65a3fe5209c2ab7",
    EventName.RELOAD_REJECTED: "a0f4e6ffba0b41548dcf8be3efc8bdb3",
    EventName.PIN_PENDING: "50ba766bdf1b4932b005a9ec414bfc1c",
    EventName.PIN_PREPARED: "726a81cda3504e4ba82a75da8dd0efab",
    EventName.PIN_ACTIVATED: "5700cc9253d34c24a3c203f1ba0babb5",
    EventName.PIN_RETIRED: "de06ad2d48694f87afeb7fd84741ef1b",
    EventName.PIN_REFUSED: "162980ef300346a3bf67a61a86e294bc",
    EventName.FINDING_CHANGED: "64bafcf33bec46e1a8bbbcddb3bb7141",
    EventName.POSTURE_CHANGED: "db701c0652ca4101b52a07f4e1c35487",
    EventName.CONFIG_WRITTEN: "7d03a6d38d7649b5a8b784758dd419b0",
    EventName.CONFIG_REPAIRED: "43e53974380d434ab389c3658e170632",
    EventName.CONFIG_REJECTED: "81fb2585f2e843269ffbd672367ddc33",
    EventName.RESTART_REQUESTED: "15976d567aa3483695835f0d13961869",
    EventName.RESTART_SUCCEEDED: "a6dd7a2f75bd497d9c452cfa9e7c11d8",
    EventName.RESTART_FAILED: "0a8b8dcdff004cb9b3351c0c3224aa79",
    EventName.RESTART_DEFERRED: "e1e49f99368a4a699c356a5eebecf5cd",
    EventName.ROLLED_BACK: "9c5e93888e35493987bdeb41066778c6",
    EventName.STATUS_REJECTED: "daa404ec12874a71be8b45a233e5ad77",
    EventName.STATUS_UNREACHABLE: "933c8aade1b4441c881ab2f1e392058f",
    EventName.OVERRIDE_ON: "2e62ad5357424acf987577668b0ea18d",
    EventName.OVERRIDE_OFF: "6f39b5ac636f46c9ac48f5bc9bea1f43",
    EventName.STATE_DAMAGED: "b39d075609064dc0b186c5e56ab2fbd6",
    EventName.WRITE_FAILED: "f35e3a1516c94b9a8310a0a05c3150eb",
    EventName.BUNDLE_APPLIED: "4c1d7f2be0a94b6f8a53d9e17b60c2f4",
    EventName.BUNDLE_REJECTED: "9ae3065dc71f4d28b4f7180e52a9cb36",
    EventName.ATTRIBUTES_CHANGED: "d8666ff3c28840c4f1f86dd5c6e898e2",
    EventName.INVARIANT_VIOLATED: "ed5964d51f35479db2dbad1be9bf02d9",
}
"""Random (systemd-id128(1) `new`). An id never changes and is never reused: dashboards and the
catalogue (`systemd/edgepind.catalog`) rely on it."""

PRIORITIES = {
    Severity.CRIT: 2,
    Severity.ERR: 3,
    Severity.WARNING: 4,
    Severity.NOTICE: 5,
    Severity.INFO: 6,
}
"""syslog(3)."""


class StderrSink:
    """Whole lines to a stream. `lost` counts those that could not be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def msg(self, line: str) -> None:
        """Write one line; may wait for its reader."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed
            self.lost += 1

    def offer(self, line: str) -> None:
        """Write one line if that is possible without waiting."""
        if self._is_writable():
            self.msg(line)
        else:
            self.lost += 1

    def _is_writable(self) -> bool:
        try:
            poll = select.poll()
            poll.register(self._stream.fileno(), select.POLLOUT)
            return any(event & select.POLLOUT for _, event in poll.poll(0))
        except (OSError, ValueError):
            return False

    debug = info = warning = error = critical = msg


class JournalSink:
    """Entries to the journal, or to standard error, as `as_line` writes them, if it takes none.

    The first entry that goes to standard error is preceded by the reason, and the first that is
    delivered again by the number of those that were not.
    """

    def __init__(
        self, journal: Journal, stderr: StderrSink, as_line: Callable[[Mapping[str, str]], str]
    ) -> None:
        self._journal = journal
        self._stderr = stderr
        self._as_line = as_line
        self._undelivered = 0

    def msg(self, **fields: str) -> None:
        """Deliver one entry."""
        if self._undelivered:
            self._report_gap()
        if self._journal.send(fields):
            return
        if not self._undelivered:
            self._stderr.offer(
                "edgepind: journald does not take log entries; they go to standard error until it "
                "does; see `systemctl status systemd-journald`"
            )
        self._undelivered += 1
        self._stderr.offer(self._as_line(fields))

    def _report_gap(self) -> None:
        said = (
            f"{self._undelivered} log entries could not be delivered to the journal and went to "
            "standard error instead."
        )
        note = {"MESSAGE": said, "PRIORITY": "4", "SYSLOG_IDENTIFIER": "edgepind"}
        if self._journal.send(note):
            self._undelivered = 0

    debug = info = warning = error = critical = msg


_PRIORITIES = {"debug": "7", "info": "6", "warning": "4", "error": "3", "critical": "2"}
_WORDS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""The words of syslog(3) in the order of their numbers."""


def set_up_log(
    log: LogSettings,
    wall: Callable[[], datetime],
    *,
    stderr: TextIO | None = None,
    journal: str = SOCKET,
) -> None:
    """Send log lines where `log` says, also after a reload; `wall` dates them."""
    stream = sys.stderr if stderr is None else stderr
    sink = StderrSink(stream)
    match choose_format(log.format, stream, os.environ):
        case "journal":
            way = JournalSink(Journal(journal), sink, lambda fields: _as_text(fields, wall()))
            _configure(log.level, lambda _, __, fields: fields, lambda: way)
        case "json":
            _configure(log.level, lambda _, __, fields: _as_json(fields, wall()), lambda: sink)
        case _:
            _configure(log.level, lambda _, __, fields: _as_text(fields, wall()), lambda: sink)


def choose_format(word: str, stderr: TextIO, environ: Mapping[str, str]) -> str:
    """What `auto` means: the journal for a process that systemd started, else a console.

    INVOCATION_ID does not tell, since every shell of a user's session inherits it. JOURNAL_STREAM
    names the file that standard error is, SYSTEMD_EXEC_PID the process (systemd.exec(5)).
    """
    if word != "auto":
        return word
    if environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()):
        return "journal"
    try:
        status = os.fstat(stderr.fileno())
    except (OSError, ValueError):
        return "console"
    stream = f"{status.st_dev}:{status.st_ino}"
    return "journal" if environ.get("JOURNAL_STREAM") == stream else "console"


_Fields = MutableMapping[str, Any]
_Renderer = Callable[[Any, str, _Fields], Any]


def _configure(level: str, render: _Renderer, factory: Callable[[], Any]) -> None:
    structlog.configure(
        processors=[structlog.processors.format_exc_info, _to_fields, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: factory(),
        cache_logger_on_first_use=False,  # or a reload would change nothing
    )
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)


def _to_fields(_: Any, method: str, said: _Fields) -> _Fields:
    """Journal fields from structlog's event dictionary; its `event` is the message."""
    message = str(said.pop("event"))
    if (trace := said.pop("exception", None)) is not None:
        message = f"{message}\n{trace}"
    fields = {"MESSAGE": message, "PRIORITY": _PRIORITIES.get(method, "6")}
    fields |= {name: str(value) for name, value in said.items() if value is not None}
    return {**fields, "SYSLOG_IDENTIFIER": "edgepind"}


def _as_json(fields: Mapping[str, str], wall: datetime) -> str:
    """One object on one line, as `journalctl -o json` writes an entry."""
    stamp = (wall - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return json.dumps({"__REALTIME_TIMESTAMP": str(stamp), **fields}, ensure_ascii=False)


def _as_text(fields: Mapping[str, str], wall: datetime) -> str:
    """`2026-11-24T09:00:00Z warning: MESSAGE [event]`, and nothing that steers a terminal."""
    stamp = wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = f" [{fields['EDGEPIND_EVENT']}]" if "EDGEPIND_EVENT" in fields else ""
    message = "\n    ".join(map(printable, fields["MESSAGE"].split("\n")))
    return f"{stamp} {_WORDS[int(fields['PRIORITY'])]}: {message}{event}"


class _FromLibraries(logging.Handler):
    """Takes what asyncio and the libraries log into the same pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        said = f"{record.name}: {record.getMessage()}"
        structlog.get_logger().log(level, said, exc_info=record.exc_info)


_METHODS = {
    Severity.CRIT: "critical",
    Severity.ERR: "error",
    Severity.WARNING: "warning",
    Severity.NOTICE: "info",
    Severity.INFO: "info",
}
"""The nearest of the levels that `log.level` can be set to."""


def tell(events: Iterable[Event], finding: Finding | None, posture: Posture | None) -> None:
    """Log each event; `finding` and `posture` stand in where the event has none.

    A reminder (an event without a name) carries no EDGEPIND_EVENT and no MESSAGE_ID, so that
    it is not counted as an event.
    """
    log = structlog.get_logger()
    for event in events:
        fields: dict[str, object] = {
            "PRIORITY": PRIORITIES[event.severity],
            "EDGEPIND_FINDING": event.finding or finding,
            "EDGEPIND_POSTURE": event.posture or posture,
            "EDGEPIND_FINGERPRINT": event.fingerprint,
        }
        if event.name is not None:
            fields |= {"MESSAGE_ID": MESSAGE_IDS[event.name], "EDGEPIND_EVENT": event.name}
        getattr(log, _METHODS[event.severity])(event.message, **fields)
