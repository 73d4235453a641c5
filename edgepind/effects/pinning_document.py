"""Keeps `pinning-config.json`: reads it, puts the owned keys into it, restores it when broken.

The path holds one complete document at every instant; what lies beside it, see `document_copies`.
Decides nothing about pins, and needs neither network nor cryptography: a helper with root's rights
can run just this. Synchronous, to be called off the event loop.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edgepind.effects.attributes import AUTO, DueAccess, EdgeAccount, no_account
from edgepind.effects.document_copies import Before, ClosingDocument, LastGood
from edgepind.effects.pinning_text import (
    LONGEST,
    DocumentReading,
    EditRefused,
    PinningText,
    differs_beyond_pins,
    digest_of,
    edit_enabled,
    edit_pinning,
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
from edgepind.host.file_access import Access, access_of
from edgepind.host.fs import UnknownOwner, sweep
from edgepind.host.quarantine import link_aside
from edgepind.model.action import DocumentOutcome, DocumentWritten, WriteFailed
from edgepind.model.document import Pinning
from edgepind.model.observation import (
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
)

_ATTEMPTS = 5
_SPECIAL = 0o7000
"""The mode bits that no document is due (inode(7))."""
_EMPTY = b"{}\n"
_TOO_LONG = f"it is longer than {LONGEST} bytes"
_ROOM = 4096
"""Bytes by which a document may grow at the next write."""

_Edit = Callable[[PinningText], bytes | EditRefused]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands at the path: `text` None where that is nothing or, because of `why`, broken."""

    stamp: Stamp
    content: bytes = b""
    text: PinningText | None = None
    why: str = ""
    access: Access | None = None

    @property
    def broken(self) -> bool:
        return self.text is None and self.stamp != ABSENT


