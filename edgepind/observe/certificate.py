"""What OpenSSL reads in a certificate, and the chains that a connection of `ssl` holds.

The facts come from the same library that the Edge judges with, so that whatever it can parse is
parsed here too. Both calls used are private until Python 3.13, which makes them public by other
names and keeps these.
"""

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edgepind.model.instants import Validity

_AROUND = re.compile(r"^\[[^\]]*\]\s*|\s*\(_ssl\.c:\d+\)$")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DER = 2  # _ssl.ENCODING_DER
_LONGEST = 512

_SHORT_NAMES = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}
"""RFC 4514, section 3; other attributes are shown under OpenSSL's name for them."""

RelativeNames = tuple[tuple[tuple[str, str], ...], ...]
"""A distinguished name as `ssl` gives it: from the root of the directory downwards."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate, as far as anybody here needs it."""

    der: bytes
    subject: str
    issuer: str
    validity: Validity


@dataclass(frozen=True, slots=True)
class CertificateUnreadable:
    """OpenSSL shook hands over it and cannot tell what stands in it; the reason is a clause."""

    reason: str


def chain_as_sent(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates that the server sent, as DER, the leaf first; trusted or not."""
    return tuple(it.public_bytes(_DER) for it in _private(tls).get_unverified_chain() or ())


def leaf_as_sent(tls: ssl.SSLObject) -> Certificate | CertificateUnreadable:
    """Read the leaf that the server sent."""
    chain = _private(tls).get_unverified_chain() or ()
    return _read(chain[0]) if chain else CertificateUnreadable("it cannot be parsed")


def path_found(tls: ssl.SSLObject) -> tuple[Certificate, ...] | CertificateUnreadable:
    """The path that OpenSSL verified, from the leaf to the root; empty where it found none."""
    path = []
    for it in _private(tls).get_verified_chain() or ():
        certificate = _read(it)
        if isinstance(certificate, CertificateUnreadable):
            return certificate
        path.append(certificate)
    return tuple(path)


def distinguished_name(names: RelativeNames) -> str:
    """A name in the notation of RFC 4514, safe to print and at most 512 characters long."""
    return _shown(
        ",".join(
            "+".join(f"{_SHORT_NAMES.get(kind, kind)}={_escaped(value)}" for kind, value in pairs)
            for pairs in reversed(names)
        )
    )


def _private(tls: ssl.SSLObject) -> Any:
    return tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  see the head of this file


def _read(certificate: Any) -> Certificate | CertificateUnreadable:
    try:
        info = certificate.get_info()
        validity = Validity(_time(info["notBefore"]), _time(info["notAfter"]))
    except (ssl.SSLError, ValueError, OverflowError, KeyError):
        return _read_again(certificate.public_bytes(_DER))
    return Certificate(
        der=certificate.public_bytes(_DER),
        subject=distinguished_name(info["subject"]),
        issuer=distinguished_name(info["issuer"]),
        validity=validity,
    )


def _read_again(der: bytes) -> Certificate | CertificateUnreadable:
    """Read with another library what `ssl` gave up on, such as a name that is not UTF-8.

    It gives up on the whole certificate for one bad field that nobody here needs.
    """
    from cryptography import x509  # noqa: PLC0415  ten mebibytes, for odd certificates alone

    try:
        parsed = x509.load_der_x509_certificate(der)
        return Certificate(
            der=der,
            subject=_shown(parsed.subject.rfc4514_string()),
            issuer=_shown(parsed.issuer.rfc4514_string()),
            validity=Validity(parsed.not_valid_before_utc, parsed.not_valid_after_utc),
        )
    except Exception as error:  # noqa: BLE001  hostile bytes raise more than is documented
        return CertificateUnreadable(f"its fields cannot be read ({type(error).__name__})")


def _time(text: str) -> datetime:
    return _EPOCH + timedelta(seconds=ssl.cert_time_to_seconds(text))


def _escaped(value: str) -> str:
    """RFC 4514, section 2.4: specials stand after a backslash."""
    text = "".join(f"\\{c}" if c in '"+,;<>\\' else c for c in value)
    if text[:1] in {" ", "#"}:
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") and len(text) > 1 else text


def _shown(name: str) -> str:
    """A name cut to length, with what cannot be printed in hex, as RFC 4514 allows."""
    text = "".join(
        c if c.isprintable() else "".join(f"\\{octet:02X}" for octet in c.encode()) for c in name
    )
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def openssl_words(error: ssl.SSLError) -> str:
    """What OpenSSL says of a failure, for a person: no brackets, no lines of C.

    Such as "tlsv1 alert no application protocol"; Python knows only some of them by name. What
    they mean stands behind those that do not say it.
    """
    said = error.reason or _AROUND.sub("", error.strerror or str(error))
    words = said.lower().replace("_", " ")
    meaning = next((it for name, it in _MEANINGS.items() if name in words), None)
    return f"{words}: {meaning}" if meaning else words


_MEANINGS = {
    "excessive message size": (
        "it sends more than the 100 KiB of certificates that OpenSSL reads, and whoever runs it "
        "has to leave out those that are not of its chain"
    ),
    "no application protocol": "it speaks HTTP/2 alone, and HTTP/1.1 is needed",
    "certificate required": "it asks for a client certificate (cloud.client_certificate)",
}
"""By a part of what OpenSSL says."""
