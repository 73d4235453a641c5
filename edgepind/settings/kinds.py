"""Kinds of value that a setting may have: plain ones, names on this host, names on the network.

A kind reads a value of a TOML document and returns what the program works with, or what is wrong.
Only form is judged; whether a file, user or host exists is for `edgepind check`.
"""

import ipaddress
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint, parse_fingerprint
from edgepind.settings.durations import RefusedDuration, parse_duration

ANY_PORT = 0
"""Stands in an `Address` that was written without a port, until `cloud.port` is known."""

_LONGEST_NAME = 253  # RFC 1035, section 2.3.4, as text
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ADDRESS = re.compile(r"(?:\[(?P<v6>[^]]*)\]|(?P<v4>[^:]*))(?::(?P<port>[0-9]{1,5}))?")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")  # RFC 3986, section 2
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, section 3.3
HIGHEST_PORT = 65_535
HTTPS_PORT = 443
_MODE = re.compile(r"0?[0-7]{3}")
_OWNER = re.compile(r"[^\s:/]+:[^\s:/]+")
_AUTO = "auto"
_UNIT = re.compile(r"[A-Za-z0-9_:.\\@][A-Za-z0-9_:.\\@-]*\.service")  # systemd.unit(5)
_LONGEST_UNIT = 255
_SHOWN_CHARACTERS = 80
_SHOWN_ITEMS = 4
_SHOWN_BITS = 256
_LARGEST = 2**63 - 1  # what TOML 1.0 guarantees for an integer


@dataclass(frozen=True, slots=True)
class Address:
    """One numeric address and port; `str()` gives `127.0.0.1:8443` or `[::1]:8443`."""

    ip: str
    port: int

    def __str__(self) -> str:
        """The notation of `status.json` and of `cloud.addresses`."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a value is not of a kind, as a clause: "it is text, not a number"."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """`form` describes a valid value, to follow "Write"; `read` reads one.

    `words` are all valid words if the kind is a closed set of them, else empty.
    """

    form: str
    read: Callable[[object], object | Wrong]
    words: tuple[str, ...] = ()


def text(form: str, judge: Callable[[str], object | Wrong]) -> Kind:
    """Text that `judge` accepts. NUL is refused: no system call takes it."""

    def read(value: object) -> object | Wrong:
        if not isinstance(value, str):
            return Wrong(f"it is {_describe(value)}, not text in quotes")
        return Wrong("it holds a NUL character") if "\0" in value else judge(value)

    return Kind(form, read)


def list_of(
    item: Kind, form: str, gather: Callable[[list[object]], object | Wrong] = tuple
) -> Kind:
    """A list of items of one kind; `gather` makes the value from them."""

    def read(value: object) -> object | Wrong:
        if not isinstance(value, list):
            return Wrong(f"it is {_describe(value)}, not a list")
        items = [item.read(element) for element in value]
        for at, (element, result) in enumerate(zip(value, items, strict=True), 1):
            if isinstance(result, Wrong):
                return Wrong(f"its item {at}, {show(element)}, is wrong: {result.reason}")
        return gather(items)

    return Kind(form, read)


def one_of(words: type[StrEnum] | tuple[str, ...]) -> Kind:
    """One of a closed set of words; for an enumeration, one of its members."""
    known = {str(word): word for word in words}
    form = "one of " + ", ".join(show(word) for word in known)
    kind = text(form, lambda word: known.get(word) or Wrong("it is not one of the known words"))
    return replace(kind, words=tuple(known))


def whole_number(least: int, most: int = _LARGEST, form: str = "") -> Kind:
    """A whole number in this range; TOML's true and false are not numbers."""

    def read(value: object) -> object | Wrong:
        if not isinstance(value, int) or isinstance(value, bool):
            return Wrong(f"it is {_describe(value)}, not a whole number")
        if value < least:
            return Wrong(f"it is below {least}")
        return Wrong(f"it is above {most}") if value > most else value

    return Kind(form or f"a whole number from {least} up", read)


def _read_boolean(value: object) -> object | Wrong:
    if not isinstance(value, bool):
        return Wrong(f"it is {_describe(value)}, not true or false")
    return value


def _judge_duration(word: str) -> float | Wrong:
    match parse_duration(word):
        case RefusedDuration(reason=reason):
            return Wrong(reason)
        case 0.0:
            return Wrong("it is not above zero")
        case seconds:
            return seconds


def _duration_or_auto(word: str) -> float | Wrong:
    """Read "auto" as a time without an end: it is for others to say."""
    return math.inf if word == "auto" else _judge_duration(word)


def filled(word: str) -> str | Wrong:
    """Refuse empty text."""
    return word if word.strip() else Wrong("it is empty")


