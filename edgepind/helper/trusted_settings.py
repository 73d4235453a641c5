"""The settings that the helper goes by: the operator's file, if nobody else can have written it.

A file that is wrong changes nothing, as for the daemon: the last good one, of which the helper
keeps a copy, stays in force.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.settings.load import LARGEST, SettingsRefused, load
from edgepind.settings.schema import Settings

_FOREIGN_WRITERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class InForce:
    """What to go by; `problem` is a sentence on what is not as it should be, "" where all is."""

    settings: Settings
    problem: str = ""


@dataclass(frozen=True, slots=True)
class NoSettings:
    """There are none to go by. `error` is a sentence."""

    error: str


def settings_in_force(path: Path, kept: Path) -> InForce | NoSettings:
    """Read the settings at `path`, or else the copy of the last good ones at `kept`.

    STATE_DIRECTORY and its like are the helper's own here, and say nothing of the daemon's.
    """
    found = _load(path)
    if isinstance(found, Settings):
        problem = _keep(path, kept)
        return InForce(found, f"{path} could not be copied: {problem}" if problem else "")
    last_good = load(kept, {})
    if isinstance(last_good, SettingsRefused):
        return NoSettings(found)
    return InForce(last_good, f"the last good settings stay in force, because {found}")


def _load(path: Path) -> Settings | str:
    """A sentence, where they are not to be used."""
    try:
        status = path.stat()
    except OSError:
        pass  # told by whoever reads it
    else:
        if status.st_uid not in {0, os.geteuid()} or status.st_mode & _FOREIGN_WRITERS:
            return (
                f"{path} may have been written by others than root, so it is not gone by; "
                f"`chown root {path}` and `chmod go-w {path}`, once you have read it"
            )
    settings = load(path, {})
    return " ".join(str(settings).split()) if isinstance(settings, SettingsRefused) else settings


def _keep(path: Path, kept: Path) -> str | None:
    file = read_small_file(path, LARGEST, follow=True)
    if not isinstance(file, SmallFile):
        return "it is gone"
    done = replace(kept, file.content, mode=0o600)
    return done.error if isinstance(done, NotReplaced) else None
