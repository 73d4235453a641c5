"""What `pinning-config.json` says, and how its keys are changed: bytes in, bytes out, no file.

edgepind owns four keys under `certificatePinning` and leaves every other byte alone, but for
comments and trailing commas, which go when something is edited; the Edge's `tlsSettings` are only
read. What was edited is read again before it is given out.
"""

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from edgepind.effects.json_text import NoObject, ObjectText, object_at, parse_object, put_members
from edgepind.effects.tolerant_text import NoText, decode_text, place, tidied, without_extras
from edgepind.model.document import EdgeTls, Pinning
from edgepind.model.fingerprint import (
    Fingerprint,
    RefusedFingerprint,
    parse_fingerprint,
    refused_algorithm,
)
from edgepind.model.observation import Document, DocumentRead, DocumentRejected

SECTION = "certificatePinning"
TLS = "tlsSettings"
LONGEST = 1024 * 1024
"""The longest document that is read, in bytes."""

_OWNED = frozenset({"enabled", "algorithm", "fingerprint", "fingerprints"})
_SHOWN = 120
_CIPHER_SEPARATORS = re.compile(r"[:,\s]+")


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """The pinning document as found, and the Edge's `tlsSettings` in it (defaults if unread)."""

    document: Document
    tls: EdgeTls = EdgeTls()


@dataclass(frozen=True, slots=True)
class PinningText:
    """A document of the right shape.

    `text` is strict JSON: what stood there, less a byte order mark, comments and trailing commas.
    `marked` tells of the first, `extras` of the others.
    """

    content: bytes
    text: str
    root: ObjectText
    section: ObjectText | None
    marked: bool
    extras: bool

    @property
    def enabled(self) -> bool | None:
        """Whether it switches validation on; None where it does not say so in a boolean."""
        value = self.owned.get("enabled")
        return value if isinstance(value, bool) else None

    @property
    def owned(self) -> dict[str, Any]:
        """All members of `certificatePinning`, not only edgepind's keys."""
        return {member.key: member.value for member in self.section.members} if self.section else {}


def parse_pinning_text(content: bytes) -> PinningText | DocumentRejected:
    """Read a document's bytes. Whatever is not of the right shape comes back rejected, with why.

    A byte order mark is read over: RFC 8259, section 8.1, lets readers do so and forbids it to
    writers, so the next edit leaves it out. So it does with comments and trailing commas.
    """
    if len(content) > LONGEST:
        return DocumentRejected(f"it is longer than {LONGEST} bytes")
    decoded = decode_text(content)
    if isinstance(decoded, NoText):
        return DocumentRejected(decoded.reason)
    try:
        text, root = _object(decoded.text)
        section = _section(text, root)
    except ValueError as error:
        return DocumentRejected(str(error))
    extras = text != decoded.text
    if extras:
        text = tidied(decoded.text, text)
        root = object_at(text, text.index("{"))
        section = _section(text, root)
    return PinningText(content, text, root, section, decoded.marked, extras)


def _object(text: str) -> tuple[str, ObjectText]:
    """The one object of a text, in strict JSON at its own places. Raises ValueError."""
    root = parse_object(text)
    if isinstance(root, NoObject):
        bare = without_extras(text)
        if isinstance(bare, NoText):
            raise ValueError(bare.reason)  # noqa: TRY004 - a fault of the document
        text, root = bare, parse_object(bare)
    if isinstance(root, NoObject):
        raise ValueError(root.reason)  # noqa: TRY004 - a fault of the document
    return text, root


def _section(text: str, root: ObjectText) -> ObjectText | None:
    """What is under `SECTION`. Raises ValueError where that or the `tlsSettings` are ambiguous."""
    _read_once(text, root)
    member = root.member(SECTION)
    if member is None:
        return None
    if not isinstance(member.value, dict):
        where = place(text, member.value_start)
        raise ValueError(f"under {SECTION} there is no object ({where})")  # noqa: TRY004 - a fault of the document
    section = object_at(text, member.value_start)
    _read_once(text, section)
    return section


def _read_once(text: str, where: ObjectText) -> None:
    """Refuse `tlsSettings` in which a key stands twice: what the Edge takes of it is not known."""
    tls = where.member(TLS)
    if tls is not None and isinstance(tls.value, dict):
        object_at(text, tls.value_start)


def owned_values(pinning: Pinning) -> dict[str, Any]:
    """The four owned keys in their order, spelt as edgepind spells them."""
    return {
        "enabled": pinning.enabled,
        "algorithm": "SHA256",
        "fingerprint": str(pinning.current),
        "fingerprints": [str(pin) for pin in pinning.accepted],
    }


def digest_of(content: bytes) -> str:
    """The SHA-256 of a document's bytes in hex."""
    return hashlib.sha256(content).hexdigest()


def read_pinning(
    parsed: PinningText, content: bytes, changed: datetime, *, attributes_right: bool
) -> DocumentRead:
    """Tell what the owned keys say; what of them cannot be read is refused by name, not guessed."""
    values = parsed.owned
    current, accepted, refused = _pins(values)
    found = DocumentRead(
        enabled=parsed.enabled,
        current=current,
        accepted=accepted,
        digest=digest_of(content),
        changed=changed,
        refused=refused,
        attributes_right=attributes_right,
        extras=parsed.extras,
    )
    return replace(found, exact=not parsed.marked and _spelt_exactly(values, found))


