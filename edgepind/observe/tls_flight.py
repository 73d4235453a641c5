"""What a TLS 1.2 server sends first: its hello and its certificates (RFC 5246, section 7.4).

A client judges the certificates as soon as it has read these two messages, before the server has
proved that it holds the key. So bytes made here, without any key, are enough to ask a client
what it thinks of a chain.
"""

from collections.abc import Sequence

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


def flight(chain: Sequence[bytes]) -> bytes:
    """ServerHello and Certificate, as records, for these certificates (DER, the leaf first)."""
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
