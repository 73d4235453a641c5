"""Servers with several certificates, Edges with several settings, and who may be served what.

What an Edge may be served is told from the versions and lists alone, as the standards have it:
over TLS 1.2 a suite names the kind of key (RFC 5246, appendix A.5), over TLS 1.3 none does, and
which certificate a client is shown hangs on the order in which it names signatures.
"""

import ssl
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from edgepind.lab.listener import server_context
from edgepind.lab.pki import Authority, Credential
from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls

HOST = "edge.test"
ROOT = Authority.root("Public Root")
ISSUER = ROOT.intermediate("Issuing CA")
CERTIFICATES = {
    "RSA": ISSUER.leaf([HOST], key="rsa"),
    "ECDSA": ISSUER.leaf([HOST]),
}
NAMES = {it.fingerprint: name for name, it in CERTIFICATES.items()}
BOTH = ("RSA", "ECDSA")

VERSIONS = {
    "TLS 1.2": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
    "TLS 1.2 + 1.3": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
    "TLS 1.3": (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3),
}
SHOWN = {"RSA": ("RSA",), "ECDSA": ("ECDSA",), "both": BOTH}
SETTINGS = {
    "RSA list": EdgeTls("TLSv1.2", ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256")),
    "ECDSA list": EdgeTls("TLSv1.2", ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",)),
    "no list": EdgeTls(),
    "minimum 1.3": EdgeTls("TLSv1.3"),
}
_IN_LIST = {"RSA list": {"RSA"}, "ECDSA list": {"ECDSA"}, "no list": {*BOTH}, "minimum 1.3": set()}


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of server and one kind of Edge, by the names of the tables above."""

    versions: str
    shown: str
    settings: str

    def __str__(self) -> str:
        """The name of a test."""
        return f"{self.versions}, {self.shown}, {self.settings}"

    def may_be_served(self, highest: HighestTls) -> frozenset[str]:
        """The certificates that an Edge may be served whose highest version is this."""
        if highest is HighestTls.UNKNOWN:
            return self.may_be_served(HighestTls.TLS_1_2) | self.may_be_served(HighestTls.TLS_1_3)
        oldest, newest = VERSIONS[self.versions]
        certificates = frozenset(SHOWN[self.shown])
        if highest is HighestTls.TLS_1_3 and newest is ssl.TLSVersion.TLSv1_3:
            return certificates
        if oldest is ssl.TLSVersion.TLSv1_2:
            return certificates & _IN_LIST[self.settings]
        return frozenset()


def cells() -> tuple[Cell, ...]:
    """All thirty-six."""
    return tuple(Cell(*it) for it in product(VERSIONS, SHOWN, SETTINGS))


def server(versions: str, shown: str) -> ssl.SSLContext:
    """A server's context with these versions and certificates, which follows the client's order."""
    first, *more = (CERTIFICATES[name] for name in SHOWN[shown])
    context = dual_context(first, *more)
    context.minimum_version, context.maximum_version = VERSIONS[versions]
    return context


def dual_context(first: Credential, *more: Credential) -> ssl.SSLContext:
    """A server's context with a certificate for each kind of key."""
    context = server_context(first)
    with tempfile.TemporaryDirectory(prefix="edgepind-lab-") as folder:
        for credential in more:
            files = credential.write(Path(folder))
            context.load_cert_chain(files.full_chain, files.key)
    return context
