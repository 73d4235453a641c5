"""Observes everything that a tick decides by, concurrently, as one `Observations`.

Each observer returns a value; here they are only called together. Nothing is judged or remembered.
"""

import asyncio
import random
from typing import TYPE_CHECKING

from edgepind.clock import Clock
from edgepind.core.adoption import pins_in
from edgepind.core.live_leaves import recent_at
from edgepind.core.scheduling import ask_status, full_look
from edgepind.core.standing import trust_in
from edgepind.effects.appliance import Appliance
from edgepind.effects.restart import ask_health
from edgepind.host.disk_thread import DiskThread, run_aside
from edgepind.model.bundle import SignedBundle
from edgepind.model.document import EdgeTls
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    Document,
    DocumentRead,
    Health,
    Observations,
    OperatorWord,
    Override,
    PinRemove,
)
from edgepind.model.pin import Trust
from edgepind.model.rules import Rules
from edgepind.model.state import Settling, State
from edgepind.observe.clock_quality import ClockQuality
from edgepind.observe.link import LinkObserver
from edgepind.observe.resolve import Resolver
from edgepind.observe.status_endpoint import StatusEndpoint, StatusReading
from edgepind.observe.trust_roots import RootsUnusable
from edgepind.operator.override_file import read_override
from edgepind.settings.schema import Settings

if TYPE_CHECKING:  # loaded only where [bundle] names keys
    from edgepind.observe.bundle_poll import BundlePoll
    from edgepind.operator.bundle_inbox import BundleInbox


class Observer:
    """All observers, under one set of settings; replaced when they change.

    Reads roots when it is made, which belongs into a thread; `disk` is that of the state folder.
    """

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        appliance: Appliance,
        disk: DiskThread,
        clock: Clock,
        bundles: "BundleInbox | None" = None,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._appliance = appliance
        self._disk = disk
        self._clock = clock
        self._link = LinkObserver.from_settings(settings, clock)
        self._status = StatusEndpoint(settings, Resolver(), clock.now)
        self._bundles = bundles
        self._poll = _poll_of(settings, clock) if bundles else None
        self._clock_quality = ClockQuality(clock.now)
        self._jitter = random.Random()  # noqa: S311 - spreads load, keeps no secret

    async def look(
        self, state: State, words: tuple[OperatorWord, ...], *, prompted: bool
    ) -> Observations:
        """Observe everything; `prompted`: the status endpoint as well, though it is not due.

        `words` are the operator's commands that are decided together with this: a pin that they
        remove makes no channel trusted any more.
        """
        began = self._clock.now().monotonic
        reading = await self._appliance.read_document()
        async with asyncio.TaskGroup() as group:
            full = full_look(state, self._rules)
            trust = self._trust(state, words, reading.document)
            known = _known_leaves(state)
            look = self._link.observe(reading.tls, known, trust.accepted, full=full)
            link = group.create_task(look)
            status = group.create_task(
                self._ask_status(state, trust, reading.tls, prompted=prompted)
            )
            unit = group.create_task(self._appliance.unit())
            health = group.create_task(self._ask_health(state))
            group.create_task(self._ask_for_bundle(state))
        said = status.result()
        clock = await self._clock_quality.observe(said.date if said else None)
        return Observations(
            rules=self._rules,
            link=link.result(),
            status=said.status if said else None,
            clock=clock,
            unit=unit.result(),
            health=health.result(),
            document=reading.document,
            tls=reading.tls,
            override=await self._override(),
            override_looked_at=True,
            words=words,
            entropy=self._jitter.random(),
            took=self._clock.now().monotonic - began,
        )

    async def look_offline(self, words: tuple[OperatorWord, ...]) -> Observations:
        """Observe all but the network: for an operator's command while no daemon runs."""
        reading = await self._appliance.read_document()
        return Observations(
            rules=self._rules,
            unit=await self._appliance.unit(),
            document=reading.document,
            override=await self._override(),
            override_looked_at=True,
            words=words,
        )

    @property
    def faults(self) -> tuple[RootsUnusable, ...]:
        """Roots that the settings name and that cannot be used."""
        return self._link.faults

    async def close(self) -> None:
        """Close the connections that are kept between ticks."""
        await self._status.close()

    async def _override(self) -> Override:
        paths = self._settings.paths
        return await self._disk.run(read_override, paths.runtime, paths.state)

    def _trust(self, state: State, words: tuple[OperatorWord, ...], document: Document) -> Trust:
        """What is accepted and believed; before the first decision, the pins of the document."""
        pins, rules = state.pins, self._rules.pins
        if not any(pin.accepted for pin in pins) and isinstance(document, DocumentRead):
            wall, lost = self._clock.now().wall, state.resumed_after_damage
            pins = pins_in(document, rules.kind, wall, lost=lost)
        removed = {*state.removed, *(it.fingerprint for it in words if isinstance(it, PinRemove))}
        for word in words:
            if isinstance(word, SignedBundle) and word.bundle.serial > state.bundle.accepted.serial:
                removed.update(word.bundle.revoked)
        return trust_in((it for it in pins if it.fingerprint not in removed), rules.overlap)

    async def _ask_status(
        self, state: State, trust: Trust, tls: EdgeTls, *, prompted: bool
    ) -> StatusReading | None:
        now = self._clock.now().monotonic
        if not ask_status(state, now, enabled=self._rules.status_enabled, prompted=prompted):
            return None
        if not trust.accepted and self._settings.status.oauth.token_url:
            return None  # without a pin no token is sent, and without a token there is no answer
        return await self._status.fetch(trust, tls)

    async def _ask_for_bundle(self, state: State) -> None:
        """Have `bundle.url` asked where that is due; what it gives is decided at the next look."""
        if self._bundles is None or self._poll is None:
            return
        found = await self._poll.poll(anew=self._bundles.refused_url(state))
        match found:
            case bytes(content):
                self._bundles.unheard = None
                await run_aside(self._bundles.offer, content)
            case None:
                return
            case _:
                self._bundles.unheard = f"{self._settings.bundle.url}: {found.error}"

    async def _ask_health(self, state: State) -> Health | None:
        if not isinstance(state.edge.restart, Settling):
            return None
        return await ask_health(self._settings.edge.health_command)


def _poll_of(settings: Settings, clock: Clock) -> "BundlePoll | None":
    if not settings.bundle.url:
        return None
    from edgepind.observe.bundle_poll import BundlePoll  # noqa: PLC0415  only where it is asked

    return BundlePoll(settings.bundle.url, settings.cloud, Resolver(), clock.now)


def _known_leaves(state: State) -> dict[str, frozenset[Fingerprint]]:
    """The certificates that each address served lately."""
    return {
        it.address: frozenset(leaf.certificate for leaf in recent_at(it)) for it in state.served
    }
