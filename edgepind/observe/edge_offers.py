"""Every offer that the Edge might make: what of TLS is left open by its settings and by the site.

Which certificate a server with several shows depends on the client's version, suites and order of
signatures, and the Edge's are not known: with one list, OpenSSL is served ECDSA over TLS 1.3 where
GnuTLS and Go are served RSA, and a client of TLS 1.2 a third. So beside the settings as given, TLS
1.2 and below is offered with the suites of one kind of key at a time; TLS 1.3, whose suites say
nothing of keys, by signature algorithms (`by_signature`). No handshake is made here.
"""

import ssl
from dataclasses import dataclass, replace
from enum import StrEnum

from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls
from edgepind.observe.der import public_key_info
from edgepind.observe.tls_settings import TlsOffer, edge_context, read_offer

_TLS_1_3 = "TLSv1.3"
_RSA = bytes.fromhex("06092a864886f70d0101")
"""How the OIDs of RSA keys begin: rsaEncryption and id-RSASSA-PSS (RFC 4055)."""
_EC = bytes.fromhex("06072a8648ce3d0201")
"""id-ecPublicKey (RFC 5480)."""
_OID_WITHIN = 12
"""Octets of a SubjectPublicKeyInfo in which its algorithm's identifier begins."""


class KeyKind(StrEnum):
    """A kind of key that servers have certificates for, each beside the other."""

    RSA = "RSA"
    ECDSA = "ECDSA"


_AUTHENTICATION = {KeyKind.RSA: "auth-rsa", KeyKind.ECDSA: "auth-ecdsa"}
"""As `ssl` describes suites; EdDSA is served under those of ECDSA (RFC 8422)."""


@dataclass(frozen=True, slots=True)
class EdgeOffers:
    """What one Edge might offer.

    `given` are its settings as they stand. `older` is the same without TLS 1.3: None where the Edge
    does not offer that. `by_key` holds, for TLS 1.2 and below, the suites of each kind of key that
    its list has. `highest` is what the site knows.
    """

    given: TlsOffer
    older: TlsOffer | None
    by_key: tuple[tuple[KeyKind, TlsOffer], ...]
    highest: HighestTls

    @property
    def requests(self) -> tuple[TlsOffer, ...]:
        """What a request may be made with: as given, then each that may show another leaf."""
        return (self.given, *(offer for _, offer in self.by_key))

    def beside(self, version: str, key: KeyKind | None) -> tuple[TlsOffer, ...]:
        """What else may show another leaf of a server that answered `given` so."""
        if version == _TLS_1_3:
            sure = self.highest is HighestTls.TLS_1_3  # both speak it, so they never speak less
            return () if sure else tuple(offer for _, offer in self.by_key)
        return tuple(offer for kind, offer in self.by_key if kind is not key)

    def signatures_beside(self, version: str, key: KeyKind | None) -> tuple[KeyKind, ...]:
        """The kinds of signature by which TLS 1.3 may show another leaf."""
        if version != _TLS_1_3:
            return ()  # the server speaks no 1.3, or the Edge does not
        return tuple(kind for kind in KeyKind if kind is not key)


def edge_offers(tls: EdgeTls, highest: HighestTls) -> EdgeOffers:
    """The offers of an Edge with these settings that speaks `highest`. Costs about 1 ms."""
    given = read_offer(tls, highest)
    if given.minimum is ssl.TLSVersion.TLSv1_3:
        return EdgeOffers(given, None, (), highest)
    up_to_1_2 = replace(given, maximum=ssl.TLSVersion.TLSv1_2)
    by_key = tuple(
        (kind, replace(up_to_1_2, suites=suites))
        for kind in KeyKind
        if (suites := _suites_for(kind, given))
    )
    older = up_to_1_2 if highest is HighestTls.UNKNOWN else None
    return EdgeOffers(given, older, by_key, highest)


def key_kind(certificate: bytes) -> KeyKind | None:
    """The kind of key in a certificate (DER); None for another, or where it cannot be told."""
    info = public_key_info(certificate) or b""
    for kind, oid in ((KeyKind.RSA, _RSA), (KeyKind.ECDSA, _EC)):
        if 0 <= info.find(oid) <= _OID_WITHIN:
            return kind
    return None


def _suites_for(kind: KeyKind, offer: TlsOffer) -> tuple[str, ...]:
    return tuple(
        it["name"]
        for it in edge_context(offer).get_ciphers()
        if it["auth"] == _AUTHENTICATION[kind]
    )
