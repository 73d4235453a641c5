"""What the host's local time is: how far it is ahead of UTC, now and where that changes soon.

Where `TZ` is set it is what the C library makes of that (tzset(3)), else what `/etc/localtime`
says (localtime(5)), which is read again whenever it was replaced: the C library keeps what it read
first. Where that says nothing, local time is UTC. Never raises for what is there.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from edgepind.model.maintenance import LocalOffset

_LOCALTIME = Path("/etc/localtime")
_BACK = timedelta(days=10)
_AHEAD = timedelta(days=24)
_STEP = timedelta(hours=6)
_EXACT = timedelta(seconds=1)

_Offset = Callable[[datetime], timedelta]


class LocalTime:
    """The host's zone; `path` says which, unless `TZ` does."""

    def __init__(self, path: Path = _LOCALTIME) -> None:
        self._path = path
        self._identity: tuple[int, int, int] | None = None
        self._zone: tzinfo = UTC

    def offsets(self, now: datetime) -> tuple[LocalOffset, ...]:
        """The offset from UTC ten days before `now`, and each change until 24 days after it."""
        zone = None if "TZ" in os.environ else self._of_file()

        def offset(instant: datetime) -> timedelta:
            return instant.astimezone(zone).utcoffset() or timedelta()

        return table(offset, now)

    def _of_file(self) -> tzinfo:
        try:
            status = self._path.stat()
            identity = (status.st_dev, status.st_ino, status.st_mtime_ns)
            if identity != self._identity:
                with self._path.open("rb") as file:
                    self._zone = ZoneInfo.from_file(file)
                self._identity = identity
        except (OSError, ValueError):
            self._identity, self._zone = None, UTC
        return self._zone


def table(offset: _Offset, now: datetime) -> tuple[LocalOffset, ...]:
    """The offsets round `now`, each from the second at which it begins."""
    at = (now - _BACK).replace(minute=0, second=0, microsecond=0)
    found = [LocalOffset(at, offset(at))]
    while at < now + _AHEAD:
        after = at + _STEP
        if offset(after) != found[-1].offset:
            found.append(LocalOffset(_change(offset, at, after), offset(after)))
        at = after
    return tuple(found)


def _change(offset: _Offset, before: datetime, after: datetime) -> datetime:
    """The first whole second of the offset that holds at `after` and not yet at `before`."""
    old = offset(before)
    while after - before > _EXACT:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle == before:
            break
        before, after = (middle, after) if offset(middle) == old else (before, middle)
    return after
