"""`edgepind pin list|add|remove`: the pin set, and the operator's commands on it.

A command is a file for the running daemon, or for one tick of this process where none runs.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgepind.cli.exit_code import ExitCode, may_not_write
from edgepind.cli.load_config import add_ways, settings_of
from edgepind.cli.render import add_json, complain, print_json, show
from edgepind.cli.running_daemon import DaemonAtWork, daemon_at_work, found_within, shown
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
from edgepind.host.durable_file import NotReplaced
from edgepind.model.enums import Role
from edgepind.model.fingerprint import RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import PinAdd, PinRemove, PinWord
from edgepind.operator.pin_commands import read_words, remove_words, write_word
from edgepind.settings.schema import Settings, rules_of
from edgepind.telemetry.status_file import status_document

_PATIENCE = 15.0
"""Seconds in which a running daemon should have obeyed a command."""
_FOLDER_MODE = 0o755


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


@dataclass(frozen=True, slots=True)
class _Ending:
    """How waiting for the daemon ended. `shown` None: the process that held its lock has ended.

    `kept`: the state on disk contains the change.
    """

    shown: StatusDocument | None
    kept: bool = True


def _command(settings: Settings, word: PinWord) -> ExitCode:
    """Leave the command for the daemon and wait until it is obeyed. Raises PermissionError."""
    state = settings.paths.state
    daemon_at_work(state)  # raises PermissionError where this user may not ask
    refusal = _refusal(settings, word)
    if refusal is not None:
        complain(f"pin {word.fingerprint} is not removed: {refusal}")
        return ExitCode.BAD
    state.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
    path = write_word(state, word)
    if isinstance(path, NotReplaced):
        complain(path.error)
        return ExitCode.NOT_PERMITTED if may_not_write(state) else ExitCode.BAD
    return _see_it_obeyed(settings, word, path)


def _refusal(settings: Settings, word: PinWord) -> str | None:
    """Why a removal is refused at once.

    The tick tells where no state can be read, or where commands are still waiting to be obeyed.
    """
    if isinstance(word, PinAdd) or read_words(settings.paths.state).files:
        return None
    state = remember(settings.paths, SystemClock())
    return None if isinstance(state, NotStored) else refusal_to_remove(state, word.fingerprint)


def _see_it_obeyed(settings: Settings, word: PinWord, path: Path) -> ExitCode:
    """By the daemon, or by this process if nobody holds the lock; commands take turns."""
    # `list` need not load the daemon.
    from edgepind.components import StartRefused  # noqa: PLC0415
    from edgepind.daemon import tick_once  # noqa: PLC0415

    state, ends = settings.paths.state, time.monotonic() + _PATIENCE
    while (left := ends - time.monotonic()) > 0:
        daemon = daemon_at_work(state)
        if daemon is not None:
            ending = _tell_daemon(settings, word, path, daemon, left)
            if ending is not None and ending.shown is not None:
                return _done(word, ending.shown) if ending.kept else _not_kept(word, path)
            continue
        document = tick_once(settings, dry_run=False, clock=SystemClock(), offline=True)
        if not isinstance(document, StartRefused):
            return _done_here(word, document, path)
        if not document.held:  # else another process was faster
            remove_words((path,))
            complain(document.error)
            return ExitCode.NOT_PERMITTED if document.forbidden else ExitCode.BAD
    return _not_taken_in(word, path) if path.exists() else _not_done(word)


def _tell_daemon(
    settings: Settings, word: PinWord, path: Path, daemon: DaemonAtWork, patience: float
) -> _Ending | None:
    """Have the daemon look at once, and wait until its status shows the change."""
    before = shown(settings.paths.runtime, lambda _: True)
    daemon.signal(signal.SIGUSR1)
    holds, paths = _shown_when_done(word), settings.paths
    # A tick that is under way may have read the commands already; the next one reads this one.
    surely_heard = before["ticks"] + 2 if before else 2

    def look() -> _Ending | None:
        if daemon_at_work(paths.state) is None:  # it has ended, or was another command
            return _Ending(None)
        document = shown(paths.runtime, holds)
        if document is None:
            return None
        kept = not path.exists()
        heard = document["ticks"] >= surely_heard
        return _Ending(document, kept) if kept or heard else None

    return asyncio.run(found_within(patience, "the daemon obeys", look))


def _done_here(word: PinWord, document: StatusDocument, path: Path) -> ExitCode:
    """What became of the command in this process."""
    if not _shown_when_done(word)(document):
        remove_words((path,))
        return _not_done(word)
    return _not_kept(word, path) if path.exists() else _done(word, document)


def _shown_when_done(word: PinWord) -> Callable[[StatusDocument], bool]:
    """What a status document shows once the command is obeyed."""
    text = str(word.fingerprint)
    if isinstance(word, PinAdd):
        return lambda document: _role(document, text) not in (None, Role.PENDING)
    return lambda document: _role(document, text) is None


def _role(document: StatusDocument, fingerprint: str) -> str | None:
    roles = (pin["role"] for pin in document["pins"] if pin["fingerprint"] == fingerprint)
    return next(roles, None)


def _done(word: PinWord, document: StatusDocument) -> ExitCode:
    if isinstance(word, PinRemove):
        print(f"Pin {word.fingerprint} is removed.")
    else:
        print(f"Pin {word.fingerprint} is accepted as {_role(document, str(word.fingerprint))}.")
    if document["edge"]["restart_owed"]:
        print("The Edge loads it with the restart that it is owed: see `edgepind status`.")
    return ExitCode.GOOD


def _not_done(word: PinWord) -> ExitCode:
    complain(f"the command on pin {word.fingerprint} was refused; `edgepind history` tells why")
    return ExitCode.BAD


def _not_kept(word: PinWord, path: Path) -> ExitCode:
    complain(
        f"the change of pin {word.fingerprint} is in force, but not stored: the state could not be "
        f"written (`df {path.parent.parent}`; `journalctl EDGEPIND_EVENT=write_failed` tells why); "
        f"{path} keeps the command until the state can be written"
    )
    return ExitCode.BAD


def _not_taken_in(word: PinWord, path: Path) -> ExitCode:
    complain(
        f"the change of pin {word.fingerprint} is not in force yet: the daemon has not stored it "
        f"within {_PATIENCE:g} s (`systemctl status edgepind`); {path} keeps the command, and the "
        "daemon obeys it as soon as it can"
    )
    return ExitCode.BAD
