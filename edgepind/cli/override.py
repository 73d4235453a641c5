"""`edgepind override on|off|show`: pinning validation off for a bounded time.

A running daemon is asked first. What it has not done within seconds, because it is stopped, hung
or has lost its state, is done by this process (`emergency`).
"""

import argparse
import asyncio
import math
import os
import pwd
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edgepind.cli.emergency import (
    NotSwitched,
    ended,
    have_it_ended,
    own_turn,
    switch_off,
    switch_on,
)
from edgepind.cli.exit_code import ExitCode, demand_readable, may_not_write
from edgepind.cli.load_config import add_ways, settings_of
from edgepind.cli.render import (
    Facts,
    Sentences,
    Tone,
    Word,
    add_json,
    complain,
    print_json,
    relation,
    show,
    spoken,
)
from edgepind.cli.running_daemon import daemon_at_work, shown, shown_within
from edgepind.cli.stored_state import StatusDocument, read_pinning_config, written_at
from edgepind.formats import rfc3339
from edgepind.model.action import OverrideNotRemoved
from edgepind.model.enums import Posture
from edgepind.model.observation import DocumentRead, OverrideFile, OverrideRejected
from edgepind.operator.override_file import (
    OverrideNotWritten,
    override_paths,
    read_override,
    remove_override,
    write_override,
)
from edgepind.settings.durations import RefusedDuration, parse_duration
from edgepind.settings.schema import EdgeSettings, PathsSettings, Settings

_PATIENCE = 10.0
"""Seconds in which a running daemon must have done what it was asked."""


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
    ways["on"].add_argument("--reason", required=True, help="the reason, for the journal")
    add_json(ways["show"])


def main(args: argparse.Namespace) -> int:
    """Begin, end or show the override."""
    settings = settings_of(args)
    match args.way:
        case "on":
            return asyncio.run(_on(settings, args.duration, args.reason))
        case "off":
            return asyncio.run(_off(settings))
        case _:
            return _show(settings.paths, as_json=args.json)


def _duration(text: str) -> timedelta:
    seconds = parse_duration(text)
    if isinstance(seconds, RefusedDuration):
        raise argparse.ArgumentTypeError(str(seconds))
    if not seconds:
        raise argparse.ArgumentTypeError("an override of no length would be over at once")
    return timedelta(seconds=seconds)


# --- show -----------------------------------------------------------------------------------


def _show(paths: PathsSettings, *, as_json: bool) -> ExitCode:
    """Show it. Raises PermissionError where this user may not look."""
    for path in override_paths(paths.runtime, paths.state):
        demand_readable(path)
    found = read_override(paths.runtime, paths.state)
    if isinstance(found, OverrideRejected):
        complain(
            f"{found.path} is not a valid override: {found.reason}; write one with "
            "`edgepind override on`"
        )
    now = datetime.now(UTC)
    answer = _answer(found, paths, now) if isinstance(found, OverrideFile) else _NONE
    if as_json:
        print_json(answer)
    elif not isinstance(found, OverrideFile):
        show((Sentences(("No override is in force.",)),))
    else:
        show((_facts(answer, now),))
    return ExitCode.BAD if isinstance(found, OverrideRejected) else ExitCode.GOOD


_NONE: dict[str, object] = {
    "active": False,
    "until": None,
    "reason": None,
    "by": None,
    "path": None,
}


def _answer(found: OverrideFile, paths: PathsSettings, now: datetime) -> dict[str, object]:
    folder = paths.runtime if read_override(paths.runtime, paths.runtime) == found else paths.state
    return {
        "active": found.end > now,
        "until": rfc3339(found.end),
        "reason": found.reason,
        "by": found.by,
        "path": str(override_paths(folder, folder)[0]),
    }


def _facts(answer: dict[str, object], now: datetime) -> Facts:
    until = str(answer["until"])
    active = Word("in force", Tone.WARNING) if answer["active"] else Word("over")
    return Facts(
        (
            ("override", active),
            ("until", f"{until} ({relation(until, now)})"),
            ("reason", str(answer["reason"])),
            ("by", str(answer["by"])),
            ("file", str(answer["path"])),
        )
    )


# --- on and off -----------------------------------------------------------------------------


