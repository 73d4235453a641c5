"""Everything that speaks for or against the host's clock, gathered once a tick.

The witnesses are chronyd (chronyc(1)), where it is installed, the kernel (adjtimex(2)) or, where a
sandbox bars that, systemd-timesyncd (`observe.timesync`), and the `Date` of the status endpoint.
They are weighed in `core.diagnosis` and `core.time_floor`; whatever one of them says, nothing here
raises.
"""

import ctypes
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from edgepind.host.command import Exited, run_command
from edgepind.host.disk_thread import run_aside
from edgepind.model.instants import Moment
from edgepind.model.observation import ClockReading, ClockSource
from edgepind.observe.timesync import TOUCHED, TimesyncFile

_DEADLINE = 5.0
"""Seconds for chronyc."""

_FIELDS = 14
_SYNCHRONISED = frozenset({"Normal", "Insert second", "Delete second"})
_ITSELF = frozenset({"00000000", "7F7F0101"})
"""Reference ids for "none yet" and for `local`, which is the host's own clock by another name."""

_TIME_UNSYNCED = 0x0040  # STA_UNSYNC
_IN_NANOSECONDS = 0x2000  # STA_NANO
_REST = 256
"""Octets, more than `struct timex` has on any architecture."""

_STEP = timedelta(milliseconds=500)
"""A wall clock that moved this much against elapsed time was set, not slewed."""


_DATE_SLACK = 5.0
"""Seconds by which a `Date` may be off the pace: it counts whole ones, and travels for some."""
_DATE_HOLDS = 3600.0
"""Seconds for which a server's clock is known from one answer on; a host's drifts by far less."""


@dataclass(frozen=True, slots=True)
class _ChronyReading:
    """What chronyd said, and when."""

    reading: ClockReading | None
    at: Moment


class _Dates:
    """Tells a server's clock, which runs, from the `Date` of an answer that was kept somewhere.

    From one answer to the next a clock has advanced as elapsed time has. One that has not is no
    witness until it does again; one that has is believed for `_DATE_HOLDS` in between its answers.
    """

    def __init__(self) -> None:
        self._first: Moment | None = None
        """By elapsed time, and by the server's clock."""
        self._runs: bool | None = None
        """None: that is not known yet."""

    def hear(self, date: ClockReading | None, now: Moment) -> ClockReading | None:
        """Take in what an answer says, None where there was none, and give what is believed."""
        if date is not None:
            self._compare(Moment(now.monotonic, _less(now.wall, date.ahead)))
        if self._first is None or self._runs is False:
            return None
        if date is not None:
            return replace(date, steady=self._runs is True)
        since = now.monotonic - self._first.monotonic
        if not self._runs or since > _DATE_HOLDS:
            return None
        ahead = (now.wall - self._first.wall).total_seconds() - since
        return ClockReading(ClockSource.DATE_HEADER, ahead, _DATE_SLACK)

    def _compare(self, server: Moment) -> None:
        first = self._first or server
        passed = server.monotonic - first.monotonic
        advanced = (server.wall - first.wall).total_seconds()
        if abs(advanced - passed) > _DATE_SLACK:
            self._runs, self._first = False, server
        elif passed > _DATE_SLACK:
            self._runs, self._first = True, server
        else:
            self._first = first


def _less(wall: datetime, seconds: float) -> datetime:
    """Earlier by so much, as far as dates reach."""
    try:
        return wall - timedelta(seconds=seconds)
    except OverflowError:
        return wall


class ClockQuality:
    """The witnesses.

    A steady tick starts no process: `chronyc` is asked every `period` seconds at most, and again
    where the clock was set meanwhile.
    """

    def __init__(
        self,
        now: Callable[[], Moment],
        chronyc: str = "chronyc",
        period: float = 300.0,
        timesync: Path = TOUCHED,
    ) -> None:
        self._now = now
        self._chronyc = chronyc
        self._period = period
        self._last: _ChronyReading | None = None
        self._dates = _Dates()
        self._timesync = TimesyncFile(timesync)

    async def observe(self, date: ClockReading | None) -> tuple[ClockReading, ...]:
        """All readings that there are; `date` is that of the status endpoint, if it gave one."""
        now = self._now()
        heard = self._dates.hear(date, now)
        synced = self._timesync.read(now)  # also where it is not needed: it has to be watched
        readings = (await self._chrony(), read_kernel_clock() or synced, heard)
        return tuple(reading for reading in readings if reading is not None)

    async def _chrony(self) -> ClockReading | None:
        now = self._now()
        if self._last is None or self._is_old(self._last.at, now):
            self._last = _ChronyReading(await ask_chrony(self._chronyc), now)
        return self._last.reading

    def _is_old(self, asked: Moment, now: Moment) -> bool:
        elapsed = now.monotonic - asked.monotonic
        drift = now.wall - asked.wall - timedelta(seconds=elapsed)
        return elapsed >= self._period or abs(drift) > _STEP


async def ask_chrony(chronyc: str) -> ClockReading | None:
    """Run `chronyc` (a path, or a name in PATH) once; None where it has nothing to say."""
    found = await run_aside(shutil.which, chronyc)
    if found is None:
        return None
    result = await run_command([found, "-c", "-n", "tracking"], _DEADLINE)
    return read_tracking(result.tail) if isinstance(result, Exited) and result.code == 0 else None


def read_tracking(line: str) -> ClockReading | None:
    """Read one line of `tracking` in its CSV form; None where it is none, or not synchronised.

    The fifth field is what chronyd has still to add to the system clock, in seconds. The error
    bound is the root dispersion and half of the root delay (RFC 5905, section 11.2).
    """
    fields = line.strip().split(",")
    if len(fields) != _FIELDS or fields[0].upper() in _ITSELF or fields[13] not in _SYNCHRONISED:
        return None
    try:
        stratum = int(fields[2])
        behind, delay, dispersion = (float(fields[index]) for index in (4, 10, 11))
    except ValueError:
        return None
    bound = dispersion + abs(delay) / 2
    if stratum < 1 or not (math.isfinite(behind) and math.isfinite(bound)):
        return None
    return ClockReading(ClockSource.CHRONY, -behind, abs(bound))


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` of <sys/timex.h>; the kernel writes to all of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * _REST),
    )


def read_kernel_clock() -> ClockReading | None:
    """One reading of adjtimex(2); None where the clock is not synchronised or the call is barred.

    It reads and never sets: `modes` is zero, which needs no privilege. A sandbox may still forbid
    the call (`ProtectClock=`, a filter without clock_adjtime). `offset` is what the kernel is
    still to add, so the clock is ahead by its negative; `maxerror` is the bound that the kernel
    itself keeps, and lets grow while nobody disciplines the clock.
    """
    timex = _Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) < 0:
        return None
    return kernel_reading(timex.offset, timex.maxerror, timex.status)


def kernel_reading(offset: int, maxerror: int, status: int) -> ClockReading | None:
    """What the fields of `struct timex` say; `maxerror` is in microseconds."""
    if status & _TIME_UNSYNCED:
        return None
    second = 1e9 if status & _IN_NANOSECONDS else 1e6
    return ClockReading(ClockSource.KERNEL, -offset / second, maxerror / 1e6)
