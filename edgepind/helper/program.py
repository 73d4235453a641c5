"""The helper as a program: it takes one request on standard input, answers it and ends.

`close` and `close-before-start` in place of that end an opening whose time is over. What changed
something, or was refused, is reported on standard error, which systemd takes to the journal; what
was only read is not.
"""

import os
import socket
import stat
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from edgepind.clock import Clock, SystemClock
from edgepind.effects.helper_protocol import (
    GREETING,
    LONGEST_REQUEST,
    Answer,
    Apply,
    PutBack,
    Request,
    RequestRefused,
    Restart,
    Restore,
    encode_answer,
    parse_request,
)
from edgepind.formats import printable
from edgepind.helper.closing import Closed, Closer
from edgepind.helper.handler import fulfil
from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    RestartUnderWay,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.settings.load import LARGEST, SettingsRefused, load
from edgepind.settings.schema import Settings

_USAGE = """\
usage: edgepind-apply SETTINGS FOLDER [TIMER], with a connection to apply.sock on standard input
       edgepind-apply close|close-before-start SETTINGS FOLDER TIMER"""
_KEPT = "edgepind.toml"
_ERR, _WARNING, _NOTICE = 3, 4, 5  # sd-daemon(3)

PATIENCE = 2.0
"""Seconds for a whole request to come: who was greeted has it ready, and others wait behind."""

_FAREWELL = 5.0
"""Seconds for the peer to take the answer."""

_FOREIGN_WRITERS = stat.S_IWGRP | stat.S_IWOTH
_CREDENTIALS = struct.Struct("3i")  # struct ucred, unix(7)


def main(arguments: Sequence[str]) -> int:
    """Serve the connection on standard input, or end an opening whose time is over.

    `arguments` are those of `_USAGE`: the settings file, the folder of the helper's records, and
    the timer that ends an opening. Returns the exit code.
    """
    match arguments:
        case ("close" | "close-before-start" as how, settings, folder, timer):
            return _close(Path(settings), Path(folder), timer, before_start=how != "close")
        case (settings, folder):
            return _serve(Path(settings), Path(folder))
        case (settings, folder, timer):
            return _serve(Path(settings), Path(folder), timer)
        case _:
            return _misused()


def _serve(path: Path, folder: Path, timer: str | None = None) -> int:
    """Take one request from the connection on standard input and answer it."""
    try:
        connection = socket.socket(fileno=os.dup(0))
    except OSError:
        return _misused()
    clock = SystemClock()
    with connection:
        peer = _peer_of(connection)
        heard = _hear(connection, clock)
        request = heard if isinstance(heard, RequestRefused) else parse_request(heard)
        answer: Answer = (
            request
            if isinstance(request, RequestRefused)
            else _do(request, path, folder, clock, timer)
        )
        _note(peer, request, answer)
        try:
            _reply(connection, encode_answer(answer))
        except OSError as error:
            _tell(_WARNING, f"{peer} did not take its answer: {os.strerror(error.errno or 0)}")
    return 0


def _do(request: Request, path: Path, folder: Path, clock: Clock, timer: str | None) -> Answer:
    settings, problem = _settings_in_force(path, folder / _KEPT)
    if settings is None:
        return RequestRefused(f"the privileged helper has no settings that it can use: {problem}")
    if problem:
        _tell(_WARNING, problem)
    return fulfil(request, settings, folder, clock, timer)


def _misused() -> int:
    print(_USAGE, file=sys.stderr)  # noqa: T201 - it is a program
    return 2


def _close(path: Path, folder: Path, timer: str, *, before_start: bool) -> int:
    settings, problem = _settings_in_force(path, folder / _KEPT)
    if settings is None:
        _tell(_ERR, f"an opening cannot be ended, for the settings cannot be used: {problem}")
        return 1
    closing = Closer(settings, folder, SystemClock(), timer, before_start).close()
    if closing.says:
        _tell(_ERR if closing.became is Closed.FAILED else _NOTICE, closing.says)
    return int(closing.became is Closed.FAILED)


