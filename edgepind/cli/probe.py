"""`edgepind probe [HOST[:PORT]]`: live handshakes with every address, and the verdict on each.

`edgepind check` takes the same look. Nothing is changed, and no daemon is needed. The answer is
the JSON of CONTRACT section 11, or a page for a person.
"""

import argparse
import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from edgepind import RELEASED
from edgepind.cli.exit_code import ExitCode
from edgepind.cli.load_config import DEFAULT_PATH, load_settings, settings_of
from edgepind.cli.render import (
    Block,
    Facts,
    Page,
    Said,
    Sentences,
    Table,
    Tone,
    Word,
    add_json,
    complain,
    print_json,
    show,
    spoken,
    toned,
)
from edgepind.cli.stored_state import PinsAtHand, pins_at_hand, read_pinning_config
from edgepind.clock import SystemClock
from edgepind.core.diagnosis import Diagnosis, diagnose
from edgepind.core.messages import link_sentence
from edgepind.core.tick import Tick, shown
from edgepind.core.time_floor import judge_readings
from edgepind.formats import rfc3339
from edgepind.model.document import EdgeTls
from edgepind.model.enums import Finding
from edgepind.model.observation import (
    AddressSeen,
    Chain,
    Leaf,
    Link,
    Observations,
    Served,
)
from edgepind.model.rules import Rules
from edgepind.model.state import AddressVerdict
from edgepind.observe.clock_quality import ClockQuality
from edgepind.observe.link import LinkObserver, Target, target_of
from edgepind.observe.trust_roots import RootsUnusable, Trust, load_trust
from edgepind.settings.kinds import (
    ANY_PORT,
    HIGHEST_PORT,
    HTTPS_PORT,
    Address,
    Wrong,
    parse_address,
    parse_host,
)
from edgepind.settings.schema import Settings, rules_of

_PORT = re.compile(r"[0-9]{1,5}")
_RIGHT_WITHOUT_PINS = (
    "There are no pins to compare with; chain, name and time are right by the public roots."
)
_UNSEEN: dict[str, Any] = dict.fromkeys(
    (
        "fingerprint",
        "spki",
        "issuer",
        "subject",
        "not_before",
        "not_after",
        "tls_version",
        "cipher",
        "verdict",
        "public_chain",
        "system_chain",
        "error",
        "leaves",
    )
)
"""The keys of an address in the answer."""


