"""Gives the operator's word on a pin: to the running daemon, or to the state where none runs."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.permission import may_not_write
from edgepind.cli.render import complain
from edgepind.cli.running_daemon import DaemonAtWork, daemon_at_work, found_within, shown
from edgepind.cli.stored_state import NoMemory, StatusDocument, remember
from edgepind.clock import SystemClock
from edgepind.components import StartRefused
from edgepind.core.pin_commands import refusal_to_remove
from edgepind.daemon import tick_once
from edgepind.host.durable_file import NotReplaced
from edgepind.model.enums import Role
from edgepind.model.observation import OperatorWord, PinAdd, PinRemove
from edgepind.operator.pin_commands import read_words, remove_words, write_word
from edgepind.settings.schema import Settings

_PATIENCE = 15.0
"""Seconds in which a running daemon should have taken a word in."""
_FOLDER_MODE = 0o755

_Shown = Callable[[StatusDocument], bool]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How waiting for the daemon ended. `shown` None: whoever held its lock has let that go.

    `kept`: the state on disk contains the word by now.
    """

    shown: StatusDocument | None
    kept: bool = True


def give_word(settings: Settings, word: OperatorWord) -> ExitCode:
    """Leave the word for the daemon and see it taken in. Raises PermissionError."""
    state = settings.paths.state
    daemon_at_work(state)  # raises where this user may not even ask
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


def _refusal(settings: Settings, word: OperatorWord) -> str | None:
    """Why it is refused before it is given.

    The tick will tell where no state can be read, and where one is older than words that wait.
    """
    if isinstance(word, PinAdd) or read_words(settings.paths.state).files:
        return None
    state = remember(settings.paths, SystemClock())
    return None if isinstance(state, NoMemory) else refusal_to_remove(state, word.fingerprint)


def _see_it_obeyed(settings: Settings, word: OperatorWord, path: Path) -> ExitCode:
    """By the daemon, or by this process where nobody holds the lock; commands take turns."""
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
        if not document.held:  # else somebody was quicker
            remove_words((path,))
            complain(document.error)
            return ExitCode.NOT_PERMITTED if document.forbidden else ExitCode.BAD
    return _not_taken_in(word, path) if path.exists() else _not_done(word)


def _tell_daemon(
    settings: Settings, word: OperatorWord, path: Path, daemon: DaemonAtWork, patience: float
) -> _Ending | None:
    """Let the daemon look at once, and wait until it shows that it has obeyed."""
    before = shown(settings.paths.runtime, lambda _: True)
    daemon.signal(signal.SIGUSR1)
    holds, paths = _shown_when_done(word), settings.paths
    # A tick that is under way may have read the words before; the one behind it reads this one.
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

    return asyncio.run(found_within(patience, "the daemon takes it in", look))


def _done_here(word: OperatorWord, document: StatusDocument, path: Path) -> ExitCode:
    """What this process has made of the word."""
    if not _shown_when_done(word)(document):
        remove_words((path,))
        return _not_done(word)
    return _not_kept(word, path) if path.exists() else _done(word, document)


def _shown_when_done(word: OperatorWord) -> _Shown:
    """What a status document shows once the word is obeyed."""
    text = str(word.fingerprint)
    if isinstance(word, PinAdd):
        return lambda document: _role(document, text) not in (None, Role.PENDING)
    return lambda document: _role(document, text) is None


def _role(document: StatusDocument, fingerprint: str) -> str | None:
    roles = (pin["role"] for pin in document["pins"] if pin["fingerprint"] == fingerprint)
    return next(roles, None)


def _done(word: OperatorWord, document: StatusDocument) -> ExitCode:
    if isinstance(word, PinRemove):
        print(f"Pin {word.fingerprint} is removed.")
    else:
        print(f"Pin {word.fingerprint} is accepted as {_role(document, str(word.fingerprint))}.")
    if document["edge"]["restart_owed"]:
        print("The Edge loads it with the restart that it is owed: see `edgepind status`.")
    return ExitCode.GOOD


def _not_done(word: OperatorWord) -> ExitCode:
    complain(f"the word on pin {word.fingerprint} was refused; `edgepind history` tells why")
    return ExitCode.BAD


def _not_kept(word: OperatorWord, path: Path) -> ExitCode:
    complain(
        f"the word on pin {word.fingerprint} is in force, but not yet kept: the state could not be "
        f"written to its disk (`df {path.parent.parent}`; `journalctl EDGEPIND_EVENT=write_failed` "
        f"tells why); the word stays in {path} and is kept by itself once that disk takes it"
    )
    return ExitCode.BAD


def _not_taken_in(word: OperatorWord, path: Path) -> ExitCode:
    complain(
        f"the word on pin {word.fingerprint} is not in force yet: the daemon has not kept it in "
        f"{_PATIENCE:g} s (`systemctl status edgepind`); it stays in {path}, and the daemon obeys "
        "it by itself as soon as it can"
    )
    return ExitCode.BAD