def _note(peer: str, request: Request | RequestRefused, answer: Answer) -> None:
    """Report who asked for what and what became of it, unless something was only read."""
    priority = _NOTICE if _is_good(answer) else _WARNING
    match request:
        case Apply(pinning) | PutBack(pinning) | Restore(pinning):
            _tell(priority, f"{peer} asked for {_described(pinning)}: {_outcome(answer)}")
        case Restart():
            _tell(priority, f"{peer} asked for a restart of the Edge: {_outcome(answer)}")
        case _ if isinstance(answer, RequestRefused):
            _tell(priority, f"{peer}: {answer.error}")
        case _:
            pass


def _described(pinning: Pinning | None) -> str:
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
        case RestartUnderWay():
            return "systemd is still at it"
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
    return isinstance(answer, RestartDone | RestartUnderWay)


def _tell(priority: int, sentence: str) -> None:
    """One line for the journal, whatever the sentence holds, with its priority (sd-daemon(3))."""
    print(f"<{priority}>{printable(sentence)}", file=sys.stderr)  # noqa: T201 - the journal listens there


# --- the settings -----------------------------------------------------------------------------
# The operator's file, if only root can have written it. One that is invalid changes nothing, as for
# the daemon: the last good one, of which the helper keeps a copy, stays in force.


def _settings_in_force(path: Path, kept: Path) -> tuple[Settings | None, str]:
    """The settings at `path`, else the copy of the last good ones at `kept`; a sentence, or "".

    The sentence says what is wrong with those at `path`, also where the others are used in their
    place. The environment is not used: STATE_DIRECTORY and its like name the helper's folders here.
    """
    found = _load(path)
    if isinstance(found, Settings):
        problem = _keep(path, kept)
        return found, f"{path} could not be copied: {problem}" if problem else ""
    last_good = load(kept, {})
    if isinstance(last_good, SettingsRefused):
        return None, found
    return last_good, f"the last good settings stay in force, because {found}"


def _load(path: Path) -> Settings | str:
    """A sentence, where they are not to be used."""
    try:
        status = path.stat()
    except OSError:
        pass  # reported by `load`
    else:
        if status.st_uid not in {0, os.geteuid()} or status.st_mode & _FOREIGN_WRITERS:
            return (
                f"{path} may have been written by others than root, so it is not used; "
                f"`chown root {path}` and `chmod go-w {path}`, once you have read it"
            )
    settings = load(path, {})
    return " ".join(str(settings).split()) if isinstance(settings, SettingsRefused) else settings


def _keep(path: Path, kept: Path) -> str | None:
    file = read_small_file(path, LARGEST, follow=True)
    if not isinstance(file, SmallFile):
        return "it is gone"
    done = replace(kept, file.content, mode=0o600)
    return done.error if isinstance(done, NotReplaced) else None


# --- the connection ---------------------------------------------------------------------------


def _peer_of(connection: socket.socket) -> str:
    """The process at the other end, by the kernel's account (SO_PEERCRED), for the journal."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(packed)
    return f"pid {pid} (uid {uid}, gid {gid})"


def _hear(connection: socket.socket, clock: Clock) -> bytes | RequestRefused:
    """Greet, and take one line of at most `LONGEST_REQUEST` bytes within `PATIENCE` seconds.

    The end of what the peer sends ends a line as well. Never raises for what a peer can do.
    """
    ends = clock.now().monotonic + PATIENCE
    heard, problem = b"", f"it is longer than {LONGEST_REQUEST} bytes"
    try:
        connection.settimeout(PATIENCE)
        connection.sendall(GREETING)
        while len(heard) <= LONGEST_REQUEST:
            chunk = _next(connection, ends - clock.now().monotonic)
            heard += chunk
            if not chunk or chunk.endswith(b"\n"):
                break
    except TimeoutError:
        problem = f"it was not whole within {PATIENCE:g} s"
    except OSError as error:
        problem = os.strerror(error.errno or 0)
    else:
        if len(heard) <= LONGEST_REQUEST:
            return heard
    return RequestRefused(f"the request is refused: {problem}")


def _next(connection: socket.socket, left: float) -> bytes:
    """Whatever comes within `left` seconds; b"" at the end. Raises TimeoutError."""
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(LONGEST_REQUEST + 1)


def _reply(connection: socket.socket, line: bytes) -> None:
    """Send the answer. Raises OSError where the peer does not take it."""
    connection.settimeout(_FAREWELL)
    connection.sendall(line)
