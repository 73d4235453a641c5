"""A clock that stands still until it is told to move: time for tests and simulations."""

import asyncio
from datetime import datetime, timedelta

from edgepind import RELEASED
from edgepind.clock import EARLIEST_WALL, LATEST_WALL
from edgepind.model.instants import Moment, Monotonic


class ManualClock:
    """A `Clock` whose time passes only by `advance`.

    Starts a day after this release, one hour after boot, with a wall clock that is right.
    """

    def __init__(
        self, wall: datetime = RELEASED + timedelta(days=1), monotonic: float = 3600.0
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._boots = 1
        self._sleepers: list[tuple[Monotonic, asyncio.Future[None]]] = []
        self._lay_down = asyncio.Event()

    def now(self) -> Moment:
        """Give the time as it was last set."""
        return Moment(Monotonic(self._monotonic), min(max(self._wall, EARLIEST_WALL), LATEST_WALL))

    def boot_id(self) -> str:
        """Name this boot; another after every `reboot`."""
        return f"boot-{self._boots}"

    async def sleep_until(self, deadline: Monotonic) -> None:
        """Wait for an `advance` to `deadline` or beyond."""
        if deadline <= self._monotonic:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._sleepers.append((deadline, waiting))
        self._lay_down.set()
        await waiting

    async def somebody_sleeps(self) -> Monotonic:
        """Wait until a task sleeps; return the earliest deadline there is."""
        while not (deadlines := [until for until, future in self._sleepers if not future.done()]):
            self._lay_down.clear()
            await self._lay_down.wait()
        return min(deadlines)

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks and wake whoever waited for it, the earliest first."""
        if seconds < 0:
            raise ValueError("elapsed time does not run backwards; see `set_wall`")
        self._monotonic += seconds
        self._wall += timedelta(seconds=seconds)
        self._sleepers.sort(key=lambda sleeper: sleeper[0])
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, future = self._sleepers.pop(0)
            if not future.done():
                future.set_result(None)

    def set_wall(self, wall: datetime) -> None:
        """Step the wall clock, forwards or backwards; elapsed time knows nothing of it."""
        self._wall = wall

    def reboot(self, *, off_for: float = 60.0, monotonic: float = 10.0) -> None:
        """Switch the host off for so many seconds; elapsed time begins anew under another name."""
        self._wall += timedelta(seconds=off_for)
        self._monotonic = monotonic
        self._boots += 1
