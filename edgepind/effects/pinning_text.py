"""What `pinning-config.json` says: the four keys that edgepind owns, and the Edge's `tlsSettings`.

Reads bytes that it is given. How the keys are changed is `pinning_edit`'s business, where they
lie on disk `pinning_document`'s.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from edgepind.effects.json_text import NoObject, ObjectText, object_at, parse_object
from edgepind.model.document import EdgeTls, Pinning
from edgepind.model.fingerprint import (
    Fingerprint,
    RefusedFingerprint,
    parse_fingerprint,
    refused_algorithm,
)
from edgepind.model.observation import DocumentRead, DocumentRejected

SECTION = "certificatePinning"
LONGEST = 1024 * 1024
"""The longest document that is read, in bytes."""

_SHOWN = 120
_CIPHER_SEPARATORS = re.compile(r"[:,\s]+")


@dataclass(frozen=True, slots=True)
class PinningText:
    """A document of the right shape. `marked`: a byte order mark stood before `text`."""

    text: str
    root: ObjectText
    section: ObjectText | None
    marked: bool

    @property
    def owned(self) -> dict[str, Any]:
        """What stands under `certificatePinning`, whoever owns it."""
        return {member.key: member.value for member in self.section.members} if self.section else {}


def parse_pinning_text(content: bytes) -> PinningText | DocumentRejected:
    """Read a document's bytes. Whatever is not of the right shape comes back rejected, with why.

    A byte order mark is read over: RFC 8259, section 8.1, lets readers do so and forbids it to
    writers, so the next edit leaves it out.
    """
    if len(content) > LONGEST:
        return DocumentRejected(f"it is longer than {LONGEST} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return DocumentRejected(f"it is not UTF-8 (at byte {error.start})")
    marked = text.startswith("\ufeff")
    text = text.removeprefix("\ufeff")
    root = parse_object(text)
    if isinstance(root, NoObject):
        return DocumentRejected(root.reason)
    try:
        return PinningText(text, root, _section(text, root), marked)
    except ValueError as error:
        return DocumentRejected(f"under {SECTION}, {error}")


def _section(text: str, root: ObjectText) -> ObjectText | None:
    member = root.member(SECTION)
    if member is None:
        return None
    if not isinstance(member.value, dict):
        raise ValueError("there is no object")  # noqa: TRY004 - a fault of the document, not ours
    return object_at(text, member.value_start)


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
    enabled = values.get("enabled")
    current, accepted, refused = _pins(values)
    found = DocumentRead(
        enabled=enabled if isinstance(enabled, bool) else None,
        current=current,
        accepted=accepted,
        digest=digest_of(content),
        changed=changed,
        refused=refused,
        attributes_right=attributes_right,
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
    places = (top.get("tlsSettings"), inner.get("tlsSettings"))
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
