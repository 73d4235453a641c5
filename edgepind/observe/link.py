"""Looking at the link: live handshakes with every address, and what each of them served.

A look at an address is one handshake with the Edge's settings as given, and, where it is to be a
full one, those further offers by which every leaf shows that the Edge could be served. What the
addresses or the leaves disagree about is shown, not settled; which leaf is accepted is decided in
`core`.
"""

import asyncio
import random
import ssl
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from edgepind.clock import Clock
from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import AddressSeen, HandshakeFault, Leaf, Link, NotServed, Served
from edgepind.model.pin import PinKey
from edgepind.observe.by_signature import chain_by_signature
from edgepind.observe.chain import Judge
from edgepind.observe.edge_client import EdgeClient, edge_client
from edgepind.observe.edge_offers import EdgeOffers, key_kind
from edgepind.observe.handshake import Shaken, handshake
from edgepind.observe.resolve import ResolveFailed, Resolver
from edgepind.observe.trust_roots import RootsUnusable, Trust, load_trust
from edgepind.settings.kinds import HTTPS_PORT, Address
from edgepind.settings.schema import Settings

_AT_ONCE = 64
_MAY_BE_A_MISMATCH = frozenset(
    {HandshakeFault.NO_COMMON_CIPHER, HandshakeFault.TLS, HandshakeFault.RESET}
)
"""Faults after which other settings are tried; some servers just hang up on a strange offer."""
_AGAIN = 0.5
"""Share of the full looks that make the Edge's own offer twice: else looks of always as many
connections may keep step with a balancer, and meet the same of its nodes for ever."""
_PROCESSES_AT_ONCE = 4
_PATIENCE = 10
"""Full looks after which `openssl` is asked again where it had nothing to add: it costs as much as
four ticks."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to look at. `addresses` empty: every A and AAAA record; `timeout` in seconds.

    `highest` and `client_certificate` are those of `edge.tls` and `cloud.client_certificate`. For
    `linger` seconds the refusal of a server of TLS 1.3 is waited for.
    """

    host: str
    port: int = HTTPS_PORT
    addresses: tuple[Address, ...] = ()
    timeout: float = 10.0
    highest: HighestTls = HighestTls.UNKNOWN
    client_certificate: str = ""
    linger: float = 0.0


_UNKNOWN: Mapping[str, AbstractSet[Fingerprint]] = {}


