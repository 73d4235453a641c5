"""`edgepind status`: what the daemon knows, read from what it wrote last."""

import argparse
import sys
from datetime import UTC, datetime

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.say import add_json, complain, print_json
from edgepind.cli.show import show
from edgepind.cli.site import settings_of
from edgepind.cli.status_document import NoStatus, read_status, status_exit
from edgepind.cli.status_view import status_page


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    way = parser.add_mutually_exclusive_group()
    add_json(way)
    way.add_argument(
        "--watch",
        action="store_true",
        help="keep a live view until Ctrl-C; piped, print a line for each change",
    )


def main(args: argparse.Namespace) -> int:
    """Show the status once, or keep a live view of it."""
    settings = settings_of(args)
    if isinstance(settings, ExitCode):
        return settings
    if args.watch:
        from edgepind.cli.status_watch import watch  # noqa: PLC0415  only the live view needs it

        return watch(settings, drawn=sys.stdout.isatty())
    document = read_status(settings.paths.runtime)
    if isinstance(document, NoStatus):
        complain(document.error)
        return ExitCode.UNOBSERVED
    now, interval = datetime.now(UTC), settings.cloud.interval
    if args.json:
        print_json(document)
    else:
        show(status_page(document, now, interval))
    return status_exit(document, now, interval)
