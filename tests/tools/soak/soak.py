"""Ticks by the ten thousand in a world where something is always the matter; then a calm one.

After every tick the daemon must be alive, which its own check of the invariants decides, and the
pinning config whole, with pins and without an intruder's. In the calm at the end it must come
back by itself to a link that is pinned, and hold no more than it held in the calm before.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepind.lab.cloud import Cloud
from edgepind.lab.trust import Trust
from tests.support.small_site import HOST
from tests.tools.bench.meters import descriptors, resident
from tests.tools.bench.subject import PATIENCE, subject
from tests.tools.soak import watched_daemon
from tests.tools.soak.grounds import PACE, Grounds
from tests.tools.soak.troubles import TROUBLES, Trouble
from tests.tools.soak.watched_daemon import Holdings

ADDRESSES = ("127.0.0.1", "127.0.0.2")
_AT_ONCE = 3
_SETTLING = 20
_CHANCE = 1 / 40
"""Of something more being the matter at each tick."""


class SoakError(AssertionError):
    """Something did not hold; the message says what, and after which tick."""


_LOOKS = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What the daemon held after so many ticks: `resident` in octets."""

    ticks: int
    resident: int
    descriptors: int
    held: Holdings


@dataclass(slots=True)
class Soak:
    """One run in the making."""

    grounds: Grounds
    folder: Path
    ticks: int = 0
    samples: list[Sample] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    _going_on: dict[Trouble, tuple[int, AsyncExitStack]] = field(default_factory=dict)

    async def tick(self) -> None:
        """Make one tick, and look at what must hold after each."""
        try:
            await self.grounds.daemon.tick()
        except (RuntimeError, TimeoutError) as error:
            raise SoakError(f"after {self.ticks} ticks: {error}") from error
        self.ticks += 1

    async def look_at_document(self) -> None:
        """Hold the document against what it must never be.

        The tick that was heard of may have begun before somebody else wrote into the document:
        what is wrong then is put right by the next two.
        """
        problem = self.grounds.document_problem()
        for _ in range(2):
            if problem is None:
                return
            await self.tick()
            problem = self.grounds.document_problem()
        if problem is not None:
            raise SoakError(f"after {self.ticks} ticks the pinning config is wrong: {problem}")

    async def trouble(self) -> None:
        """Throw the dice: end what has lasted long enough, and perhaps begin something."""
        for it, (until, ending) in list(self._going_on.items()):
            if self.ticks >= until:
                del self._going_on[it]
                await ending.aclose()
        dice = self.grounds.dice
        if len(self._going_on) < _AT_ONCE and dice.random() < _CHANCE:
            await self._begin(dice.choice(TROUBLES))

    async def _begin(self, it: Trouble) -> None:
        taken = it.path and any(other.path for other in self._going_on)
        if it in self._going_on or taken:
            return
        ending = AsyncExitStack()
        await ending.enter_async_context(it.happen(self.grounds))
        until = self.ticks + self.grounds.dice.randint(it.least, it.most)
        self._going_on[it] = (until, ending)
        self.happened[it.name] += 1

    async def calm(self, most: int = 20_000) -> None:
        """End all troubles and tick until the link is pinned and nothing is owed."""
        for _, ending in self._going_on.values():
            await ending.aclose()
        self._going_on.clear()
        status: dict[str, Any] = {}
        for _ in range(most):
            await self.tick()
            status = self.grounds.site.daemon.status()
            if _is_steady(status):
                for _ in range(_SETTLING):  # a connection that is given up may be closing still
                    await self.tick()
                return
        raise SoakError(f"{most} calm ticks after tick {self.ticks - most} it stands so: {status}")

    async def sample(self) -> Sample:
        """Ask the daemon what it holds: the fewest tasks of a few looks, for a tick has its own."""
        pid = self.grounds.daemon.pid
        looks = [await self._look(pid) for _ in range(_LOOKS)]
        held = min(looks, key=lambda it: it.tasks)
        self.samples.append(Sample(self.ticks, resident(pid), descriptors(pid), held))
        return self.samples[-1]

    async def _look(self, pid: int) -> Holdings:
        file = self.folder / "holdings"
        os.kill(pid, signal.SIGUSR2)
        async with asyncio.timeout(PATIENCE):
            while (held := watched_daemon.holdings(file)) is None:  # noqa: ASYNC110  a file
                await asyncio.sleep(0.01)
        return held


def _is_steady(status: dict[str, Any]) -> bool:
    edge, roles = status["edge"], {pin["role"] for pin in status["pins"]}
    enforced = (status["finding"], status["posture"]) == ("pinned", "enforcing")
    settled = edge["loaded"] and not edge["restart_owed"]
    return bool(enforced and settled and roles <= {"current", "backup"})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run; `calm` are the samples in the calms at its beginning and end."""

    ticks: int
    happened: Counter[str]
    samples: tuple[Sample, ...]
    calm: tuple[Sample, Sample]
    events: Counter[str]


async def soak(folder: Path, memory: Path, ticks: int, seed: int) -> Result:
    """Run it. Raises SoakError where something does not hold."""
    trust = Trust(folder)
    credential = trust.issue(HOST)
    cloud = await Cloud.open(HOST, credential, ADDRESSES)
    try:
        async with subject(folder / "site", memory, cloud, trust, PACE) as daemon:
            dice = random.Random(seed)  # noqa: S311  dice, no secret
            grounds = Grounds(daemon, cloud, trust, dice, credential)
            await daemon.start(watched_daemon.environment(folder / "holdings"), watched_daemon.RUN)
            return await _run(Soak(grounds, folder), ticks)
    finally:
        await cloud.close()


async def _run(run: Soak, ticks: int) -> Result:
    every = max(50, ticks // 100)
    await run.calm()
    first = await run.sample()
    while run.ticks < ticks:
        await run.trouble()
        await run.tick()
        if run.ticks % every == 0:
            await run.sample()
        await run.look_at_document()
    await run.calm()
    await run.look_at_document()
    last = await run.sample()
    events = Counter(run.grounds.site.events())
    return Result(run.ticks, run.happened, tuple(run.samples), (first, last), events)
