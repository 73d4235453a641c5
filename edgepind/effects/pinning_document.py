"""Keeps `pinning-config.json`: reads it, puts the owned keys into it, restores it when broken.

The path holds one complete document at every instant. A copy of the last good one lies beside
it, so that a broken document costs the operator no key; beside one that lets the Edge go, the one
that closes it again. Decides nothing about pins, and needs
neither network nor cryptography: a helper with root's rights can run just this. Synchronous, to
be called off the event loop.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edgepind.effects.appliance import DocumentReading
from edgepind.effects.closing_document import ClosingDocument
from edgepind.effects.last_good import LastGood
from edgepind.effects.pinning_edit import (
    EditRefused,
    differs_beyond_pins,
    edit_enabled,
    edit_pinning,
)
from edgepind.effects.pinning_text import (
    LONGEST,
    PinningText,
    digest_of,
    parse_pinning_text,
    pinning_in,
    read_edge_tls,
    read_pinning,
)
from edgepind.host import durable_file
from edgepind.host.bounded_read import (
    ABSENT,
    NoFile,
    SmallFile,
    Stamp,
    TooLarge,
    Unreadable,
    read_small_file,
)
from edgepind.host.durable_file import NotReplaced, Overtaken, Unchanged
from edgepind.host.file_owner import Owner, UnknownOwner, find_owner
from edgepind.host.quarantine import link_aside
from edgepind.host.temporaries import sweep
from edgepind.model.action import DocumentWritten, WriteFailed
from edgepind.model.document import Pinning
from edgepind.model.observation import (
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
)

_ATTEMPTS = 5
_PERMISSIONS = 0o7777
_EMPTY = b"{}\n"

_Edit = Callable[[PinningText], bytes | EditRefused]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands at the path: `text` None where that is nothing, or broken."""

    stamp: Stamp
    content: bytes = b""
    text: PinningText | None = None

    @property
    def broken(self) -> bool:
        return self.text is None and self.stamp != ABSENT


