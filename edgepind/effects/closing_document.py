"""The document that ends an opening, laid ready beside the one that begins it.

Named `.NAME.closing`: the open document with `enabled: true`, with the same owner, mode and
attributes. So that closing is a rename, which works on a disk without a byte left; what could not
be closed then must not be opened.
"""

import os
from pathlib import Path

from edgepind.effects.pinning_edit import EditRefused, edit_pinning
from edgepind.effects.pinning_text import (
    LONGEST,
    PinningText,
    parse_pinning_text,
    pinning_in,
)
from edgepind.host import durable_file
from edgepind.host.bounded_read import SmallFile, Stamp, read_small_file
from edgepind.host.durable_file import NotReplaced, Overtaken, Replaced, remove
from edgepind.host.fs import UnknownOwner, find_owner
from edgepind.model.document import Pinning


class ClosingDocument:
    """The one that belongs to the document at `document`; beside the target of a link."""

    def __init__(self, document: Path, owner: str, mode: int) -> None:
        self._document = document
        self._owner = owner
        self._mode = mode

    @property
    def _target(self) -> Path:
        return Path(os.path.realpath(self._document))

    @property
    def _path(self) -> Path:
        return self._target.with_name(f".{self._target.name}.closing")

    def lay(self, opening: PinningText) -> str | None:
        """Lay it ready, durably, for a document that is to switch validation off.

        A sentence, where that failed. Where `opening` holds no pin there is nothing to close to.
        """
        pinning = pinning_in(opening, enabled=True)
        if pinning is None:
            return None
        owner = find_owner(self._owner)
        if isinstance(owner, UnknownOwner):
            return owner.error
        content = edit_pinning(opening, pinning)
        if isinstance(content, EditRefused):
            return content.reason
        outcome = durable_file.replace(
            self._path, content, owner=owner, mode=self._mode, attributes_of=self._target.name
        )
        return outcome.error if isinstance(outcome, NotReplaced) else None

    def text(self) -> PinningText | None:
        """What is laid ready; None where that is nothing, or nothing that can be read."""
        file = read_small_file(self._path, LONGEST)
        text = parse_pinning_text(file.content) if isinstance(file, SmallFile) else None
        return text if isinstance(text, PinningText) else None

    def pinning(self) -> Pinning | None:
        """What it would switch on; None where there is none."""
        text = self.text()
        return pinning_in(text, enabled=True) if text else None

    def put_in_place(self, expecting: Stamp) -> Replaced | Overtaken | NotReplaced:
        """Let it take the place of the document, if that is still the one that is expected."""
        return durable_file.put_in_place(self._path, self._target, expecting=expecting)

    def drop(self) -> None:
        """Remove it, for the document closes by itself. One that stays is replaced when it counts.

        What was laid out before would fit no more.
        """
        remove(self._path)
