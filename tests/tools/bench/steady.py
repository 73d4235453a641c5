"""A steady tick against its rivals, in rounds that take turns: what slows one slows all."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from edgepind.lab.cloud import Cloud
from edgepind.lab.trust import Trust
from tests.tools.bench.figures import Figure, middle, ratio
from tests.tools.bench.meters import Cost
from tests.tools.bench.rivals import (
    barest_rival,
    handshake_rival,
    missing_tools,
    openssl_handshakes,
    shell_ticks,
)
from tests.tools.bench.subject import subject

MOST_ADDRESSES = 64
_SHELL, _BAREST, _ASYNCIO, _OPENSSL = "shell", "barest", "asyncio", "s_time"
_NAMES = {
    _SHELL: "one turn of the shell loop (s_client, x509, curl, jq)",
    _BAREST: "one turn of a kept process (asyncio, httpx) that only compares",
    _ASYNCIO: "one bare handshake in asyncio",
    _OPENSSL: "one handshake of openssl s_time",
}


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of each is done in a round, and at how many addresses a tick looks, one first."""

    widths: tuple[int, ...]
    rounds: int
    ticks: int
    turns: int
    handshakes: int


FULL = Effort(widths=(1, 8, MOST_ADDRESSES), rounds=5, ticks=60, turns=5, handshakes=100)
QUICK = Effort(widths=(1, 8), rounds=1, ticks=3, turns=1, handshakes=3)


async def steady(
    folder: Path, memory: Path, cloud: Cloud, trust: Trust, effort: Effort
) -> list[Figure]:
    """Measure; without the tools of the shell loop, what is compared with them is left out."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        daemons = {}
        for width in effort.widths:
            addresses = list(cloud.addresses[:width])
            tables = {"cloud": {"addresses": addresses}}
            one = subject(folder / f"steady-{width}", memory, cloud, trust, tables)
            daemons[width] = await stack.enter_async_context(one)
            await daemons[width].start()
            await daemons[width].until_steady()
        bare = await stack.enter_async_context(handshake_rival(cloud))
        barest = await stack.enter_async_context(barest_rival(cloud))
        for rival in (bare, barest):
            await rival.do(1)
        for _ in range(effort.rounds):
            for width, daemon in daemons.items():
                many = max(2, effort.ticks // width)
                costs[f"tick_{width}"].append(await daemon.ticks(many))
            costs[_BAREST].append(await barest.one_by_one(effort.ticks))
            costs[_ASYNCIO].append(await bare.do(effort.handshakes))
            if not missing_tools():
                costs[_SHELL].append(await shell_ticks(cloud, trust.public_roots, effort.turns))
                costs[_OPENSSL].append(await openssl_handshakes(cloud))
    return _figures({name: middle(taken) for name, taken in costs.items()}, effort.widths)


def _figures(costs: dict[str, Cost], widths: Sequence[int]) -> list[Figure]:
    names = {f"tick_{width}": f"one tick, {_addresses(width)}" for width in widths} | _NAMES
    figures = []
    for name, what in names.items():
        if name in costs:
            figures += [
                Figure(f"{name}_cpu", f"{what}: CPU", costs[name].cpu * 1e3, "ms"),
                Figure(f"{name}_wall", f"{what}: wall", costs[name].wall * 1e3, "ms"),
            ]
    tick = costs["tick_1"].cpu
    if _SHELL in costs:
        figures += [
            ratio("shell_per_tick", "the shell loop to a tick", costs[_SHELL].cpu / tick, "≥ 35"),
            ratio(
                "shell_per_barest",
                "the shell loop to the turn that only compares",
                costs[_SHELL].cpu / costs[_BAREST].cpu,
            ),
            ratio("tick_per_s_time", "a tick to s_time", tick / costs[_OPENSSL].cpu, "≤ 3.5"),
        ]
    barest, handshake = costs[_BAREST].cpu, costs[_ASYNCIO].cpu
    figures += [
        ratio("tick_per_barest", "a tick to the turn that only compares", tick / barest),
        ratio("tick_per_asyncio", "a tick to bare asyncio", tick / handshake),
    ]
    for width in widths[1:]:
        share = costs[f"tick_{width}"].cpu / tick
        aim = "≤ 40" if width == MOST_ADDRESSES else ""
        figures += [ratio(f"tick_{width}_per_1", f"{width} addresses to one", share, aim)]
    return figures


def _addresses(width: int) -> str:
    return "1 address" if width == 1 else f"{width} addresses"
