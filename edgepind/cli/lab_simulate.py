"""`edgepind lab simulate`: years of edges, faults and adversaries, and what each way costs."""

import argparse
import os
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.render import Sentences, Table, Tone, Word, complain, print_json, show
from edgepind.lab.simulation import tally
from edgepind.lab.simulation.campaign import Campaign, of_years, run
from edgepind.lab.simulation.picture import draw
from edgepind.lab.simulation.rates import Rates, with_rates
from edgepind.lab.simulation.summary import (
    Estimate,
    Promise,
    Summary,
    as_object,
    promises,
    summarise,
)
from edgepind.lab.simulation.ways import WAYS, simulated
from edgepind.settings.load import SettingsFault, judge, read_toml
from edgepind.settings.schema import Settings, rules_of

_LEAST = 0.01
_WHOLE = 100.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `edgepind lab simulate`."""
    parser.add_argument("--years", type=_positive, default=100.0, help="edge-years (default 100)")
    parser.add_argument("--seed", default="1", help="the same seed gives the same figures")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of: " + ", ".join(WAYS))
    parser.add_argument(
        "--rate",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a rate of the written model (edgepind/lab/simulation/rates.py)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one of edgepind's settings, as pins.hold_down=1h; --config takes a file",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw the trade-off")
    parser.add_argument("--processes", type=int, default=_cores(), help="default: one a core")
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print one JSON object and nothing else",
    )


def main(args: argparse.Namespace) -> int:
    """Simulate; 0 where every promise was kept, 1 where one was not."""
    campaign = _campaign(args)
    if isinstance(campaign, str):
        complain(campaign)
        return ExitCode.USAGE
    try:
        if args.picture:
            args.picture.touch()  # so that hours are not spent on a picture that cannot be kept
    except PermissionError:
        raise
    except OSError as error:
        complain(f"{args.picture} cannot be written: {error.strerror}; name another --picture")
        return ExitCode.USAGE
    results = run(campaign, max(1, args.processes), _progress(campaign))
    summaries = summarise(campaign, results)
    made = promises(campaign, summaries)
    if args.picture:
        args.picture.write_text(draw(summaries, _subtitle(campaign)), encoding="utf-8")
    if args.json:
        print_json(as_object(campaign, summaries))
    else:
        show([_table(summaries, campaign), _kinds(summaries), _notes(), _promises(made, summaries)])
    return ExitCode.GOOD if all(it.kept for it in made) else ExitCode.BAD


def _campaign(args: argparse.Namespace) -> Campaign | str:
    """What was asked for, or a sentence on what is wrong with it."""
    ways = tuple(args.ways.split(","))
    if unknown := [way for way in ways if way not in WAYS]:
        return f"there is no way {unknown[0]!r}; those there are: {', '.join(WAYS)}"
    settings = _settings(args)
    if isinstance(settings, str):
        return settings
    try:
        changes = dict(change.split("=", 1) for change in args.rate)
        rates = with_rates(Rates(), {name: float(value) for name, value in changes.items()})
    except ValueError as error:
        return f"--rate takes NAME=VALUE, a number: {error}"
    lives, years = of_years(args.years)
    rules = simulated(rules_of(settings))
    return Campaign(args.seed, lives, years, ways, rates, rules)


def _settings(args: argparse.Namespace) -> Settings | str:
    document: dict[str, dict[str, object]] = {"cloud": {"host": "cloud.example"}}
    if args.config is not None:
        found = read_toml(args.config)
        if isinstance(found, SettingsFault):
            return f"{args.config} is refused: {found}"
        document = {name: dict(table) for name, table in found.items() if isinstance(table, dict)}
    for change in args.set:
        key, equals, value = change.partition("=")
        table, dot, name = key.partition(".")
        if not (equals and dot):
            return f"--set takes KEY=VALUE, as pins.hold_down=1h, not {change!r}"
        document.setdefault(table, {})[name] = _value(value)
    settings = judge(document, {})
    return settings if isinstance(settings, Settings) else " ".join(map(str, settings))


def _value(text: str) -> object:
    """As it would stand in a settings file, where it is not a bare word or span."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# --- what is shown ------------------------------------------------------------------------


def _table(summaries: dict[str, Summary], campaign: Campaign) -> Table:
    columns = ("lockout", "exposed", "refused", "attackable", "restarts", "adopted", "visits")
    rows = tuple(
        (way, *(_estimate(it.rates[name]) for name in columns), _figure(it.longest))
        for way, it in summaries.items()
    )
    return Table(_subtitle(campaign), ("way", *columns, "longest"), rows)


def _kinds(summaries: dict[str, Summary]) -> Table:
    kinds = sorted({kind for it in summaries.values() for kind in (*it.adopted_by, *it.exposed_by)})
    rows = tuple(
        (
            way,
            *(
                f"{_figure(it.exposed_by.get(kind, 0.0))} / {_figure(it.adopted_by.get(kind, 0.0))}"
                for kind in kinds
            ),
        )
        for way, it in summaries.items()
    )
    title = "Minutes exposed to, and pins adopted of, each kind of adversary, an edge-year"
    return Table(title, ("way", *map(str, kinds)), rows)


def _notes() -> Sentences:
    _, _, text = (tally.__doc__ or "").partition("\n\n")
    return Sentences(tuple(text.strip().splitlines()), "What is measured")


def _promises(made: list[Promise], summaries: dict[str, Summary]) -> Sentences:
    lines = [
        Word(f"{'kept  ' if it.kept else 'BROKEN'}  {it.text}", Tone.GOOD if it.kept else Tone.BAD)
        for it in made
    ]
    odd = [
        Word(f"{way}: in world {it.world} at {it.at:.0f}s: {it.what}", Tone.BAD)
        for way, summary in summaries.items()
        for it in summary.oddities[:5]
    ]
    return Sentences((*lines, *odd), "What edgepind promises")


def _subtitle(campaign: Campaign) -> str:
    years = f"{campaign.edge_years:,.0f} edge-years a way, seed {campaign.seed}"
    return f"{years}; each figure an edge-year, with its 95 % interval"


def _estimate(it: Estimate) -> str:
    if it.low == it.high:
        return _figure(it.mean)
    return f"{_figure(it.mean)} ({_figure(it.low)}-{_figure(it.high)})"


def _figure(figure: float) -> str:
    if figure == 0:
        return "0"
    if figure < _LEAST:
        return f"{figure:.1e}"
    return f"{figure:,.0f}" if figure >= _WHOLE else f"{figure:.3g}"


def _progress(campaign: Campaign) -> Callable[[int], None]:
    if not sys.stderr.isatty():
        return lambda _: None

    def tell(done: int) -> None:
        end = "\n" if done == campaign.lives else ""
        print(f"\r{done} of {campaign.lives} lives", end=end, file=sys.stderr, flush=True)

    return tell


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _positive(text: str) -> float:
    years = float(text)
    if not 0 < years < float("inf"):
        raise argparse.ArgumentTypeError("a number of years is above 0")
    return years
