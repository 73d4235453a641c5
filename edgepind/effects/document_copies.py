"""The files beside the pinning document, in its folder and with its owner and mode.

Its last good copy, the one from before its attributes were changed, and the one that ends an
opening. Where the document is a symbolic link, they lie beside its target.
"""

import os
from pathlib import Path

from edgepind.effects.pinning_text import (
    LONGEST,
    EditRefused,
    PinningText,
    digest_of,
    edit_pinning,
    parse_pinning_text,
    pinning_in,
)
from edgepind.host import durable_file
from edgepind.host.bounded_read import SmallFile, Stamp, read_small_file
from edgepind.host.durable_file import NotReplaced, Overtaken, Replaced, remove
from edgepind.host.file_access import Access, access_of
from edgepind.model.document import Pinning


class _Copy:
    """The file `.NAME.SUFFIX` that belongs to the document at `document`."""

    suffix: str

    def __init__(self, document: Path) -> None:
        self._document = document

    @property
    def _target(self) -> Path:
        return Path(os.path.realpath(self._document))

    @property
    def _path(self) -> Path:
        return self._target.with_name(f".{self._target.name}.{self.suffix}")

    @property
    def name(self) -> str:
        """Its name in the document's folder."""
        return self._path.name

    def access(self) -> Access | None:
        """The owner, mode and access list that it has; None where there is none."""
        try:
            return access_of(self._path, self._path.lstat())
        except OSError:
            return None

    def _read(self) -> tuple[bytes, PinningText] | None:
        """None where there is none, or none that can be used."""
        file = read_small_file(self._path, LONGEST)
        text = parse_pinning_text(file.content) if isinstance(file, SmallFile) else None
        if isinstance(file, SmallFile) and isinstance(text, PinningText):
            return file.content, text
        return None

    def _write(self, content: bytes, access: Access) -> str | None:
        """A sentence, where that failed."""
        outcome = durable_file.replace(
            self._path, content, owner=access, attributes_of=self._target.name
        )
        return outcome.error if isinstance(outcome, NotReplaced) else None


class LastGood(_Copy):
    """The last good document: a broken one costs the operator no key of his own."""

    suffix = "last-good"
    _kept: tuple[str, Access] | None = None

    def content(self) -> bytes | None:
        """Give its bytes; None where there is none, or none that is still good."""
        found = self._read()
        return found[0] if found else None

    def keep(self, content: bytes, access: Access) -> None:
        """Copy a good document where it has changed; a failed copy is tried again the next time."""
        kept = digest_of(content), access
        if kept != self._kept and self._write(content, access) is None:
            self._kept = kept


class Before(_Copy):
    """The document as it was before edgepind changed its owner, mode or access list last.

    A second name of that very file, so that the file system keeps what it had.
    """

    suffix = "before"

    def keep(self) -> None:
        """Give the document this name as well; what cannot be kept cannot be put back later."""
        durable_file.give_second_name(self._target, self._path)


class ClosingDocument(_Copy):
    """An open document with `enabled: true`, made before the open one is written.

    Closing is then a rename, which works on a full disk. An opening whose end cannot be prepared
    like this is not begun.
    """

    suffix = "closing"

    def lay(self, opening: PinningText, access: Access) -> str | None:
        """Prepare it, durably, for a document that is to switch validation off.

        A sentence, where that failed. Where `opening` holds no pin there is nothing to close to.
        """
        pinning = pinning_in(opening, enabled=True)
        if pinning is None:
            return None
        content = edit_pinning(opening, pinning)
        if isinstance(content, EditRefused):
            return content.reason
        return self._write(content, access)

    def text(self) -> PinningText | None:
        """What was prepared; None where there is none that can be read."""
        found = self._read()
        return found[1] if found else None

    def pinning(self) -> Pinning | None:
        """What it would switch on; None where there is none."""
        text = self.text()
        return pinning_in(text, enabled=True) if text else None

    def put_in_place(self, expecting: Stamp) -> Replaced | Overtaken | NotReplaced:
        """Let it take the place of the document, if that is still the one that is expected."""
        return durable_file.put_in_place(self._path, self._target, expecting=expecting)

    def drop(self) -> None:
        """Remove it once validation is on. One that cannot be removed is replaced when needed."""
        remove(self._path)
