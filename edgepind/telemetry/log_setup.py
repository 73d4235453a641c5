"""structlog, set up by `[log]`: one pipeline for the journal, JSON lines and a console.

A line is a set of journal fields (systemd.journal-fields(7)) in all three formats. May be called
again at a reload. Whatever the libraries log as a warning or worse goes the same way.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

import structlog

from edgepind.settings.schema import LogSettings
from edgepind.telemetry.journal import SOCKET, Journal
from edgepind.telemetry.log import JournalSink, StderrSink

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
    """Send log lines where `log` says. `wall` dates the lines that journald does not date."""
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
    """What `auto` means here: the journal for a process that systemd started, else a console.

    INVOCATION_ID is no sign of that, since every shell under a user's session inherits it:
    JOURNAL_STREAM names the very file that standard error is (systemd.exec(5)), and
    SYSTEMD_EXEC_PID the very process, where standard error leads elsewhere.
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
    """Make journal fields of what was said: `event` is the message, the rest are fields."""
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
    message = "".join(c if c.isprintable() or c == "\n" else " " for c in fields["MESSAGE"])
    line = f"{stamp} {_WORDS[int(fields['PRIORITY'])]}: {message}{event}"
    return line.replace("\n", "\n    ")


class _FromLibraries(logging.Handler):
    """Takes what asyncio and the libraries log into the same pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        said = f"{record.name}: {record.getMessage()}"
        structlog.get_logger().log(level, said, exc_info=record.exc_info)
