"""Many lives under many ways: the same worlds for each, shared out among processes.

What comes of a life depends on its number alone, and lives are put together in their order: so
the same seed gives the same figures, whatever the number of processes.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context

from edgepind.lab.simulation.keeper import NEVER
from edgepind.lab.simulation.life import live
from edgepind.lab.simulation.rates import YEAR, Rates
from edgepind.lab.simulation.real_core import RealCore
from edgepind.lab.simulation.tally import Tally
from edgepind.lab.simulation.ways import CORE, RULES, SIMPLE, WAYS, bounds_of, rules_of
from edgepind.lab.simulation.world import World, draw_world
from edgepind.model.rules import Rules

LIFE_YEARS = 5.0
"""How long one Edge lives: as long as such an appliance is kept."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is to be simulated: so many lives of so many years, from one seed."""

    seed: str
    lives: int
    life_years: float = LIFE_YEARS
    ways: tuple[str, ...] = WAYS
    rates: Rates = field(default_factory=Rates)
    rules: Rules = RULES

    @property
    def edge_years(self) -> float:
        """Years that each way lives through in all."""
        return self.lives * self.life_years


def of_years(years: float) -> tuple[int, float]:
    """Share edge-years out to lives, none longer than `LIFE_YEARS`: how many, and how long."""
    lives = max(1, round(years / LIFE_YEARS))
    return lives, years / lives


def run(
    campaign: Campaign, processes: int = 1, progress: Callable[[int], None] = lambda _: None
) -> dict[str, list[Tally]]:
    """Live all lives; for each way the tallies in the order of the worlds."""
    one = partial(live_once, campaign)
    results: dict[str, list[Tally]] = {way: [] for way in campaign.ways}
    if processes == 1:
        return _gather(results, map(one, range(campaign.lives)), progress)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return _gather(results, pool.map(one, range(campaign.lives)), progress)


def live_once(campaign: Campaign, index: int) -> dict[str, Tally]:
    """Live one life under each way."""
    world = draw_world(campaign.seed, index, campaign.rates, campaign.life_years * YEAR)
    return {way: _live(way, world, campaign.rules) for way in campaign.ways}


def _live(way: str, world: World, rules: Rules) -> Tally:
    if way not in CORE:
        return live(world, SIMPLE[way](world))
    keeper, bounds = RealCore(world, rules_of(way, rules)), bounds_of(way, rules)
    tally = live(world, keeper, bounds)
    tally.decisions = keeper.decisions
    tally.broken = keeper.broken
    tally.oddities += keeper.oddities()
    if tally.visits and bounds.usual != NEVER:
        alone = replace(world, visit_after=NEVER)
        odd = live(alone, RealCore(alone, rules_of(way, rules)), bounds).oddities
        tally.permanent = any(not it.ca for it in odd)
        tally.permanent_ca = any(it.ca for it in odd)
    return tally


def _gather(
    results: dict[str, list[Tally]],
    lives: Iterable[dict[str, Tally]],
    progress: Callable[[int], None],
) -> dict[str, list[Tally]]:
    for done, tallies in enumerate(lives, start=1):
        for way, tally in tallies.items():
            results[way].append(tally)
        progress(done)
    return results
