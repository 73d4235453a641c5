"""What a key may be used for: key usages, extended ones, CA or not, and versions before these."""

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.chains.entry import NO_ROOT, OTHER_NAME, RIGHT, Entry, Verdict
from tests.support.chains.forge import (
    Certified,
    Extra,
    Form,
    authority,
    basic,
    leaf,
    new_key,
    purposes,
    root,
    unknown,
    usage,
)
from tests.support.chains.surgery import first_version

_CLIENT, _SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
_CODE, _ANY = ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_NETSCAPE_TYPE = "2.16.840.1.113730.1.1"
_NETSCAPE_SERVER, _NETSCAPE_CLIENT = b"\x03\x02\x06\x40", b"\x03\x02\x07\x80"
_PROXY = unknown("1.3.6.1.5.5.7.1.14", b"\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x15\x01")

_Row = tuple[str, str, Form, Verdict, str]


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family."""
    top = root("Root")
    issuer = authority(top, "Issuing CA")
    for name, tries, form, expected, why in _LEAVES:
        end = leaf(issuer, form=form)
        yield Entry(f"leaf {name}", tries, (end, issuer), (top,), expected, why, now)
    for name, tries, form, expected, why in _AUTHORITIES:
        middle = authority(top, "Issuing CA", form)
        sent = (leaf(middle), middle)
        yield Entry(f"intermediate {name}", tries, sent, (top,), expected, why, now)
    for name, tries, form, expected, why in _ROOTS:
        high = root("Root", form)
        below = authority(high, "Issuing CA")
        yield Entry(f"root {name}", tries, (leaf(below), below), (high,), expected, why, now)
    yield from _first_versions(now)


_UNFIT = NO_ROOT | OTHER_NAME
"""A leaf that is not for servers is the server of no name."""

_LEAVES: tuple[_Row, ...] = (
    ("for clients alone", "a certificate of another trade", Form(extras=(purposes(_CLIENT),)),
     _UNFIT, "it is not for servers"),
    ("for code alone", "a certificate of another trade",
     Form(extras=(purposes(_CODE, critical=True),)), _UNFIT, "it is not for servers"),
    ("for servers and clients", "two purposes", Form(extras=(purposes(_CLIENT, _SERVER),)),
     RIGHT, "servers are among them"),
    ("for any purpose", "anyExtendedKeyUsage and nothing else", Form(extras=(purposes(_ANY),)),
     _UNFIT, "OpenSSL wants servers to be named"),
    ("without a purpose", "extendedKeyUsage is missing",
     Form(without=(x509.ExtendedKeyUsage,)), RIGHT, "what is not said is not forbidden"),
    ("without key usage", "keyUsage is missing", Form(without=(x509.KeyUsage,)), RIGHT,
     "what is not said is not forbidden"),
    ("for signing certificates alone", "keyUsage without any use in TLS",
     Form(extras=(usage("key_cert_sign"),)), _UNFIT, "a server's key must sign or agree"),
    ("for repudiable signatures alone", "contentCommitment and nothing else",
     Form(extras=(usage("content_commitment"),)), _UNFIT, "a server's key must sign or agree"),
    ("for key agreement alone", "ECDH without signatures", Form(extras=(usage("key_agreement"),)),
     RIGHT, "OpenSSL leaves it to the handshake what a key does"),
    ("that is a CA", "the root of an amateur, served as a leaf",
     Form(extras=(basic(ca=True), usage("digital_signature", "key_cert_sign"))), RIGHT,
     "OpenSSL takes a CA for a server that says so"),
    ("without basic constraints", "basicConstraints is missing",
     Form(without=(x509.BasicConstraints,)), RIGHT, "a leaf need not say that it is none"),
    ("of Netscape's for clients", "nsCertType, of 1996", Form(extras=(
        unknown(_NETSCAPE_TYPE, _NETSCAPE_CLIENT),)), _UNFIT, "OpenSSL still heeds it"),
    ("of Netscape's for servers", "nsCertType, of 1996", Form(extras=(
        unknown(_NETSCAPE_TYPE, _NETSCAPE_SERVER),)), RIGHT, "it is for servers"),
    ("that is a proxy's", "a proxy certificate of RFC 3820", Form(
        without=(x509.SubjectAlternativeName,), extras=((_PROXY[0], True),)),
     _UNFIT, "OpenSSL takes those only where it is told to"),
)  # fmt: skip

_AUTHORITIES: tuple[_Row, ...] = (
    ("that is a leaf", "a server's certificate signs another",
     Form(extras=(basic(ca=False), usage("digital_signature"))), NO_ROOT, "it is no CA"),
    ("that is a leaf with a CA's key usage", "cA is false, keyCertSign is set",
     Form(extras=(basic(ca=False),)), NO_ROOT, "it is no CA"),
    ("without basic constraints", "basicConstraints is missing",
     Form(without=(x509.BasicConstraints,)), NO_ROOT, "a CA must say that it is one"),
    ("with basic constraints as a hint", "they are not critical",
     Form(extras=((x509.BasicConstraints(ca=True, path_length=None), False),)), RIGHT,
     "they are understood all the same"),
    ("that may not sign certificates", "cA is true, keyCertSign is not set",
     Form(extras=(usage("crl_sign"),)), NO_ROOT, "it may not sign"),
    ("without key usage", "keyUsage is missing", Form(without=(x509.KeyUsage,)), RIGHT,
     "what is not said is not forbidden"),
    ("for clients alone", "extendedKeyUsage of a CA binds what it certifies",
     Form(extras=(purposes(_CLIENT),)), NO_ROOT, "it may not certify servers"),
    ("for any purpose", "anyExtendedKeyUsage and nothing else", Form(extras=(purposes(_ANY),)),
     NO_ROOT, "OpenSSL wants servers to be named"),
    ("without a purpose", "extendedKeyUsage is missing",
     Form(without=(x509.ExtendedKeyUsage,)), RIGHT, "what is not said is not forbidden"),
)  # fmt: skip

_TO_CLIENTS: Extra = purposes(_CLIENT)
_ROOTS: tuple[_Row, ...] = (
    ("without basic constraints", "basicConstraints is missing",
     Form(without=(x509.BasicConstraints,)), RIGHT, "keyCertSign is enough for OpenSSL"),
    ("that is no CA", "cA is false", Form(extras=(basic(ca=False),)), NO_ROOT, "it is no CA"),
    ("that may not sign certificates", "keyCertSign is not set",
     Form(extras=(usage("crl_sign"),)), NO_ROOT, "it may not sign"),
    ("for clients alone", "extendedKeyUsage in a root", Form(extras=(_TO_CLIENTS,)), NO_ROOT,
     "OpenSSL asks the root for its purpose, too"),
    ("with an unknown critical extension", "a condition that nobody knows",
     Form(extras=(unknown("1.3.6.1.4.1.55555.1", critical=True),)), NO_ROOT,
     "what is critical must be understood"),
)  # fmt: skip


def _first_versions(now: datetime) -> Iterator[Entry]:
    key = new_key()

    def sign(data: bytes) -> bytes:
        return key.sign(data, ec.ECDSA(hashes.SHA256()))

    top: Certified = first_version(root("Old Root", Form(key=key)), sign)
    yield Entry(
        "root of version 1",
        "a root without extensions, as the first ones were",
        (leaf(top),),
        (top,),
        RIGHT,
        "being among the roots makes it one",
        now,
    )
    modern = root("Root", Form(key=key))
    middle = first_version(authority(modern, "Issuing CA"), sign)
    yield Entry(
        "intermediate of version 1", "a CA that cannot say that it is one",
        (leaf(middle), middle), (modern,), NO_ROOT, "a CA must say that it is one", now,
    )  # fmt: skip
