"""Everything that speaks for or against the host's clock, gathered once a tick.

A steady tick starts no process: chronyd's word is kept for minutes, unless the clock was set
meanwhile. The witnesses are weighed in `core.diagnosis`, not here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from edgepind.model.instants import Moment
from edgepind.model.observation import ClockReading
from edgepind.observe.chrony import ask_chrony
from edgepind.observe.kernel_clock import read_kernel_clock

_STEP = timedelta(milliseconds=500)
"""A wall clock that moved this much against elapsed time was set, not slewed."""


@dataclass(frozen=True, slots=True)
class _Word:
    """What chronyd said, and when."""

    reading: ClockReading | None
    at: Moment


class ClockQuality:
    """The witnesses; `chronyc` is asked every `period` seconds at most."""

    def __init__(
        self, now: Callable[[], Moment], chronyc: str = "chronyc", period: float = 300.0
    ) -> None:
        self._now = now
        self._chronyc = chronyc
        self._period = period
        self._word: _Word | None = None

    async def observe(self, date: ClockReading | None) -> tuple[ClockReading, ...]:
        """All readings that there are; `date` is that of the status endpoint, if it gave one."""
        readings = (await self._chrony(), read_kernel_clock(), date)
        return tuple(reading for reading in readings if reading is not None)

    async def _chrony(self) -> ClockReading | None:
        now = self._now()
        if self._word is None or self._is_old(self._word.at, now):
            self._word = _Word(await ask_chrony(self._chronyc), now)
        return self._word.reading

    def _is_old(self, asked: Moment, now: Moment) -> bool:
        elapsed = now.monotonic - asked.monotonic
        drift = now.wall - asked.wall - timedelta(seconds=elapsed)
        return elapsed >= self._period or abs(drift) > _STEP
