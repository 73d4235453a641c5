"""Keys and signatures: kinds that are new, kinds that are odd, and kinds that are too weak.

OpenSSL judges at security level 2, as Debian's does for TLS: 112 bits, and no SHA-1.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, x25519

from tests.support.chains.entry import NO_ROOT, OTHER_NAME, RIGHT, Entry, Verdict
from tests.support.chains.forge import Form, Key, authority, leaf, new_key, root, rsa_key
from tests.support.chains.surgery import contradicting_itself, over_sha1

_ECDSA_SHA512 = bytes.fromhex("300a06082a8648ce3d040304")
_NOT_OFFERED = "a client of OpenSSL's does not offer this curve"


def entries(now: datetime) -> Iterator[Entry]:
    """Give the family."""
    yield from _kinds(now)
    yield from _weak(now)
    yield from _hashes(now)
    yield from _signatures(now)


def _kinds(now: datetime) -> Iterator[Entry]:
    top = root("Root")
    rows: tuple[tuple[str, Key, Verdict, str, str], ...] = (
        ("RSA of 2048 bits", rsa_key(), RIGHT, "112 bits are enough", ""),
        ("RSA with exponent 3", rsa_key(2048, 3), RIGHT, "OpenSSL takes any odd exponent", ""),
        ("P-384", ec.generate_private_key(ec.SECP384R1()), RIGHT, "it is as good as others", ""),
        ("P-521", ec.generate_private_key(ec.SECP521R1()), RIGHT, "it is as good as others", ""),
        ("P-224", ec.generate_private_key(ec.SECP224R1()), RIGHT, "112 bits are enough",
         _NOT_OFFERED),
        ("secp256k1", ec.generate_private_key(ec.SECP256K1()), RIGHT,
         "the curve of Bitcoin is one to OpenSSL", _NOT_OFFERED),
        ("brainpoolP256r1", ec.generate_private_key(ec.BrainpoolP256R1()), RIGHT,
         "the curve of German authorities is one to OpenSSL", _NOT_OFFERED),
        ("Ed25519", ed25519.Ed25519PrivateKey.generate(), RIGHT, "it is as good as others", ""),
        ("Ed448", ed448.Ed448PrivateKey.generate(), RIGHT, "it is as good as others", ""),
        ("X25519", x25519.X25519PrivateKey.generate(), NO_ROOT | OTHER_NAME,
         "no server can prove that it has it", "the key signs nothing"),
        ("DSA", dsa.generate_private_key(2048), RIGHT,
         "the chain is right, and no handshake ever shows it",
         "OpenSSL offers no cipher for it"),
    )  # fmt: skip
    for name, key, expected, why, unserved in rows:
        end = leaf(top, form=Form(key=key))
        yield Entry(
            f"key {name}", "a kind of key", (end,), (top,), expected, why, now, unserved=unserved
        )
    for name, kind in (("Ed25519", ed25519.Ed25519PrivateKey.generate()), ("RSA", rsa_key())):
        issuer = authority(top, "Issuing CA", Form(key=kind))
        yield Entry(
            f"issuer with a key {name}", "leaf and issuer have keys of two kinds",
            (leaf(issuer), issuer), (top,), RIGHT, "each signature is checked by its own kind", now,
        )  # fmt: skip


def _weak(now: datetime) -> Iterator[Entry]:
    top, small = root("Root"), Form(key=rsa_key(1024))
    why = "80 bits are not enough at this level"
    yield Entry(
        "weak key in the leaf",
        "RSA of 1024 bits",
        (leaf(top, form=small),),
        (top,),
        NO_ROOT,
        why,
        now,
    )
    issuer, weak = authority(top, "Issuing CA", small), root("Root", small)
    yield Entry(
        "weak key in the intermediate",
        "RSA of 1024 bits",
        (leaf(issuer), issuer),
        (top,),
        NO_ROOT,
        why,
        now,
    )
    yield Entry(
        "weak key in the root",
        "RSA of 1024 bits",
        (leaf(weak),),
        (weak,),
        NO_ROOT,
        why,
        now,
    )
    slight = Form(key=ec.generate_private_key(ec.SECP192R1()))
    yield Entry(
        "weak curve in the leaf", "P-192", (leaf(top, form=slight),), (top,), NO_ROOT,
        "96 bits are not enough at this level", now, unserved=_NOT_OFFERED,
    )  # fmt: skip


def _hashes(now: datetime) -> Iterator[Entry]:
    key = new_key()
    top = root("Root", Form(key=key))
    yield Entry(
        "leaf signed over SHA-1",
        "a hash whose collisions can be bought",
        (over_sha1(leaf(top), key),),
        (top,),
        NO_ROOT,
        "63 bits are not enough at this level",
        now,
    )
    issuer = over_sha1(authority(top, "Issuing CA"), key)
    yield Entry(
        "intermediate signed over SHA-1",
        "a hash whose collisions can be bought",
        (leaf(issuer), issuer),
        (top,),
        NO_ROOT,
        "63 bits are not enough at this level",
        now,
    )
    old = over_sha1(top, key)
    yield Entry(
        "root signed over SHA-1",
        "the signature of a root by itself",
        (leaf(old),),
        (old,),
        RIGHT,
        "what is trusted needs no signature",
        now,
    )
    for size, kind in ((384, hashes.SHA384()), (512, hashes.SHA512()), (224, hashes.SHA224())):
        yield Entry(
            f"leaf signed over SHA-{size}", "a hash that is not the usual one",
            (leaf(top, form=Form(hash=kind)),), (top,), RIGHT, "it is strong enough", now,
        )  # fmt: skip


def _signatures(now: datetime) -> Iterator[Entry]:
    top = root("RSA Root", Form(key=rsa_key()))
    issuer = authority(top, "Issuing CA", Form(pss=True))
    yield Entry(
        "signed by RSA-PSS",
        "the padding that has its parameters in the certificate",
        (leaf(issuer), issuer),
        (top,),
        RIGHT,
        "it is a signature like others",
        now,
    )
    plain = root("Root")
    end = leaf(plain)
    yield Entry(
        "two algorithms in one certificate",
        "the one that is signed is not the one beside it",
        (replace(end, der=contradicting_itself(end, _ECDSA_SHA512).der),),
        (plain,),
        NO_ROOT,
        "RFC 5280, section 4.1.1.2, wants them the same",
        now,
    )
    unnamed = leaf(plain, form=Form(without=(x509.SubjectKeyIdentifier,)))
    yield Entry(
        "leaf without its own key identifier", "subjectKeyIdentifier is missing", (unnamed,),
        (plain,), RIGHT, "nothing asks for a leaf's", now,
    )  # fmt: skip
