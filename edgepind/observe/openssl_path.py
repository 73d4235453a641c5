"""What OpenSSL, by which the Edge judges, thinks of a chain: asked in memory, without a peer.

A client of `ssl` is handed the first messages of a server (`flight`) and verifies what is in
them. So the verdict is OpenSSL's own, for any chain that was ever seen, at no network's cost, and
apart from the clock: `X509_V_FLAG_NO_CHECK_TIME` tells "right but for the time" from "wrong".
"""

import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.observe.certificate import (
    Certificate,
    CertificateUnreadable,
    leaf_as_sent,
    path_found,
)
from edgepind.observe.der import public_key_info
from edgepind.observe.name_constraints import breach

MOST_INTERMEDIATES = 10
"""A path has no more of them here; public ones have one or two."""
CIPHER = "ECDHE-ECDSA-AES128-GCM-SHA256"
_CIPHER_CODE = b"\xc0\x2b"
_VERSION = b"\x03\x03"
_RANDOM = bytes(32)
_NO_SESSION = b"\x00"
_NO_COMPRESSION = b"\x00"
_SECURE_RENEGOTIATION = b"\xff\x01\x00\x01\x00"  # RFC 5746; OpenSSL 3 insists on it
_HANDSHAKE = b"\x16"
_SERVER_HELLO = b"\x02"
_CERTIFICATE = b"\x0b"
_LARGEST_RECORD = 16_384

_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME
# The certificates are judged before it is noticed that their key does not suit the cipher.
_AFTER_THE_VERDICT = "WRONG_CERTIFICATE_TYPE"
_ANY_STRENGTH = "@SECLEVEL=0"


@dataclass(frozen=True, slots=True)
class TrustPath:
    """A path from a leaf to a root.

    `window` is when all of its certificates are valid; it begins after its end where they never
    are at once. `issuers` are the SPKI pins of its CAs, the root included.
    """

    window: Validity
    issuers: frozenset[Fingerprint]


@dataclass(frozen=True, slots=True)
class NoPath:
    """No path to a root, and why, in OpenSSL's words; `taken`: by OpenSSL it is one."""

    reason: str
    taken: bool = False


@dataclass(frozen=True, slots=True)
class LeafRead:
    """What stands in a leaf, and whether its subjectAltName holds the name asked for."""

    certificate: Certificate
    name_matches: bool


def find_path(
    chain: Sequence[bytes],
    anchors: Sequence[bytes],
    *,
    partial: bool = False,
    in_time: bool = False,
    host: str | None = None,
) -> TrustPath | NoPath:
    """Let OpenSSL look for a path from the leaf (first in `chain`, DER) to one of `anchors`.

    `partial` lets an anchor be an intermediate; `in_time` holds the path against the host's
    clock, which is left out of it otherwise. `host` is the name that the leaf is met under: the
    path must not be barred from it.
    """
    context = _context(anchors, partial=partial, in_time=in_time)
    tls, refusal = _present(context, None, chain)
    if refusal is not None:
        return NoPath(_reason(refusal))
    path = path_found(tls)
    if isinstance(path, CertificateUnreadable):
        return NoPath(path.reason)
    if len(path) > MOST_INTERMEDIATES + 2:
        return NoPath(f"the path has more than {MOST_INTERMEDIATES} intermediates", taken=True)
    authorities = [it.der for it in path[1:]]
    if host is not None and (objection := breach(authorities, host)):
        return NoPath(objection, taken=True)
    return TrustPath(
        window=common_window([it.validity for it in path]),
        issuers=frozenset(map(spki_pin, authorities)),
    )


def read_leaf(leaf: bytes, host: str) -> LeafRead | CertificateUnreadable:
    """Read a leaf (DER) and hold its subjectAltName against `host` (RFC 9525), never its CN.

    The leaf is its own anchor here, so that nothing but the name can be wrong with it.
    """
    context = _context([leaf], partial=True, in_time=False, ciphers=f"{CIPHER}:{_ANY_STRENGTH}")
    context.check_hostname = True
    tls, refusal = _present(context, host, [leaf])
    read = leaf_as_sent(tls)
    if isinstance(read, CertificateUnreadable):
        return read
    return LeafRead(read, name_matches=refusal is None)


def common_window(validities: Sequence[Validity]) -> Validity:
    """When all of them hold; its end lies before its beginning where that is never."""
    return Validity(
        not_before=max(it.not_before for it in validities),
        not_after=min(it.not_after for it in validities),
    )


def spki_pin(der: bytes) -> Fingerprint:
    """The SPKI pin of a certificate; of all its bytes where no key can be found in it."""
    return Fingerprint(sha256(public_key_info(der) or der).digest())


def _context(
    anchors: Sequence[bytes], *, partial: bool, in_time: bool, ciphers: str = CIPHER
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.hostname_checks_common_name = False
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    flags = ssl.VERIFY_X509_TRUSTED_FIRST  # set whole: releases of Python differ in what they add
    if partial:
        flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not in_time:
        flags |= _NO_CHECK_TIME
    context.verify_flags = flags
    for anchor in anchors:
        with suppress(ssl.SSLError, ValueError):  # what cannot be parsed anchors nothing
            context.load_verify_locations(cadata=anchor)
    return context


def _present(
    context: ssl.SSLContext, host: str | None, chain: Sequence[bytes]
) -> tuple[ssl.SSLObject, ssl.SSLError | None]:
    """Hand the chain to a client; what it objects to, if it does."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
    incoming.write(flight(chain))
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return tls, None
    except ssl.SSLError as error:
        return tls, None if error.reason == _AFTER_THE_VERDICT else error
    raise AssertionError("a handshake cannot end with its second message")


def _reason(refusal: ssl.SSLError) -> str:
    if isinstance(refusal, ssl.SSLCertVerificationError):
        return refusal.verify_message
    if refusal.reason is None:  # from the parser, not from TLS
        return "a certificate in the chain cannot be parsed"
    return f"OpenSSL cannot judge it ({refusal.reason})"


def flight(chain: Sequence[bytes]) -> bytes:
    """What a TLS 1.2 server sends first, as records (RFC 5246, section 7.4), for a chain of DER.

    A client judges the certificates as soon as it has read ServerHello and Certificate, before the
    server has proved that it holds the key. So bytes made here, without any key, are enough to ask
    a client what it thinks of a chain.
    """
    hello = (_VERSION + _RANDOM + _NO_SESSION + _CIPHER_CODE + _NO_COMPRESSION) + _sized(
        2, _SECURE_RENEGOTIATION
    )
    certificates = _sized(3, b"".join(_sized(3, der) for der in chain))
    messages = _SERVER_HELLO + _sized(3, hello) + _CERTIFICATE + _sized(3, certificates)
    return b"".join(
        _HANDSHAKE + _VERSION + _sized(2, messages[at : at + _LARGEST_RECORD])
        for at in range(0, len(messages), _LARGEST_RECORD)
    )


def _sized(octets: int, content: bytes) -> bytes:
    return len(content).to_bytes(octets, "big") + content
