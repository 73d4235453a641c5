"""The proxy of `cloud.proxy`: where it is and how it is spoken to, never who may use it.

Only form is judged; no name is looked up.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from edgepind.settings.kinds import Address, Wrong, parse_address, parse_host, text

_PORTS = {"http": 80, "https": 443}
_CREDENTIALS = (
    "it holds a user or a password, which belong into the file of cloud.proxy_credentials_file"
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that knows CONNECT (RFC 9110, section 9.3.6).

    `tls`: it is spoken to by HTTPS. `host` is a DNS name or a numeric address.
    """

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        """`proxy.example:3128`, as in `via proxy.example:3128`."""
        return str(Address(self.host, self.port))


def parse_proxy(url: str) -> Proxy | Wrong:
    """Parse `http://HOST[:PORT]` or `https://HOST[:PORT]`, and nothing after it but a slash.

    Without a port it is the scheme's own, 80 or 443. What is wrong is told without the URL's parts,
    for there may be a password in them.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return Wrong("it is not a URL")
    host = parts.hostname or ""
    if "@" in parts.netloc:
        return Wrong(_CREDENTIALS)
    if parts.scheme not in _PORTS or not host:
        return Wrong("it does not begin with http:// or https:// and a host")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or port == 0:
        return Wrong("its port is 0" if port == 0 else "it goes on after the host and the port")
    numeric = parse_address(host)
    name = numeric.ip if isinstance(numeric, Address) else parse_host(host)
    if isinstance(name, Wrong):
        return Wrong(f"its host is wrong: {name.reason}")
    return Proxy(name, port or _PORTS[parts.scheme], parts.scheme == "https")


def _without_user(value: object) -> object:
    """What stands before the host, a password perhaps, is not for a log."""
    if not isinstance(value, str) or "@" not in value:
        return value
    return f"\u2026@{value.rpartition('@')[2]}"


PROXY_OR_NONE = replace(
    text(
        'the URL of a proxy, such as "http://proxy.example:3128", or "" for none',
        lambda url: parse_proxy(url) if url else None,
    ),
    hide=_without_user,
)
