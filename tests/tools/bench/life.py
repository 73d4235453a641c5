"""One daemon from its start on: until it is ready, what it keeps, writes and wakes for."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from edgepind.lab.cloud import Cloud
from edgepind.lab.trust import Trust
from tests.tools.bench.deciding import deciding
from tests.tools.bench.figures import Figure, middle
from tests.tools.bench.meters import resident, went_to_sleep, written_by
from tests.tools.bench.rivals import handshake_rival
from tests.tools.bench.subject import Subject, subject

MIB = 1024 * 1024
TICKS_A_DAY = 24 * 60
"""At the interval that the settings have by themselves."""
_EARLY = 10


@dataclass(frozen=True, slots=True)
class Span:
    """How long to look: starts, ticks, seconds of doing nothing, and decisions in a batch."""

    starts: int
    ticks: int
    idle: float
    decisions: int


async def life(folder: Path, memory: Path, cloud: Cloud, trust: Trust, span: Span) -> list[Figure]:
    """Measure a daemon that looks at one address."""
    tables = {"cloud": {"addresses": [cloud.addresses[0]]}}
    async with subject(folder / "life", memory, cloud, trust, tables) as daemon:
        await daemon.start()
        await daemon.until_steady()
        figures = await _starting(daemon, cloud, span.starts)
        figures += await _ticking(daemon, span.ticks)
        figures += await _idle(daemon, span.idle)
        await daemon.stop()
        figures.append(await deciding(daemon.site, span.decisions))
    return figures


async def _starting(daemon: Subject, cloud: Cloud, starts: int) -> list[Figure]:
    costs, shakes = [], []
    async with handshake_rival(cloud) as bare:
        for _ in range(starts):
            await daemon.stop()
            shakes.append(await bare.do(1))
            costs.append(await daemon.start())
    cost, shake = middle(costs), middle(shakes)
    beyond = (cost.wall - shake.wall) * 1e3
    return [
        Figure("start_cpu", "start to READY: CPU", cost.cpu * 1e3, "ms"),
        Figure("start_wall", "start to READY: wall beyond a handshake", beyond, "ms", "< 400"),
    ]


async def _ticking(daemon: Subject, ticks: int) -> list[Figure]:
    pid = daemon.pid
    await daemon.ticks(_EARLY)
    early, before, asleep = resident(pid), written_by(pid), went_to_sleep(pid)
    await daemon.ticks(ticks - _EARLY)
    wrote = written_by(pid).since(before)
    switches = (went_to_sleep(pid) - asleep) / (ticks - _EARLY)
    daily = TICKS_A_DAY / (ticks - _EARLY) / MIB
    aim = "≤ 46"
    return [
        Figure("resident_early", f"resident after {_EARLY} ticks", early / MIB, "MiB", aim),
        Figure("resident_late", f"resident after {ticks} ticks", resident(pid) / MIB, "MiB", aim),
        Figure("written_daily", "handed to write(2) a day", wrote.asked * daily, "MiB"),
        Figure("disk_daily", "of it to a disk", wrote.to_disk * daily, "MiB"),
        Figure("switches", "waits in a tick, those for I/O included", switches, ""),
    ]


async def _idle(daemon: Subject, seconds: float) -> list[Figure]:
    """Between ticks: by itself, and under a watchdog of 60 s as the unit has it, told faster."""
    asleep = went_to_sleep(daemon.pid)
    await asyncio.sleep(seconds)
    alone = (went_to_sleep(daemon.pid) - asleep) / seconds * 60
    await daemon.stop()
    watched = 0.5
    await daemon.start({"WATCHDOG_USEC": str(round(watched * 1e6))})
    asleep = went_to_sleep(daemon.pid)
    await asyncio.sleep(seconds)
    fed = (went_to_sleep(daemon.pid) - asleep) / (seconds / watched)
    return [
        Figure("idle_wakes", "wake-ups between ticks", alone, "a minute"),
        Figure("watchdog_wakes", "wake-ups for a watchdog", fed, "a WatchdogSec"),
    ]
