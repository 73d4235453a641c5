"""Where the roots of this host come from: its distribution, or somebody who added them here.

A public CA that is newer than the roots which ship with edgepind is in the distribution's set
before it is in theirs; a CA that was added on the host is a site's own, such as an inspecting
proxy's, and never counts as public. Where the two lie is told by update-ca-certificates(8) (Debian)
and update-ca-trust(8) (Red Hat). On a host of another layout, nothing is known of any root, which
is then treated as one that was added. Nothing is verified here.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edgepind.host.bounded_read import SmallFile, read_small_file
from edgepind.observe.der import element_at

LARGEST = 16 * 1024 * 1024
"""Octets of a file of roots at most."""
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_TRUSTED_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.+?)-----END", re.DOTALL
)

_DEBIAN_SHIPPED = "usr/share/ca-certificates"
_DEBIAN_MOZILLA = "mozilla"
_DEBIAN_CHOICE = "etc/ca-certificates.conf"
_RED_HAT_SHIPPED = "usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit"
_ADDED = (
    "usr/local/share/ca-certificates",
    "etc/pki/ca-trust/source",
    "usr/share/pki/ca-trust-source/anchors",
    "usr/share/pki/ca-trust-source/blocklist",
    "usr/share/pki/ca-trust-source/blacklist",
)
"""Where a person or another package adds roots, or takes them out."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A root of the distribution's: its file, and when the package with it was built."""

    path: Path
    built: datetime


@dataclass(frozen=True, slots=True)
class HostRoots:
    """Roots (DER) by where they lie; one that lies in both counts as added."""

    shipped: Mapping[bytes, Shipped] = field(default_factory=dict, repr=False)
    added: Mapping[bytes, Path] = field(default_factory=dict, repr=False)

    def newer_than(self, built: datetime) -> dict[bytes, Shipped]:
        """Give the distribution's own roots of packages built later than `built`."""
        return {
            der: it
            for der, it in self.shipped.items()
            if der not in self.added and it.built > built
        }

    def origin(self, der: bytes) -> str:
        """Where a root comes from, in a clause for a person."""
        if der in self.added:
            return f"added on this host ({self.added[der]}), which makes it no public one"
        if der in self.shipped:
            it = self.shipped[der]
            return f"shipped by its distribution ({it.path} of {it.built:%Y-%m-%d})"
        return "and this host does not tell whether its distribution or somebody else added it"


def certificates_in(pem: bytes) -> Iterator[bytes]:
    """Every certificate of a PEM text as DER; b"" for one whose base64 is broken (RFC 7468)."""
    yield from _decoded(_PEM, pem)


def read_host_roots(top: Path = Path("/")) -> HostRoots:
    """Look where the layouts that are known put roots, below `top`. Never raises."""
    added = {der: path for path in _added_files(top) for der in _any_in(path)}
    return HostRoots({**_red_hat(top), **_debian(top)}, added)


def _debian(top: Path) -> dict[bytes, Shipped]:
    """Give those of Mozilla's set that this host has not deselected."""
    choice = read_small_file(top / _DEBIAN_CHOICE, LARGEST, follow=True)
    if not isinstance(choice, SmallFile):
        return {}
    chosen = choice.content.decode("utf-8", "replace").splitlines()
    prefix = f"{_DEBIAN_MOZILLA}/"
    paths = (top / _DEBIAN_SHIPPED / it.strip() for it in chosen if it.startswith(prefix))
    return {der: it for path in paths if path.suffix == ".crt" for der, it in _shipped(path)}


def _red_hat(top: Path) -> dict[bytes, Shipped]:
    return dict(_shipped(top / _RED_HAT_SHIPPED))


def _shipped(path: Path) -> Iterator[tuple[bytes, Shipped]]:
    read = read_small_file(path, LARGEST, follow=False)
    if isinstance(read, SmallFile):
        yield from ((der, Shipped(path, read.modified)) for der in certificates_in(read.content))


def _added_files(top: Path) -> Iterator[Path]:
    for folder in _ADDED:
        yield from _files_below(top / folder)
    shipped = top / _DEBIAN_SHIPPED
    yield from (it for it in _files_below(shipped) if it.parent != shipped / _DEBIAN_MOZILLA)


def _files_below(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from sorted(it for it in folder.rglob("*") if it.is_file())


def _any_in(path: Path) -> Iterator[bytes]:
    """Certificates in PEM of any label, or one in DER."""
    read = read_small_file(path, LARGEST, follow=True)
    if isinstance(read, SmallFile):
        yield from map(_alone, [*_decoded(_TRUSTED_PEM, read.content)] or [read.content])


def _alone(der: bytes) -> bytes:
    """Without what OpenSSL's "trusted" form adds behind a certificate (openssl-x509(1))."""
    try:
        return der[: element_at(der, 0, len(der)).end]
    except ValueError:
        return der


def _decoded(pattern: re.Pattern[bytes], pem: bytes) -> Iterator[bytes]:
    for block in pattern.finditer(pem):
        try:
            yield base64.b64decode(b"".join(block[1].split()), validate=True)
        except binascii.Error:
            yield b""
