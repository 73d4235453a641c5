"""Leaves an operator's command for the running daemon, and waits until it is obeyed.

A command is a file for the running daemon, or for one tick of this process where none runs.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgepind.cli.exit_code import ExitCode, may_not_write
from edgepind.cli.render import complain
from edgepind.cli.running_daemon import DaemonAtWork, daemon_at_work, found_within, shown
from edgepind.cli.stored_state import StatusDocument
from edgepind.clock import SystemClock
from edgepind.host.durable_file import NotReplaced
from edgepind.model.observation import FiledWord
from edgepind.operator.pin_commands import remove_words, write_word
from edgepind.settings.schema import Settings

_PATIENCE = 15.0
"""Seconds in which a running daemon should have obeyed a command."""
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `holds` tells by a status document whether it is obeyed.

    `done` says so to a person, in sentences; `refused` is said where it was heard and not obeyed.
    `what` names what it changes, as in "the change of pin AA:...".
    """

    word: FiledWord
    holds: Callable[[StatusDocument], bool]
    done: Callable[[StatusDocument], str]
    refused: str
    what: str


@dataclass(frozen=True, slots=True)
class _Ending:
    """How waiting for the daemon ended. `shown` None: the process that held its lock has ended.

    `kept`: the state on disk contains the change.
    """

    shown: StatusDocument | None
    kept: bool = True


def give(settings: Settings, command: Command) -> ExitCode:
    """Leave the command for the daemon and wait until it is obeyed. Raises PermissionError."""
    state = settings.paths.state
    state.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
    path = write_word(state, command.word)
    if isinstance(path, NotReplaced):
        complain(path.error)
        return ExitCode.NOT_PERMITTED if may_not_write(state) else ExitCode.BAD
    return _see_it_obeyed(settings, command, path)


def _see_it_obeyed(settings: Settings, command: Command, path: Path) -> ExitCode:
    """By the daemon, or by this process if nobody holds the lock; commands take turns."""
    # What only reads need not load the daemon.
    from edgepind.components import StartRefused  # noqa: PLC0415
    from edgepind.daemon import tick_once  # noqa: PLC0415

    state, ends = settings.paths.state, time.monotonic() + _PATIENCE
    while (left := ends - time.monotonic()) > 0:
        daemon = daemon_at_work(state)
        if daemon is not None:
            ending = _tell_daemon(settings, command, path, daemon, left)
            if ending is not None and ending.shown is not None:
                return _done(command, ending.shown) if ending.kept else _not_kept(command, path)
            continue
        document = tick_once(settings, dry_run=False, clock=SystemClock(), offline=True)
        if not isinstance(document, StartRefused):
            return _done_here(command, document, path)
        if not document.held:  # else another process was faster
            remove_words((path,))
            complain(document.error)
            return ExitCode.NOT_PERMITTED if document.forbidden else ExitCode.BAD
    return _not_taken_in(command, path) if path.exists() else _not_done(command)


def _tell_daemon(
    settings: Settings, command: Command, path: Path, daemon: DaemonAtWork, patience: float
) -> _Ending | None:
    """Have the daemon look at once, and wait until its status shows the change."""
    before = shown(settings.paths.runtime, lambda _: True)
    daemon.signal(signal.SIGUSR1)
    holds, paths = command.holds, settings.paths
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


def _done_here(command: Command, document: StatusDocument, path: Path) -> ExitCode:
    """What became of the command in this process."""
    if not command.holds(document):
        remove_words((path,))
        return _not_done(command)
    return _not_kept(command, path) if path.exists() else _done(command, document)


def _done(command: Command, document: StatusDocument) -> ExitCode:
    print(command.done(document))
    return ExitCode.GOOD


def _not_done(command: Command) -> ExitCode:
    complain(command.refused)
    return ExitCode.BAD


def _not_kept(command: Command, path: Path) -> ExitCode:
    complain(
        f"{command.what} is in force, but not stored: the state could not be written (`df "
        f"{path.parent.parent}`; `journalctl EDGEPIND_EVENT=write_failed` tells why); {path} keeps "
        "the command until the state can be written"
    )
    return ExitCode.BAD


def _not_taken_in(command: Command, path: Path) -> ExitCode:
    complain(
        f"{command.what} is not in force yet: the daemon has not stored it within {_PATIENCE:g} s "
        f"(`systemctl status edgepind`); {path} keeps the command, and the daemon obeys it as soon "
        "as it can"
    )
    return ExitCode.BAD
