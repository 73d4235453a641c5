"""What no library issues: a certificate cut open, changed and signed anew, or not."""

from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from edgepind.observe.der import children, element_at, encode
from tests.support.chains.forge import Certified

_SEQUENCE, _BIT_STRING, _INTEGER = 0x30, 0x03, 0x02
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")

Sign = Callable[[bytes], bytes]


def damaged(certified: Certified) -> Certified:
    """The same certificate with one bit of its signature turned over."""
    der = certified.der
    return replace(certified, der=der[:-1] + bytes((der[-1] ^ 1,)))


def first_version(certified: Certified, sign: Sign) -> Certified:
    """The same certificate as X.509 of 1988 had it: no version, no extension; signed by `sign`."""
    tbs, algorithm = _parts(certified.der)
    outer = element_at(tbs, 0, len(tbs))
    kept = b"".join(
        tbs[it.start : it.end]
        for it in children(tbs, outer)
        if it.tag not in {_VERSION, _EXTENSIONS}
    )
    return _signed(certified, encode(_SEQUENCE, kept), algorithm, sign)


def with_algorithm(certified: Certified, algorithm: bytes, sign: Sign) -> Certified:
    """The same certificate under another signature algorithm (its whole identifier, DER)."""
    tbs, former = _parts(certified.der)
    outer = element_at(tbs, 0, len(tbs))
    body = tbs[outer.content : outer.end].replace(former, algorithm, 1)
    return _signed(certified, encode(_SEQUENCE, body), algorithm, sign)


def with_serial(certified: Certified, serial: bytes, sign: Sign) -> Certified:
    """The same certificate with these octets as its serial number; signed by `sign`."""
    tbs, algorithm = _parts(certified.der)
    outer = element_at(tbs, 0, len(tbs))
    version, _, *rest = (tbs[it.start : it.end] for it in children(tbs, outer))
    body = b"".join((version, encode(_INTEGER, serial), *rest))
    return _signed(certified, encode(_SEQUENCE, body), algorithm, sign)


def over_sha1(certified: Certified, key: ec.EllipticCurvePrivateKey) -> Certified:
    """The same certificate signed by `key` over SHA-1."""
    return with_algorithm(
        certified,
        _ECDSA_SHA1,
        lambda data: key.sign(data, ec.ECDSA(hashes.SHA1())),  # noqa: S303  to be refused
    )


def contradicting_itself(certified: Certified, algorithm: bytes) -> Certified:
    """The algorithm beside the signature is another than the one that is signed."""
    tbs, former = _parts(certified.der)
    outer = element_at(certified.der, 0, len(certified.der))
    signature = certified.der[outer.content + len(tbs) + len(former) : outer.end]
    return replace(certified, der=encode(_SEQUENCE, tbs + algorithm + signature))


def _parts(der: bytes) -> tuple[bytes, bytes]:
    outer = element_at(der, 0, len(der))
    tbs, algorithm, _ = children(der, outer)
    return der[tbs.start : tbs.end], der[algorithm.start : algorithm.end]


def _signed(certified: Certified, tbs: bytes, algorithm: bytes, sign: Sign) -> Certified:
    signature = encode(_BIT_STRING, b"\0" + sign(tbs))
    return replace(certified, der=encode(_SEQUENCE, tbs + algorithm + signature))
