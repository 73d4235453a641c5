"""The operator's override as a file, which has to be read even when everything else has failed.

`RUNTIME/override` or `STATE/override`; an empty one, made with `touch`, counts as well. Writing and
removing it does not need the daemon: `STATE` first, because it survives a reboot; a full or
read-only disk leaves `RUNTIME`. Whether an override is in force is decided in `core`.
"""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgepind.formats import RefusedJson, parse_json, parse_rfc3339
from edgepind.host.bounded_read import NoFile, SmallFile, Unreadable, read_small_file
from edgepind.host.durable_file import NotReplaced, remove, replace
from edgepind.host.fs import Owner
from edgepind.model.action import OverrideNotRemoved, OverrideRemoved
from edgepind.model.observation import Override, OverrideFile, OverrideRejected

_NAME = "override"
_LONGEST = 64 * 1024
_LONGEST_TEXT = 500
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def override_paths(runtime: Path, state: Path) -> tuple[Path, Path]:
    """Where an override may lie."""
    return (runtime / _NAME, state / _NAME)


def read_override(runtime: Path, state: Path, *, owner: int | None = None) -> Override:
    """Look into both folders. The later end counts; an invalid file only where none is usable.

    None where there is no file. Never waits for a FIFO, never follows a symbolic link. With
    `owner`, only a file counts that this user owns and that has no other name: whoever may write
    to the folder can link or move files of other users there, but cannot make them.
    """
    found = [_read(path, owner) for path in override_paths(runtime, state)]
    usable = [override for override in found if isinstance(override, OverrideFile)]
    if usable:
        return max(usable, key=lambda override: override.end)
    return next((override for override in found if override is not None), None)


def _read(path: Path, owner: int | None) -> Override:
    match read_small_file(path, _LONGEST):
        case NoFile():
            return None
        case Unreadable(reason):
            return OverrideRejected(str(path), reason)
        case SmallFile(content, status) as file:
            if owner is not None and (status.st_uid, status.st_nlink) != (owner, 1):
                return OverrideRejected(str(path), f"it was not made by user {owner}")
            if not content.strip():
                return OverrideFile(file.modified)
            parsed = parse_json(content)
            if isinstance(parsed, RefusedJson):
                return OverrideRejected(str(path), parsed.reason)
            return _understood(path, file, parsed.value)


def _understood(path: Path, file: SmallFile, value: Any) -> OverrideFile | OverrideRejected:
    if not isinstance(value, dict):
        return OverrideRejected(str(path), "it is JSON, but not an object")
    until = parse_rfc3339(value.get("until"))
    if until is None:
        reason = "its `until` is not a time with a zone as in RFC 3339"
        return OverrideRejected(str(path), reason)
    reason, by = value.get("reason", "no reason given"), value.get("by", "unknown")
    if not (isinstance(reason, str) and isinstance(by, str)):
        return OverrideRejected(str(path), "its `reason` and `by` are not both text")
    return OverrideFile(file.modified, until, one_line(reason), one_line(by))


def one_line(text: str) -> str:
    """Make text fit to stand in the file and in a sentence: one line, bounded, printable."""
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return _UNPRINTABLE.sub(" ", plain).strip()[:_LONGEST_TEXT]


# --- writing --------------------------------------------------------------------------------

_FOLDER_MODE = 0o755
_MODE = 0o644  # `override show` is no secret; the folder says who may look into it


@dataclass(frozen=True, slots=True)
class OverrideWritten:
    """The override stands at `path`; one in `RUNTIME` does not survive a reboot.

    `problem` tells of an older override at the other place that could not be removed: the later
    end of the two counts.
    """

    path: Path
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class OverrideNotWritten:
    """Neither place could be written to. A whole sentence that names both."""

    error: str


def write_override(
    runtime: Path, state: Path, until: datetime, reason: str, by: str
) -> OverrideWritten | OverrideNotWritten:
    """Put the override in place of any there is, so that its end can also be made earlier."""
    fields = {
        "until": until.astimezone(UTC).isoformat(),
        "reason": one_line(reason),
        "by": one_line(by),
    }
    content = f"{json.dumps(fields, indent=2)}\n".encode()
    volatile, lasting = override_paths(runtime, state)
    errors: list[str] = []
    for path, other in ((lasting, volatile), (volatile, lasting)):
        if path == volatile:  # systemd removes its folder with the stopped daemon
            with suppress(OSError):  # the next call tells why
                runtime.mkdir(_FOLDER_MODE)
        outcome = replace(path, content, owner=_writer(), mode=_MODE)
        if isinstance(outcome, NotReplaced):
            errors.append(outcome.error)
            continue
        return OverrideWritten(path, remove(other))
    return OverrideNotWritten("; and ".join(errors))


def _writer() -> Owner:
    """It stays root's where root writes it: the privileged helper accepts no other."""
    return Owner(os.geteuid(), os.getegid())


def remove_override(runtime: Path, state: Path) -> OverrideRemoved | OverrideNotRemoved:
    """Remove the files at both places; absent already is a success."""
    errors = [error for path in override_paths(runtime, state) if (error := remove(path))]
    return OverrideNotRemoved("; and ".join(errors)) if errors else OverrideRemoved()
