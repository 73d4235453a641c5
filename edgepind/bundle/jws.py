"""The envelope of a bundle: a JWS in flattened JSON serialisation (RFC 7515, section 7.2.2).

Exactly one header is read, `{"alg": "EdDSA", "typ": "edgepind-bundle"}` (RFC 8037): what chooses
between algorithms can be talked into the wrong one. Base64url is read in its one canonical
spelling (RFC 4648, section 3.5), so that a bundle has one text. The signature itself is made and
checked by `cryptography` (Ed25519, RFC 8032). Nothing of the payload is looked at before.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edgepind.formats import RefusedJson, parse_json

LONGEST = 64 * 1024
"""Octets of a bundle, its envelope included."""

_HEADER: Final = {"alg": "EdDSA", "typ": "edgepind-bundle"}
_MEMBERS = ("payload", "protected", "signature")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A well-formed JWS, whose signature was not checked: the payload is whatever it says."""

    payload: bytes
    signature: bytes
    signed: bytes
    """What the signature is over (RFC 7515, section 5.1)."""


@dataclass(frozen=True, slots=True)
class NotABundle:
    """What was read is no bundle that may be believed; `reason` and `remedy` are clauses."""

    reason: str
    remedy: str = "take the file as `edgepind bundle make` wrote it"


def open_envelope(content: bytes) -> Envelope | NotABundle:
    """Read the JWS. Never raises, whatever it is."""
    if len(content) > LONGEST:
        return NotABundle(f"it is longer than {LONGEST // 1024} KiB")
    parsed = parse_json(content)
    if isinstance(parsed, RefusedJson):
        return NotABundle(parsed.reason)
    members = parsed.value
    if not isinstance(members, dict) or sorted(members) != sorted(_MEMBERS):
        return NotABundle(f"it is not a JWS of just {', '.join(_MEMBERS)}")
    decoded: list[bytes] = []
    for name in _MEMBERS:
        octets = _decode(members[name])
        if octets is None:
            return NotABundle(f"its {name} is not canonical base64url")
        decoded.append(octets)
    payload, protected, signature = decoded
    header = parse_json(protected)
    if isinstance(header, RefusedJson) or header.value != _HEADER:
        return NotABundle(f"its protected header is not exactly {json.dumps(_HEADER)}")
    return Envelope(payload, signature, _signed(members["protected"], members["payload"]))


def is_signed(envelope: Envelope, keys: Sequence[Ed25519PublicKey]) -> bool:
    """Whether one of the keys made the signature."""
    return any(_made(key, envelope) for key in keys)


def signed_bundle(payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """Give the text of the bundle that `key` signs."""
    protected = _encode(json.dumps(_HEADER, separators=(",", ":")).encode())
    body = _encode(payload)
    signature = _encode(key.sign(_signed(protected, body)))
    members = {"payload": body, "protected": protected, "signature": signature}
    return f"{json.dumps(members, indent=2)}\n".encode()


def _made(key: Ed25519PublicKey, envelope: Envelope) -> bool:
    try:
        key.verify(envelope.signature, envelope.signed)
    except InvalidSignature:
        return False
    return True


def _signed(protected: str, payload: str) -> bytes:
    return f"{protected}.{payload}".encode("ascii")


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _decode(text: Any) -> bytes | None:
    """None where it is not the one spelling that `_encode` gives."""
    if not isinstance(text, str):
        return None
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return octets if _encode(octets) == text else None
