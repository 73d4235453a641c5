"""One look at every address of a host, judged by the pins that this user may read.

Both `probe` and `check` take it. Nothing is changed, and no daemon is needed.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from edgepind import RELEASED
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.stored_state import NoMemory, NoStatus, read_state, read_status
from edgepind.clock import Clock, SystemClock
from edgepind.core.diagnosis import Diagnosis, diagnose, judge_clock
from edgepind.core.messages import link_sentence
from edgepind.core.tick import Tick, served
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.effects.pinning_text import DocumentReading
from edgepind.formats import parse_rfc3339
from edgepind.model.document import EdgeTls
from edgepind.model.enums import Finding, Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint
from edgepind.model.observation import DocumentRead, Link, Observations
from edgepind.model.pin import Pin, accepted
from edgepind.model.rules import Rules
from edgepind.observe.clock_quality import ClockQuality
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import RootsUnusable, Trust, load_trust
from edgepind.settings.kinds import (
    ANY_PORT,
    HIGHEST_PORT,
    Address,
    Wrong,
    parse_address,
    parse_host,
)
from edgepind.settings.schema import EdgeSettings, Settings, rules_of

_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Named:
    """The host to probe: `port` None where none was; `numeric` for an address.

    A numeric address is not sent as SNI (RFC 6066, section 3) and is held against the IP
    addresses in the certificate.
    """

    host: str
    port: int | None = None
    numeric: bool = False

    def addresses(self, port: int = 443) -> tuple[Address, ...]:
        """The address where the host is numeric; empty: those that the name resolves to."""
        return (Address(self.host, self.port or port),) if self.numeric else ()


@dataclass(frozen=True, slots=True)
class PinsAtHand:
    """Pins, and where they were read (a clause); `floor` as in the daemon's state."""

    pins: tuple[Pin, ...] = ()
    source: str = "nowhere"
    floor: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unprobed:
    """No address was probed; `error` is a sentence that says what to do."""

    error: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What was seen, and the verdict on it. `sentence` explains the finding."""

    target: Target
    link: Link
    diagnosis: Diagnosis
    tick: Tick
    pins: PinsAtHand
    sentence: str
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of `probe` (CONTRACT sections 2 and 11)."""
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
            it.leaf.name_matches and it.leaf.public.holds_at(wall) for _, it in served(self.link)
        )


def parse_target(written: str) -> Named | Wrong:
    """Parse `HOST`, `HOST:PORT`, `192.0.2.1:8443` or `[2001:db8::1]:8443`. Never raises."""
    address = parse_address(written)
    if isinstance(address, Address):
        port = None if address.port == ANY_PORT else address.port
        return Named(address.ip, port, numeric=True)
    if "/" in written or ":" not in written:
        host = parse_host(written)
        return host if isinstance(host, Wrong) else Named(host)
    name, _, digits = written.rpartition(":")
    if not _PORT.fullmatch(digits) or not 1 <= int(digits) <= HIGHEST_PORT:
        return Wrong("its port is not a number from 1 to 65535")
    host = parse_host(name)
    return host if isinstance(host, Wrong) else Named(host, int(digits))


async def probe_cloud(settings: Settings) -> Probe | Unprobed:
    """Probe the cloud of the settings as the Edge would."""
    cloud = settings.cloud
    target = Target(cloud.host, cloud.port, cloud.addresses, cloud.timeout)
    return await _probe(target, settings)


async def probe_named(named: Named, settings: Settings | None) -> Probe | Unprobed:
    """Probe a named host; without settings, by the bundled roots and those of this host."""
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
        reading = read_pinning_config(settings.edge)
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


def read_pinning_config(edge: EdgeSettings) -> DocumentReading:
    """The Edge's pinning config as the daemon reads it; nothing is written or moved aside."""
    return DocumentKeeper(edge.pinning_config, edge.owner, edge.mode, looks_only=True).read()


# --- the pins to compare with ---------------------------------------------------------------


def pins_at_hand(settings: Settings, reading: DocumentReading, clock: Clock) -> PinsAtHand:
    """The pins of the first source that can be read and holds an accepted one."""
    sources: tuple[Callable[[], PinsAtHand], ...] = (
        lambda: _from_state(settings, clock),
        lambda: _from_status(settings),
        lambda: _from_document(settings, reading, clock),
    )
    for source in sources:
        try:
            found = source()
        except PermissionError:
            continue  # another source may be readable
        if accepted(found.pins):
            return found
    return PinsAtHand()


def _from_state(settings: Settings, clock: Clock) -> PinsAtHand:
    state = read_state(settings.paths.state, clock)
    if isinstance(state, NoMemory):
        return PinsAtHand()
    return PinsAtHand(state.pins, "the daemon's state", state.floor)


def _from_status(settings: Settings) -> PinsAtHand:
    document = read_status(settings.paths.runtime)
    if isinstance(document, NoStatus):
        return PinsAtHand()
    return PinsAtHand(tuple(_shown(document["pins"])), "the daemon's status")


def _shown(pins: list[dict[str, str]]) -> Iterator[Pin]:
    for pin in pins:
        fingerprint, since = parse_fingerprint(pin["fingerprint"]), parse_rfc3339(pin["since"])
        if isinstance(fingerprint, Fingerprint) and since is not None:
            kind, role, origin = PinKind(pin["kind"]), Role(pin["role"]), Origin(pin["origin"])
            yield Pin(fingerprint, kind, role, origin, since)


def _from_document(settings: Settings, reading: DocumentReading, clock: Clock) -> PinsAtHand:
    document = reading.document
    if not isinstance(document, DocumentRead):
        return PinsAtHand()
    kind, since = settings.pins.kind, clock.now().wall
    roles = {document.current: Role.CURRENT}
    pins = (
        Pin(it, kind, roles.get(it, Role.BACKUP), Origin.DOCUMENT, since)
        for it in document.accepted
    )
    return PinsAtHand(tuple(pins), "the pinning config")
