"""The only place that reads time.

Everything else is handed a `Moment`, so that every rule about time can be tested at any time.
Whether the wall clock is *right* is not judged here.
"""

import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

from edgepind.model.instants import Moment, Monotonic

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# However wrong the host's clock, a thousand years can be added to or taken from what is returned
# without leaving `datetime`'s range: no setting is longer (`settings.durations.LONGEST`).
EARLIEST_WALL = datetime(1500, 1, 1, tzinfo=UTC)
LATEST_WALL = datetime(8500, 1, 1, tzinfo=UTC)

_LONGEST_NAP = 30.0


class Clock(Protocol):
    """The clocks, as they are given to whatever has to know the time."""

    def now(self) -> Moment:
        """Read both clocks."""

    def boot_id(self) -> str:
        """Name the boot that monotonic readings count from; "" where the kernel does not tell.

        Readings taken under different names, or under none, cannot be compared.
        """

    async def sleep_until(self, deadline: Monotonic) -> None:
        """Return once the monotonic clock has reached `deadline`; at once where it has already."""


class SystemClock:
    """The host's clocks: CLOCK_BOOTTIME and CLOCK_REALTIME (clock_gettime(2))."""

    def now(self) -> Moment:
        """Read both clocks."""
        elapsed = Monotonic(time.clock_gettime(time.CLOCK_BOOTTIME))
        return Moment(elapsed, wall_time(time.clock_gettime(time.CLOCK_REALTIME)))

    def boot_id(self) -> str:
        """Name this boot (proc_sys_kernel(5)); "" where a sandbox hides /proc/sys."""
        return _boot_id(_BOOT_ID)

    async def sleep_until(self, deadline: Monotonic) -> None:
        """Sleep in naps of half a minute at most.

        The event loop counts CLOCK_MONOTONIC, which stands still while the host is suspended;
        a deadline that passed meanwhile is noticed when the nap is over.
        """
        # The privileged helper never sleeps, and need not load an event loop.
        import asyncio  # noqa: PLC0415 - see above

        while (left := deadline - self.now().monotonic) > 0:  # noqa: ASYNC110  time is the event
            await asyncio.sleep(min(left, _LONGEST_NAP))


@cache  # a process does not outlive its boot
def _boot_id(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""


def wall_time(seconds: float) -> datetime:
    """UTC for `seconds` since 1970, kept between `EARLIEST_WALL` and `LATEST_WALL`."""
    earliest, latest = EARLIEST_WALL.timestamp(), LATEST_WALL.timestamp()
    return datetime.fromtimestamp(min(max(seconds, earliest), latest), UTC)
