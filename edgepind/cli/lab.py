"""`edgepind lab`: plays the closed world for a person; `lab simulate`: years of it, as figures."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import add_config
from edgepind.cli.render import Sentences, Table, Tone, Word, add_json, complain, print_json, show
from edgepind.lab.chapter import Chapter, Result
from edgepind.lab.chapters import STORY
from edgepind.lab.prompt import Prompt
from edgepind.lab.report import as_lines, as_object, as_table
from edgepind.lab.shell_loop import missing_tools
from edgepind.lab.simulation import tally
from edgepind.lab.simulation.campaign import Campaign, of_years, run
from edgepind.lab.simulation.picture import draw
from edgepind.lab.simulation.rates import Rates, with_rates
from edgepind.lab.simulation.summary import (
    Estimate,
    Promise,
    Summary,
    promises,
    summarise,
)
from edgepind.lab.simulation.summary import (
    as_object as simulation_object,
)
from edgepind.lab.simulation.ways import WAYS, simulated
from edgepind.lab.stage import Stage
from edgepind.lab.story import Audience, perform, play, staged
from edgepind.lab.timers import Pace
from edgepind.lab.view import LiveView, Nobody, PlainLines
from edgepind.settings.load import SettingsFault, judge, read_toml
from edgepind.settings.schema import Settings, rules_of


async def _nothing(_stage: Stage) -> None:
    """No story: the world is the user's."""


_PLAYGROUND = Chapter("playground", "A world to play with", _nothing)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `edgepind lab`."""
    parser.add_argument(
        "--chapter",
        action="append",
        choices=[chapter.name for chapter in STORY],
        metavar="NAME",
        help="play this chapter alone (may be repeated); one of: "
        + ", ".join(chapter.name for chapter in STORY),
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="divide every timer by this (default 1)"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="stay up and take commands, from a terminal or a pipe; without --chapter, at once",
    )
    add_json(parser)
    own = parser.add_subparsers(dest="way", metavar="simulate")
    simulate = own.add_parser("simulate", help="years of edges, faults and adversaries, as figures")
    add_config(simulate, argparse.SUPPRESS)
    _configure_simulate(simulate)


def main(arguments: argparse.Namespace) -> int:
    """Play or simulate; 0: as expected, 1: not, 130: interrupted."""
    if arguments.way == "simulate":
        return _simulate(arguments)
    return asyncio.run(_main(arguments))


async def _main(arguments: argparse.Namespace) -> int:
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)  # so that everything is ended properly
    console = Console()
    if missing := missing_tools():
        complain(
            f"{', '.join(missing)} not found: the shell loop cannot be played and its figures "
            "will be missing; install what is missing to see the comparison"
        )
    try:
        results = await _play(arguments, console)
    except asyncio.CancelledError:
        return ExitCode.INTERRUPTED
    if arguments.json:
        print_json(as_object(results, arguments.speed))
    elif results:
        console.print(as_table(results))
        for line in as_lines(results, Pace(arguments.speed)):
            console.print(Text(line))
    return ExitCode.GOOD if all(result.met for result in results) else ExitCode.BAD


async def _play(arguments: argparse.Namespace, console: Console) -> list[Result]:
    pace = Pace(arguments.speed)
    chosen = arguments.chapter or [chapter.name for chapter in STORY]
    chapters = [chapter for chapter in STORY if chapter.name in chosen]
    if arguments.keep:
        *earlier, last = chapters if arguments.chapter else [_PLAYGROUND]
    else:
        earlier, last = chapters, None
    results: list[Result] = []
    async with _audience(console, arguments) as audience:
        results += [await play(chapter, pace, audience) for chapter in earlier]
        if last is not None:
            async with staged(last, pace, audience) as stage:
                results.append(await perform(last, stage, audience))
                await Prompt(stage, Console(stderr=arguments.json)).converse()
    return [result for result in results if result.name != _PLAYGROUND.name]


@contextlib.asynccontextmanager
async def _audience(console: Console, arguments: argparse.Namespace) -> AsyncIterator[Audience]:
    if arguments.json:
        yield Nobody()
    elif console.is_terminal and not arguments.keep:
        with LiveView(console) as view:
            yield view
    else:
        yield PlainLines(console)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 10:  # noqa: PLR2004  # faster than that, a handshake takes longer than a tick
        raise argparse.ArgumentTypeError("a speed lies above 0 and is at most 10")
    return speed


_LEAST = 0.01
_WHOLE = 100.0


def _configure_simulate(parser: argparse.ArgumentParser) -> None:
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


def _simulate(args: argparse.Namespace) -> int:
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
        print_json(simulation_object(campaign, summaries))
    else:
        tables = _tables(summaries, campaign)
        show([*tables, _kinds(summaries), _notes(), _promises(made, summaries)])
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
    """As in a settings file; a bare word or time span is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# --- what is shown ------------------------------------------------------------------------


_COLUMNS = (
    "lockout",
    "lockout_ca",
    "exposed_other",
    "exposed_own",
    "exposed_override",
    "adopted_other",
    "adopted_own",
    "last_resort",
    "last_resorts",
    "openings",
    "restarts",
    "visits",
)


def _tables(summaries: dict[str, Summary], campaign: Campaign) -> list[Table]:
    """Give the figures, a few columns at a time, as a page is not wider."""
    tables: list[Table] = []
    for first in range(0, len(_COLUMNS), 4):
        columns = _COLUMNS[first : first + 4]
        last = first + 4 >= len(_COLUMNS)
        rows = tuple(
            (
                way,
                *(_estimate(it.rates[name]) for name in columns),
                *((_figure(it.longest), f"{it.permanent}+{it.permanent_ca}") if last else ()),
            )
            for way, it in summaries.items()
        )
        head = ("way", *columns, *(("longest", "permanent") if last else ()))
        tables.append(Table("" if tables else _subtitle(campaign), head, rows))
    return tables


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
        for it in (*summary.broken[:5], *summary.oddities[:5])
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