class LinkObserver:
    """Looks at one host, again and again; what is expensive to make is made once and kept.

    `trust` is loaded by `load_trust`; `clock` only helps to choose among several valid paths.
    """

    def __init__(self, target: Target, trust: Trust, clock: Clock) -> None:
        self._target = target
        self._trust = trust
        self._clock = clock
        self._judge = Judge(target.host, trust)
        self._resolver = Resolver()
        self._edge: EdgeClient | None = None
        self._processes = asyncio.Semaphore(_PROCESSES_AT_ONCE)
        self._jitter = random.Random()  # noqa: S311 - keeps no secret
        self._nothing_to_add: dict[tuple[Address, bytes], int] = {}

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> "LinkObserver":
        """Look at the cloud of the settings, by the roots that they name."""
        cloud = settings.cloud
        target = target_of(settings)
        exceptions = settings.interception.exceptions
        return cls(target, load_trust(cloud.public_roots, cloud.system_roots, exceptions), clock)

    @property
    def faults(self) -> tuple[RootsUnusable, ...]:
        """Roots that the settings name and that cannot be had: for `check` and the start."""
        return self._trust.faults

    async def observe(
        self,
        tls: EdgeTls,
        known: Mapping[str, AbstractSet[Fingerprint]] = _UNKNOWN,
        accepted: frozenset[PinKey] | None = None,
        *,
        full: bool = True,
    ) -> Link:
        """Shake hands with every address side by side, as an Edge with these settings would.

        `known` are the certificates that each address was seen to serve lately; one that shows
        another is looked at in full, and so are all where `full` says so. A leaf that none of the
        `accepted` pins is of is also held against the rules for adopting one; without pins to
        compare with, none is. Never raises for an expected failure. One address takes at most five
        time-outs, the name one more.
        """
        target = self._target
        addresses: Sequence[Address] | ResolveFailed = target.addresses
        if not addresses:
            addresses = await self._resolver.resolve(target.host, target.port, target.timeout)
        if isinstance(addresses, ResolveFailed):
            return Link((), addresses.error)
        wall = self._clock.now().wall
        edge = await self._as_edge(tls)
        self._judge.accepted = accepted
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def look(address: Address) -> AddressSeen:
            async with at_once:
                familiar = frozenset() if full else known.get(str(address), frozenset())
                return AddressSeen(str(address), await self._look(address, edge, familiar, wall))

        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(look(it)) for it in sorted(set(addresses), key=str)]
        seen = tuple(it.result() for it in looks)
        return Link(seen, full=full or not any(_is_familiar(it, known) for it in seen))

    async def _look(
        self, address: Address, edge: EdgeClient, familiar: AbstractSet[Fingerprint], wall: datetime
    ) -> Served | NotServed:
        first = await self._greet(address, edge)
        if isinstance(first, Shaken):
            served = self._served(first, edge, wall)
            if served.leaf.certificate in familiar:
                return replace(served, full=False)
            return replace(served, others=await self._others(address, edge, first, wall))
        if first.fault not in _MAY_BE_A_MISMATCH:
            return first
        wider = await self._shake(address, edge.wide_context())
        if isinstance(wider, NotServed):
            return first
        return replace(self._served(wider, edge, wall), wider_only=True)

    async def _greet(self, address: Address, edge: EdgeClient) -> Shaken | NotServed:
        """Shake hands as the Edge does: as given, and without TLS 1.3 if that was to blame."""
        first = await self._shake(
            address, edge.context(edge.offers.given), linger=self._target.linger
        )
        # A connection is also reset for reasons that have gone a moment later.
        if isinstance(first, NotServed) and first.fault is HandshakeFault.RESET:
            first = await self._shake(address, edge.context(edge.offers.given))
        older = edge.offers.older
        if isinstance(first, Shaken) or first.fault not in _MAY_BE_A_MISMATCH or older is None:
            return first
        second = await self._shake(address, edge.context(older))
        return first if isinstance(second, NotServed) else second

    async def _others(
        self, address: Address, edge: EdgeClient, first: Shaken, wall: datetime
    ) -> tuple[Leaf, ...]:
        """The further leaves that other offers show. One that fails is nobody's fault."""
        kind = key_kind(first.chain[0])
        contexts = [edge.context(it) for it in edge.offers.beside(first.tls_version, kind)]
        if self._jitter.random() < _AGAIN:
            contexts.append(edge.context(edge.offers.given))
        async with asyncio.TaskGroup() as group:
            by_suites = [group.create_task(self._shake(address, it)) for it in contexts]
            by_signature = group.create_task(self._by_signature(address, edge.offers, first))
        chains = [it.chain for task in by_suites if isinstance(it := task.result(), Shaken)]
        leaves = (self._judge.leaf(it, wall) for it in (*chains, *by_signature.result()))
        shown = self._judge.leaf(first.chain, wall)
        others = {it.certificate: it for it in leaves if it.certificate != shown.certificate}
        return tuple(others.values())

    async def _by_signature(
        self, address: Address, offers: EdgeOffers, first: Shaken
    ) -> list[tuple[bytes, ...]]:
        """What TLS 1.3 shows for other signatures: asked while there is something, else rarely."""
        kinds = offers.signatures_beside(first.tls_version, key_kind(first.chain[0]))
        place = (address, sha256(first.chain[0]).digest())
        if not kinds or self._has_patience(place):
            return []
        host, timeout = self._target.host, self._target.timeout
        async with self._processes:
            found = [await chain_by_signature(address, host, it, timeout) for it in kinds]
        if not any(found):
            self._nothing_to_add[place] = _PATIENCE
        return [it for it in found if it]

    def _has_patience(self, place: tuple[Address, bytes]) -> bool:
        left = self._nothing_to_add.pop(place, 0)
        if left > 1:
            self._nothing_to_add[place] = left - 1
        return left > 1

    async def _shake(
        self, address: Address, context: ssl.SSLContext, *, linger: float = 0.0
    ) -> Shaken | NotServed:
        target = self._target
        return await handshake(address, target.host, context, target.timeout, linger=linger)

    def _served(self, seen: Shaken, edge: EdgeClient, wall: datetime) -> Served:
        leaf = self._judge.leaf(seen.chain, wall)
        refused = seen.refused
        if refused is not None and edge.certificate_problem is not None:
            refused = f"{refused}; {edge.certificate_problem}"
        return Served(leaf, seen.tls_version, seen.cipher, refused=refused)

    async def _as_edge(self, tls: EdgeTls) -> EdgeClient:
        target, latest = self._target, self._edge
        self._edge = await edge_client(tls, target.highest, target.client_certificate, latest)
        if self._edge is not latest:
            self._nothing_to_add.clear()
        return self._edge


def _is_familiar(seen: AddressSeen, known: Mapping[str, AbstractSet[Fingerprint]]) -> bool:
    served, certificates = seen.result, known.get(seen.address, frozenset())
    return isinstance(served, Served) and served.leaf.certificate in certificates


def target_of(settings: Settings) -> Target:
    """The cloud of the settings, as their Edge meets it."""
    cloud, highest = settings.cloud, settings.edge.tls
    return Target(
        cloud.host, cloud.port, cloud.addresses, cloud.timeout, highest, cloud.client_certificate
    )
