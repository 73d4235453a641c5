"""A control group of the appliance's own in every hierarchy that it needs, removed at the end.

Its systemd is to enforce the units' limits on memory and tasks as it would on real hardware, so it
needs the controllers, whichever of the two layouts this host has (cgroups(7)).
"""

import itertools
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.container.patience import until

_NAME = "edgepind-container"
_PATIENCE = 30.0
_MOUNTS = Path("/proc/self/mounts")
_WANTED = re.compile(r"(^|,)(name=systemd|memory|pids)(,|$)")


class ControlGroups:
    """The folders, one in each hierarchy; to be entered by the process that is to boot."""

    _made = itertools.count(1)

    def __init__(self) -> None:
        _sweep()
        self.name = f"{_NAME}-{os.getpid()}-{next(self._made)}"
        self.folders = tuple(root / self.name for root in _hierarchies())
        for folder in self.folders:
            folder.mkdir(exist_ok=True)
            if (folder / "cgroup.subtree_control").exists():
                _delegate(folder)

    @property
    def entering(self) -> str:
        """Shell code by which a process moves itself in."""
        return "\n".join(f"echo $$ > {folder}/cgroup.procs" for folder in self.folders)

    def accounts(self) -> tuple[Path, ...]:
        """The folders of `memory` and of `pids`, where they can be had."""
        return tuple(
            it for it in self.folders if any(it.glob("memory.*")) or any(it.glob("pids.*"))
        )

    def await_emptiness(self) -> None:
        """Wait until nothing runs in them. Raises TimeoutError where something still does."""
        until(lambda: not any(map(_runs_in, self.folders)), _PATIENCE, "nothing runs in the groups")

    def close(self) -> None:
        """Remove them; what ran in them was told to end, and may need a moment."""
        with suppress(TimeoutError):  # the next run sweeps
            until(lambda: not any(map(_remains, self.folders)), _PATIENCE, "the groups are empty")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_legacy() -> bool:
    """Whether the host has a hierarchy for each controller (version 1), beside version 2 or not."""
    return any(" cgroup " in line for line in _MOUNTS.read_text().splitlines())


def _hierarchies() -> list[Path]:
    found = []
    for line in _MOUNTS.read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and _WANTED.search(options)):
            found.append(Path(where))
    return found


def _delegate(folder: Path) -> None:
    """In version 2, let the parent hand on what it has; a controller that it lacks is no error."""
    for controller in ("memory", "pids"):
        with suppress(OSError):
            (folder.parent / "cgroup.subtree_control").write_text(f"+{controller}")


def _sweep() -> None:
    """Remove what tests left that were killed: empty, for nothing outlives them."""
    for root in _hierarchies():
        for folder in root.glob(f"{_NAME}-*"):
            maker = folder.name.removeprefix(f"{_NAME}-").partition("-")[0]
            if not Path("/proc", maker).exists():
                _remains(folder)


def _runs_in(folder: Path) -> bool:
    """Whether a process, also one that has ended and is not yet buried, is in it or below it."""
    return any(map(_has_processes, folder.rglob("cgroup.procs")))


def _has_processes(listing: Path) -> bool:
    try:
        return listing.read_text("ascii") != ""
    except OSError:  # the group was removed since it was found, so it is empty
        return False


def _remains(folder: Path) -> bool:
    """Remove a group with those in it; whether something still runs there."""
    for path, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            Path(path).rmdir()
    return folder.exists()
