"""`edgepind reload`: asks the running daemon to read its settings again."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from edgepind.cli.exit_code import ExitCode, demand_readable
from edgepind.cli.load_config import load_settings, settings_path
from edgepind.cli.render import complain
from edgepind.cli.running_daemon import daemon_at_work, found_within
from edgepind.cli.stored_state import START
from edgepind.model.enums import EventName
from edgepind.settings.load import judge, read_toml
from edgepind.settings.schema import Settings
from edgepind.state.history import History, HistoryLine, NotRead

_PATIENCE = 10.0
_LINES = 50
_ANSWERS = frozenset({EventName.RELOADED, EventName.RELOAD_REJECTED})


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb: it has none of its own."""


def main(args: argparse.Namespace) -> int:
    """Send SIGHUP and print the result."""
    path = settings_path(args)
    found = load_settings(path)
    settings = found if isinstance(found, Settings) else _settings_to_find_daemon(path)
    daemon = daemon_at_work(settings.paths.state) if settings is not None else None
    if daemon is None or settings is None:
        if not isinstance(found, Settings):
            complain(str(found))
            return ExitCode.USAGE
        complain(f"no daemon is running; {START}")
        return ExitCode.UNOBSERVED
    demand_readable(settings.paths.state / "history.jsonl")
    before = _answers(settings.paths.state)
    if not daemon.signal(signal.SIGHUP):
        complain(f"the daemon has ended; {START}")
        return ExitCode.UNOBSERVED
    return _result(settings.paths.state, before)


def _settings_to_find_daemon(path: Path) -> Settings | None:
    """Settings with the folders of a refused file, which is enough to find the daemon."""
    document = read_toml(path)
    if not isinstance(document, dict):
        return None
    reduced = {"cloud": {"host": "any.invalid"}, "paths": document.get("paths", {})}
    settings = judge(reduced, os.environ)
    return settings if isinstance(settings, Settings) else None


def _result(state: Path, before: frozenset[HistoryLine]) -> ExitCode:
    def look() -> HistoryLine | None:
        return max(_answers(state) - before, key=lambda line: line.at, default=None)

    answer = asyncio.run(found_within(_PATIENCE, "the daemon reads its settings again", look))
    if answer is None:
        complain("the daemon has not answered the request yet; see `journalctl -u edgepind`")
        return ExitCode.UNOBSERVED
    if answer.event is EventName.RELOADED:
        print(answer.message)
        return ExitCode.GOOD
    complain(answer.message)
    return ExitCode.BAD


def _answers(state: Path) -> frozenset[HistoryLine]:
    lines = History(state).read(_LINES)
    if isinstance(lines, NotRead):
        return frozenset()
    return frozenset(line for line in lines if line.event in _ANSWERS)