@dataclass(frozen=True, slots=True)
class Named:
    """The host to probe: `port` None where none was; `numeric` for an address.

    A numeric address is not sent as SNI (RFC 6066, section 3) and is held against the IP
    addresses in the certificate.
    """

    host: str
    port: int | None = None
    numeric: bool = False

    def addresses(self, port: int = HTTPS_PORT) -> tuple[Address, ...]:
        """The address where the host is numeric; empty: those that the name resolves to."""
        return (Address(self.host, self.port or port),) if self.numeric else ()


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
        if not shown(self.link):
            return ExitCode.UNOBSERVED
        good = self._all_pinned() if self.pins.pins else self._all_public()
        return ExitCode.GOOD if good else ExitCode.BAD

    def _all_pinned(self) -> bool:
        verdicts = {it.verdict for it in self.diagnosis.verdicts} - {Finding.UNREACHABLE}
        return verdicts == {Finding.PINNED}

    def _all_public(self) -> bool:
        wall = self.tick.now.wall
        return all(
            leaf.name_matches and leaf.public.holds_at(wall)
            for _, it in shown(self.link)
            for leaf in (it.leaf, *it.others)
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


async def probe_cloud(settings: Settings, linger: float = 0.0) -> Probe | Unprobed:
    """Probe the cloud of the settings as the Edge would; `linger` as in `Target`."""
    return await _probe(replace(target_of(settings), linger=linger), settings)


async def probe_named(named: Named, settings: Settings | None) -> Probe | Unprobed:
    """Probe a named host; without settings, by the bundled roots and those of this host."""
    if settings is None:
        return await _probe(Target(named.host, named.port or HTTPS_PORT, named.addresses()), None)
    cloud = settings.cloud
    port = named.port or cloud.port
    if (named.host, port) == (cloud.host, cloud.port):
        return await probe_cloud(settings)
    target = replace(
        target_of(settings), host=named.host, port=port, addresses=named.addresses(port)
    )
    return await _probe(target, settings)


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
    seen = Observations(rules=rules, link=link, clock=readings, tls=tls)
    judged = judge_readings(readings, pins.floor, rules, now)
    tick = Tick(seen, now, elapsed=0.0, clock=judged)
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


# --- the verb -------------------------------------------------------------------------------


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument(
        "host",
        nargs="?",
        metavar="HOST[:PORT]",
        help="the host to probe (default: cloud.host of the settings); an IPv6 address with a "
        "port is written [2001:db8::1]:443",
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Probe every address once, and print what was seen."""
    probe = _probed(args)
    if isinstance(probe, Unprobed):
        complain(probe.error)
        return ExitCode.USAGE
    for warning in probe.warnings:
        complain(warning)
    if args.json:
        print_json(probe_answer(probe))
    else:
        show(probe_page(probe))
    return probe.exit_code


def _probed(args: argparse.Namespace) -> Probe | Unprobed:
    if args.host is None:
        return asyncio.run(probe_cloud(settings_of(args)))
    named = parse_target(args.host)
    if isinstance(named, Wrong):
        return Unprobed(
            f"{args.host!r} cannot be probed: {named.reason}; name a host as "
            "`edgepind probe acme.mypurecloud.com:443`"
        )
    return asyncio.run(probe_named(named, settings_for(named, args)))


def settings_for(named: Named, args: argparse.Namespace) -> Settings | None:
    """The settings that apply to this host; None if there are none.

    Settings given by --config apply to any host; the default file only to its own cloud.host, and
    it may be missing or invalid.
    """
    if args.config is not None:
        return settings_of(args)
    try:
        settings = load_settings(DEFAULT_PATH)
    except PermissionError:
        return None
    if isinstance(settings, Settings) and settings.cloud.host == named.host:
        return settings
    return None


# --- what was seen --------------------------------------------------------------------------


def probe_answer(probe: Probe) -> dict[str, Any]:
    """The answer of `probe --json`. `public_chain` and `system_chain` say what holds right now."""
    return {
        "host": probe.target.host,
        "port": probe.target.port,
        "addresses": [
            {"address": seen.address, **_UNSEEN, **_details(seen, verdict, probe.tick.now.wall)}
            for seen, verdict in zip(probe.link.addresses, probe.diagnosis.verdicts, strict=True)
        ],
        "finding": probe.diagnosis.finding.value,
    }


def _details(seen: AddressSeen, verdict: AddressVerdict, wall: datetime) -> dict[str, Any]:
    result = seen.result
    if not isinstance(result, Served):
        return {"verdict": verdict.verdict.value, "error": result.error, "leaves": []}
    leaf = result.leaf
    return {
        "fingerprint": str(leaf.certificate),
        "spki": str(leaf.spki),
        "issuer": leaf.issuer,
        "subject": leaf.subject,
        "not_before": rfc3339(leaf.validity.not_before),
        "not_after": rfc3339(leaf.validity.not_after),
        "tls_version": result.tls_version,
        "cipher": result.cipher,
        "verdict": verdict.verdict.value,
        "public_chain": leaf.public.holds_at(wall),
        "system_chain": leaf.system.holds_at(wall),
        "error": result.refused,
        "leaves": [str(it) for it in verdict.leaves],
    }


def probe_page(probe: Probe) -> Page:
    """The addresses, then each leaf that they serve, then the finding."""
    served = (it for _, it in shown(probe.link))
    leaves = dict.fromkeys(leaf for it in served for leaf in (it.leaf, *it.others))
    return (
        _addresses(probe),
        *(_leaf(leaf, probe.tick.now.wall) for leaf in leaves),
        Sentences(tuple(_conclusions(probe))),
    )


def _addresses(probe: Probe) -> Table:
    seen = zip(probe.link.addresses, probe.diagnosis.verdicts, strict=True)
    return Table(
        f"{probe.target.host} port {probe.target.port}",
        ("address", "verdict", "TLS", "cipher", "fingerprint or error"),
        tuple(row for it, verdict in seen for row in _rows(it, verdict)),
        empty=probe.link.resolve_error or "no address is known",
    )


def _rows(seen: AddressSeen, verdict: AddressVerdict) -> Iterator[tuple[Said, ...]]:
    """A row for the address, and one for each further leaf that it serves to other offers."""
    word, result = toned(verdict.verdict), seen.result
    if not isinstance(result, Served):
        yield (seen.address, word, "", "", result.error)
        return
    yield (seen.address, word, result.tls_version, result.cipher, str(result.leaf.certificate))
    for leaf in result.others:
        yield ("", "", "", "to other offers", str(leaf.certificate))
    if result.refused is not None:
        yield ("", "", "", "", result.refused)


def _leaf(leaf: Leaf, wall: datetime) -> Block:
    begins, ends = leaf.validity.not_before, leaf.validity.not_after
    in_time = leaf.validity.holds_at(wall)
    valid = f"{spoken(begins)} to {spoken(ends)}" + ("" if in_time else ": not now")
    name = Word("right") if leaf.name_matches else Word("wrong", Tone.BAD)
    exception = (("exception's chain", _chain(leaf.exception, wall)),) if leaf.exception else ()
    return Facts(
        (
            ("fingerprint", str(leaf.certificate)),
            ("SPKI pin", f"{leaf.spki} ({leaf.spki.base64})"),
            ("issuer", leaf.issuer),
            ("subject", leaf.subject),
            ("valid", Word(valid, Tone.PLAIN if in_time else Tone.BAD)),
            ("name", name),
            ("public chain", _chain(leaf.public, wall)),
            ("system chain", _chain(leaf.system, wall)),
            *exception,
        )
    )


def _chain(chain: Chain, wall: datetime) -> Word:
    if chain.window is None:
        of = f" of {chain.roots}" if chain.roots else ""
        return Word(f"reaches no root{of}: {chain.problem or 'no path'}", Tone.BAD)
    if not chain.holds_at(wall):
        return Word("reaches a root, and is not valid now", Tone.BAD)
    doubt = "; OpenSSL, which the Edge uses, disagrees" if chain.openssl_differs else ""
    origin = f", {chain.origin}" if chain.origin else ""
    return Word(f"reaches a root{origin}{doubt}", Tone.WARNING if doubt else Tone.GOOD)


def _conclusions(probe: Probe) -> list[Said]:
    finding = probe.diagnosis.finding
    word = toned(finding)
    if not probe.pins.pins and finding is Finding.UNANNOUNCED_ROTATION:
        return [_RIGHT_WITHOUT_PINS]
    said: list[Said] = [Word(f"{finding}: {probe.sentence}.", word.tone)]
    if probe.pins.pins:
        said.append(f"Compared with the pins in {probe.pins.source}.")
    return said
