"""TLS contexts for requests, and the check of the leaf that comes before any request.

They offer what the looks at the link do (`edge_offers`). Two kinds of trust, never mixed: a pinned
connection is trusted because of its leaf alone, and secrets may go over it; a chain-verified one is
good for hints.
"""

import ssl
from hashlib import sha256

import certifi

from edgepind.host.disk_thread import run_aside
from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls, PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import PinKey
from edgepind.observe.der import public_key_info
from edgepind.observe.edge_client import EdgeClient
from edgepind.observe.tls_settings import TlsOffer, edge_context

_DEFAULT = TlsOffer()
_SILENT = EdgeTls()


class LeafRefusedError(ssl.SSLError):
    """The handshake was completed and its leaf is refused; nothing was sent after it.

    An SSLError, so that every TLS layer above treats it as a failed handshake.
    """

    because = "refused"

    def __init__(self, leaf: Fingerprint) -> None:
        super().__init__(ssl.SSL_ERROR_SSL, f"the leaf {leaf} is {self.because}")
        self.leaf = leaf


class LeafNotPinnedError(LeafRefusedError):
    """No pin that counts here is the leaf's."""

    because = "not pinned"


class AnotherLeafError(LeafRefusedError):
    """It is pinned, and another was shown before it in this look, to which secrets are kept."""

    because = "not the one that was shown first"


class PinCheck:
    """The pins that a new connection must show one of, and what the latest one showed.

    `shown` are the keys of the leaf that passed last. `first` is the certificate that the present
    look has met, None before it met one; with `keeps_to_first`, no other passes within that look.
    """

    def __init__(self, *, keeps_to_first: bool = False) -> None:
        self.accepted: frozenset[PinKey] = frozenset()
        self.shown: frozenset[PinKey] = frozenset()
        self.first: Fingerprint | None = None
        self._keeps_to_first = keeps_to_first
        self._latest: Fingerprint | None = None

    def begin(self, accepted: frozenset[PinKey]) -> None:
        """Begin a look, under these pins."""
        self.accepted, self.first = accepted, None

    def examine(self, leaf: bytes) -> None:
        """Let a leaf (DER) pass, or raise LeafNotPinnedError or AnotherLeafError."""
        keys, certificate = leaf_keys(leaf), Fingerprint(sha256(leaf).digest())
        if keys.isdisjoint(self.accepted):
            raise LeafNotPinnedError(certificate)
        if self._keeps_to_first and self.first not in {None, certificate}:
            raise AnotherLeafError(certificate)
        self.shown, self._latest = keys, certificate
        self.meet()

    def meet(self) -> None:
        """Take the leaf that passed last for one of this look: it has answered, if not before."""
        self.first = self.first or self._latest


def leaf_keys(leaf: bytes) -> frozenset[PinKey]:
    """Everything that a pin can compare with in a leaf (DER)."""
    keys = {(PinKind.CERTIFICATE, Fingerprint(sha256(leaf).digest()))}
    if (info := public_key_info(leaf)) is not None:
        keys.add((PinKind.SPKI, Fingerprint(sha256(info).digest())))
    return frozenset(keys)


def pinned_context(check: PinCheck, offer: TlsOffer = _DEFAULT) -> ssl.SSLContext:
    """A context whose handshakes succeed where `check` lets the leaf pass, and only there.

    No chain and no name is verified besides: the pin is the authority, and it was accepted for
    this host. The check needs a TLS layer that uses `wrap_bio`, as httpx and asyncio do; it
    runs before the client's last handshake message, let alone a request, has left.
    """

    class CheckedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            leaf = self.getpeercert(binary_form=True)
            check.examine(leaf or b"")

    context = _client_context(offer)
    context.sslobject_class = CheckedObject
    return context


def verified_context(roots: str, offer: TlsOffer = _DEFAULT) -> ssl.SSLContext:
    """A context that verifies chain and name; `roots` as in `cloud.public_roots`.

    Raises OSError (ssl.SSLError among them) where the PEM file cannot be read or holds no
    certificate.
    """
    context = _client_context(offer)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.hostname_checks_common_name = False
    context.load_verify_locations(certifi.where() if roots == "bundled" else roots)
    return context


def _client_context(offer: TlsOffer) -> ssl.SSLContext:
    context = edge_context(offer)
    context.options |= ssl.OP_NO_RENEGOTIATION  # the leaf that was examined stays the leaf
    return context


class RequestContexts:
    """The contexts of all requests while the Edge and the client certificate stay the same.

    To the cloud's host they offer what the Edge would. To others (a status endpoint or a token's
    desk elsewhere) the Edge does not speak, and its settings say nothing of them.
    """

    def __init__(self, edge: EdgeClient, host: str) -> None:
        self._edge = edge
        self._host = host
        self._elsewhere = EdgeClient(_SILENT, HighestTls.UNKNOWN, edge.certificate)
        self._verified: dict[EdgeClient, ssl.SSLContext] = {}

    def pinned(self, host: str, check: PinCheck) -> tuple[ssl.SSLContext, ...]:
        """As given, and for each further offer to which another leaf may be shown."""
        client = self._client_for(host)
        offers = client.offers.requests
        return tuple(client.equip(pinned_context(check, offer)) for offer in offers)

    async def verified(self, host: str, roots: str) -> ssl.SSLContext:
        """As given, made once; raises what `verified_context` does."""
        client = self._client_for(host)
        if client not in self._verified:
            made = await run_aside(verified_context, roots, client.offers.given)
            self._verified[client] = client.equip(made)
        return self._verified[client]

    def _client_for(self, host: str) -> EdgeClient:
        return self._edge if host == self._host else self._elsewhere
