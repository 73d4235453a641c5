"""From a chain as it was sent to what the core needs to know of its leaf.

What was judged once is remembered, so that a steady link parses nothing and costs one look-up
at each address and tick.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import Chain, Leaf
from edgepind.observe.certificate import CertificateUnreadable
from edgepind.observe.chain import judge_chain
from edgepind.observe.openssl_path import read_leaf, spki_pin
from edgepind.observe.trust_roots import Trust

_REMEMBERED = 64
_SEARCHED_AGAIN = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class _Judged:
    """A leaf, and by which clock it was judged."""

    leaf: Leaf
    wall: datetime

    def stands_at(self, wall: datetime) -> bool:
        """Whether no other path can have become the best since.

        One that holds is the best while it holds. Where one does not, the one that will may have
        been too far away in time to be seen, as from an appliance that booted in 1970.
        """
        holding = _holding(self.leaf, wall)
        if holding != _holding(self.leaf, self.wall):
            return False
        return all(holding) or abs(wall - self.wall) < _SEARCHED_AGAIN


class Judge:
    """Makes a `Leaf` of a chain: once for each chain, and anew when time makes a difference."""

    def __init__(self, host: str, trust: Trust) -> None:
        self._host = host
        self._trust = trust
        self._known: OrderedDict[bytes, _Judged] = OrderedDict()

    def leaf(self, chain: Sequence[bytes], wall: datetime) -> Leaf:
        """Judge a chain (DER, the leaf first, not empty) as seen at `wall`."""
        key = sha256(b"".join(sha256(der).digest() for der in chain)).digest()
        known = self._known.get(key)
        if known is None or not known.stands_at(wall):
            known = self._known[key] = _Judged(self._judge(chain, wall), wall)
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known.leaf

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
    chains = (it for it in (leaf.public, leaf.system, leaf.exception) if it is not None)
    return tuple(it.holds_at(wall) for it in chains)
