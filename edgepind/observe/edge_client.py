"""The Edge as a client of TLS: its offers and the site's certificate, for looks and requests alike.

Both go through here, so that a request meets what was looked at.
"""

import ssl

from edgepind.host.disk_thread import run_aside
from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls
from edgepind.observe.client_certificate import (
    ClientCertificate,
    find_client_certificate,
    present,
)
from edgepind.observe.edge_offers import edge_offers
from edgepind.observe.tls_settings import TlsOffer, edge_context, wide_context


class EdgeClient:
    """The Edge under one set of `tlsSettings` and with one client certificate.

    `certificate_problem` is a sentence where the certificate cannot be presented, from the first
    context on.
    """

    def __init__(
        self, tls: EdgeTls, highest: HighestTls, certificate: ClientCertificate | None
    ) -> None:
        self.tls = tls
        self.certificate = certificate
        self.offers = edge_offers(tls, highest)
        self.certificate_problem: str | None = None
        self._contexts: dict[TlsOffer, ssl.SSLContext] = {}
        self._wide: ssl.SSLContext | None = None

    def context(self, offer: TlsOffer) -> ssl.SSLContext:
        """The context of one offer that verifies nothing, made once."""
        if offer not in self._contexts:
            self._contexts[offer] = self.equip(edge_context(offer))
        return self._contexts[offer]

    def wide_context(self) -> ssl.SSLContext:
        """A context that offers more than the Edge would, made once."""
        if self._wide is None:
            self._wide = self.equip(wide_context())
        return self._wide

    def equip(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """Have `context` present the client certificate where a server asks for one."""
        if self.certificate is not None:
            self.certificate_problem = present(context, self.certificate)
        return context


async def edge_client(
    tls: EdgeTls, highest: HighestTls, configured: str, latest: EdgeClient | None
) -> EdgeClient:
    """`latest`, unless settings or certificate have changed since; then a new one.

    `configured` is `cloud.client_certificate`, which may stand on a disk that hangs.
    """
    certificate = (
        await run_aside(find_client_certificate, configured)
        if configured
        else find_client_certificate("")
    )
    if latest is not None and (latest.tls, latest.certificate) == (tls, certificate):
        return latest
    return EdgeClient(tls, highest, certificate)