class DocumentKeeper:
    """The document at `path`, with `owner` ("user:group") and `mode` (as 0o600), or as found.

    `account` tells as whom the Edge runs, where they are "auto" and None. `now` gives the wall
    time for the names of what is set aside. With `looks_only`, reading leaves no copy of a good
    document behind, so that looking changes nothing on disk.
    """

    def __init__(
        self,
        path: Path,
        owner: str,
        mode: int | None,
        *,
        account: Callable[[], EdgeAccount] = no_account,
        looks_only: bool = False,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._path = path
        self._due = DueAccess(owner, mode, account)
        self._earlier = DueAccess(AUTO, None, account)
        self._before = Before(path)
        self._looks_only = looks_only
        self._now = now
        self._last_good = LastGood(path)
        self._closing = ClosingDocument(path)
        self._known: tuple[bytes, DocumentReading] | None = None
        if not looks_only:
            sweep(self._target)

    @property
    def _target(self) -> Path:
        """The file itself, also behind a symbolic link; its companions lie beside it."""
        return Path(os.path.realpath(self._path))

    def read(self) -> DocumentReading:
        """Read the document, its owner and its mode; parse it only where its bytes have changed."""
        match read_small_file(self._path, LONGEST, follow=True):
            case NoFile():
                return DocumentReading(DocumentMissing())
            case TooLarge():
                return self._rejected(_TOO_LONG)
            case Unreadable(error):
                return DocumentReading(DocumentUnreadable(error))
            case SmallFile() as file:
                return self._reading(file)

    def rehearse(self) -> str | None:
        """Try on scratch files whether the document can be replaced; a sentence where it cannot.

        They are as long as the document with some more pins, and are removed again.
        """
        found = self._find()
        if isinstance(found, DocumentUnreadable):
            return found.error
        due = self._due.of(found.access)
        if isinstance(due, UnknownOwner):
            return due.error
        return durable_file.rehearse(self._path, found.content + bytes(_ROOM), due)

    def restore(self, pinning: Pinning | None) -> DocumentOutcome:
        """Put the owned keys into the document as it stands now; all else survives.

        One that is broken is set aside first, and the last good one put back with these keys; where
        there is none, the broken one is all that there is, and is left. One that is absent is
        made. With `pinning` None the keys are left as they are, and no new document is made.
        """
        edit = None if pinning is None else partial(edit_pinning, pinning=pinning)
        return self._persist(edit, pinning)

    def put_back(self, pinning: Pinning) -> DocumentOutcome:
        """As `restore`, with owner, mode and access list from before they were changed here.

        What strangers must not have is not put back, whoever asks.
        """
        before = self._before.access()
        due = None if before is None else self._earlier.of(before)
        given = None if isinstance(due, UnknownOwner) else due
        return self._persist(partial(edit_pinning, pinning=pinning), pinning, given)

    def set_enabled(self, *, enabled: bool) -> DocumentOutcome:
        """Change `enabled` alone, with or without pins in the document: the emergency procedure.

        A document that is broken or absent is restored first, as above.
        """
        return self._persist(partial(edit_enabled, enabled=enabled), None)

    def close(self) -> DocumentOutcome:
        """Switch validation on, for the pins that the document holds: the end of an opening.

        Where it is broken, absent or without a pin, for those of the document that was prepared
        beside it; where there are none either, nothing is done.
        """
        found = self._find()
        if isinstance(found, DocumentUnreadable):
            return WriteFailed(found.error)
        pinning = pinning_in(found.text, enabled=True) if found.text else None
        return self.restore(pinning or self._closing.pinning())

    def _persist(
        self, edit: _Edit | None, pinning: Pinning | None, given: Access | None = None
    ) -> DocumentOutcome:
        for _ in range(_ATTEMPTS):
            outcome = self._settle(edit, pinning, given)
            if not isinstance(outcome, Overtaken):
                return outcome
        return WriteFailed(
            f"{self._path} was replaced by something else {_ATTEMPTS} times while it was being"
            " edited; find what writes it and stop that"
        )

    def _settle(
        self, edit: _Edit | None, pinning: Pinning | None, given: Access | None
    ) -> DocumentOutcome | Overtaken:
        found = self._find()
        if isinstance(found, DocumentUnreadable):
            return WriteFailed(found.error)
        copy = None if found.text else self._good_copy()
        if found.broken and copy is None and edit is not None:
            return WriteFailed(
                f"{self._path} is left as it is, because it cannot be read ({found.why}) and there "
                "is no good copy of it; correct it, or move it away"
            )
        match _next_content(found, copy, edit):
            case None:
                digest = digest_of(found.content) if found.text else ""
                return DocumentWritten(None, digest, changed=False)
            case EditRefused(reason):
                return WriteFailed(
                    f"{self._path} was not written, because the edited document would be wrong: "
                    f"{reason}; report this with the document"
                )
            case content:
                return self._put(found, content, pinning, given)

    def _find(self) -> _Found | DocumentUnreadable:
        match read_small_file(self._path, LONGEST, follow=True):
            case NoFile():
                return _Found(ABSENT)
            case TooLarge(stamp=stamp):
                return _Found(stamp, why=_TOO_LONG, access=self._access())
            case Unreadable(error):
                return DocumentUnreadable(error)
            case SmallFile(content, status):
                text = parse_pinning_text(content)
                access = access_of(self._target, status)
                if isinstance(text, DocumentRejected):
                    return _Found(Stamp.of(status), content, why=text.reason, access=access)
                return _Found(Stamp.of(status), content, text, access=access)

    def _good_copy(self) -> bytes | None:
        """A good document of before, whole: the last one, or the one that ends an opening."""
        closing = self._closing.text()
        return self._last_good.content() or (closing.content if closing else None)

    def _rejected(self, reason: str) -> DocumentReading:
        return DocumentReading(DocumentRejected(reason, self._good_copy() is not None))

    def _access(self) -> Access | None:
        try:
            return access_of(self._target, self._target.stat())
        except OSError:
            return None

    def _reading(self, file: SmallFile) -> DocumentReading:
        if not self._known or self._known[0] != file.content:
            self._known = (file.content, _read(file))
        reading = self._known[1]
        if isinstance(reading.document, DocumentRejected):
            return self._rejected(reading.document.reason)
        if not isinstance(reading.document, DocumentRead):
            return reading
        access = access_of(self._target, file.status)
        due = self._due.of(access)
        if not self._looks_only:
            kept = access if isinstance(due, UnknownOwner) else due
            self._last_good.keep(file.content, kept)
        right = due == access and not file.status.st_mode & _SPECIAL
        document = replace(reading.document, changed=file.changed, attributes_right=right)
        return DocumentReading(document, reading.tls)

    def _put(
        self, found: _Found, content: bytes, pinning: Pinning | None, given: Access | None
    ) -> DocumentOutcome | Overtaken:
        had = found.access or self._last_good.access()
        due = given or self._due.of(had)
        if isinstance(due, UnknownOwner):
            return WriteFailed(due.error)
        if problem := self._unready(content, due):
            return WriteFailed(problem)
        aside = link_aside(self._target, "rejected", self._now()) if found.broken else None
        if isinstance(aside, NotReplaced):
            return WriteFailed(aside.error)
        if given is None and _changed(found.access, due):
            self._before.keep()
        outcome = durable_file.replace(
            self._path,
            content,
            owner=due,
            follow=True,
            attributes_of=None if found.access else self._last_good.name,
            expecting=found.stamp,
        )
        if isinstance(outcome, Overtaken):
            return outcome
        if isinstance(outcome, NotReplaced):
            return self._close_instead(found, pinning, outcome.error)
        text = parse_pinning_text(content)
        if isinstance(text, PinningText) and text.enabled:
            self._closing.drop()
        self._last_good.keep(content, due)
        return DocumentWritten(
            pinning,
            digest_of(content),
            changed=content != found.content,
            set_aside=str(aside) if aside else None,
            durable=isinstance(outcome, Unchanged) or outcome.durable,
            attributes=_changed(found.access, due),
        )

    def _unready(self, content: bytes, due: Access) -> str | None:
        """Why a document must not be written, a sentence: it opens, and cannot be closed again.

        None where it does not open, or where the closing document is prepared.
        """
        text = parse_pinning_text(content)
        if isinstance(text, DocumentRejected) or text.enabled is not False:
            return None
        problem = self._closing.lay(text, due)
        return problem and (
            f"{self._path} is unchanged, because the document that switches validation on again "
            f"could not be prepared beside it: {problem}"
        )

    def _close_instead(
        self, found: _Found, wanted: Pinning | None, error: str
    ) -> DocumentOutcome | Overtaken:
        """Put the closing document in place of an open one where the wanted one cannot be written.

        Only where it accepts nothing that is not wanted, and the same current pin: then it lacks
        no more than a pin, and an Edge that stays open for want of disk space has none at all.
        """
        ready = self._closing.text()
        if found.text is None or found.text.enabled is not False or ready is None:
            return WriteFailed(error)
        pinning = pinning_in(ready, enabled=True)
        if wanted is None or not wanted.enabled or pinning is None:
            return WriteFailed(error)
        if not pinning.lacks_only_pins_of(wanted):
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
        if access := self._access():
            self._last_good.keep(content, access)
        return DocumentWritten(
            pinning,
            digest_of(content),
            set_aside=str(aside) if isinstance(aside, Path) else None,
            durable=outcome.durable,
            instead=error,
        )


def _next_content(
    found: _Found, copy: bytes | None, edit: _Edit | None
) -> bytes | EditRefused | None:
    """What the path shall hold; None: what it holds already, whatever that is."""
    if found.text:
        return edit(found.text) if edit else None
    if edit is None:
        return copy
    text = parse_pinning_text(copy or _EMPTY)
    return EditRefused(text.reason) if isinstance(text, DocumentRejected) else edit(text)


def _changed(had: Access | None, has: Access) -> str | None:
    """What became of owner, mode and access list; None where there were none, or the same."""
    return None if had is None or had == has else f"{has}, was {had}"


def _read(file: SmallFile) -> DocumentReading:
    text = parse_pinning_text(file.content)
    if isinstance(text, DocumentRejected):
        return DocumentReading(text)
    document = read_pinning(text, file.content, file.changed, attributes_right=False)
    return DocumentReading(document, read_edge_tls(text))
