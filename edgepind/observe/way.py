"""The way to a server: straight to a numeric address, or through the proxy of the settings.

Only values; a tunnel is opened in `tunnel`, which is not imported where no proxy is set.
"""

import ssl
from dataclasses import dataclass, field

from edgepind.settings.kinds import Address
from edgepind.settings.proxy import Proxy


@dataclass(frozen=True, slots=True)
class Gate:
    """A proxy as it can be entered now.

    `addresses` are its own, at least one. `authorization` is the value of the header field that
    lets one in (RFC 9110, section 11.7.2), None where no credentials are given; it is a secret.
    `context` checks the proxy's certificate, None where it is spoken to without TLS.
    """

    proxy: Proxy
    addresses: tuple[Address, ...]
    authorization: str | None = field(default=None, repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why the proxy cannot be asked at all, in a clause for a person."""

    error: str


@dataclass(frozen=True, slots=True)
class Through:
    """A server that is asked for at a proxy: an address as it stands, or a name (`named`)."""

    gate: Gate
    host: str
    port: int
    named: bool = False

    @property
    def asked_for(self) -> str:
        """The target of CONNECT, `acme.mypurecloud.com:443`."""
        return str(Address(self.host, self.port))

    def __str__(self) -> str:
        """An address is shown as itself; behind a name, the proxy alone knows which it took."""
        return via(self.gate.proxy) if self.named else self.asked_for


Way = Address | Through


def via(proxy: Proxy) -> str:
    """The address of whatever a proxy resolved: `via proxy.example:3128`."""
    return f"via {proxy}"
