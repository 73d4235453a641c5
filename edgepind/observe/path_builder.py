"""Ways from a leaf to a root through a web of CAs that may certify each other (RFC 4158).

OpenSSL takes the first issuer that fits and does not come back from it. Here every way is found,
and none that meets a CA, which is a name with its key, for the second time. Nothing is judged but
signatures: OpenSSL is shown each way by itself before it counts. Hundreds of certificates may be
sent to keep a judge busy, so only the ten that are likeliest on a way are used.
Import this module only where it is called: it costs ten mebibytes that a steady link never needs.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from cryptography.x509 import Certificate, load_der_x509_certificate

from edgepind.model.instants import Validity
from edgepind.observe.der import issuer_and_subject, public_key_info
from edgepind.observe.openssl_path import MOST_INTERMEDIATES, common_window

_MOST_PATHS = 64
"""Ten certificates make 36 ways at most: the rest is for a root that is there more than once."""
_MOST_CHECKS = 200
"""Signatures that are checked in one web: some 20 ms, and nothing else runs meanwhile."""

Path = tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """One certificate, as far as it matters to a search."""

    der: bytes
    parsed: Certificate
    validity: Validity
    issuer: bytes
    ca: tuple[bytes, bytes]
    """Its name and its key: what a CA is, however many certificates it has."""


def paths(
    leaf: bytes, steps: Iterable[bytes], anchors: Iterable[bytes], wall: datetime
) -> Iterator[Path]:
    """Ways (DER) from the leaf by some of `steps` to one of `anchors`, both included.

    First those that hold at `wall`, then those that hold at the times nearest to it; of these the
    shortest. None where the leaf cannot be parsed.
    """
    end = next(_read([leaf]), None)
    if end is None:
        return
    web = _Web(end, steps, anchors)
    found = list(islice(web.ways((end,), web.likeliest(wall)), _MOST_PATHS))
    for way in sorted(found, key=lambda way: (_away(_window(way), wall), len(way))):
        yield tuple(it.der for it in way)


class _Web:
    """Who of the certificates issued whom, as far up as a leaf leads."""

    def __init__(self, leaf: _Node, steps: Iterable[bytes], anchors: Iterable[bytes]) -> None:
        self._ends = frozenset(_read(anchors))
        ends = {it.der for it in self._ends}
        self._by_name: dict[bytes, list[_Node]] = defaultdict(list)
        for it in (*self._ends, *_read(der for der in steps if der not in ends)):
            self._by_name[it.ca[0]].append(it)
        self._signed: dict[tuple[_Node, tuple[bytes, bytes]], bool] = {}
        self._issuers: dict[_Node, tuple[_Node, ...]] = {}
        self._above = self._distances_from(leaf)
        self._below = self._distances_from_an_end()

    def likeliest(self, wall: datetime) -> frozenset[_Node]:
        """Ten steps that are on some way: those in time, or nearest to it, on the shortest."""
        steps = [it for it in self._below if it not in self._ends]
        steps.sort(key=lambda it: (_away(it.validity, wall), self._above[it] + self._below[it]))
        return frozenset(steps[:MOST_INTERMEDIATES])

    def ways(self, way: tuple[_Node, ...], steps: frozenset[_Node]) -> Iterator[tuple[_Node, ...]]:
        """Every way that begins with `way` and goes on by some of `steps`."""
        met = {it.ca for it in way}
        for it in self._issuers_of(way[-1]):
            if it.ca in met:
                continue
            if it in self._ends:
                yield (*way, it)
            elif it in steps:
                yield from self.ways((*way, it), steps)

    def _distances_from(self, leaf: _Node) -> dict[_Node, int]:
        above = {leaf: 0}
        for node in (queue := [leaf]):
            for it in () if node in self._ends else self._issuers_of(node):
                if it not in above:
                    above[it] = above[node] + 1
                    queue.append(it)
        return above

    def _distances_from_an_end(self) -> dict[_Node, int]:
        issued: dict[_Node, list[_Node]] = defaultdict(list)
        for node, issuers in self._issuers.items():
            for it in issuers:
                issued[it].append(node)
        below = {it: 0 for it in self._ends if it in self._above}
        for node in (queue := list(below)):
            for it in issued[node]:
                if it not in below:
                    below[it] = below[node] + 1
                    queue.append(it)
        return below

    def _issuers_of(self, node: _Node) -> tuple[_Node, ...]:
        if node not in self._issuers:
            fitting = (it for it in self._by_name[node.issuer] if it.ca != node.ca)
            self._issuers[node] = tuple(it for it in fitting if self._is_signed(node, it))
        return self._issuers[node]

    def _is_signed(self, node: _Node, by: _Node) -> bool:
        asked = (node, by.ca)
        if asked not in self._signed and len(self._signed) < _MOST_CHECKS:
            try:
                node.parsed.verify_directly_issued_by(by.parsed)
            except Exception:  # noqa: BLE001  hostile bytes raise more than is documented
                self._signed[asked] = False
            else:
                self._signed[asked] = True
        return self._signed.get(asked, False)


def _read(ders: Iterable[bytes]) -> Iterator[_Node]:
    for der in ders:
        names, key = issuer_and_subject(der), public_key_info(der)
        try:
            parsed = load_der_x509_certificate(der)
            validity = Validity(parsed.not_valid_before_utc, parsed.not_valid_after_utc)
        except Exception:  # noqa: BLE001, S112  hostile bytes raise more than is documented
            continue
        if names is not None and key is not None:
            yield _Node(der, parsed, validity, names[0], (names[1], key))


def _window(way: tuple[_Node, ...]) -> Validity:
    return common_window([it.validity for it in way])


def _away(validity: Validity, wall: datetime) -> timedelta:
    """How far `wall` is from a time at which it holds; the longest there is where that is never."""
    if validity.not_before > validity.not_after:
        return timedelta.max
    return max(validity.not_before - wall, wall - validity.not_after, timedelta())