class DocumentKeeper:
    """The document at `path`, owned by `owner` ("user:group") with `mode` (as 0o600).

    `now` gives the wall time for the names of what is set aside. With `looks_only`, reading
    leaves no copy of a good document behind, so that looking changes nothing on disk.
    """

    def __init__(
        self,
        path: Path,
        owner: str,
        mode: int,
        *,
        looks_only: bool = False,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._path = path
        self._owner = owner
        self._mode = mode
        self._looks_only = looks_only
        self._now = now
        self._last_good = LastGood(path, owner, mode)
        self._closing = ClosingDocument(path, owner, mode)
        self._known: tuple[bytes, DocumentReading] | None = None
        self.copy_problem: str | None = None
        """Why the last good document could not be copied, a sentence; None where it could."""
        if not looks_only:
            sweep(self._target)

    @property
    def _target(self) -> Path:
        """Where the document really is; what lies beside it lies there."""
        return Path(os.path.realpath(self._path))

    def read(self) -> DocumentReading:
        """Read the document, its owner and its mode; parse it only where its bytes have changed."""
        match read_small_file(self._path, LONGEST, follow=True):
            case NoFile():
                return DocumentReading(DocumentMissing())
            case Unreadable(error):
                return DocumentReading(DocumentUnreadable(error))
            case TooLarge():
                return DocumentReading(DocumentRejected(f"it is longer than {LONGEST} bytes"))
            case SmallFile() as file:
                return self._reading(file)

    def apply(self, pinning: Pinning) -> DocumentWritten | WriteFailed:
        """Put the owned keys into the document as it stands now; all else survives.

        One that turns out broken or absent is restored on the way.
        """
        return self.restore(pinning)

    def restore(self, pinning: Pinning | None) -> DocumentWritten | WriteFailed:
        """Set a rejected document aside and put the last good one back, with these owned keys.

        Where there is no last good one, a new document holds just these keys; where `pinning` is
        None, nothing is done then. A document that is well meanwhile is left, but for the keys.
        """
        edit = None if pinning is None else partial(edit_pinning, pinning=pinning)
        return self._persist(edit, pinning)

    def set_enabled(self, *, enabled: bool) -> DocumentWritten | WriteFailed:
        """Change `enabled` alone, with or without pins in the document: the emergency procedure.

        A document that is broken or absent is restored first; where there is no last good one,
        the new one holds nothing else.
        """
        return self._persist(partial(edit_enabled, enabled=enabled), None)

    def close(self) -> DocumentWritten | WriteFailed:
        """Switch validation on, for the pins that the document holds: the end of an opening.

        Where it is broken, absent or without a pin, for those of the document that was laid ready
        beside it; where there are none either, nothing is done.
        """
        found = self._find()
        if isinstance(found, DocumentUnreadable):
            return WriteFailed(found.error)
        pinning = pinning_in(found.text, enabled=True) if found.text else None
        return self.restore(pinning or self._closing.pinning())

    def _persist(
        self, edit: _Edit | None, pinning: Pinning | None
    ) -> DocumentWritten | WriteFailed:
        for _ in range(_ATTEMPTS):
            outcome = self._settle(edit, pinning)
            if not isinstance(outcome, Overtaken):
                return outcome
        return WriteFailed(
            f"{self._path} was replaced by something else {_ATTEMPTS} times while it was being"
            " edited; find what writes it and stop that"
        )

    def _settle(
        self, edit: _Edit | None, pinning: Pinning | None
    ) -> DocumentWritten | WriteFailed | Overtaken:
        found = self._find()
        if isinstance(found, DocumentUnreadable):
            return WriteFailed(found.error)
        match self._next_content(found, edit):
            case None:
                digest = digest_of(found.content) if found.text else ""
                return DocumentWritten(None, digest, changed=False)
            case EditRefused(reason):
                return WriteFailed(
                    f"the edit of {self._path} was given up before anything was written, because"
                    f" the result would be wrong: {reason}; report this with the document"
                )
            case content:
                return self._put(found, content, pinning)

    def _find(self) -> _Found | DocumentUnreadable:
        match read_small_file(self._path, LONGEST, follow=True):
            case NoFile():
                return _Found(ABSENT)
            case Unreadable(error):
                return DocumentUnreadable(error)
            case TooLarge(stamp=stamp):
                return _Found(stamp)
            case SmallFile(content, status):
                text = parse_pinning_text(content)
                good = text if isinstance(text, PinningText) else None
                return _Found(Stamp.of(status), content, good)

    def _reading(self, file: SmallFile) -> DocumentReading:
        if not self._known or self._known[0] != file.content:
            self._known = (file.content, _read(file))
        reading = self._known[1]
        if not isinstance(reading.document, DocumentRead):
            return reading
        if not self._looks_only:
            self.copy_problem = self._last_good.keep(file.content)
        owner = find_owner(self._owner)
        owned = isinstance(owner, Owner) and owner.owns(file.status)
        right = owned and file.status.st_mode & _PERMISSIONS == self._mode
        document = replace(reading.document, changed=file.changed, attributes_right=right)
        return DocumentReading(document, reading.tls)

    def _next_content(self, found: _Found, edit: _Edit | None) -> bytes | EditRefused | None:
        """What the path shall hold; None: what it holds already, whatever that is."""
        if found.text:
            return edit(found.text) if edit else None
        last_good = self._last_good.content()
        if edit is None:
            return last_good
        text = parse_pinning_text(last_good or _EMPTY)
        if isinstance(text, DocumentRejected):
            return EditRefused(text.reason)
        return edit(text)

    def _put(
        self, found: _Found, content: bytes, pinning: Pinning | None
    ) -> DocumentWritten | WriteFailed | Overtaken:
        owner = find_owner(self._owner)
        if isinstance(owner, UnknownOwner):
            return WriteFailed(owner.error)
        if problem := self._unready(content):
            return WriteFailed(problem)
        aside = link_aside(self._target, "rejected", self._now()) if found.broken else None
        if isinstance(aside, NotReplaced):
            return WriteFailed(aside.error)
        outcome = durable_file.replace(
            self._path,
            content,
            owner=owner,
            mode=self._mode,
            follow=True,
            expecting=found.stamp,
        )
        if isinstance(outcome, Overtaken):
            return outcome
        if isinstance(outcome, NotReplaced):
            return self._close_instead(found, pinning, outcome.error)
        if _is_on(content):
            self._closing.drop()
        self.copy_problem = self._last_good.keep(content)
        return DocumentWritten(
            pinning,
            digest_of(content),
            changed=content != found.content,
            set_aside=str(aside) if aside else None,
            durable=isinstance(outcome, Unchanged) or outcome.durable,
        )

    def _unready(self, content: bytes) -> str | None:
        """Why a document must not be written, a sentence: it opens, and what ends that is missing.

        None where it does not open, or where the one that closes lies ready.
        """
        text = parse_pinning_text(content)
        if isinstance(text, DocumentRejected) or text.owned.get("enabled") is not False:
            return None
        problem = self._closing.lay(text)
        return problem and (
            f"{self._path} stays as it is, for validation is switched off only where the document "
            f"that switches it on again lies ready beside it: {problem}"
        )

    def _close_instead(
        self, found: _Found, wanted: Pinning | None, error: str
    ) -> DocumentWritten | WriteFailed | Overtaken:
        """Put the closing document in place of an open one where the wanted one cannot be written.

        Only where it accepts nothing that is not wanted, and the same current pin: then it lacks
        no more than a pin, and an Edge that stays open for want of room has none at all.
        """
        ready = self._closing.text()
        if found.text is None or ready is None or wanted is None or not wanted.enabled:
            return WriteFailed(error)
        pinning = pinning_in(ready, enabled=True)
        is_open = found.text.owned.get("enabled") is False
        if not is_open or pinning is None or not pinning.lacks_only_pins_of(wanted):
            return WriteFailed(error)
        # What somebody edited since is kept, where the disk has room for another name.
        edited = differs_beyond_pins(ready, found.text)
        aside = link_aside(self._target, "replaced", self._now()) if edited else None
        outcome = self._closing.put_in_place(found.stamp)
        if isinstance(outcome, Overtaken):
            return outcome
        if isinstance(outcome, NotReplaced):
            return WriteFailed(error)
        content = ready.text.encode()
        self.copy_problem = self._last_good.keep(content)
        return DocumentWritten(
            pinning,
            digest_of(content),
            set_aside=str(aside) if isinstance(aside, Path) else None,
            durable=outcome.durable,
            instead=error,
        )


def _is_on(content: bytes) -> bool:
    text = parse_pinning_text(content)
    return isinstance(text, PinningText) and text.owned.get("enabled") is True


def _read(file: SmallFile) -> DocumentReading:
    text = parse_pinning_text(file.content)
    if isinstance(text, DocumentRejected):
        return DocumentReading(text)
    document = read_pinning(text, file.content, file.changed, attributes_right=False)
    return DocumentReading(document, read_edge_tls(text))
