"""From a chain as it was sent to what the core needs to know of its leaf.

What was judged once is remembered, so that a steady link parses nothing and costs one look-up
at each address and tick.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from edgepind.model.fingerprint import Fingerprint
from edgepind.model.moment import Validity
from edgepind.model.observation import Chain, Leaf
from edgepind.observe.certificate import CertificateUnreadable
from edgepind.observe.chain import judge_chain
from edgepind.observe.openssl_path import read_leaf, spki_pin
from edgepind.observe.trust_roots import Trust

_REMEMBERED = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE = "unreadable"


class Judge:
    """Makes a `Leaf` of a chain: once for each chain, and anew when time makes a difference."""

    def __init__(self, host: str, trust: Trust) -> None:
        self._host = host
        self._trust = trust
        self._known: OrderedDict[bytes, tuple[Leaf, tuple[bool, ...]]] = OrderedDict()

    def leaf(self, chain: Sequence[bytes], wall: datetime) -> Leaf:
        """Judge a chain (DER, the leaf first, not empty) as seen at `wall`."""
        key = sha256(b"".join(sha256(der).digest() for der in chain)).digest()
        known = self._known.get(key)
        # A path that has begun or ended since may leave another one the best.
        if known is None or _holding(known[0], wall) != known[1]:
            leaf = self._judge(chain, wall)
            known = self._known[key] = (leaf, _holding(leaf, wall))
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known[0]

    def _judge(self, chain: Sequence[bytes], wall: datetime) -> Leaf:
        read = read_leaf(chain[0], self._host)
        if isinstance(read, CertificateUnreadable):
            return _unreadable(chain[0], read.reason)
        exceptions = self._trust.exceptions
        return Leaf(
            certificate=_fingerprint(chain[0]),
            spki=spki_pin(chain[0]),
            subject=read.certificate.subject,
            issuer=read.certificate.issuer,
            validity=read.certificate.validity,
            name_matches=read.name_matches,
            public=judge_chain(chain, self._trust.public, wall),
            system=judge_chain(chain, self._trust.system, wall),
            exception=None if exceptions is None else judge_chain(chain, exceptions, wall),
        )


def _unreadable(der: bytes, reason: str) -> Leaf:
    """A leaf that can be told by its fingerprint and by nothing else: it was never valid."""
    nowhere = Chain(window=None, problem=reason)
    return Leaf(
        certificate=_fingerprint(der),
        spki=spki_pin(der),
        subject=_UNREADABLE,
        issuer=_UNREADABLE,
        validity=Validity(_EPOCH, _EPOCH),
        name_matches=False,
        public=nowhere,
        system=nowhere,
    )


def _fingerprint(der: bytes) -> Fingerprint:
    return Fingerprint(sha256(der).digest())


def _holding(leaf: Leaf, wall: datetime) -> tuple[bool, ...]:
    """Which of the leaf's chains hold at `wall`."""
    chains = (leaf.public, leaf.system, leaf.exception)
    return tuple(it.window.holds_at(wall) for it in chains if it and it.window)
