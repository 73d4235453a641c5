"""What the core asks to be done. The executor in `effects` does it, in order."""

from dataclasses import dataclass

from edgepind.model.document import Pinning


@dataclass(frozen=True, slots=True)
class WriteDocument:
    """Put the owned keys into the pinning document, keeping every other key."""

    pinning: Pinning


@dataclass(frozen=True, slots=True)
class RestoreDocument:
    """Set a rejected document aside and put back the last good one, with these owned keys.

    Also makes the document where there is none. `pinning` None: before the first pin; then a
    last good document is put back as it was, and where there is none nothing is done.
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
