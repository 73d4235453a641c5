"""What the core asks to be done, and what became of it.

The executor in `effects` carries actions out in order; the next call of `decide` observes the
outcomes.
"""

from dataclasses import dataclass

from edgepind.model.document import Pinning


@dataclass(frozen=True, slots=True)
class WriteDocument:
    """Put the owned keys into the pinning document, keeping every other key.

    `as_before`: also give it the owner, mode and access list that it had before edgepind changed
    them last, less what strangers must not have.
    """

    pinning: Pinning
    as_before: bool = False


@dataclass(frozen=True, slots=True)
class RestoreDocument:
    """Move a rejected document aside and restore the last good one, with these owned keys.

    Also creates a missing document. `pinning` None: before the first pin; then the last good
    document is restored unchanged, if there is one.
    """

    pinning: Pinning | None


@dataclass(frozen=True, slots=True)
class RestartEdge:
    """Restart the Edge and wait for the job's result.

    `loading` is what it will have loaded. Unless `forced`, `ready_command` must agree first.
    """

    loading: Pinning
    forced: bool


@dataclass(frozen=True, slots=True)
class RemoveOverride:
    """Remove override files whose time is over."""


Action = WriteDocument | RestoreDocument | RestartEdge | RemoveOverride


@dataclass(frozen=True, slots=True)
class DocumentWritten:
    """The document now says `pinning`; `changed` tells whether its bytes had to change.

    `set_aside` is the path to which a rejected document was moved. `durable` is False if the file
    was renamed and the disk did not confirm it. `instead` says why a document that only switches
    validation on was written in place of the one asked for; `pinning` is what was written.
    `attributes` says what became of owner, mode or access list where they had to be changed.
    """

    pinning: Pinning | None
    digest: str
    changed: bool = True
    set_aside: str | None = None
    durable: bool = True
    instead: str | None = None
    attributes: str | None = None


@dataclass(frozen=True, slots=True)
class WriteFailed:
    """The document is unchanged. `error` names the call, the path and the remedy."""

    error: str


@dataclass(frozen=True, slots=True)
class RestartDone:
    """The restart job is done; the Edge's health is not known yet.

    `invocation` is systemd's id of the new run, "" under `restart_command`. `read` is the SHA-256
    of the document that has been there since the beginning of that run, "" if it is not known.
    """

    loading: Pinning
    invocation: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class RestartFailed:
    """The job failed or was cancelled; or the command did, or did not end in time."""

    loading: Pinning
    error: str


@dataclass(frozen=True, slots=True)
class RestartUnderWay:
    """systemd has taken the job, and it has not ended yet; the unit tells later what came of it.

    `starting` is for how many seconds the new run has been starting, 0.0 where it has not begun.
    """

    loading: Pinning
    starting: float = 0.0


@dataclass(frozen=True, slots=True)
class RestartDeferred:
    """`ready_command` asked to wait; nothing was done."""

    detail: str


@dataclass(frozen=True, slots=True)
class RestartRefused:
    """The restart was declined (the helper's own budget, a stopped unit); nothing was done."""

    error: str


@dataclass(frozen=True, slots=True)
class OverrideRemoved:
    """The override files are gone."""


@dataclass(frozen=True, slots=True)
class OverrideNotRemoved:
    """They could not be removed; the override has ended nevertheless."""

    error: str


DocumentOutcome = DocumentWritten | WriteFailed
RestartOutcome = RestartDone | RestartUnderWay | RestartFailed | RestartRefused
"""What can become of a restart that was begun or refused; `RestartDeferred` was never asked for."""

Outcome = DocumentOutcome | RestartOutcome | RestartDeferred | OverrideRemoved | OverrideNotRemoved
