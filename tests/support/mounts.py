"""Small, full, read-only and bound file systems for tests, unmounted when those are over."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path


class NotMounted(Exception):  # noqa: N818 - it names what happened
    """The host does not let this process mount; the text is what mount(8) said."""


@dataclass(frozen=True, slots=True)
class Mounts:
    """The mounts that were made; `unmount` takes them away again."""

    points: list[Path] = field(default_factory=list)

    def tmpfs(self, point: Path, options: str) -> Path:
        """Make a file system in memory at `point`, with options of mount(8). Raises NotMounted."""
        point.mkdir(exist_ok=True)
        return self._mount("-t", "tmpfs", "-o", options, "tmpfs", point)

    def bind(self, source: Path, point: Path) -> Path:
        """Mount `source` over `point`, which exists. Raises NotMounted."""
        return self._mount("--bind", str(source), point)

    def read_only(self, point: Path) -> None:
        """Make one of the mounts read-only."""
        _run("mount", "-o", "remount,ro", str(point))

    def unmount(self) -> None:
        """Take all mounts away, the last one first."""
        while self.points:
            _run("umount", str(self.points.pop()))

    def _mount(self, *arguments: str | Path) -> Path:
        point = Path(arguments[-1])
        _run("mount", *map(str, arguments))
        self.points.append(point)
        return point


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        raise NotMounted(done.stderr.strip())