def pinning_in(parsed: PinningText, *, enabled: bool) -> Pinning | None:
    """The pins that can be read of a document, as edgepind would spell them; None: there are none.

    `enabled` is what shall be said of validation.
    """
    current, accepted, _ = _pins(parsed.owned)
    if not accepted:
        return None
    first = current or accepted[0]
    return Pinning(enabled, first, tuple(dict.fromkeys((first, *accepted))))


def read_edge_tls(parsed: PinningText) -> EdgeTls:
    """Tell what the Edge would offer: `tlsSettings` of the document, else of its section.

    A value of the wrong type is read as if it were not there.
    """
    top = {member.key: member.value for member in parsed.root.members}
    inner = parsed.owned
    places = (top.get(TLS), inner.get(TLS))
    tls: dict[str, Any] = next((place for place in places if isinstance(place, dict)), {})
    rotations = (inner.get("allowRotation"), top.get("allowRotation"))
    minimum, strict = tls.get("minVersion"), tls.get("strictValidation")
    return EdgeTls(
        min_version=_plain(minimum) if isinstance(minimum, str) else None,
        cipher_suites=_cipher_suites(tls.get("cipherSuites")),
        strict_validation=strict if isinstance(strict, bool) else None,
        allow_rotation=next((value for value in rotations if isinstance(value, bool)), None),
    )


def _pins(
    values: dict[str, Any],
) -> tuple[Fingerprint | None, tuple[Fingerprint, ...], tuple[RefusedFingerprint, ...]]:
    """Read the current pin, all pins once each, and what was refused, in that order."""
    algorithm = values.get("algorithm", "SHA256")
    problem = refused_algorithm(algorithm[:_SHOWN] if isinstance(algorithm, str) else algorithm)
    single = [_pin(values["fingerprint"], problem)] if "fingerprint" in values else []
    listed = values.get("fingerprints", [])
    several = [_pin(value, problem) for value in (listed if isinstance(listed, list) else [listed])]
    once = dict.fromkeys(single + several)
    accepted = tuple(pin for pin in once if isinstance(pin, Fingerprint))
    refused = tuple(pin for pin in once if isinstance(pin, RefusedFingerprint))
    current = next((pin for pin in single if isinstance(pin, Fingerprint)), None)
    return current, accepted, refused


def _pin(value: object, problem: str | None) -> Fingerprint | RefusedFingerprint:
    parsed = parse_fingerprint(_plain(value) if isinstance(value, str) else value)
    if problem and isinstance(parsed, Fingerprint):
        return RefusedFingerprint(str(value)[:_SHOWN], problem)
    return parsed


def _spelt_exactly(values: dict[str, Any], found: DocumentRead) -> bool:
    if found.enabled is None or found.current is None or found.refused:
        return False
    wanted = owned_values(Pinning(found.enabled, found.current, found.accepted))
    return all(values.get(key) == value for key, value in wanted.items())


def _cipher_suites(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = _CIPHER_SEPARATORS.split(value)
    if not isinstance(value, list):
        return ()
    names = (_plain(name).strip() for name in value if isinstance(name, str))
    return tuple(name for name in names if name)


def _plain(text: str) -> str:
    """Text that can be printed anywhere: half a surrogate pair becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


# --- editing ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EditRefused:
    """The edited text does not read back as it should, so it must not be written."""

    reason: str


def edit_pinning(document: PinningText, pinning: Pinning) -> bytes | EditRefused:
    """Give the document's bytes with the four owned keys saying `pinning`; the same if they do."""
    return _edit(document, owned_values(pinning))


def edit_enabled(document: PinningText, *, enabled: bool) -> bytes | EditRefused:
    """Give the document's bytes with `enabled` alone changed, whatever else stands in it."""
    return _edit(document, {"enabled": enabled})


def differs_beyond_pins(one: PinningText, other: PinningText) -> bool:
    """Whether two documents say anything else in what edgepind does not own."""
    return _kept(one, _OWNED) != _kept(other, _OWNED)


def _edit(document: PinningText, wanted: dict[str, Any]) -> bytes | EditRefused:
    text = put_members(document.text, document.root, SECTION, document.section, wanted)
    if text == document.text and not document.marked:
        return document.content  # nothing to say, so no comment need go
    content = text.encode("utf-8")
    problem = _problem(document, content, wanted)
    return EditRefused(problem) if problem else content


def _problem(old: PinningText, content: bytes, wanted: dict[str, Any]) -> str | None:
    """Why the edited bytes are not what was asked for; None where they are."""
    new = parse_pinning_text(content)
    if isinstance(new, DocumentRejected):
        return new.reason
    if any(new.owned.get(key) != value for key, value in wanted.items()):
        return "the owned keys do not say what they should"
    if _kept(new, wanted) != _kept(old, wanted):
        return "a key that edgepind does not own has changed"
    return None


def _kept(document: PinningText, wanted: Container[str]) -> tuple[list[str], list[str]]:
    """Every other member of both levels as it is spelt, in order."""
    text = document.text
    outer = [m for m in document.root.members if m.key != SECTION]
    inner = document.section.members if document.section else ()
    others = [m for m in inner if m.key not in wanted]
    spelt_outer, spelt_inner = (
        [text[m.key_start : m.value_end] for m in members] for members in (outer, others)
    )
    return spelt_outer, spelt_inner
