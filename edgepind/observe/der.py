"""Just enough DER to cut the public key out of a certificate, byte for byte.

A library that parses a key and writes it out again may lose what it does not model (the
RSASSA-PSS identifier, explicit curve parameters), and the hash of what it writes is then not
the SPKI pin of RFC 7469. Nothing here judges, and nothing here trusts a length.
"""

from dataclasses import dataclass

_LONG_FORM = 0x80
_MULTI_OCTET_TAG = 0x1F
_MOST_LENGTH_OCTETS = 4
_VERSION_TAG = 0xA0
_FIELDS_BEFORE_KEY = 5  # serial number, signature, issuer, validity, subject


@dataclass(frozen=True, slots=True)
class Element:
    """One tag, length and value: the whole is `start:end`, its value `content:end`."""

    tag: int
    start: int
    content: int
    end: int


def element_at(der: bytes, start: int, limit: int) -> Element:
    """Read the element that begins at `start` and must end by `limit` (X.690, section 8.1).

    Raises ValueError where there is none.
    """
    if not 0 <= start <= limit - 2 or limit > len(der):
        raise ValueError("the element is cut short")
    tag, length, content = der[start], der[start + 1], start + 2
    if tag & _MULTI_OCTET_TAG == _MULTI_OCTET_TAG:
        raise ValueError("the tag is longer than a certificate uses")
    if length & _LONG_FORM:
        octets = length & ~_LONG_FORM
        if not 1 <= octets <= _MOST_LENGTH_OCTETS or content + octets > limit:
            raise ValueError("the length cannot be read")
        length = int.from_bytes(der[content : content + octets], "big")
        content += octets
    if content + length > limit:
        raise ValueError("the element is longer than what holds it")
    return Element(tag, start, content, content + length)


def encode(tag: int, content: bytes) -> bytes:
    """One element of DER with the shortest length that fits."""
    if len(content) < _LONG_FORM:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + content


def public_key_element(certificate: bytes) -> Element:
    """Where the SubjectPublicKeyInfo of a certificate stands (RFC 5280, section 4.1).

    Raises ValueError where the bytes do not have the shape of a certificate.
    """
    outer = element_at(certificate, 0, len(certificate))
    tbs = element_at(certificate, outer.content, outer.end)
    field = element_at(certificate, tbs.content, tbs.end)
    if field.tag == _VERSION_TAG:
        field = element_at(certificate, field.end, tbs.end)
    for _ in range(_FIELDS_BEFORE_KEY):
        field = element_at(certificate, field.end, tbs.end)
    return field


def public_key_info(certificate: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo exactly as it stands in a DER certificate; None if there is none."""
    try:
        key = public_key_element(certificate)
    except ValueError:
        return None
    return certificate[key.start : key.end]
