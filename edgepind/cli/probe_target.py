"""Whom `edgepind probe` looks at: `HOST`, `HOST:PORT`, `192.0.2.1:8443`, `[2001:db8::1]:8443`."""

import re
from dataclasses import dataclass

from edgepind.model.address import Address
from edgepind.settings.kinds import Wrong
from edgepind.settings.network_kinds import ANY_PORT, parse_address, parse_host

_HTTPS = 443
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Named:
    """A host as it was named: `port` None where none was; `numeric` for an address.

    A numeric address is not sent as SNI (RFC 6066, section 3) and is held against the IP
    addresses in the certificate.
    """

    host: str
    port: int | None = None
    numeric: bool = False

    def addresses(self, port: int = _HTTPS) -> tuple[Address, ...]:
        """The one address, where it is numeric; none: whatever the name resolves to."""
        return (Address(self.host, self.port or port),) if self.numeric else ()


def parse_target(written: str) -> Named | Wrong:
    """Read what was named. Never raises; what is wrong comes back with a clause that says why."""
    address = parse_address(written)
    if isinstance(address, Address):
        port = None if address.port == ANY_PORT else address.port
        return Named(address.ip, port, numeric=True)
    if "/" in written or ":" not in written:
        host = parse_host(written)
        return host if isinstance(host, Wrong) else Named(host)
    name, _, digits = written.rpartition(":")
    if not _PORT.fullmatch(digits) or not 1 <= int(digits) <= _HIGHEST_PORT:
        return Wrong("its port is not a number from 1 to 65535")
    host = parse_host(name)
    return host if isinstance(host, Wrong) else Named(host, int(digits))
