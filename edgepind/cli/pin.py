"""`edgepind pin list|add|remove`: the pin set, and the operator's commands on it.

A command is a file for the running daemon, or for one tick of this process where none runs.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import add_ways, settings_of
from edgepind.cli.operator_word import Command, give
from edgepind.cli.render import add_json, complain, print_json, show
from edgepind.cli.running_daemon import daemon_at_work
from edgepind.cli.status import pins_table
from edgepind.cli.stored_state import (
    NotStored,
    StatusDocument,
    read_state,
    read_status,
    remember,
)
from edgepind.clock import SystemClock
from edgepind.core.pin_commands import refusal_to_remove
from edgepind.model.enums import Role
from edgepind.model.fingerprint import RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import PinAdd, PinRemove, PinWord
from edgepind.operator.pin_commands import read_words
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
    """Show the pins, or add or remove one."""
    settings = settings_of(args)
    if args.way == "list":
        return _list(settings, args)
    fingerprint = parse_fingerprint(args.fingerprint)
    if isinstance(fingerprint, RefusedFingerprint):
        complain(f"{fingerprint}; `edgepind probe` prints the right ones")
        return ExitCode.USAGE
    if args.way == "remove":
        return _command(settings, PinRemove(fingerprint))
    return _command(settings, PinAdd(fingerprint, Role(args.role) if args.role else None))


def _list(settings: Settings, args: argparse.Namespace) -> int:
    pins = _pins(settings)
    if isinstance(pins, NotStored):
        complain(pins.error)
        return ExitCode.UNOBSERVED
    if args.json:
        print_json({"pins": pins})
    else:
        show((pins_table(pins, datetime.now(UTC)),))
    return ExitCode.GOOD


def _pins(settings: Settings) -> list[dict[str, Any]] | NotStored:
    """The pins as `status.json` shows them: from the state, or as the daemon showed them last.

    Raises PermissionError where this user may read neither.
    """
    clock = SystemClock()
    try:
        state = read_state(settings.paths.state, clock)
    except PermissionError:
        state = NotStored("")
    if isinstance(state, NotStored):
        shown = read_status(settings.paths.runtime)
        return shown if isinstance(shown, NotStored) else list(shown["pins"])
    document = status_document(state, clock.now(), rules_of(settings), dry_run=False)
    return list(document["pins"])


# --- add and remove -------------------------------------------------------------------------


def _command(settings: Settings, word: PinWord) -> ExitCode:
    """Leave the command for the daemon and wait until it is obeyed. Raises PermissionError."""
    daemon_at_work(settings.paths.state)  # raises PermissionError where this user may not ask
    refusal = _refusal(settings, word)
    if refusal is not None:
        complain(f"pin {word.fingerprint} is not removed: {refusal}")
        return ExitCode.BAD
    command = Command(
        word,
        holds=_shown_when_done(word),
        done=lambda document: _done(word, document),
        refused=(
            f"the command on pin {word.fingerprint} was refused; `edgepind history` tells why"
        ),
        what=f"the change of pin {word.fingerprint}",
    )
    return give(settings, command)


def _refusal(settings: Settings, word: PinWord) -> str | None:
    """Why a removal is refused at once.

    The tick tells where no state can be read, or where commands are still waiting to be obeyed.
    """
    if isinstance(word, PinAdd) or read_words(settings.paths.state).files:
        return None
    state = remember(settings.paths, SystemClock())
    return None if isinstance(state, NotStored) else refusal_to_remove(state, word.fingerprint)


def _shown_when_done(word: PinWord) -> Callable[[StatusDocument], bool]:
    """What a status document shows once the command is obeyed."""
    text = str(word.fingerprint)
    if isinstance(word, PinAdd):
        return lambda document: _role(document, text) not in (None, Role.PENDING)
    return lambda document: _role(document, text) is None


def _role(document: StatusDocument, fingerprint: str) -> str | None:
    roles = (pin["role"] for pin in document["pins"] if pin["fingerprint"] == fingerprint)
    return next(roles, None)


def _done(word: PinWord, document: StatusDocument) -> str:
    if isinstance(word, PinRemove):
        done = f"Pin {word.fingerprint} is removed."
    else:
        done = f"Pin {word.fingerprint} is accepted as {_role(document, str(word.fingerprint))}."
    if plan := document.get("plan"):
        return (
            f"{done}\nThe Edge loads it with the restart that is planned for {plan['named']}; "
            "`edgepind restart --now` goes ahead with it."
        )
    if document["edge"]["restart_owed"]:
        return f"{done}\nThe Edge loads it with the restart that it is owed: see `edgepind status`."
    return done
