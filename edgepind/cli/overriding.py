"""Begins and ends the operator's override, with the daemon's help or without it.

A running daemon is asked first. What it has not done within seconds, because it is stopped, hung
or has lost its state, is done by this process.
"""

import math
import os
import pwd
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edgepind.cli.emergency import NotSwitched, Switched, switch_off, switch_on
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.permission import may_not_write
from edgepind.cli.render import complain, spoken
from edgepind.cli.running_daemon import daemon_at_work, shown, shown_within
from edgepind.cli.standing_in import ended, have_it_ended, own_turn
from edgepind.cli.stored_state import StatusDocument, written_at
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.model.action import OverrideNotRemoved
from edgepind.model.enums import Posture
from edgepind.model.observation import Document, DocumentRead
from edgepind.operator.override_file import OverrideNotWritten, remove_override, write_override
from edgepind.settings.schema import EdgeSettings, PathsSettings, Settings

_PATIENCE = 10.0
"""Seconds in which a running daemon must have done what it was asked."""


async def begin(settings: Settings, duration: timedelta, reason: str) -> ExitCode:
    """Write the override, and see to it that the Edge runs without validation."""
    paths, until = settings.paths, datetime.now(UTC) + duration
    written = write_override(paths.runtime, paths.state, until, reason, _caller())
    if isinstance(written, OverrideNotWritten):
        return _failed(written.error, paths.state, paths.runtime)
    print(f"The override stands in {written.path} until {spoken(until)}.")
    if written.problem is not None:
        complain(written.problem)
    if await _daemon_begins(settings):
        print("The daemon has switched pinning validation off and restarted the Edge.")
        return ExitCode.GOOD
    async with own_turn() as problem:
        if problem is not None:
            return _failed(problem)
        unended = await have_it_ended(settings)
        done = "Pinning validation is switched off and the Edge restarted, without the daemon. "
        if unended is None:
            done += (
                f"systemd ends this at {spoken(until)} where no daemon does, also after a reboot; "
                "`edgepind override off` ends it early."
            )
        else:
            seconds = math.ceil(duration.total_seconds())
            done += (
                f"Systemd will not end this ({unended}). While no daemon is at work, only "
                "`edgepind override off` ends it; so that it is not forgotten: "
                f"`systemd-run --on-active={seconds} edgepind override off`."
            )
        return _result(await switch_off(settings.edge), done, settings.edge)


async def end(settings: Settings) -> ExitCode:
    """Remove the override, and see to it that validation is on again where it can be."""
    paths = settings.paths
    removed = remove_override(paths.runtime, paths.state)
    if isinstance(removed, OverrideNotRemoved):
        return _failed(removed.error, paths.state, paths.runtime)
    print("The override is removed.")
    if await _daemon_ends(settings):
        print("The daemon has taken it in; `edgepind status` shows how the Edge is guarded now.")
        return ExitCode.GOOD
    document = _document(settings.edge)
    if isinstance(document, DocumentRead) and document.enabled:
        print("Pinning validation is on in the pinning config; nothing else is to be done.")
        return ExitCode.GOOD
    done = "Pinning validation is switched on and the Edge restarted, without the daemon."
    async with own_turn() as problem:
        if problem is not None:
            return _failed(problem)
        switched = await switch_on(settings.edge)
        if isinstance(switched, Switched):
            ended()
        return _result(switched, done, settings.edge)


async def _daemon_begins(settings: Settings) -> bool:
    """Whether a running daemon has done it all, document and restart."""
    if not _wake(settings.paths):
        return False
    asked, edge, runtime = datetime.now(UTC), settings.edge, settings.paths.runtime

    def obeys(status: StatusDocument) -> bool:
        return _is_later(status, asked) and status["posture"] == Posture.OVERRIDE

    def done(status: StatusDocument) -> bool:
        return obeys(status) and _is_loaded(status, edge, enabled=False)

    what = "the daemon switches pinning validation off"
    if await shown_within(_PATIENCE, runtime, what, done) is not None:
        return True
    # A daemon that is at work asks ready_command, and may do so for as long as the settings say.
    if shown(runtime, obeys) is None or not _says(_document(edge), enabled=False):
        return False
    return await shown_within(edge.urgent_ready_deadline, runtime, what, done) is not None


async def _daemon_ends(settings: Settings) -> bool:
    """Whether a running daemon knows that the override is over: the rest is its own decision."""
    if not _wake(settings.paths):
        return False
    asked, edge, runtime = datetime.now(UTC), settings.edge, settings.paths.runtime

    def obeys(status: StatusDocument) -> bool:
        return _is_later(status, asked) and status["posture"] != Posture.OVERRIDE

    def done(status: StatusDocument) -> bool:
        let_go = status["posture"] == Posture.OPEN
        return obeys(status) and (let_go or _is_loaded(status, edge, enabled=True))

    what = "the daemon ends the override"
    ended = await shown_within(_PATIENCE, runtime, what, done) or shown(runtime, obeys)
    return ended is not None


def _wake(paths: PathsSettings) -> bool:
    """Whether there is a running daemon; it is told to look at once."""
    try:
        daemon = daemon_at_work(paths.state)
        return daemon is not None and daemon.signal(signal.SIGUSR1)
    except PermissionError:
        return True  # somebody else's daemon finds the file at its next tick


def _is_later(status: StatusDocument, instant: datetime) -> bool:
    """Whether the status was written after `instant`; the file tells milliseconds."""
    written = written_at(status)
    return written is not None and written >= instant - timedelta(milliseconds=1)


def _is_loaded(status: StatusDocument, edge: EdgeSettings, *, enabled: bool) -> bool:
    """Whether the document says `enabled`, and no restart was owed for it after it was written."""
    document = _document(edge)
    return (
        isinstance(document, DocumentRead)
        and document.enabled is enabled
        and _is_later(status, document.changed)
        and not status["edge"]["restart_owed"]
    )


def _says(document: Document, *, enabled: bool) -> bool:
    return isinstance(document, DocumentRead) and document.enabled is enabled


def _document(edge: EdgeSettings) -> Document:
    keeper = DocumentKeeper(edge.pinning_config, edge.owner, edge.mode, looks_only=True)
    return keeper.read().document


def _caller() -> str:
    """Who asks: the login behind sudo, else the owner of this process."""
    if behind := os.environ.get("SUDO_USER"):
        return behind
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _result(outcome: Switched | NotSwitched, done: str, edge: EdgeSettings) -> ExitCode:
    if isinstance(outcome, Switched):
        print(done)
        return ExitCode.GOOD
    if outcome.written:
        return _failed(outcome.error)
    return _failed(outcome.error, edge.pinning_config.parent)


def _failed(error: str, *needed: Path) -> ExitCode:
    """Tell what failed; where a folder that was needed is closed to the caller, that is why."""
    complain(error)
    return ExitCode.NOT_PERMITTED if any(map(may_not_write, needed)) else ExitCode.BAD
