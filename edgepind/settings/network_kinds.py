"""Kinds of value that name things on the network: hosts, ports, addresses, URLs.

Only form is judged; no name is looked up.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from edgepind.settings.kinds import Address, Wrong, list_of, text, whole_number

ANY_PORT = 0
"""Stands in an `Address` that was written without a port, until `cloud.port` is known."""

_LONGEST_NAME = 253  # RFC 1035, section 2.3.4, as text
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ADDRESS = re.compile(r"(?:\[(?P<v6>[^]]*)\]|(?P<v4>[^:]*))(?::(?P<port>[0-9]{1,5}))?")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")  # RFC 3986, section 2
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, section 3.3
HIGHEST_PORT = 65_535


def parse_host(name: str) -> str | Wrong:
    """A DNS name in lower case and, where it is international, as A-labels (RFC 5890)."""
    if "/" in name:
        return Wrong("it is a URL or a path, where a bare name belongs")
    if _is_numeric(name):
        return Wrong("a numeric address cannot be sent as SNI (RFC 6066) and verified as the name")
    if ":" in name:
        return Wrong("it holds a port, which has a key of its own")
    ascii_name = _to_ascii(name)
    return ascii_name if isinstance(ascii_name, Wrong) else _judge_labels(ascii_name)


def parse_address(written: str) -> Address | Wrong:
    """A numeric address, with `ANY_PORT` where none is written.

    Reads `192.0.2.1`, `192.0.2.1:8443`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:8443`.
    """
    if ip := _canonical(written):
        return Address(ip, ANY_PORT)
    parts = _ADDRESS.fullmatch(written)
    ip = _canonical(parts["v6"] or parts["v4"] or "") if parts else None
    if parts is None or ip is None or (":" in ip) is not (parts["v4"] is None):
        return Wrong("it is not a numeric address with or without a port")
    port = ANY_PORT if parts["port"] is None else int(parts["port"])
    if parts["port"] is not None and not 1 <= port <= HIGHEST_PORT:
        return Wrong("its port is not from 1 to 65535")
    return Address(ip, port)


def parse_https_url(url: str) -> str | Wrong:
    """An absolute https URL without user, password or fragment; given back as it was written."""
    if not _URL_CHARACTERS.fullmatch(url):
        return Wrong("it holds a character that a URL may not (RFC 3986)")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return Wrong("it is not a URL")
    host = parts.hostname or ""
    if parts.scheme != "https" or not host:
        return Wrong("it does not begin with https:// and a host")
    if "@" in parts.netloc:
        return Wrong("it holds a user or a password")
    if parts.fragment or port == 0:
        return Wrong("it holds a fragment" if parts.fragment else "its port is 0")
    problem = _judge_url_host(parts.netloc, host)
    return Wrong(f"its host is wrong: {problem.reason}") if isinstance(problem, Wrong) else url


def _judge_url_host(netloc: str, host: str) -> str | Wrong:
    if "[" in netloc and not (netloc.startswith("[") and _canonical(host)):
        return Wrong("square brackets belong round an IPv6 address")
    return _canonical(host) or parse_host(host)


def _judge_labels(name: str) -> str | Wrong:
    labels = name.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(name) > _LONGEST_NAME:
        return Wrong("it is not a DNS name")
    if _NUMBER.fullmatch(labels[-1]):
        return Wrong("it ends in a number, which the resolver reads as a numeric address")
    return name


def _is_numeric(name: str) -> bool:
    address = parse_address(name.strip())
    return isinstance(address, Address)


def _canonical(written: str) -> str | None:
    """Spell an address the one way; a zone would name an interface, and so not the cloud."""
    try:
        return None if "%" in written else str(ipaddress.ip_address(written))
    except ValueError:
        return None


def _to_ascii(name: str) -> str | Wrong:
    lowered = name.removesuffix(".").lower()
    if lowered.isascii():
        return lowered
    import idna  # noqa: PLC0415  its tables take a mebibyte that hardly any host needs

    try:
        return idna.encode(lowered, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        return Wrong(f"it is not an international DNS name: {error}")


def _judge_scope(scope: str) -> str | Wrong:
    if not _SCOPE.fullmatch(scope):
        return Wrong("a scope is printable ASCII with no space, quote or backslash")
    return scope


PORT = whole_number(1, HIGHEST_PORT, "a port from 1 to 65535, such as 443")
HOST = text(
    'a DNS name in quotes, such as "acme.mypurecloud.com" (numeric addresses go into '
    "cloud.addresses)",
    parse_host,
)
ADDRESSES = list_of(
    text("a numeric address", parse_address),
    'a list of numeric addresses, such as ["192.0.2.1:443", "[2001:db8::1]:443"]',
)
HTTPS_URL_OR_NONE = text(
    'a URL that begins with https://, or "" for none',
    lambda url: parse_https_url(url) if url else "",
)
SCOPES = list_of(text("a scope", _judge_scope), 'a list of OAuth scopes, such as ["a:read"]')
