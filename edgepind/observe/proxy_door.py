"""What is needed to enter the proxy of the settings: its addresses, credentials, and its roots.

Gathered anew for each look and each request, so that what was replaced is taken up. Nothing is
connected to here. Imported only where `cloud.proxy` is set.
"""

import ssl

from edgepind.host.disk_thread import run_aside
from edgepind.observe.proxy_credentials import NoProxyCredentials, read_proxy_credentials
from edgepind.observe.resolve import ResolveFailed, Resolver
from edgepind.observe.way import Closed, Gate
from edgepind.settings.kinds import Address, parse_address
from edgepind.settings.proxy import Proxy


class ProxyDoor:
    """The proxy under one set of settings; `roots` as in `cloud.system_roots`."""

    def __init__(self, proxy: Proxy, credentials_file: str, roots: str, resolver: Resolver) -> None:
        self._proxy = proxy
        self._credentials_file = credentials_file
        self._roots = roots
        self._resolver = resolver
        self._context: ssl.SSLContext | None = None

    async def gate(self, timeout: float) -> Gate | Closed:  # noqa: ASYNC109  the lookup goes on without us
        """The proxy as it can be entered now; its name is looked up for `timeout` seconds."""
        proxy = self._proxy
        found = await run_aside(read_proxy_credentials, self._credentials_file)
        if isinstance(found, NoProxyCredentials):
            return Closed(found.error)
        numeric = parse_address(proxy.host)
        if isinstance(numeric, Address):
            addresses: tuple[Address, ...] | ResolveFailed = (Address(numeric.ip, proxy.port),)
        else:
            addresses = await self._resolver.resolve(proxy.host, proxy.port, timeout)
        if isinstance(addresses, ResolveFailed):
            return Closed(f"the proxy cannot be found: {addresses.error}")
        if proxy.tls and self._context is None:
            try:
                self._context = await run_aside(_context, self._roots)
            except OSError as error:
                return Closed(
                    f"the roots for the proxy ({self._roots}) cannot be loaded: {error.strerror}"
                )
        return Gate(proxy, addresses, found.authorization, self._context)


def _context(roots: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if roots == "system" else roots)
