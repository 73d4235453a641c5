"""`edgepind lab`: plays the closed world, and lets a person play with it."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

from rich.console import Console
from rich.text import Text

from edgepind.cli import lab_simulate
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import add_config
from edgepind.cli.render import add_json, complain, print_json
from edgepind.lab.chapter import Chapter, Result
from edgepind.lab.chapters import STORY
from edgepind.lab.prompt import Prompt
from edgepind.lab.report import as_lines, as_object, as_table
from edgepind.lab.shell_loop import missing_tools
from edgepind.lab.stage import Stage
from edgepind.lab.story import Audience, perform, play, staged
from edgepind.lab.timers import Pace
from edgepind.lab.view import LiveView, Nobody, PlainLines


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
    lab_simulate.configure(simulate)


def main(arguments: argparse.Namespace) -> int:
    """Play; 0 where every chapter went as expected, 1 where one did not, 130 when interrupted."""
    if arguments.way == "simulate":
        return lab_simulate.main(arguments)
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
