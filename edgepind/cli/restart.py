"""`edgepind restart --now`: goes ahead with a restart that waits for a window or a drain."""

import argparse

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import settings_of
from edgepind.cli.operator_word import Command, give
from edgepind.cli.render import complain
from edgepind.cli.running_daemon import daemon_at_work
from edgepind.cli.stored_state import NotStored, StatusDocument, read_status
from edgepind.model.observation import RestartNow


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        "--now",
        action="store_true",
        required=True,
        help="do not wait for the window or the drain that the restart is planned with",
    )


def main(args: argparse.Namespace) -> int:
    """Leave the word for the daemon, where there is something to go ahead with."""
    settings = settings_of(args)
    daemon_at_work(settings.paths.state)  # raises PermissionError where this user may not ask
    document = read_status(settings.paths.runtime)
    if isinstance(document, NotStored):
        complain(document.error)
        return ExitCode.UNOBSERVED
    if document.get("plan") is None:
        owed = document["edge"]["restart_owed"]
        why = "it is owed one already: see `edgepind status`" if owed else "it is owed none"
        print(f"No restart of the Edge waits for a window or a drain; {why}.")
        return ExitCode.GOOD
    command = Command(
        RestartNow(),
        holds=lambda document: document.get("plan") is None,
        done=_done,
        refused="the restart did not go ahead; `edgepind explain` tells why",
        what="the word to go ahead with the restart",
    )
    return give(settings, command)


def _done(document: StatusDocument) -> str:
    if document["edge"]["restart_owed"]:
        return "The restart waits for its window or its drain no longer: see `edgepind status`."
    return "The Edge was restarted, or is being restarted: see `edgepind status`."
