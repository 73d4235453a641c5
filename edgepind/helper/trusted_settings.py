"""The settings that the helper uses: the operator's file, if only root can have written it.

A file that is invalid changes nothing, as for the daemon: the last good one, of which the helper
keeps a copy, stays in force.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.settings.fault import SettingsRefused
from edgepind.settings.file import LARGEST
from edgepind.settings.load import load
from edgepind.settings.schema import Settings

_FOREIGN_WRITERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings to use; `problem` is a sentence on what is wrong, "" where nothing is."""

    settings: Settings
    problem: str = ""


@dataclass(frozen=True, slots=True)
class NoSettings:
    """There are none to use. `error` is a sentence."""

    error: str


def settings_in_force(path: Path, kept: Path) -> InForce | NoSettings:
    """Read the settings at `path`, or else the copy of the last good ones at `kept`.

    The environment is not used: STATE_DIRECTORY and its like name the helper's folders here.
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
        pass  # reported by `load`
    else:
        if status.st_uid not in {0, os.geteuid()} or status.st_mode & _FOREIGN_WRITERS:
            return (
                f"{path} may have been written by others than root, so it is not used; "
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
