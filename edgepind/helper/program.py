"""The helper as a program: one connection on standard input, one answer, and the end.

`close` and `close-before-start` in place of that end an opening whose time is over.

What changed something, or was refused, is told on standard error, which systemd brings to the
journal; what only looked is not.
"""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from edgepind.clock import Clock, SystemClock
from edgepind.effects.helper_answers import Answer, encode_answer
from edgepind.effects.helper_requests import (
    Apply,
    Request,
    RequestRefused,
    Restart,
    Restore,
    parse_request,
)
from edgepind.formats.foreign_text import printable
from edgepind.helper.closing import Closed, Closer
from edgepind.helper.handler import fulfil
from edgepind.helper.protocol import Peer, hear, peer_of, reply
from edgepind.helper.trusted_settings import NoSettings, settings_in_force
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import Pinning

_USAGE = """\
usage: edgepind-apply SETTINGS FOLDER [TIMER], with a connection to apply.sock on standard input
       edgepind-apply close|close-before-start SETTINGS FOLDER TIMER"""
_KEPT = "edgepind.toml"
_ERR, _WARNING, _NOTICE = 3, 4, 5  # sd-daemon(3)


def main(arguments: Sequence[str]) -> int:
    """Serve the connection on standard input, or end what is over; by systemd's own words.

    The settings file, the folder of the helper's memory, and the timer that ends an opening.
    """
    match arguments:
        case ("close" | "close-before-start" as how, settings, folder, timer):
            return _close(Path(settings), Path(folder), timer, before_start=how != "close")
        case (_, _) | (_, _, _):
            return _serve_input(*arguments)
        case _:
            return _misused()


def _serve_input(settings: str, folder: str, timer: str | None = None) -> int:
    try:
        connection = socket.socket(fileno=os.dup(0))
    except OSError:
        return _misused()
    with connection:
        serve(connection, Path(settings), Path(folder), SystemClock(), timer)
    return 0


def _misused() -> int:
    print(_USAGE, file=sys.stderr)  # noqa: T201 - it is a program
    return 2


def _close(path: Path, folder: Path, timer: str, *, before_start: bool) -> int:
    found = settings_in_force(path, folder / _KEPT)
    if isinstance(found, NoSettings):
        _tell(_ERR, f"an opening cannot be ended, for there are no settings: {found.error}")
        return 1
    closing = Closer(found.settings, folder, SystemClock(), timer, before_start).close()
    if closing.says:
        _tell(_ERR if closing.became is Closed.FAILED else _NOTICE, closing.says)
    return int(closing.became is Closed.FAILED)


def serve(
    connection: socket.socket, settings: Path, folder: Path, clock: Clock, timer: str | None = None
) -> None:
    """Take one request from `connection` and answer it; `timer` ends an opening."""
    peer = peer_of(connection)
    heard = hear(connection, clock)
    request = heard if isinstance(heard, RequestRefused) else parse_request(heard)
    answer: Answer = (
        request
        if isinstance(request, RequestRefused)
        else _do(request, settings, folder, clock, timer)
    )
    _note(peer, request, answer)
    try:
        reply(connection, encode_answer(answer))
    except OSError as error:
        _tell(_WARNING, f"{peer} did not take its answer: {os.strerror(error.errno or 0)}")


def _do(request: Request, path: Path, folder: Path, clock: Clock, timer: str | None) -> Answer:
    found = settings_in_force(path, folder / _KEPT)
    if isinstance(found, NoSettings):
        return RequestRefused(f"the privileged helper has no settings to go by: {found.error}")
    if found.problem:
        _tell(_WARNING, found.problem)
    return fulfil(request, found.settings, folder, clock, timer)


def _note(peer: Peer, request: Request | RequestRefused, answer: Answer) -> None:
    """Tell who asked for what and what became of it, unless it was only a look that was had."""
    priority = _NOTICE if _is_good(answer) else _WARNING
    match request:
        case Apply(pinning) | Restore(pinning):
            _tell(priority, f"{peer} asked for {_says(pinning)}: {_outcome(answer)}")
        case Restart():
            _tell(priority, f"{peer} asked for a restart of the Edge: {_outcome(answer)}")
        case _ if isinstance(answer, RequestRefused):
            _tell(priority, f"{peer}: {answer.error}")
        case _:
            pass


def _says(pinning: Pinning | None) -> str:
    if pinning is None:
        return "the last good pinning config"
    off = "" if pinning.enabled else "VALIDATION OFF and "
    return f"{off}{len(pinning.accepted)} accepted pins, current {pinning.current.short}"


def _outcome(answer: Answer) -> str:
    match answer:
        case (
            WriteFailed(error=error)
            | RestartFailed(error=error)
            | RestartRefused(error=error)
            | RequestRefused(error=error)
        ):
            return error
        case DocumentWritten(instead=str(why)):
            return f"the document that closes the Edge is put in its place, because {why}"
        case DocumentWritten(changed=False):
            return "it says so already"
        case DocumentWritten():
            return "written"
        case _:
            return "done"


def _is_good(answer: Answer) -> bool:
    """Whether it is done; validation that is off is never good."""
    if isinstance(answer, DocumentWritten):
        return answer.pinning is None or answer.pinning.enabled
    return isinstance(answer, RestartDone)


def _tell(priority: int, sentence: str) -> None:
    """One line for the journal, whatever the sentence holds, with its priority (sd-daemon(3))."""
    print(f"<{priority}>{printable(sentence)}", file=sys.stderr)  # noqa: T201 - the journal listens there
