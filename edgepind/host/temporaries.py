"""Temporaries beside a target: their names, and the removal of those that killed writers left.

A writer holds a lock on its temporary while it works (flock(2)); the kernel lets go of it
however the writer ends. So what is not locked is stale, whatever the clock says.
"""

import fcntl
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from edgepind.host.fs import CallFailed, open_folder


def temporary_name(name: str) -> str:
    """A fresh name in the folder of a target called `name`."""
    return f".{name}.{secrets.token_hex(8)}.tmp"


def claim(descriptor: int) -> None:
    """Tell sweepers that somebody is at work; where no locks exist, nobody is told."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sweep(path: Path) -> None:
    """Remove the stale temporaries of `path`. What stays costs space, so no failure is told."""
    with suppress(CallFailed), open_folder(path.parent) as folder:
        sweep_in(folder, path.name)


def sweep_folder(path: Path) -> None:
    """Remove all stale temporaries in a folder that is edgepind's own."""
    with suppress(CallFailed), open_folder(path) as folder:
        _sweep(folder, re.compile(r"\..+\.[0-9a-f]{16}\.tmp"))


def sweep_in(folder: int, name: str) -> None:
    """As `sweep`, in a folder that is open already."""
    _sweep(folder, re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}\.tmp"))


def _sweep(folder: int, stale: re.Pattern[str]) -> None:
    with suppress(OSError):
        for entry in os.listdir(folder):
            if stale.fullmatch(entry):
                _remove_unclaimed(folder, entry)


def _remove_unclaimed(folder: int, entry: str) -> None:
    with suppress(OSError):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(entry, flags, dir_fd=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(entry, dir_fd=folder)
        finally:
            os.close(descriptor)
