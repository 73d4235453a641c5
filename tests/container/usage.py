"""What both of edgepind's processes take at their worst: the figures behind the units' limits.

A helper lives for a fraction of a second, so somebody has to look all the time.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.container.control_groups import ControlGroups

_PAUSE = 0.02
_MEBI = 1024 * 1024
_KINDS = {
    "daemon": "edgepind.service",
    "helper": "system-edgepind*apply.slice/edgepind-apply@*.service",
}
"""Where systemd has the groups of each, beneath system.slice."""
_PEAK_FILES = ("memory.peak", "memory.max_usage_in_bytes")  # version 2, version 1


@dataclass(slots=True)
class Peak:
    """The most that one kind of process took at once.

    `group` is the control group's memory with the page cache that it caused, `resident` that of
    its largest process, both in MiB; `tasks` are threads, and `files` those open in one process.
    """

    group: float = 0.0
    resident: float = 0.0
    tasks: int = 0
    files: int = 0
    seen: set[int] = field(default_factory=set)

    def raise_to(self, other: "Peak") -> None:
        """Take the greater of each figure."""
        self.group = max(self.group, other.group)
        self.resident = max(self.resident, other.resident)
        self.tasks = max(self.tasks, other.tasks)
        self.files = max(self.files, other.files)
        self.seen |= other.seen


Peaks = dict[str, Peak]


class Watch:
    """Looks at the processes of one appliance, from a thread of its own, until it is closed."""

    def __init__(self, groups: ControlGroups, peaks: Peaks) -> None:
        self._groups = groups
        self._peaks = peaks
        self._slices: list[Path] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="usage", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(_PAUSE):
            if not self._slices or not all(it.exists() for it in self._slices):
                self._slices = list(self._system_slices())  # at each boot
            for kind, unit in _KINDS.items():
                for folder in self._folders(unit):
                    peak = _look(folder)
                    self._peaks.setdefault(kind, Peak()).raise_to(peak)

    def _system_slices(self) -> Iterator[Path]:
        for root in self._groups.accounts():
            with suppress(OSError):  # a group that goes while it is looked for
                yield from root.rglob("system.slice")

    def _folders(self, unit: str) -> Iterator[Path]:
        for folder in self._slices:
            with suppress(OSError):
                yield from folder.glob(unit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _look(folder: Path) -> Peak:
    peak = Peak()
    for name in _PEAK_FILES:
        with suppress(OSError):
            peak.group = int((folder / name).read_text()) / _MEBI
    with suppress(OSError):
        pids = [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
        for pid in pids:
            with suppress(OSError):  # it is over
                _add(peak, Path(f"/proc/{pid}"))
    return peak


def _add(peak: Peak, process: Path) -> None:
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    if "VmHWM" not in status:  # a zombie
        return
    command = (process / "cmdline").read_bytes()
    if b"edgepind" not in command or b"/opt/" in command:
        return  # systemd's own child before it becomes ours, or a test's in its place
    peak.resident = max(peak.resident, int(status["VmHWM"].split()[0]) / 1024)
    peak.tasks += int(status["Threads"])
    peak.files = max(peak.files, sum(1 for _ in (process / "fd").iterdir()))
    peak.seen.add(int(process.name))
