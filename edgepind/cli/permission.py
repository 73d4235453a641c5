"""Tells missing permission from every other reason why a file cannot be read or written."""

import errno
import os
from pathlib import Path


def demand_readable(path: Path) -> None:
    """Raise PermissionError where something stands at `path` that this user may not read.

    Whether anything is there, and what, is not judged.
    """
    try:
        path.stat()
    except PermissionError:
        raise
    except OSError:
        return
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def may_not_write(folder: Path) -> bool:
    """Whether this user lacks permission to write to `folder`; False where it does not exist."""
    try:
        folder.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(folder, os.W_OK | os.X_OK)
