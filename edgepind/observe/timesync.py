"""systemd-timesyncd as a witness on the clock, where a sandbox bars the kernel's own word.

`/run/systemd/timesync/synchronized` is touched on each successful synchronisation
(systemd-timesyncd.service(8)), by the clock that was set right just then, and may be read by
everybody. Its time alone does not say whether the clock was set since, so it is watched: once it is
touched between two looks, and the clock took no step between them, the clock was right then, and
elapsed time tells what was done to it since. systemd-timesyncd asks its server again after 34
minutes at the latest (timesyncd.conf(5), PollIntervalMaxSec=), and at once where the clock was set;
the file goes when it is stopped. It counts as the kernel: both say what was disciplined.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgepind.model.instants import Moment
from edgepind.model.observation import ClockReading, ClockSource

TOUCHED = Path("/run/systemd/timesync/synchronized")

_HOLDS = 2 * 2048.0
"""Seconds for which one synchronisation is believed: twice the longest pause between two."""
_STEP = 0.5
"""Seconds; a wall clock that moved this much against elapsed time was set, not slewed."""
_UNSEEN = 1.0
"""Seconds by which a clock that took no step while it was watched may be off."""
_DRIFT = 500e-6
"""Seconds in a second that a clock may run wrong while nobody corrects it, as the kernel has it."""


@dataclass(frozen=True, slots=True)
class _Sync:
    """A synchronisation that was watched: seen at `at`, and how sure the clock was right then."""

    at: Moment
    uncertainty: float


class TimesyncFile:
    """Watches the file from one look to the next."""

    def __init__(self, path: Path = TOUCHED) -> None:
        self._path = path
        self._last: tuple[float, Moment] | None = None
        """When the file had been touched, and the look that saw it."""
        self._sync: _Sync | None = None

    def read(self, now: Moment) -> ClockReading | None:
        """What is known of the clock at `now`; None where no synchronisation was watched lately."""
        try:
            touched = self._path.stat().st_mtime
        except OSError:  # there is no such daemon, or it was stopped
            self._last = self._sync = None
            return None
        if self._last is not None and touched != self._last[0]:
            self._sync = _watched(touched, self._last[1], now)
        self._last = (touched, now)
        if self._sync is None:
            return None
        since = now.monotonic - self._sync.at.monotonic
        if since > _HOLDS:
            return None
        bound = self._sync.uncertainty + since * _DRIFT
        return ClockReading(ClockSource.KERNEL, _stepped(self._sync.at, now), bound)


def _watched(touched: float, before: Moment, now: Moment) -> _Sync | None:
    """A synchronisation between two looks; None where the clock was set back since."""
    pause = now.monotonic - before.monotonic
    age = (now.wall - datetime.fromtimestamp(0, UTC)).total_seconds() - touched
    if not -_UNSEEN <= age <= pause + _UNSEEN:
        return None
    stepped = abs(_stepped(before, now)) > _STEP
    return _Sync(now, pause if stepped else _UNSEEN)


def _stepped(before: Moment, now: Moment) -> float:
    """Seconds by which the wall clock was set forwards between two moments."""
    return (now.wall - before.wall).total_seconds() - (now.monotonic - before.monotonic)
