"""The record of decisions: `STATE/history.jsonl`, one event a line, bounded in size.

Lines are appended without waiting for the disk: a power cut may cost the last ones, which the
journal has too. A line torn by a crash or a full disk is read over. Synchronous, to be called
off the event loop.
"""

import errno
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgepind.formats.strict_json import ParsedJson, parse_json
from edgepind.host.bounded_read import (
    NoFile,
    SmallFile,
    TooLarge,
    Unreadable,
    not_regular,
    read_small_file,
)
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.host.file_owner import owner_in
from edgepind.host.fs import CallFailed, calling, write_all
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Finding, Posture, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.state.codec import Misfit, decode, encode

LONGEST = 1024 * 1024
"""Bytes at the most; beyond, the older half goes."""

_MODE = 0o600
_TO_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event as it was told, at the wall time `at`."""

    at: datetime
    event: EventName
    severity: Severity
    message: str
    fingerprint: Fingerprint | None = None
    finding: Finding | None = None
    posture: Posture | None = None


@dataclass(frozen=True, slots=True)
class NotRead:
    """The file is there and could not be read. `error` is a whole sentence."""

    error: str


class History:
    """The record under one state folder, which must exist."""

    def __init__(self, directory: Path, longest: int = LONGEST) -> None:
        self._path = directory / "history.jsonl"
        self._longest = longest

    def append(self, events: Sequence[Event], wall: datetime) -> str | None:
        """Write one line an event; reminders are no events and are left out.

        A sentence, where that failed.
        """
        lines = b"".join(_line(event, wall) for event in events if event.name is not None)
        if not lines:
            return None
        try:
            size = self._append(lines)
        except CallFailed as failure:
            return str(failure)
        return self._halve() if size > self._longest else None

    def is_there(self) -> bool:
        """Whether anything was ever told here."""
        return os.path.lexists(self._path)

    def read(self, limit: int) -> tuple[HistoryLine, ...] | NotRead:
        """Give the last `limit` events, the newest last; what is no such line is read over."""
        match read_small_file(self._path, 2 * self._longest):
            case NoFile():
                return ()
            case SmallFile(content):
                lines = [line for line in map(_parse, content.splitlines()) if line]
                return tuple(lines[max(0, len(lines) - limit) :])
            case Unreadable(error) | TooLarge(error):
                return NotRead(error)

    def _append(self, lines: bytes) -> int:
        """Give the size of the file after it. Raises CallFailed."""
        with calling("open", self._path):
            descriptor = os.open(self._path, _TO_APPEND, _MODE)
        try:
            with calling("write", self._path):
                status = os.fstat(descriptor)
                if problem := not_regular(self._path, status):
                    raise CallFailed("write", self._path, errno.EINVAL, problem)
                owner = owner_in(self._path.parent.stat())
                if not owner.owns(status):
                    os.fchown(descriptor, owner.uid, owner.gid)
                if status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
                    lines = b"\n" + lines  # the last line was torn: begin a new one
                write_all(descriptor, lines)
                return status.st_size + len(lines)
        finally:
            with suppress(OSError):
                os.close(descriptor)

    def _halve(self) -> str | None:
        """Keep the newer half, replaced whole; what cannot be read whole is begun anew."""
        file = read_small_file(self._path, 2 * self._longest)
        content = file.content if isinstance(file, SmallFile) else b""
        newest = content[-(self._longest // 2) :]
        outcome = replace(self._path, newest[newest.find(b"\n") + 1 :], mode=_MODE)
        return outcome.error if isinstance(outcome, NotReplaced) else None


def _line(event: Event, wall: datetime) -> bytes:
    value = {
        "at": wall,
        "event": event.name,
        "severity": event.severity,
        "message": event.message,
        "fingerprint": event.fingerprint,
        "finding": event.finding,
        "posture": event.posture,
    }
    encoded = {key: encode(part) for key, part in value.items()}
    return json.dumps(encoded).encode() + b"\n"


def _parse(line: bytes) -> HistoryLine | None:
    parsed = parse_json(line)
    if not isinstance(parsed, ParsedJson):
        return None
    try:
        return decode(HistoryLine, parsed.value, lambda instant: instant)
    except Misfit:
        return None
