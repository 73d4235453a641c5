"""Just enough DER to cut the public key out of a certificate, byte for byte.

A library that parses a key and writes it out again may lose what it does not model (the
RSASSA-PSS identifier, explicit curve parameters), and the hash of what it writes is then not
the SPKI pin of RFC 7469. Nothing here judges, and nothing here trusts a length.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_LONG_FORM = 0x80
_MULTI_OCTET_TAG = 0x1F
_MOST_LENGTH_OCTETS = 4
_VERSION_TAG = 0xA0
_ISSUER, _SUBJECT, _KEY = 2, 4, 5  # after serial number and signature; validity stands between


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
    return _fields(certificate)[_KEY]


def public_key_info(certificate: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo exactly as it stands in a DER certificate; None if there is none."""
    try:
        key = public_key_element(certificate)
    except ValueError:
        return None
    return certificate[key.start : key.end]


def issuer_and_subject(certificate: bytes) -> tuple[bytes, bytes] | None:
    """The two distinguished names of a DER certificate, as DER; None where they are not there."""
    try:
        fields = _fields(certificate)
    except ValueError:
        return None
    issuer, subject = fields[_ISSUER], fields[_SUBJECT]
    return certificate[issuer.start : issuer.end], certificate[subject.start : subject.end]


def self_issued(certificate: bytes) -> bool:
    """Whether a DER certificate names itself as its issuer, octet for octet."""
    names = issuer_and_subject(certificate)
    return names is not None and names[0] == names[1]


def children(der: bytes, parent: Element) -> Iterator[Element]:
    """The elements inside a constructed one, in order; raises ValueError at the first bad one."""
    at = parent.content
    while at < parent.end:
        child = element_at(der, at, parent.end)
        yield child
        at = child.end


def _fields(certificate: bytes) -> list[Element]:
    """The fields of the TBSCertificate, the version left out, up to the public key."""
    outer = element_at(certificate, 0, len(certificate))
    tbs = element_at(certificate, outer.content, outer.end)
    inside = (it for it in children(certificate, tbs) if it.tag != _VERSION_TAG)
    fields = list(islice(inside, _KEY + 1))
    if len(fields) <= _KEY:
        raise ValueError("it has not the fields of a certificate")
    return fields
