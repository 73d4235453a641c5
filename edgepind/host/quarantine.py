"""Keeps a damaged file beside where it stood, as `NAME.LABEL-TIME`, for a person to look at.

TIME is UTC in the basic format of ISO 8601. A bounded number is kept, the oldest go first.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from edgepind.host.durable_file import NotReplaced, give_second_name, remove
from edgepind.host.fs import CallFailed, calling

KEPT = 10


def link_aside(path: Path, label: str, wall: datetime) -> Path | NotReplaced:
    """Keep what `path` holds under a second name as well: the path is never absent.

    For a file that is replaced next. Where it has such a name from a failed attempt, that is used.
    """
    for earlier in _set_aside(path, label):
        with suppress(OSError):
            if earlier.samefile(path):
                return earlier
    second = _fresh_name(path, label, wall)
    if problem := give_second_name(path, second):
        return problem
    _drop_oldest(path, label, second)
    return second


def move_aside(path: Path, label: str, wall: datetime) -> Path | NotReplaced:
    """Rename what stands at `path`, of whatever kind; the path is absent then."""
    second = _fresh_name(path, label, wall)
    try:
        with calling("rename", path):
            path.rename(second)
    except CallFailed as failure:
        return NotReplaced(str(failure), failure.errno)
    _drop_oldest(path, label, second)
    return second


def _fresh_name(path: Path, label: str, wall: datetime) -> Path:
    name = f"{path.name}.{label}-{wall.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    of_this_second = [entry for entry in _set_aside(path, label) if entry.name.startswith(name)]
    if not of_this_second:
        return path.with_name(name)
    _, _, count = of_this_second[-1].name.removeprefix(name).partition("-")
    return path.with_name(f"{name}-{int(count or 1) + 1}")


def _set_aside(path: Path, label: str) -> list[Path]:
    """What was set aside before, the oldest first."""
    shape = re.compile(rf"{re.escape(path.name)}\.{label}-(\d{{8}}T\d{{6}}Z)(?:-(\d+))?")
    names: list[str] = []
    with suppress(OSError):
        names = [entry.name for entry in path.parent.iterdir()]
    matches = [match for match in map(shape.fullmatch, names) if match]
    matches.sort(key=lambda match: (match[1], int(match[2] or 1)))
    return [path.with_name(match[0]) for match in matches]


def _drop_oldest(path: Path, label: str, newest: Path) -> None:
    """Keep `KEPT`, the newest among them even where the clock ran backwards."""
    older = [entry for entry in _set_aside(path, label) if entry != newest]
    for entry in older[: max(0, len(older) + 1 - KEPT)]:
        remove(entry)
