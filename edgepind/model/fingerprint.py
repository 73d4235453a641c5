"""Fingerprints and SPKI pins, and the one parser for all places where they are read."""

import base64
import binascii
import re
from dataclasses import dataclass

_OCTETS = 32
_SHA1_OCTETS = 20
_MD5_OCTETS = 16
_SPKI_PREFIX = "sha256//"
_BASE64_PREFIX = "sha256/"
"""OkHttp's spelling, of which curl's is this and another slash."""
_BASE64_LENGTH = 44
_LABEL = re.compile(r"sha-?256(?:\s+fingerprint\s*=|:)\s*", re.IGNORECASE)
_COLONS = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2})*", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"(?:[0-9a-f]{2})+", re.IGNORECASE | re.ASCII)
_OTHER_LABEL = re.compile(r"(sha-?1|md5)(?:\s+fingerprint\s*=|:)", re.IGNORECASE)
_SHOWN = 120


@dataclass(frozen=True, slots=True, order=True)
class Fingerprint:
    """A SHA-256 value: over a leaf's DER (a fingerprint) or its SubjectPublicKeyInfo (an SPKI pin).

    `octets` is exactly 32 bytes long. A `PinKind` beside it says which of
    the two it is: the notation on disk is the same for both (CONTRACT section 1, RFC 7469).
    """

    octets: bytes

    def __post_init__(self) -> None:
        """Raise ValueError where the value is not 32 octets: that is a programming error."""
        if len(self.octets) != _OCTETS:
            message = f"a fingerprint has {_OCTETS} octets, not {len(self.octets)}"
            raise ValueError(message)

    def __str__(self) -> str:
        """Upper-case hex octets joined by colons, as `openssl x509 -fingerprint -sha256` prints."""
        return self.octets.hex(":").upper()

    @property
    def short(self) -> str:
        """The first four octets: enough to tell pins apart in a sentence."""
        return str(self)[:11]

    @property
    def base64(self) -> str:
        """The `sha256//BASE64` notation that curl and RFC 7469 tools use for SPKI pins."""
        return _SPKI_PREFIX + base64.b64encode(self.octets).decode("ascii")


@dataclass(frozen=True, slots=True)
class RefusedFingerprint:
    """Text that was offered as a fingerprint and is not one, with the reason for a person."""

    text: str
    reason: str

    def __str__(self) -> str:
        """One sentence that names the text and the reason."""
        return f"{self.text!r} is refused as a fingerprint: {self.reason}"


def parse_fingerprint(text: object) -> Fingerprint | RefusedFingerprint:
    """Read a fingerprint in any notation that CONTRACT section 1 lists.

    Accepts 32 octets of hex with or without colons, in either case, with or without a leading
    `SHA256 Fingerprint=` or `sha256:`, and `sha256//BASE64`, also as OkHttp spells it with one
    slash. Never raises: whatever else is offered comes back as a `RefusedFingerprint` that says
    why.
    """
    if not isinstance(text, str):
        kind = "null" if text is None else type(text).__name__
        return RefusedFingerprint(repr(text)[:_SHOWN], f"it is {kind}, not text")
    trimmed = text.strip()
    if not trimmed or trimmed.lower() in {"null", "none"}:
        return _refuse(text, "it is empty or the word null")
    if trimmed[: len(_BASE64_PREFIX)].lower() == _BASE64_PREFIX:
        encoded = trimmed[len(_BASE64_PREFIX) :]
        # One value in 64 begins with a slash of its own: then its length tells.
        own = len(encoded) == _BASE64_LENGTH
        return _from_base64(text, encoded if own else encoded.removeprefix("/"))
    if other := _OTHER_LABEL.match(trimmed):
        return _refuse(text, f"it is labelled {other[1].upper()}; only SHA-256 is accepted")
    bare = trimmed[label.end() :] if (label := _LABEL.match(trimmed)) else trimmed
    if not (_COLONS.fullmatch(bare) or _PLAIN.fullmatch(bare)):
        return _refuse(text, "it is not hex octets, plain or joined by colons")
    return _from_octets(text, bytes.fromhex(bare.replace(":", "")))


def refused_algorithm(algorithm: object) -> str | None:
    """Why an `algorithm` beside a fingerprint is refused; None where it is SHA256."""
    if isinstance(algorithm, str) and algorithm.strip().upper().replace("-", "") == "SHA256":
        return None
    return f"the algorithm is {algorithm!r}; only SHA256 is accepted"


def _from_base64(text: str, encoded: str) -> Fingerprint | RefusedFingerprint:
    try:
        octets = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return _refuse(text, "what follows sha256/ is not base64")
    return _from_octets(text, octets)


def _from_octets(text: str, octets: bytes) -> Fingerprint | RefusedFingerprint:
    match len(octets):
        case n if n == _OCTETS:
            return Fingerprint(octets)
        case n if n == _SHA1_OCTETS:
            return _refuse(text, "it has 20 octets, which is SHA-1 whatever its label says")
        case n if n == _MD5_OCTETS:
            return _refuse(text, "it has 16 octets, which is MD5 whatever its label says")
        case n:
            return _refuse(text, f"it has {n} octets; SHA-256 has {_OCTETS}")


def _refuse(text: str, reason: str) -> RefusedFingerprint:
    return RefusedFingerprint(text[:_SHOWN], reason)
