"""The exit codes of every command (CONTRACT section 2), and what tells NOT_PERMITTED apart."""

import errno
import os
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """How a command ended."""

    GOOD = 0
    """Done, or the answer is good."""
    BAD = 1
    """The answer is bad: a mismatch, a fault found, a refusal by policy."""
    USAGE = 2
    """The command line or the settings are wrong."""
    UNOBSERVED = 3
    """It could not be observed: nothing can be reached, or no daemon is there."""
    NOT_PERMITTED = 4
    """The caller may not do that."""
    INTERRUPTED = 130
    """Ended by Ctrl-C: what a shell shows for SIGINT."""
    PIPE_CLOSED = 141
    """The output is not read any more: what a shell shows for SIGPIPE."""


def demand_readable(path: Path) -> None:
    """Raise PermissionError if something exists at `path` that this user may not read."""
    try:
        path.stat()
    except PermissionError:
        raise
    except OSError:
        return
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def may_not_write(folder: Path) -> bool:
    """Whether this user lacks permission to write to `folder`; False if it does not exist."""
    try:
        folder.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(folder, os.W_OK | os.X_OK)
