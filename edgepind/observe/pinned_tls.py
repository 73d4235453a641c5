"""TLS contexts for the status endpoint, and the check of the leaf that comes before any request.

Two kinds of trust, never mixed: a pinned connection is trusted because of its leaf alone, and
secrets may go over it; a chain-verified one is good for hints.
"""

import ssl
from collections.abc import Set as AbstractSet
from hashlib import sha256

import certifi

from edgepind.model.fingerprint import Fingerprint
from edgepind.model.words import PinKind
from edgepind.observe.der import public_key_info

PinKey = tuple[PinKind, Fingerprint]
"""`Pin.key`: what a leaf is compared with."""


class LeafNotPinnedError(ssl.SSLError):
    """The handshake was completed and its leaf is not pinned; nothing was sent after it.

    An SSLError, so that every TLS layer above treats it as a failed handshake.
    """

    def __init__(self, leaf: Fingerprint) -> None:
        super().__init__(ssl.SSL_ERROR_SSL, f"the leaf {leaf} is not pinned")
        self.leaf = leaf


class PinCheck:
    """The pins that a new connection must show one of, and what the latest one showed.

    `accepted` may be changed between connections; `shown` are the keys of the leaf that passed
    last, and `handshakes` counts those that passed.
    """

    def __init__(self) -> None:
        self.accepted: AbstractSet[PinKey] = frozenset()
        self.shown: frozenset[PinKey] = frozenset()
        self.handshakes = 0

    def examine(self, leaf: bytes) -> None:
        """Let a leaf (DER) pass, or raise LeafNotPinnedError."""
        keys = leaf_keys(leaf)
        if keys.isdisjoint(self.accepted):
            raise LeafNotPinnedError(Fingerprint(sha256(leaf).digest()))
        self.shown = keys
        self.handshakes += 1


def leaf_keys(leaf: bytes) -> frozenset[PinKey]:
    """Everything that a pin can compare with in a leaf (DER)."""
    keys = {(PinKind.CERTIFICATE, Fingerprint(sha256(leaf).digest()))}
    if (info := public_key_info(leaf)) is not None:
        keys.add((PinKind.SPKI, Fingerprint(sha256(info).digest())))
    return frozenset(keys)


def pinned_context(check: PinCheck) -> ssl.SSLContext:
    """A context whose handshakes succeed where `check` lets the leaf pass, and only there.

    No chain and no name is verified besides: the pin is the authority, and it was accepted for
    this host. The check needs a TLS layer that uses `wrap_bio`, as `tls_line` does; it
    runs before the client's last handshake message, let alone a request, has left.
    """

    class CheckedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            leaf = self.getpeercert(binary_form=True)
            check.examine(leaf or b"")

    context = _client_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslobject_class = CheckedObject
    return context


def verified_context(roots: str) -> ssl.SSLContext:
    """A context that verifies chain and name; `roots` as in `cloud.public_roots`.

    Raises OSError (ssl.SSLError among them) where the PEM file cannot be read or holds no
    certificate.
    """
    context = _client_context()
    context.hostname_checks_common_name = False
    context.load_verify_locations(certifi.where() if roots == "bundled" else roots)
    return context


def _client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # the leaf that was examined stays the leaf
    return context
