"""From a chain as it was sent to what the core needs to know of its leaf: which roots, and when.

OpenSSL, by which the Edge judges, has the last word on every path; a second search only proposes
some that OpenSSL's walks past. The host's clock only chooses among several paths; whether
a path holds is asked of its `window` by whoever knows the time.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from edgepind.model.enums import PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import Chain, Leaf
from edgepind.model.pin import PinKey
from edgepind.observe.certificate import CertificateUnreadable
from edgepind.observe.der import self_issued
from edgepind.observe.openssl_path import NoPath, TrustPath, find_path, read_leaf, spki_pin
from edgepind.observe.root_owners import names_other_roots, owners_reached
from edgepind.observe.trust_roots import RootsUnusable, Trust, TrustRoots

_REMEMBERED = 64
_SEARCHED_AGAIN = timedelta(hours=1)
_OWNERS_ASKED_AGAIN = timedelta(days=1)
"""By then one of the further ways to a root may have ended, or another begun."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class _Judged:
    """A leaf, and by which clock it was judged; `asked` when the second verifier was asked last."""

    leaf: Leaf
    wall: datetime
    asked: datetime | None = None
    elsewhere: bool = False
    """Whether it names public roots besides those of the path that it was judged by."""

    def stands_at(self, wall: datetime) -> bool:
        """Whether no other path can have become the best since.

        One that holds is the best while it holds. Where one does not, the one that will may have
        been too far away in time to be seen, as from an appliance that booted in 1970.
        """
        if self.elsewhere and abs(wall - self.wall) >= _OWNERS_ASKED_AGAIN:
            return False
        holding = _holding(self.leaf, wall)
        if holding != _holding(self.leaf, self.wall):
            return False
        return all(holding) or abs(wall - self.wall) < _SEARCHED_AGAIN


class Judge:
    """Makes a `Leaf` of a chain: once for each chain, and anew when time makes a difference.

    A steady link so parses nothing, and costs one look-up at each address and tick.
    """

    def __init__(self, host: str, trust: Trust) -> None:
        self._host = host
        self._trust = trust
        self._known: OrderedDict[bytes, _Judged] = OrderedDict()
        self.accepted: frozenset[PinKey] | None = None
        """The pins; a leaf of none of them might be adopted. None: there is no adopting."""

    def leaf(self, chain: Sequence[bytes], wall: datetime) -> Leaf:
        """Judge a chain (DER, the leaf first, not empty) as seen at `wall`."""
        key = sha256(b"".join(sha256(der).digest() for der in chain)).digest()
        known = self._known.get(key)
        if known is None or not known.stands_at(wall):
            leaf = self._judge(chain, wall)
            elsewhere = names_other_roots(self._anchors(chain), leaf.public)
            known = _Judged(leaf, wall, elsewhere=elsewhere)
        self._known[key] = known = self._asked(known, chain, wall)
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known.leaf

    def _asked(self, known: _Judged, chain: Sequence[bytes], wall: datetime) -> _Judged:
        """The same, with the second verifier's word where the leaf might be adopted."""
        leaf, roots = known.leaf, self._trust.public
        if self.accepted is None or not _keys(leaf).isdisjoint(self.accepted):
            return known
        if isinstance(roots, RootsUnusable) or not (
            leaf.name_matches and leaf.public.holds_at(wall)
        ):
            return known
        if known.asked is not None and abs(wall - known.asked) < _SEARCHED_AGAIN:
            return known
        # As for the second search: ten mebibytes that a pinned link never needs.
        from edgepind.observe.second_verifier import broken_rule  # noqa: PLC0415

        steps, ends = _steps_and_ends(chain, roots.anchors_for(chain), partial=roots.partial)
        breach = broken_rule(chain[0], steps, ends, self._host, wall)
        return replace(known, leaf=replace(leaf, breach=breach), asked=wall)

    def _judge(self, chain: Sequence[bytes], wall: datetime) -> Leaf:
        read = read_leaf(chain[0], self._host)
        if isinstance(read, CertificateUnreadable):
            return _unreadable(chain[0], read.reason)
        trust, exceptions = self._trust, self._trust.exceptions
        host = self._host if read.name_matches else None
        public = judge_chain(chain, trust.public, wall, host)
        owners = owners_reached(chain, self._anchors(chain), public, wall, host)
        return Leaf(
            certificate=_fingerprint(chain[0]),
            spki=spki_pin(chain[0]),
            subject=read.certificate.subject,
            issuer=read.certificate.issuer,
            validity=read.certificate.validity,
            name_matches=read.name_matches,
            public=replace(public, owners=owners),
            system=judge_chain(chain, trust.system, wall, host),
            exception=None if exceptions is None else judge_chain(chain, exceptions, wall, host),
            breach="",
        )

    def _anchors(self, chain: Sequence[bytes]) -> tuple[bytes, ...]:
        """The public roots that a chain may lead to; none where they cannot be had."""
        roots = self._trust.public
        return () if isinstance(roots, RootsUnusable) else roots.anchors_for(chain)


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
        breach="",
    )


