"""What became of an action: the next call of `decide` observes it."""

from dataclasses import dataclass

from edgepind.model.document import Pinning


@dataclass(frozen=True, slots=True)
class DocumentWritten:
    """The document now says `pinning`; `changed` tells whether its bytes had to change.

    `set_aside` is the path under which a rejected document was kept. `durable` is False where
    the rename was done and the disk could not confirm it. `instead` says why the document that
    was wanted could not be written, where the one that closes the Edge was put in its place; what
    that one says is `pinning`.
    """

    pinning: Pinning | None
    digest: str
    changed: bool = True
    set_aside: str | None = None
    durable: bool = True
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class WriteFailed:
    """The document stands as it stood. `error` names the call, the path and the remedy."""

    error: str


@dataclass(frozen=True, slots=True)
class RestartDone:
    """The restart job is done; whether the Edge is well must still be seen.

    `invocation` is systemd's id of the new run, "" under `restart_command`. `read` is the SHA-256
    of the document that stood there from the beginning of that run on, "" where that is not known.
    """

    loading: Pinning
    invocation: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class RestartFailed:
    """The job failed, was cancelled or did not end in time; or the command did."""

    loading: Pinning
    error: str


@dataclass(frozen=True, slots=True)
class RestartDeferred:
    """`ready_command` asked for patience; nothing was done."""

    detail: str


@dataclass(frozen=True, slots=True)
class RestartRefused:
    """Whoever may restart declined (its own budget, a stopped unit); nothing was done."""

    error: str


@dataclass(frozen=True, slots=True)
class OverrideRemoved:
    """The override files are gone."""


@dataclass(frozen=True, slots=True)
class OverrideNotRemoved:
    """They could not be removed; they are over all the same."""

    error: str


DocumentOutcome = DocumentWritten | WriteFailed
RestartOutcome = RestartDone | RestartFailed | RestartRefused
"""What can become of a restart that was begun or refused; `RestartDeferred` was never asked for."""

Outcome = DocumentOutcome | RestartOutcome | RestartDeferred | OverrideRemoved | OverrideNotRemoved
