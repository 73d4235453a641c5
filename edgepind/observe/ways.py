"""Every way to a host under the settings: its addresses, or those that the proxy is asked for.

A proxy resolves the name itself, so nothing about it is looked up here; addresses that the settings
give are asked for as they stand.
"""

from dataclasses import dataclass

from edgepind.observe.resolve import ResolveFailed, Resolver
from edgepind.observe.way import Closed, Through, Way
from edgepind.settings.kinds import Address
from edgepind.settings.proxy import Proxy
from edgepind.settings.schema import CloudSettings


@dataclass(frozen=True, slots=True)
class ProxyUse:
    """How a proxy is used: `cloud.proxy`, `proxy_credentials_file` and `system_roots`."""

    proxy: Proxy
    credentials_file: str = ""
    roots: str = "system"


def proxy_use(cloud: CloudSettings) -> ProxyUse | None:
    """The proxy of the settings, if there is one."""
    if cloud.proxy is None:
        return None
    return ProxyUse(cloud.proxy, cloud.proxy_credentials_file, cloud.system_roots)


class Ways:
    """Finds the ways; `use` None: straight."""

    def __init__(self, use: ProxyUse | None, resolver: Resolver) -> None:
        self._resolver = resolver
        self._door = None
        if use is not None:
            from edgepind.observe.proxy_door import ProxyDoor  # noqa: PLC0415  where one is set

            self._door = ProxyDoor(use.proxy, use.credentials_file, use.roots, resolver)

    async def to(
        self,
        host: str,
        port: int,
        addresses: tuple[Address, ...],
        timeout: float,  # noqa: ASYNC109  the lookup goes on without us
    ) -> tuple[Way, ...] | ResolveFailed | Closed:
        """Find the ways to `addresses`, or, where none are given, to `host` and `port`.

        A lookup takes `timeout` seconds at most, and there is one at most. Never raises for an
        expected failure.
        """
        if self._door is None:
            return addresses or await self._resolver.resolve(host, port, timeout)
        gate = await self._door.gate(timeout)
        if isinstance(gate, Closed):
            return gate
        given = tuple(Through(gate, it.ip, it.port) for it in addresses)
        return given or (Through(gate, host, port, named=True),)
