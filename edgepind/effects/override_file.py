"""Writes and removes the operator's override, with nothing of the daemon needed.

`STATE` comes first, because it survives a reboot; a full or read-only disk leaves `RUNTIME`.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgepind.host.durable_file import NotReplaced, replace
from edgepind.host.file_names import NotRemoved, remove
from edgepind.host.file_owner import Owner
from edgepind.model.outcome import OverrideNotRemoved, OverrideRemoved
from edgepind.observe.override import one_line, override_paths

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
    words = {
        "until": until.astimezone(UTC).isoformat(),
        "reason": one_line(reason),
        "by": one_line(by),
    }
    content = f"{json.dumps(words, indent=2)}\n".encode()
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
        removal = remove(other)
        return OverrideWritten(path, removal.error if isinstance(removal, NotRemoved) else None)
    return OverrideNotWritten("; and ".join(errors))


def _writer() -> Owner:
    """It stays root's where root writes it: the privileged helper believes no other."""
    return Owner(os.geteuid(), os.getegid())


def remove_override(runtime: Path, state: Path) -> OverrideRemoved | OverrideNotRemoved:
    """Remove the files at both places; where there is none, that is well."""
    removals = [remove(path) for path in override_paths(runtime, state)]
    errors = [removal.error for removal in removals if isinstance(removal, NotRemoved)]
    return OverrideNotRemoved("; and ".join(errors)) if errors else OverrideRemoved()
