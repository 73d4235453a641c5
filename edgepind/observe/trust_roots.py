"""Sets of trusted roots: the bundled one, the host's own, or a PEM file.

What the host's distribution ships and the bundled set is too old for counts as bundled, too, where
the host tells its distribution's roots from those that were added (`observe.host_roots`).

They are kept as bytes and handed out by name: the few roots that a given chain could lead to,
which costs no parsing of the other hundreds. Nothing is verified here.
"""

import re
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from edgepind.host.bounded_read import NoFile, SmallFile, TooLarge, Unreadable, read_small_file
from edgepind.observe.der import Element, children, element_at, issuer_and_subject
from edgepind.observe.host_roots import HostRoots, certificates_in, read_host_roots

BUNDLED = "bundled"
SYSTEM = "system"

_LARGEST_FILE = 16 * 1024 * 1024
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # openssl-rehash(1)
_ENCODINGS = {0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""Tags of the string types that are not UTF-8 already: Teletex, Universal and BMP."""
_WELL_KNOWN_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Red Hat and its kin
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
    Path("/etc/ssl/cert.pem"),  # Alpine
)
"""Where the host's roots are when OpenSSL was built for another place (a bundled Python)."""


@dataclass(frozen=True, slots=True)
class RootsUnusable:
    """Roots that cannot be had, and why: a sentence with the remedy."""

    source: str
    error: str


@dataclass(frozen=True, slots=True)
class TrustRoots:
    """A set of roots. `partial` says that an intermediate among them ends a path, too.

    `title` names the set for a person; `origins` says of some of its roots (DER) where they come
    from, in a clause.
    """

    source: str
    partial: bool = False
    _by_subject: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    title: str = ""
    origins: Mapping[bytes, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, source: str, certificates: Iterable[bytes], *, partial: bool = False
    ) -> "TrustRoots":
        """Index certificates (DER) by subject; what has not the shape of one is left out."""
        by_subject: dict[bytes, tuple[bytes, ...]] = {}
        for der in dict.fromkeys(certificates):
            if names := issuer_and_subject(der):
                key = _name_key(names[1])
                by_subject[key] = (*by_subject.get(key, ()), der)
        return cls(source, partial, by_subject)

    def __len__(self) -> int:
        """How many certificates there are."""
        return sum(map(len, self._by_subject.values()))

    def __iter__(self) -> Iterator[bytes]:
        """Every certificate, as DER."""
        for same in self._by_subject.values():
            yield from same

    def anchors_for(self, chain: Sequence[bytes]) -> tuple[bytes, ...]:
        """The roots that any certificate of `chain` (DER) names as its issuer, and theirs."""
        found: dict[bytes, None] = {}
        wanted = list(chain)
        while wanted:
            names = issuer_and_subject(wanted.pop())
            for anchor in self._by_subject.get(_name_key(names[0]), ()) if names else ():
                if anchor not in found:
                    found[anchor] = None
                    wanted.append(anchor)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Trust:
    """The sets of roots that a chain is held against; `exceptions` None: none are configured."""

    public: TrustRoots | RootsUnusable
    system: TrustRoots | RootsUnusable
    exceptions: TrustRoots | RootsUnusable | None = None

    @property
    def faults(self) -> tuple[RootsUnusable, ...]:
        """The sets that cannot be had; a chain held against one of them reaches no root."""
        sets = (self.public, self.system, self.exceptions)
        return tuple(it for it in sets if isinstance(it, RootsUnusable))


def load_trust(
    public: str = BUNDLED, system: str = SYSTEM, exceptions: Sequence[Path] = ()
) -> Trust:
    """Load all three sets as the settings name them; takes some 50 ms, once."""
    trust = Trust(load_roots(public), load_roots(system), load_exceptions(exceptions))
    return with_host(trust, read_host_roots()) if system == SYSTEM else trust


def with_host(trust: Trust, host: HostRoots) -> Trust:
    """`trust`, with the origin of the host's own roots.

    What its distribution ships, and the host trusts, extends bundled roots that are older. Older
    ones of its do not: what the bundled set lacks then may have been taken out of it.
    """
    public, system = trust.public, trust.system
    if not isinstance(system, TrustRoots):
        return trust
    system = replace(system, origins={der: host.origin(der) for der in system})
    if isinstance(public, TrustRoots) and public.source == BUNDLED:
        newer = host.newer_than(bundled_on())
        more = {der: host.origin(der) for der in system if der in newer and der not in set(public)}
        extended = TrustRoots.of(BUNDLED, [*public, *more])
        public = replace(extended, title=public.title, origins=more)
    return replace(trust, public=public, system=system)


def bundled_on() -> datetime:
    """The day of the roots that ship with edgepind."""
    import certifi  # noqa: PLC0415  see `load_roots`

    year, month, day, *_ = (int(it) for it in certifi.__version__.split("."))
    return datetime(year, month, day, tzinfo=UTC)


def load_roots(source: str) -> TrustRoots | RootsUnusable:
    """Load the roots that a setting names: "bundled", "system" or the path of a PEM file."""
    match source:
        case "bundled":
            import certifi  # noqa: PLC0415  the package may be cut down to hosts' own roots

            loaded = _load_file(source, Path(certifi.where()))
            if isinstance(loaded, RootsUnusable):
                return loaded
            return replace(loaded, title=f"the bundled roots of {bundled_on():%Y-%m-%d}")
        case "system":
            found = TrustRoots.of(source, _system_certificates())
            found = replace(found, title="this host's own trust store")
            return found if len(found) else RootsUnusable(source, _NO_SYSTEM_ROOTS)
        case _:
            return _load_file(source, Path(source))


def load_exceptions(files: Sequence[Path]) -> TrustRoots | RootsUnusable | None:
    """Load the inspecting CAs that a site accepts; None where there are none.

    One unusable file is enough to refuse them all: an exception must not depend on luck.
    """
    if not files:
        return None
    certificates: list[bytes] = []
    for path in files:
        read = _read_pem(path)
        if isinstance(read, RootsUnusable):
            return read
        certificates += read
    return TrustRoots.of("interception.exceptions", certificates, partial=True)


_NO_SYSTEM_ROOTS = (
    "this host's trust store holds no certificate; install the package ca-certificates, or name "
    "a PEM file in cloud.system_roots"
)


def _load_file(source: str, path: Path) -> TrustRoots | RootsUnusable:
    read = _read_pem(path)
    if isinstance(read, RootsUnusable):
        return read
    return replace(TrustRoots.of(source, read), title=f"the roots in {path}")


def _read_pem(path: Path) -> list[bytes] | RootsUnusable:
    match read_small_file(path, _LARGEST_FILE, follow=True):
        case SmallFile(content=content):
            return _decode_pem(path, content)
        case NoFile():
            return RootsUnusable(str(path), f"{path} does not exist; correct the path")
        case TooLarge(error=reason):
            return RootsUnusable(str(path), f"{reason}, which no trust store is")
        case Unreadable(error=error):
            return RootsUnusable(str(path), error)


def _decode_pem(path: Path, content: bytes) -> list[bytes] | RootsUnusable:
    certificates = list(certificates_in(content))
    if not certificates:
        return RootsUnusable(
            str(path),
            f"{path} holds no certificate in PEM form; convert one from DER with "
            "`openssl x509 -inform DER`",
        )
    for number, der in enumerate(certificates, 1):
        if issuer_and_subject(der) is None:
            return RootsUnusable(
                str(path), f"certificate {number} in {path} cannot be read; replace or remove it"
            )
    return certificates


def _system_certificates() -> Iterator[bytes]:
    """What OpenSSL trusts by default on this host: its file and its hashed directory."""
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        with suppress(OSError):  # a directory closed to this user is an empty one to OpenSSL
            entries = sorted(Path(paths.capath).iterdir())
            files += [entry for entry in entries if _HASHED_NAME.fullmatch(entry.name)]
    for path in files or _WELL_KNOWN_BUNDLES:
        read = read_small_file(path, _LARGEST_FILE, follow=True)
        if isinstance(read, SmallFile):
            yield from certificates_in(read.content)


def _name_key(name: bytes) -> bytes:
    """A name in a form that is equal where OpenSSL takes two names for the same.

    Letters of ASCII in either case, runs of spaces and the string type make no difference
    (RFC 5280, section 7.1). What cannot be read so is compared byte for byte.
    """
    try:
        outer = element_at(name, 0, len(name))
        return b"/".join(
            b"+".join(_attribute_key(name, pair) for pair in children(name, pairs))
            for pairs in children(name, outer)
        )
    except ValueError:
        return name


def _attribute_key(name: bytes, pair: Element) -> bytes:
    kind, value = children(name, pair)
    text = name[value.content : value.end]
    if value.tag in _ENCODINGS:
        text = text_of(name, value).encode()
    return name[kind.content : kind.end] + b"=" + b" ".join(text.lower().split())


def text_of(name: bytes, value: Element) -> str:
    """The text of one value in a distinguished name; raises ValueError where it is none."""
    return name[value.content : value.end].decode(_ENCODINGS.get(value.tag, "utf-8"))
