"""From tallies to rates an edge-year, with intervals, and to what was promised.

Intervals hold 95 % of the means of 400 bootstrap samples of whole lives: what happens within one
life hangs together. Where a count was never seen, the upper end is three in all years (the
rule of three).
"""

from dataclasses import dataclass, fields

from edgepind.lab.simulation.adversaries import Kind
from edgepind.lab.simulation.campaign import Campaign
from edgepind.lab.simulation.draws import stream
from edgepind.lab.simulation.keeper import NEVER
from edgepind.lab.simulation.tally import Oddity, Tally
from edgepind.lab.simulation.ways import CORE, bounds_of

MINUTES = (
    "lockout",
    "lockout_ca",
    "refused",
    "exposed",
    "exposed_own",
    "exposed_other",
    "exposed_override",
    "attackable",
    "open",
    "last_resort",
)
COUNTS = (
    "last_resorts",
    "openings",
    "restarts",
    "visits",
    "proxied",
    "adopted_own",
    "adopted_other",
)
_SAMPLES = 400
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate an edge-year, and the interval that it is in with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One way's figures, each an edge-year; the longest lockouts in minutes."""

    rates: dict[str, Estimate]
    adopted_by: dict[Kind, float]
    exposed_by: dict[Kind, float]
    longest: float
    longest_calm: float
    permanent: int
    """In how many lives a lockout was permanent."""
    permanent_ca: int
    """In how many it was because the cloud had changed its CA."""
    oddities: tuple[Oddity, ...]
    broken: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that edgepind promises, and whether this campaign saw it kept."""

    text: str
    kept: bool


def summarise(campaign: Campaign, results: dict[str, list[Tally]]) -> dict[str, Summary]:
    """Give the figures of each way."""
    draws = stream(campaign.seed, "bootstrap")
    count = campaign.lives
    samples = [draws.choices(range(count), k=count) for _ in range(_SAMPLES)]
    return {way: _summary(campaign, tallies, samples) for way, tallies in results.items()}


def promises(campaign: Campaign, summaries: dict[str, Summary]) -> list[Promise]:
    """Hold the figures of edgepind's own ways against what it promises."""
    made = [
        Promise(f"{way}: no adversary's leaf became a pin", not summary.adopted_by)
        for way, summary in summaries.items()
        if way in {"strict", "strict-closed"}
    ]
    if balanced := summaries.get("balanced"):
        if campaign.rates.brief_to < campaign.rules.pins.hold_down:
            text = "balanced: none of an adversary present for less than the hold-down"
            made.append(Promise(text, Kind.BRIEF not in balanced.adopted_by))
        text = "balanced: none of an inspecting proxy or a stranger"
        none = not balanced.rates["proxied"].mean and Kind.STRANGER not in balanced.adopted_by
        made.append(Promise(text, none))
    for way in ("balanced", "available"):
        if summary := summaries.get(way):
            text = f"{way}: no lockout that only a person could end"
            made.append(Promise(text, not summary.permanent and not summary.permanent_ca))
            text = f"{way}: no calm lockout beyond grace and hold-down, no restart beyond budget"
            made.append(Promise(text, not summary.oddities))
    whole = ((way, not summary.broken) for way, summary in summaries.items() if way in CORE)
    made += [Promise(f"{way}: no decision that breaks an invariant", it) for way, it in whole]
    return made


def _summary(campaign: Campaign, tallies: list[Tally], samples: list[list[int]]) -> Summary:
    years = campaign.edge_years
    rates = {
        name: _estimate([float(getattr(tally, name)) for tally in tallies], samples, campaign)
        for name in (*MINUTES, *COUNTS)
    }
    adopted = {kind: sum(it.adopted.get(kind, 0) for it in tallies) / years for kind in Kind}
    exposed = {kind: sum(it.exposed_by.get(kind, 0.0) for it in tallies) / years for kind in Kind}
    return Summary(
        _with_rule_of_three(rates, years),
        {kind: rate for kind, rate in adopted.items() if rate},
        {kind: rate for kind, rate in exposed.items() if rate},
        longest=max(it.longest for it in tallies),
        longest_calm=max(it.longest_calm for it in tallies),
        permanent=sum(it.permanent for it in tallies),
        permanent_ca=sum(it.permanent_ca for it in tallies),
        oddities=tuple(oddity for it in tallies for oddity in it.oddities),
        broken=tuple(oddity for it in tallies for oddity in it.broken),
    )


def _estimate(values: list[float], samples: list[list[int]], campaign: Campaign) -> Estimate:
    years = campaign.edge_years
    means = sorted(sum(values[place] for place in sample) / years for sample in samples)
    low, high = means[int(_TAIL * len(means))], means[int((1 - _TAIL) * len(means))]
    return Estimate(sum(values) / years, low, high)


def _with_rule_of_three(rates: dict[str, Estimate], years: float) -> dict[str, Estimate]:
    return {
        name: Estimate(0.0, 0.0, 3 / years) if name in COUNTS and not it.mean else it
        for name, it in rates.items()
    }


def as_object(campaign: Campaign, summaries: dict[str, Summary]) -> dict[str, object]:
    """Give everything as JSON's values."""
    return {
        "seed": campaign.seed,
        "edge_years": campaign.edge_years,
        "lives": campaign.lives,
        "rates": {
            field.name: getattr(campaign.rates, field.name) for field in fields(campaign.rates)
        },
        "ways": {
            way: {
                **_as_object(summary),
                "core": way in CORE,
                "promises_end": bounds_of(way, campaign.rules).usual != NEVER,
            }
            for way, summary in summaries.items()
        },
        "promises": [{"text": it.text, "kept": it.kept} for it in promises(campaign, summaries)],
    }


def _as_object(summary: Summary) -> dict[str, object]:
    estimates = {
        name: {"mean": it.mean, "low": it.low, "high": it.high}
        for name, it in summary.rates.items()
    }
    return {
        **estimates,
        "adopted_by": dict(summary.adopted_by),
        "exposed_by": dict(summary.exposed_by),
        "longest": summary.longest,
        "longest_calm": summary.longest_calm,
        "permanent": summary.permanent,
        "permanent_ca": summary.permanent_ca,
        "oddities": [_odd(it) for it in summary.oddities],
        "broken": [_odd(it) for it in summary.broken],
    }


def _odd(it: Oddity) -> dict[str, object]:
    return {"world": it.world, "at": it.at, "what": it.what}
