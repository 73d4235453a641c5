"""`edgepind run`: the daemon in the foreground, or one tick of it."""

import argparse

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import settings_of, settings_path
from edgepind.cli.render import complain
from edgepind.cli.stored_state import status_exit
from edgepind.clock import SystemClock
from edgepind.components import StartRefused
from edgepind.daemon import run_daemon, tick_once


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.add_argument(
        "--once", action="store_true", help="run one tick and exit as `status` would"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="decide and log as usual, and change nothing"
    )


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT, which end it with exit code 0."""
    settings = settings_of(args)
    clock = SystemClock()
    if not args.once:
        path = settings_path(args)
        return refusal(run_daemon(settings, path, dry_run=args.dry_run, clock=clock))
    document = tick_once(settings, dry_run=args.dry_run, clock=clock)
    if isinstance(document, StartRefused):
        return refusal(document)
    code = status_exit(document, clock.now().wall, settings.cloud.interval)
    return ExitCode.BAD if code is ExitCode.UNOBSERVED else code


def refusal(refused: StartRefused | None) -> int:
    """Print why the daemon could not start, and return the exit code; None: it did."""
    if refused is None:
        return ExitCode.GOOD
    complain(refused.error)
    if refused.misset:
        return ExitCode.USAGE
    return ExitCode.NOT_PERMITTED if refused.forbidden else ExitCode.BAD