def _describe(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or a time"


def show(value: object) -> str:
    """A value of a TOML document as it would be written there, cut to fit in a line.

    Never raises, however deep, long or large the value: it is for messages about bad ones.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            cut = value[:_SHOWN_CHARACTERS]
            quoted = json.dumps(cut, ensure_ascii=not cut.isprintable())
            return quoted if cut == value else f"{quoted[:-1]}\u2026"
        case int() if value.bit_length() > _SHOWN_BITS:
            return "a very large number"
        case list():
            more = ", \u2026" if len(value) > _SHOWN_ITEMS else ""
            return f"[{', '.join(_show_item(item) for item in value[:_SHOWN_ITEMS])}{more}]"
        case dict():
            return "{\u2026}"
        case _:
            return str(value)


def _show_item(item: object) -> str:
    return "[\u2026]" if isinstance(item, list) else show(item)


BOOLEAN = Kind("true or false, without quotes", _read_boolean)
DURATION = text(
    'a duration above zero in quotes, such as "200ms", "90s", "15min" or "1h 30min"',
    _judge_duration,
)
DURATION_OR_AUTO = text(
    '"auto", or a duration above zero in quotes, such as "90s" or "10min"', _duration_or_auto
)
ANY_TEXT = text('text in quotes, which may be ""', str)
FILLED_TEXT = text("text in quotes that is not empty", filled)
JQ_PROGRAM = text('a jq program in quotes, such as ".certificateFingerprint"', filled)


# --- what is named on this host: only form is judged, nothing is looked for ------------------


def parse_folder(written: str) -> Path | Wrong:
    """An absolute path."""
    if not written.startswith("/"):
        return Wrong("it is not an absolute path" if written else "it is empty")
    return Path(written)


def _file(written: str) -> Path | Wrong:
    if written.endswith("/"):
        return Wrong("it names a folder, where a file belongs")
    return parse_folder(written)


def _file_or(*words: str) -> Callable[[str], str | Wrong]:
    """Accept the absolute path of a file, or one of these words, as text."""

    def judge(written: str) -> str | Wrong:
        if written in words:
            return written
        path = _file(written)
        return path if isinstance(path, Wrong) else written

    return judge


def _prom_file(written: str) -> str | Wrong:
    if written and not written.endswith(".prom"):
        return Wrong("node_exporter's textfile collector reads files that end in .prom only")
    return _file_or("")(written)


def _mode(written: str) -> int | Wrong | None:
    if written == _AUTO:
        return None
    if not _MODE.fullmatch(written):
        return Wrong("it is neither auto nor three octal digits, with or without a leading 0")
    return int(written, 8)


def _owner(written: str) -> str | Wrong:
    if written == _AUTO or _OWNER.fullmatch(written):
        return written
    return Wrong("it is neither auto nor a user, a colon and a group")


def _unit(written: str) -> str | Wrong:
    if not _UNIT.fullmatch(written) or len(written) > _LONGEST_UNIT:
        return Wrong("it is not the name of a systemd service")
    return written


def _command(words: list[object]) -> tuple[object, ...] | Wrong:
    program = str(words[0]) if words else "/"
    if "/" in program and not program.startswith("/"):
        return Wrong("its program is neither an absolute path nor a bare name")
    return tuple(words)


def _fingerprint(written: str) -> Fingerprint | Wrong:
    match parse_fingerprint(written):
        case RefusedFingerprint(reason=reason):
            return Wrong(reason)
        case fingerprint:
            return fingerprint


def roots(word: str) -> Kind:
    """Trust roots: `word` for a set that is always available, or the path of a PEM file."""
    return text(f"{show(word)} or the absolute path of a PEM file", _file_or(word))


FILE = text("the absolute path of a file", _file)
FILE_OR_NONE = text('the absolute path of a file, or "" for none', _file_or(""))
FOLDER = text("the absolute path of a folder", parse_folder)
PEM_FILES = list_of(FILE, "a list of absolute paths of PEM files")
PROM_FILE_OR_NONE = text(
    'the absolute path of a file that ends in .prom, or "" for none', _prom_file
)
HELPER = text('"auto", the absolute path of a socket, or "" for none', _file_or("auto", ""))
MODE = text('"auto", or a file mode in octal digits and in quotes, such as "0600"', _mode)
OWNER = text('"auto", or a user and a group, such as "root:root"', _owner)
UNIT = text('the name of a service, such as "purecloud-edge.service"', _unit)
COMMAND = list_of(
    FILLED_TEXT,
    'a list of a program and its arguments, such as ["/usr/bin/true", "-v"], or [] for none',
    _command,
)
FINGERPRINTS = list_of(
    text("a fingerprint", _fingerprint), "a list of SHA-256 SPKI pins", frozenset
)


# --- what is named on the network: no name is looked up --------------------------------------


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
    """The canonical spelling; an address with a zone is refused: it names an interface."""
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
