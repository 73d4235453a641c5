"""Which organisations' public roots a chain leads to (CONTRACT section 6, `ca_changed`).

All of them count, not only that of the path which OpenSSL takes: a CA that another has certified
is of its family, whichever of the roots the server's chain was made for. Each root that is named
in the chain is shown to OpenSSL by itself, so that nothing is reached that the Edge would not
take, and only what holds at the time in question is reached.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from edgepind.formats import printable
from edgepind.model.observation import Chain
from edgepind.model.organisation import organisation
from edgepind.observe.der import children, element_at, issuer_and_subject, self_issued
from edgepind.observe.openssl_path import TrustPath, find_path, spki_pin
from edgepind.observe.trust_roots import text_of

_ORGANISATION, _COMMON_NAME = b"\x55\x04\x0a", b"\x55\x04\x03"  # 2.5.4.10 and 2.5.4.3
_UNIT = b"\x55\x04\x0b"  # 2.5.4.11

_OTHERS_NAME: Mapping[str, str] = {
    "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92": "Amazon",
}
"""Roots that bear the name of an organisation which sold them, by the SHA-256 of their keys.

"Starfield Services Root Certificate Authority - G2", https://www.amazontrust.com/repository/; the
other roots that name Starfield Technologies are GoDaddy's still.
"""


def owner_of(root: bytes) -> str:
    """The organisation that owns a root (DER): its subject's O, or CN or OU where it has none.

    "" where its subject says nothing that can be read.
    """
    if owner := _OTHERS_NAME.get(spki_pin(root).octets.hex()):
        return owner
    named = _attributes(root)
    words = (named.get(it, "") for it in (_ORGANISATION, _COMMON_NAME, _UNIT))
    return next((name for it in words if (name := organisation(it))), "")


def owners_reached(
    chain: Sequence[bytes], anchors: Sequence[bytes], found: Chain, wall: datetime, host: str | None
) -> frozenset[str]:
    """The owners of all `anchors` (DER) that a chain (DER, the leaf first) leads to at `wall`.

    `found` is the judgement on it; none where that does not hold. `host` is as in `find_path`.
    """
    if not found.holds_at(wall):
        return frozenset()
    roots = [it for it in anchors if self_issued(it)]
    steps = [it for it in anchors if not self_issued(it)]
    reached = (
        owner_of(it)
        for it in roots
        if spki_pin(it) in found.issuers or _leads_to(it, [*chain, *steps], wall, host)
    )
    return frozenset(it for it in reached if it)


def names_other_roots(anchors: Sequence[bytes], found: Chain) -> bool:
    """Whether there are roots (DER) among `anchors` besides those of the path that was found.

    Which of them the chain leads to may change while that path holds.
    """
    return any(self_issued(it) and spki_pin(it) not in found.issuers for it in anchors)


def _leads_to(root: bytes, chain: Sequence[bytes], wall: datetime, host: str | None) -> bool:
    """Whether OpenSSL finds a way to this root alone, one that holds at `wall`."""
    ways = (find_path(chain, [root], in_time=it, host=host) for it in (False, True))
    return any(isinstance(it, TrustPath) and it.window.holds_at(wall) for it in ways)


def _attributes(certificate: bytes) -> dict[bytes, str]:
    """The first value of each attribute of its subject, by the octets of its type."""
    names = issuer_and_subject(certificate)
    if names is None:
        return {}
    name, found = names[1], dict[bytes, str]()
    try:
        for pairs in children(name, element_at(name, 0, len(name))):
            for pair in children(name, pairs):
                kind, value = children(name, pair)
                found.setdefault(name[kind.content : kind.end], printable(text_of(name, value)))
    except ValueError:
        return {}
    return found
