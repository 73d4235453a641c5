"""Leaves whose key itself is marked RSASSA-PSS (RFC 4055), which `cryptography` cannot issue.

An ordinary RSA certificate and its key are relabelled: the algorithm identifier is replaced, the
lengths around it are written anew, and the issuer signs again.
"""

import base64
import textwrap
from collections.abc import Callable

from edgepind.observe.der import element_at, encode, public_key_element

_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
_RSASSA_PSS = bytes.fromhex("300b06092a864886f70d01010a")
_SEQUENCE = 0x30
_BIT_STRING = 0x03


def relabel_certificate(certificate: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The same certificate with an RSASSA-PSS key, signed anew by `sign` (same algorithm)."""
    outer = element_at(certificate, 0, len(certificate))
    tbs = element_at(certificate, outer.content, outer.end)
    algorithm = element_at(certificate, tbs.end, outer.end)
    key = public_key_element(certificate)
    relabelled = encode(
        _SEQUENCE,
        certificate[tbs.content : key.start]
        + _relabel(certificate[key.start : key.end])
        + certificate[key.end : tbs.end],
    )
    signature = encode(_BIT_STRING, b"\0" + sign(relabelled))
    return encode(_SEQUENCE, relabelled + certificate[algorithm.start : algorithm.end] + signature)


def relabel_key(pem: bytes) -> bytes:
    """The same PKCS #8 private key, marked RSASSA-PSS."""
    body = "".join(line for line in pem.decode("ascii").splitlines() if "-----" not in line)
    text = base64.b64encode(_relabel(base64.b64decode(body))).decode("ascii")
    lines = "\n".join(textwrap.wrap(text, 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n".encode("ascii")


def _relabel(structure: bytes) -> bytes:
    outer = element_at(structure, 0, len(structure))
    content = structure[outer.content : outer.end]
    return encode(_SEQUENCE, content.replace(_RSA, _RSASSA_PSS, 1))