async def _on(settings: Settings, duration: timedelta, reason: str) -> ExitCode:
    """Write the override, and have the Edge run without validation."""
    paths, until = settings.paths, datetime.now(UTC) + duration
    written = write_override(paths.runtime, paths.state, until, reason, _caller())
    if isinstance(written, OverrideNotWritten):
        return _failed(written.error, paths.state, paths.runtime)
    print(f"The override is written to {written.path} and lasts until {spoken(until)}.")
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
                f"systemd ends the override at {spoken(until)} if no daemon does, also after a "
                "reboot; `edgepind override off` ends it early."
            )
        else:
            seconds = math.ceil(duration.total_seconds())
            done += (
                f"systemd will not end the override ({unended}). While no daemon runs, only "
                "`edgepind override off` ends it; to have that run in time: "
                f"`systemd-run --on-active={seconds} edgepind override off`."
            )
        return _result(await switch_off(settings.edge), done, settings.edge)


async def _off(settings: Settings) -> ExitCode:
    """Remove the override, and have validation switched on again where it can be."""
    paths = settings.paths
    removed = remove_override(paths.runtime, paths.state)
    if isinstance(removed, OverrideNotRemoved):
        return _failed(removed.error, paths.state, paths.runtime)
    print("The override is removed.")
    if await _daemon_ends(settings):
        print("The daemon has ended it; `edgepind status` shows the posture now.")
        return ExitCode.GOOD
    if _says(settings.edge, enabled=True):
        print("Pinning validation is on in the pinning config already.")
        return ExitCode.GOOD
    done = "Pinning validation is switched on and the Edge restarted, without the daemon."
    async with own_turn() as problem:
        if problem is not None:
            return _failed(problem)
        switched = await switch_on(settings.edge)
        if switched is None:
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
    # It asks ready_command before the restart, for as long as the settings allow.
    if shown(runtime, obeys) is None or not _says(edge, enabled=False):
        return False
    return await shown_within(edge.urgent_ready_deadline, runtime, what, done) is not None


async def _daemon_ends(settings: Settings) -> bool:
    """Whether a running daemon knows that the override is over; the rest is its decision."""
    if not _wake(settings.paths):
        return False
    asked, edge, runtime = datetime.now(UTC), settings.edge, settings.paths.runtime

    def obeys(status: StatusDocument) -> bool:
        return _is_later(status, asked) and status["posture"] != Posture.OVERRIDE

    def done(status: StatusDocument) -> bool:
        fail_open = status["posture"] == Posture.OPEN
        return obeys(status) and (fail_open or _is_loaded(status, edge, enabled=True))

    what = "the daemon ends the override"
    ended = await shown_within(_PATIENCE, runtime, what, done) or shown(runtime, obeys)
    return ended is not None


def _wake(paths: PathsSettings) -> bool:
    """Whether there is a running daemon; it is told to look at once."""
    try:
        daemon = daemon_at_work(paths.state)
        return daemon is not None and daemon.signal(signal.SIGUSR1)
    except PermissionError:
        return True  # another user's daemon finds the file at its next tick


def _is_later(status: StatusDocument, instant: datetime) -> bool:
    """Whether the status was written after `instant`; the file tells milliseconds."""
    written = written_at(status)
    return written is not None and written >= instant - timedelta(milliseconds=1)


def _is_loaded(status: StatusDocument, edge: EdgeSettings, *, enabled: bool) -> bool:
    """Whether the document says `enabled`, and no restart was owed for it after it was written."""
    document = _says(edge, enabled=enabled)
    return (
        document is not None
        and _is_later(status, document.changed)
        and not status["edge"]["restart_owed"]
    )


def _says(edge: EdgeSettings, *, enabled: bool) -> DocumentRead | None:
    """The pinning config, if it can be read and says `enabled`."""
    document = read_pinning_config(edge).document
    if isinstance(document, DocumentRead) and document.enabled is enabled:
        return document
    return None


def _caller() -> str:
    """The login behind sudo, else the owner of this process."""
    if behind := os.environ.get("SUDO_USER"):
        return behind
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _result(failed: NotSwitched | None, done: str, edge: EdgeSettings) -> ExitCode:
    if failed is None:
        print(done)
        return ExitCode.GOOD
    return _failed(failed.error, *(() if failed.written else (edge.pinning_config.parent,)))


def _failed(error: str, *needed: Path) -> ExitCode:
    """Tell what failed; NOT_PERMITTED if the caller may not write to a folder that was needed."""
    complain(error)
    return ExitCode.NOT_PERMITTED if any(map(may_not_write, needed)) else ExitCode.BAD
