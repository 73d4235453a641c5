"""`edgepind override on|off|show`: pinning validation off for a bounded time."""

import argparse
import asyncio
from datetime import timedelta

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import add_ways, settings_of
from edgepind.cli.override_show import show_override
from edgepind.cli.overriding import begin, end
from edgepind.cli.render import add_json
from edgepind.settings.durations import RefusedDuration, parse_duration


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    ways = add_ways(
        parser,
        {
            "on": "switch validation off for a bounded time",
            "off": "end it now",
            "show": "whether one is in force, until when, by whom",
        },
    )
    ways["on"].add_argument(
        "--for",
        dest="duration",
        required=True,
        type=_duration,
        metavar="DURATION",
        help='how long, such as "30min" or "2h"',
    )
    ways["on"].add_argument("--reason", required=True, help="why, for whoever reads the journal")
    add_json(ways["show"])


def main(args: argparse.Namespace) -> int:
    """Do it, or show it."""
    settings = settings_of(args)
    if isinstance(settings, ExitCode):
        return settings
    match args.way:
        case "on":
            return asyncio.run(begin(settings, args.duration, args.reason))
        case "off":
            return asyncio.run(end(settings))
        case _:
            return show_override(settings.paths, as_json=args.json)


def _duration(text: str) -> timedelta:
    seconds = parse_duration(text)
    if isinstance(seconds, RefusedDuration):
        raise argparse.ArgumentTypeError(str(seconds))
    if not seconds:
        raise argparse.ArgumentTypeError("an override of no length would be over at once")
    return timedelta(seconds=seconds)