def _keys(leaf: Leaf) -> frozenset[PinKey]:
    return frozenset((kind, leaf.value(kind)) for kind in PinKind)


def _fingerprint(der: bytes) -> Fingerprint:
    return Fingerprint(sha256(der).digest())


def _holding(leaf: Leaf, wall: datetime) -> tuple[bool, ...]:
    """Which of the leaf's chains hold at `wall`."""
    chains = (it for it in (leaf.public, leaf.system, leaf.exception) if it is not None)
    return tuple(it.holds_at(wall) for it in chains)


def judge_chain(
    chain: Sequence[bytes],
    roots: TrustRoots | RootsUnusable,
    wall: datetime,
    host: str | None = None,
) -> Chain:
    """Hold a chain (DER, the leaf first) against `roots`; never raises, whatever it is.

    Taken is the first path that holds at `wall`: OpenSSL's by the host's clock, OpenSSL's
    whatever the time, or one that the second search proposes and OpenSSL then takes. Where none
    holds at `wall`, it is the first of them that holds at any time. `host` is the name that the
    leaf is met under, if it bears it; no path counts that is barred from certifying it.
    """
    if isinstance(roots, RootsUnusable):
        return Chain(window=None, problem=f"it cannot be judged: {roots.error}")
    anchors = roots.anchors_for(chain)
    found = _search(chain, roots, anchors, wall, host)
    ends = (it for it in anchors if it in roots.origins and spki_pin(it) in found.issuers)
    return replace(found, roots=roots.title, origin=roots.origins.get(next(ends, b""), ""))


def _search(
    chain: Sequence[bytes],
    roots: TrustRoots,
    anchors: Sequence[bytes],
    wall: datetime,
    host: str | None,
) -> Chain:
    by_clock = find_path(chain, anchors, partial=roots.partial, in_time=True, host=host)
    if isinstance(by_clock, TrustPath) and by_clock.window.holds_at(wall):
        return Chain(by_clock.window, by_clock.issuers)
    any_time = find_path(chain, anchors, partial=roots.partial, host=host)
    if isinstance(any_time, TrustPath) and any_time.window.holds_at(wall):
        return Chain(any_time.window, any_time.issuers)
    for path in _proposals(chain, anchors, wall, host, partial=roots.partial):
        if isinstance(any_time, NoPath) or path.window.holds_at(wall):
            return _against(path, any_time if isinstance(any_time, NoPath) else by_clock)
    if isinstance(any_time, NoPath):
        return Chain(window=None, problem=any_time.reason)
    return Chain(any_time.window, any_time.issuers)


def _against(path: TrustPath, openssl: TrustPath | NoPath) -> Chain:
    """A path, and what OpenSSL's own search said of the chain that it is in."""
    if isinstance(openssl, TrustPath) or openssl.taken:
        return Chain(path.window, path.issuers)
    objection = f"OpenSSL alone finds no path: {openssl.reason}"
    return Chain(path.window, path.issuers, objection, openssl_differs=True)


def _proposals(
    chain: Sequence[bytes],
    anchors: Sequence[bytes],
    wall: datetime,
    host: str | None,
    *,
    partial: bool,
) -> Iterator[TrustPath]:
    """Ways of the second search, each of which OpenSSL takes when it is shown nothing else."""
    steps, ends = _steps_and_ends(chain, anchors, partial=partial)
    if not ends:
        return
    # It brings in `cryptography`, ten mebibytes that a link whose chain is right never needs.
    from edgepind.observe.path_builder import paths  # noqa: PLC0415

    for path in paths(chain[0], steps, ends, wall):
        straight = find_path(path[:-1], path[-1:], partial=partial, host=host)
        if isinstance(straight, TrustPath):
            yield straight


def _steps_and_ends(
    chain: Sequence[bytes], anchors: Sequence[bytes], *, partial: bool
) -> tuple[list[bytes], list[bytes]]:
    """What a path may lead through, and where it may end: an intermediate only if `partial`."""
    ends = [it for it in anchors if partial or self_issued(it)]
    return [*chain[1:], *(it for it in anchors if it not in ends)], ends
