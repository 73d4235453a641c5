"""One look at every address of a host, judged by the pins that are at hand."""

import asyncio
from dataclasses import dataclass

from edgepind import RELEASED
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.pins_at_hand import PinsAtHand, pins_at_hand
from edgepind.cli.probe_target import Named
from edgepind.clock import SystemClock
from edgepind.core.clock_judgement import judge_clock
from edgepind.core.diagnosis import Diagnosis, diagnose
from edgepind.core.reasons import link_sentence
from edgepind.core.tick import Tick, served
from edgepind.effects.appliance import DocumentReading
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.model.edge_tls import EdgeTls
from edgepind.model.observation import Link, Observations
from edgepind.model.rules import Rules
from edgepind.model.words import Finding
from edgepind.observe.clock_quality import ClockQuality
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import RootsUnusable, Trust, load_trust
from edgepind.settings.rules import rules_of
from edgepind.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class Unprobed:
    """Nothing was looked at; `error` is a sentence that says what to do."""

    error: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What was seen, and what is to be thought of it. `sentence` is the finding's."""

    target: Target
    link: Link
    diagnosis: Diagnosis
    tick: Tick
    pins: PinsAtHand
    sentence: str
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What `probe` answers (CONTRACT sections 2 and 11)."""
        if not served(self.link):
            return ExitCode.UNOBSERVED
        good = self._all_pinned() if self.pins.pins else self._all_public()
        return ExitCode.GOOD if good else ExitCode.BAD

    def _all_pinned(self) -> bool:
        verdicts = {it.verdict for it in self.diagnosis.verdicts} - {Finding.UNREACHABLE}
        return verdicts == {Finding.PINNED}

    def _all_public(self) -> bool:
        wall = self.tick.now.wall
        return all(
            it.leaf.name_matches
            and it.leaf.public.window is not None
            and it.leaf.public.window.holds_at(wall)
            for _, it in served(self.link)
        )


async def probe_cloud(settings: Settings) -> Probe | Unprobed:
    """Look at the cloud of the settings as the Edge would."""
    cloud = settings.cloud
    target = Target(cloud.host, cloud.port, cloud.addresses, cloud.timeout)
    return await _probe(target, settings)


async def probe_named(named: Named, settings: Settings | None) -> Probe | Unprobed:
    """Look at a host that was named; without settings the bundled and the host's roots count."""
    if settings is None:
        return await _probe(Target(named.host, named.port or 443, named.addresses()), None)
    cloud = settings.cloud
    port = named.port or cloud.port
    if (named.host, port) == (cloud.host, cloud.port):
        return await probe_cloud(settings)
    return await _probe(Target(named.host, port, named.addresses(port), cloud.timeout), settings)


async def _probe(target: Target, settings: Settings | None) -> Probe | Unprobed:
    clock = SystemClock()
    trust = _trust(settings)
    if isinstance(trust.public, RootsUnusable):
        return Unprobed(f"without the public roots no leaf can be judged: {trust.public.error}")
    tls, pins = EdgeTls(), PinsAtHand()
    if settings is not None:
        reading = _read_document(settings)
        tls, pins = reading.tls, pins_at_hand(settings, reading, clock)
    link, readings = await asyncio.gather(
        LinkObserver(target, trust, clock).observe(tls),
        ClockQuality(clock.now).observe(None),
    )
    rules = _rules(target, settings)
    now = clock.now()
    seen = Observations(rules=rules, link=link, clock=readings)
    tick = Tick(seen, now, elapsed=0.0, clock=judge_clock(readings, rules, now))
    diagnosis = diagnose(link, pins.pins, tick, pins.floor)
    return Probe(
        target=target,
        link=link,
        diagnosis=diagnosis,
        tick=tick,
        pins=pins,
        sentence=link_sentence(diagnosis.finding, tick),
        warnings=tuple(fault.error for fault in trust.faults),
    )


def _trust(settings: Settings | None) -> Trust:
    if settings is None:
        return load_trust()
    cloud, exceptions = settings.cloud, settings.interception.exceptions
    return load_trust(cloud.public_roots, cloud.system_roots, exceptions)


def _rules(target: Target, settings: Settings | None) -> Rules:
    if settings is None:
        return Rules(host=target.host, earliest=RELEASED)
    return rules_of(settings)


def _read_document(settings: Settings) -> DocumentReading:
    edge = settings.edge
    return DocumentKeeper(edge.pinning_config, edge.owner, edge.mode, looks_only=True).read()
