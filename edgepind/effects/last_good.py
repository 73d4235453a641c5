"""The copy of the last good pinning document, beside it: what keeps the operator's keys.

Named `.NAME.last-good`, with the document's owner and mode.
"""

import os
from pathlib import Path

from edgepind.effects.pinning_text import LONGEST, digest_of, parse_pinning_text
from edgepind.host import durable_file
from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced
from edgepind.host.fs import UnknownOwner, find_owner
from edgepind.model.observation import DocumentRejected


class LastGood:
    """The copy that belongs to the document at `document`; beside the target of a link."""

    def __init__(self, document: Path, owner: str, mode: int) -> None:
        self._document = document
        self._owner = owner
        self._mode = mode
        self._digest = ""

    @property
    def _path(self) -> Path:
        target = Path(os.path.realpath(self._document))
        return target.with_name(f".{target.name}.last-good")

    def content(self) -> bytes | None:
        """Give its bytes; None where there is none, or none that is still good."""
        file = read_small_file(self._path, LONGEST)
        if not isinstance(file, SmallFile):
            return None
        rejected = isinstance(parse_pinning_text(file.content), DocumentRejected)
        return None if rejected else file.content

    def keep(self, content: bytes) -> str | None:
        """Copy a good document where it has changed. A sentence, where that failed."""
        digest = digest_of(content)
        if digest == self._digest:
            return None
        owner = find_owner(self._owner)
        if isinstance(owner, UnknownOwner):
            return owner.error
        outcome = durable_file.replace(self._path, content, owner=owner, mode=self._mode)
        if isinstance(outcome, NotReplaced):
            return outcome.error
        self._digest = digest
        return None
