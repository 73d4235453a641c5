"""`edgepind pin list|add|remove`: the operator's own word on pins."""

import argparse
from datetime import UTC, datetime
from typing import Any

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import add_ways, settings_of
from edgepind.cli.render import add_json, complain, print_json, show
from edgepind.cli.status import pins_table
from edgepind.cli.stored_state import NoMemory, NoStatus, read_state, read_status
from edgepind.clock import SystemClock
from edgepind.model.enums import Role
from edgepind.model.fingerprint import RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import PinAdd, PinRemove
from edgepind.settings.schema import Settings, rules_of
from edgepind.telemetry.status_file import status_document


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    ways = add_ways(
        parser,
        {
            "list": "the pin set with role, origin and evidence",
            "add": "accept a pin at once",
            "remove": "stop accepting a pin at once",
        },
    )
    add_json(ways["list"])
    for way in ("add", "remove"):
        ways[way].add_argument("fingerprint", metavar="FP", help="SHA-256, in any usual notation")
    ways["add"].add_argument(
        "--role",
        choices=(Role.CURRENT.value, Role.BACKUP.value),
        help="what part it plays (default: backup, or current where there is none)",
    )


def main(args: argparse.Namespace) -> int:
    """Show the pins, or give the operator's word on one."""
    settings = settings_of(args)
    if isinstance(settings, ExitCode):
        return settings
    if args.way == "list":
        return _list(settings, args)
    fingerprint = parse_fingerprint(args.fingerprint)
    if isinstance(fingerprint, RefusedFingerprint):
        complain(f"{fingerprint}; `edgepind probe` prints the right ones")
        return ExitCode.USAGE
    from edgepind.cli.pinning import give_word  # noqa: PLC0415  `list` needs no daemon's parts

    if args.way == "remove":
        return give_word(settings, PinRemove(fingerprint))
    return give_word(settings, PinAdd(fingerprint, Role(args.role) if args.role else None))


def _list(settings: Settings, args: argparse.Namespace) -> int:
    pins = _pins(settings)
    if isinstance(pins, NoStatus):
        complain(pins.error)
        return ExitCode.UNOBSERVED
    if args.json:
        print_json({"pins": pins})
    else:
        show((pins_table(pins, datetime.now(UTC)),))
    return ExitCode.GOOD


def _pins(settings: Settings) -> list[dict[str, Any]] | NoStatus:
    """The pins as `status.json` shows them: from the state, or as the daemon showed them last.

    Raises PermissionError where this user may read neither.
    """
    clock = SystemClock()
    try:
        state = read_state(settings.paths.state, clock)
    except PermissionError:
        state = NoMemory("")
    if isinstance(state, NoMemory):
        shown = read_status(settings.paths.runtime)
        return shown if isinstance(shown, NoStatus) else list(shown["pins"])
    document = status_document(state, clock.now(), rules_of(settings), dry_run=False)
    return list(document["pins"])
