"""edgepind's own folders and the override in them: who else could write there, and what stands."""

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edgepind.cli.checks.fault import Fault, error, info, warning
from edgepind.cli.permission import may_not_write
from edgepind.model.observation import OverrideFile, OverrideRejected
from edgepind.observe.override import EMPTY_LASTS, read_override
from edgepind.settings.schema import Settings
from edgepind.telemetry.status_file import rfc3339

_SERVICE_USER = "edgepind"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


async def check_own_files(settings: Settings) -> list[Fault]:
    """Look at STATE, at RUNTIME, at the override, and at where the metrics go."""
    paths, textfile = settings.paths, settings.metrics.textfile
    return [
        *_of_folder(paths.state, "state"),
        *_of_folder(paths.runtime, "runtime"),
        *_of_override(paths.runtime, paths.state),
        *(_of_metrics(Path(textfile)) if textfile else ()),
    ]


def _of_folder(folder: Path, name: str) -> Iterator[Fault]:
    try:
        status = folder.stat()
    except FileNotFoundError:
        remedy = "Nothing to do: edgepind makes it when it starts."
        yield info(f"{name}-folder-missing", f"there is no {folder} yet", remedy)
        return
    if not stat.S_ISDIR(status.st_mode):
        remedy = f"Move it away, or correct paths.{name}."
        yield error(f"{name}-folder-kind", f"{folder} is no folder", remedy)
        return
    if status.st_uid not in _trusted():
        yield error(
            f"{name}-folder-owner",
            f"{folder} belongs to user {status.st_uid}, who could steer edgepind",
            f"Give it to the user that edgepind runs as, with `chown`, or correct paths.{name}.",
        )
    if status.st_mode & _OTHERS:
        yield error(
            f"{name}-folder-mode",
            f"others than its owner may write into {folder} (mode {status.st_mode & 0o7777:04o})",
            f"Run `chmod go-w {folder}`.",
        )


def _trusted() -> set[int]:
    trusted = {0, os.geteuid()}
    with suppress(KeyError):  # without that user it runs as root here, or by hand
        trusted.add(pwd.getpwnam(_SERVICE_USER).pw_uid)
    return trusted


def _of_override(runtime: Path, state: Path) -> Iterator[Fault]:
    match read_override(runtime, state):
        case OverrideRejected(path, reason):
            remedy = "Remove it, or write one with `edgepind override on`."
            yield warning("override-malformed", f"{path} is no override: {reason}", remedy)
        case OverrideFile() as override:
            until = override.until or override.made_at + EMPTY_LASTS
            what = f"an override stands until {rfc3339(until)}: pinning validation is off"
            yield warning("override-present", what, "`edgepind override off` ends it.")
        case None:
            pass


def _of_metrics(textfile: Path) -> Iterator[Fault]:
    if not textfile.parent.is_dir():
        remedy = "Make the folder, or correct metrics.textfile."
        yield warning("metrics-folder", f"there is no folder {textfile.parent}", remedy)
    elif may_not_write(textfile.parent):
        remedy = "Let the user that edgepind runs as write there."
        yield warning("metrics-folder", f"{textfile.parent} is closed to this user", remedy)
