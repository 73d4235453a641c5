"""Looking at the link: a live handshake with every address, and what each of them served.

What the addresses disagree about is shown, not settled; which leaf is accepted is decided in
`core`.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edgepind.clock import Clock
from edgepind.model.document import EdgeTls
from edgepind.model.observation import AddressSeen, HandshakeFault, Link, NotServed, Served
from edgepind.model.pin import PinKey
from edgepind.observe.chain import Judge
from edgepind.observe.handshake import Shaken, handshake
from edgepind.observe.resolve import ResolveFailed, Resolver
from edgepind.observe.tls_settings import edge_context, read_offer, wide_context
from edgepind.observe.trust_roots import RootsUnusable, Trust, load_trust
from edgepind.settings.kinds import HTTPS_PORT, Address
from edgepind.settings.schema import Settings

_AT_ONCE = 64
_MAY_BE_A_MISMATCH = frozenset(
    {HandshakeFault.NO_COMMON_CIPHER, HandshakeFault.TLS, HandshakeFault.RESET}
)
"""Faults after which wider settings are tried; some servers just hang up on a strange offer."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to look at. `addresses` empty: every A and AAAA record; `timeout` in seconds."""

    host: str
    port: int = HTTPS_PORT
    addresses: tuple[Address, ...] = ()
    timeout: float = 10.0


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
        self._edge: tuple[EdgeTls, ssl.SSLContext] | None = None
        self._wide: ssl.SSLContext | None = None

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> "LinkObserver":
        """Look at the cloud of the settings, by the roots that they name."""
        cloud = settings.cloud
        target = Target(cloud.host, cloud.port, cloud.addresses, cloud.timeout)
        exceptions = settings.interception.exceptions
        return cls(target, load_trust(cloud.public_roots, cloud.system_roots, exceptions), clock)

    @property
    def faults(self) -> tuple[RootsUnusable, ...]:
        """Roots that the settings name and that cannot be had: for `check` and the start."""
        return self._trust.faults

    async def observe(self, tls: EdgeTls, accepted: frozenset[PinKey] | None = None) -> Link:
        """Shake hands with every address side by side, as an Edge with these settings would.

        A leaf that none of the `accepted` pins is of is also held against the rules for adopting
        one; without pins to compare with, none is.
        Never raises for an expected failure. One address takes at most three time-outs (the
        Edge's offer, a wider one, the Edge's once more), the name one more.
        """
        target = self._target
        addresses: Sequence[Address] | ResolveFailed = target.addresses
        if not addresses:
            addresses = await self._resolver.resolve(target.host, target.port, target.timeout)
        if isinstance(addresses, ResolveFailed):
            return Link((), addresses.error)
        wall = self._clock.now().wall
        self._judge.accepted = accepted
        context = self._edge_context(tls)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def look(address: Address) -> AddressSeen:
            async with at_once:
                return AddressSeen(str(address), await self._look(address, context, wall))

        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(look(it)) for it in sorted(set(addresses), key=str)]
        return Link(tuple(it.result() for it in looks))

    async def _look(
        self, address: Address, context: ssl.SSLContext, wall: datetime
    ) -> Served | NotServed:
        first = await self._shake(address, context)
        if isinstance(first, Shaken):
            return self._served(first, wall)
        if first.fault not in _MAY_BE_A_MISMATCH:
            return first
        wider = await self._shake(address, self._wide_context())
        if isinstance(wider, NotServed):
            return first
        # A connection is also reset for reasons that have gone a moment later.
        if first.fault is HandshakeFault.RESET:
            again = await self._shake(address, context)
            if isinstance(again, Shaken):
                return self._served(again, wall)
        return self._served(wider, wall, wider_only=True)

    async def _shake(self, address: Address, context: ssl.SSLContext) -> Shaken | NotServed:
        return await handshake(address, self._target.host, context, self._target.timeout)

    def _served(self, seen: Shaken, wall: datetime, *, wider_only: bool = False) -> Served:
        leaf = self._judge.leaf(seen.chain, wall)
        return Served(leaf, seen.tls_version, seen.cipher, wider_only)

    def _edge_context(self, tls: EdgeTls) -> ssl.SSLContext:
        if self._edge is None or self._edge[0] != tls:
            self._edge = (tls, edge_context(read_offer(tls)))
        return self._edge[1]

    def _wide_context(self) -> ssl.SSLContext:
        if self._wide is None:
            self._wide = wide_context()
        return self._wide
