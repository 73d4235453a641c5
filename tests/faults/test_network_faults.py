"""A network that fails in every way: it is named, no pin is touched, and its end heals all.

The daemon, its cloud and its name server live in a network of their own, in which packets are
truly dropped and links truly go down.
"""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgepind.lab.pki import Authority
from tests.faults import resolving_daemon
from tests.faults.events import announce, told
from tests.faults.name_server import NameServer, name_server
from tests.faults.own_network import dropping, own_network, run
from tests.faults.seen import Sightings
from tests.support.blackbox import pass_ticks
from tests.support.endpoint import endpoint, reset, until_the_end
from tests.support.raw_server import raw_server
from tests.support.small_site import Site, open_site

FIVE = tuple(f"127.0.0.{number}" for number in range(1, 6))


@pytest.fixture
def network() -> Iterator[None]:
    """A network of the test's own."""
    if os.geteuid() != 0 or shutil.which("nft") is None or shutil.which("ip") is None:
        pytest.skip("that takes root, nft and ip: these faults of networks are NOT tried")
    with own_network():
        yield


@pytest.fixture
async def site(network: None, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: ARG001 - it is in it
    """A site in that network whose cloud has five addresses."""
    async with open_site(tmp_path, FIVE) as made:
        yield made


@pytest.fixture
async def names(site: Site) -> AsyncIterator[NameServer]:
    """The name server that knows the cloud; the site's settings name no address."""
    site.tables["cloud"].pop("addresses")
    site.write_settings({})
    async with name_server(*FIVE) as server:
        yield server


async def pinned(site: Site) -> None:
    """Start the daemon and wait until the Edge is pinned."""
    await site.daemon.start(run=resolving_daemon.RUN)
    await site.until_steady()


def finding(site: Site) -> str:
    """What the last tick concluded."""
    return str(site.daemon.status().get("finding"))


def errors(site: Site) -> str:
    """What the status file says of the first address that has an error."""
    addresses = site.daemon.status()["addresses"]
    return next((f"{it['address']}: {it['error']}" for it in addresses if it["error"]), "")


async def weathered(
    row: str, site: Site, seen: Sightings, named: str, healed: str, *, quick_end: bool = False
) -> None:
    """Wait for the finding, note it with its message; the pins and the Edge are not disturbed."""
    before, restarts = site.document.read_bytes(), site.restarts()
    await site.until(lambda: finding(site) == named, named)
    await pass_ticks(site, 3)
    assert site.document.read_bytes() == before
    assert site.restarts() == restarts
    shown = errors(site)
    said = told(site, "finding_changed") + (f" Shown for an address: {shown}" if shown else "")
    if quick_end:
        began = time.monotonic()
        assert site.daemon.pid is not None
        os.kill(site.daemon.pid, signal.SIGTERM)
        assert await site.daemon.wait() == 0
        assert time.monotonic() - began < 2.0, "CONTRACT section 10"
    accepted = {str(site.cloud.status.current)}
    seen.at(row, site, f"{named}; no pin touched; {healed}", said, accepted)


async def heals(site: Site) -> None:
    """The link is pinned again with nobody's help."""
    await site.until(lambda: finding(site) == "pinned", "pinned again")


async def test_a_resolver_that_is_a_black_hole(
    site: Site, names: NameServer, seen: Sightings
) -> None:
    """Questions vanish: it is told, and the daemon ends as quickly as ever."""
    await pinned(site)
    names.silent = True
    await weathered(
        "net-resolver-hole", site, seen, "unreachable", "ends within 2 s", quick_end=True
    )


async def test_a_name_that_is_gone(site: Site, names: NameServer, seen: Sightings) -> None:
    """NXDOMAIN, as where a domain was lost or a resolver lies."""
    await pinned(site)
    names.addresses = None
    await weathered("net-nxdomain", site, seen, "unreachable", "healed by itself")
    names.addresses = FIVE
    await heals(site)


@pytest.mark.parametrize("row", ["net-sinkhole", "net-portal"])
async def test_a_name_that_leads_elsewhere(
    row: str, site: Site, names: NameServer, seen: Sightings
) -> None:
    """A sinkhole, or a portal that redirects: named as interception, and never adopted."""
    await pinned(site)
    stranger = Authority.root("Block Page CA").leaf([site.cloud.host])

    async def portal(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://portal/login\r\n\r\n")

    hidden = site.cloud.port
    if row == "net-sinkhole":
        face = type(site.cloud.origin.face).of("sinkhole", stranger, site.cloud.respond)
        site.cloud.take_path(face)
        names.addresses = ("127.0.0.3",)
        await weathered(row, site, seen, "interception", "healed by itself")
        site.cloud.free_path()
    else:
        async with raw_server(stranger, portal) as server:
            redirect = f"ip daddr 127.0.0.0/8 tcp dport {hidden} redirect to :{server.address.port}"
            with nat(redirect):
                await weathered(row, site, seen, "interception", "healed by itself")
    names.addresses = FIVE
    await heals(site)


@contextmanager
def nat(rule: str) -> Iterator[None]:
    """Lead new connections elsewhere meanwhile, as a captive portal does."""
    chain = f"chain output {{\ntype nat hook output priority -100;\n{rule}\n}}"
    run("nft", f"table inet portal {{\n{chain}\n}}")
    try:
        yield
    finally:
        run("nft", "delete", "table", "inet", "portal")


@pytest.mark.usefixtures("names")
async def test_connections_into_a_black_hole(site: Site, seen: Sightings) -> None:
    """No SYN is answered."""
    await pinned(site)
    with dropping(f"tcp dport {site.cloud.port} drop"):
        await weathered("net-connect-hole", site, seen, "unreachable", "healed by itself")
    await heals(site)


@pytest.mark.usefixtures("names")
async def test_a_link_that_goes_down_and_comes_back(site: Site, seen: Sightings) -> None:
    """The interface itself is gone."""
    await pinned(site)
    run("ip", "link", "set", "lo", "down")
    await weathered("net-interface", site, seen, "unreachable", "healed by itself")
    run("ip", "link", "set", "lo", "up")
    await heals(site)


@pytest.mark.long
async def test_three_packets_of_ten_are_lost(site: Site, seen: Sightings) -> None:
    """A rotation announced over such a line is prepared, loaded and followed all the same."""
    site.write_settings({"cloud": {"timeout": "5s"}})
    await pinned(site)
    fresh = announce(site)
    with dropping("numgen random mod 10 < 3 drop"):
        await site.until(
            lambda: str(fresh.fingerprint) in site.pinning()["fingerprints"], "the announced pin"
        )
        await site.until_event("restart_succeeded", 2)
        findings = {finding(site)}
        await pass_ticks(site, 2)
        findings.add(finding(site))
    await heals(site)
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    said = told(site, "pin_prepared")
    state = "the announcement heard, written and loaded through it; findings: "
    seen.at("net-loss", site, state + ", ".join(sorted(findings)), said, accepted)


@pytest.mark.usefixtures("names")
async def test_one_address_of_five_is_dead(site: Site, seen: Sightings) -> None:
    """Nobody listens at one: the others count, and it is shown."""
    await pinned(site)
    await site.cloud.listeners[4].close()
    await site.until(lambda: errors(site), "the dead one shows")
    await one_of_five("net-one-dead", site, seen)


@pytest.mark.usefixtures("names")
async def test_one_address_of_five_is_silent(site: Site, seen: Sightings) -> None:
    """One accepts and says nothing: it costs one time-out and no more."""
    await pinned(site)
    await site.cloud.listeners[4].close()
    silent = await asyncio.start_server(until_the_end, FIVE[4], site.cloud.port)
    await site.until(lambda: errors(site), "the silent one shows")
    await one_of_five("net-one-slow", site, seen)
    silent.close()


async def one_of_five(row: str, site: Site, seen: Sightings) -> None:
    """Four of five are well, and the finding is by them."""
    await pass_ticks(site, 3)
    assert finding(site) == "pinned"
    accepted = {str(site.cloud.status.current)}
    verdicts = [it["verdict"] for it in site.daemon.status()["addresses"]]
    seen.at(row, site, f"pinned; {verdicts.count('pinned')} of 5 well", errors(site), accepted)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("policy", "event"), [("balanced", "pin_pending"), ("strict", "pin_refused")]
)
async def test_one_address_of_five_is_different(
    policy: str, event: str, site: Site, seen: Sightings
) -> None:
    """A stranger's leaf of a public CA looks like a rotation that rolls over: it waits."""
    site.write_settings({"pins": {"policy": policy, "hold_down": "1h"}})
    await pinned(site)
    count = site.events().count(event)
    stranger = site.trust.compromised.leaf([site.cloud.host])
    face = type(site.cloud.origin.face).of("stranger", stranger, site.cloud.respond)
    site.cloud.take_path(face, [f"{FIVE[4]}:{site.cloud.port}"])
    await site.until_event(event, count + 1)
    await pass_ticks(site, 5)
    accepted = {str(site.cloud.status.current)}
    seen.at("net-one-different", site, f"{policy}: {finding(site)}", told(site, event), accepted)


async def test_the_status_page_alone_is_reachable(site: Site, seen: Sightings) -> None:
    """The cloud's addresses are a black hole; what is announced meanwhile is heard."""
    elsewhere = f"https://127.0.0.1:{site.cloud.origin.port}/api/v1/security/status"
    site.write_settings({"status": {"url": elsewhere}})
    await pinned(site)
    with dropping(f"tcp dport {site.cloud.port} drop"):
        await site.until(lambda: finding(site) == "unreachable", "unreachable")
        await pass_ticks(site, 3)
        status = site.daemon.status()
        said = told(site, "finding_changed")
        fresh = announce(site)
        await site.until(
            lambda: str(fresh.fingerprint) in site.pinning()["fingerprints"], "it is heard"
        )
    await heals(site)
    assert status["status_endpoint"]["ok"] is True
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    seen.at("net-status-alone", site, "unreachable, and announcements heard", said, accepted)


async def test_the_cloud_alone_is_reachable(site: Site, seen: Sightings) -> None:
    """The status page is gone: the link is watched on, and it is told once."""
    elsewhere = f"https://127.0.0.1:{site.cloud.origin.port}/api/v1/security/status"
    site.write_settings({"status": {"url": elsewhere}})
    await pinned(site)
    count = site.events().count("status_unreachable")
    with dropping(f"tcp dport {site.cloud.origin.port} drop"):
        await site.until_event("status_unreachable", count + 1)
        await pass_ticks(site, 3)
        assert finding(site) == "pinned"
        assert site.events().count("status_unreachable") == count + 1
    accepted = {str(site.cloud.status.current)}
    said = told(site, "status_unreachable")
    seen.at("net-cloud-alone", site, "pinned; told once", said, accepted)


@pytest.mark.parametrize("broken", ["no route", "a black hole"])
async def test_ipv6_is_broken_and_ipv4_is_well(
    broken: str, site: Site, names: NameServer, seen: Sightings
) -> None:
    """A name with both kinds of addresses: the link is judged by those that answer."""
    names.addresses = ("fd00::7" if broken == "no route" else "::1", *FIVE)
    with dropping(f"ip6 nexthdr tcp tcp dport {site.cloud.port} drop"):
        await pinned(site)
        await pass_ticks(site, 3)
        assert finding(site) == "pinned"
        said = errors(site)
    accepted = {str(site.cloud.status.current)}
    seen.at("net-ipv6", site, f"{broken}: pinned", said, accepted)


STAGES = {
    "at once": 0,
    "after the ClientHello": 0,
    "in the ServerHello": 40,
    "after the ServerHello": 130,
    "in the certificate": 700,
}
"""How many octets of the cloud's first flight come before the reset."""


async def test_a_reset_at_each_stage_of_the_handshake(site: Site, seen: Sightings) -> None:
    """However far it came: unreachable for this tick, and nothing concluded about pins."""
    await site.daemon.start()
    await site.until_steady()
    for stage, octets in STAGES.items():

        async def broken(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            stage: str = stage,
            octets: int = octets,
        ) -> None:
            if stage != "at once":
                hello = await reader.read(65_536)
                _, cloud = upstream = await asyncio.open_connection(
                    "127.0.0.1", site.cloud.origin.port
                )
                cloud.write(hello)
                if octets:
                    writer.write(await upstream[0].readexactly(octets))
                    await writer.drain()
                    await asyncio.sleep(0.05)  # what a reset overtakes, the client never sees
                cloud.close()
            reset(writer)

        async with endpoint(broken) as address:
            site.write_settings({"cloud": {"addresses": [f"127.0.0.1:{address.port}"]}})
            await reload(site)
            await site.until(lambda: finding(site) == "unreachable", stage)
            await pass_ticks(site, 3)
            said = errors(site)
        site.write_settings({})
        await reload(site)
        await heals(site)
        accepted = {str(site.cloud.status.current)}
        seen.at("net-reset", site, f"{stage}: unreachable; healed", said, accepted)
    assert "pin_pending" not in site.events()[site.events().index("restart_succeeded") :]


async def reload(site: Site) -> None:
    """Put new settings in force."""
    count = site.events().count("reloaded")
    assert site.daemon.pid is not None
    os.kill(site.daemon.pid, signal.SIGHUP)
    await site.until_event("reloaded", count + 1)


async def test_a_peer_that_accepts_and_is_silent(site: Site, seen: Sightings) -> None:
    """At every address: each tick ends by its time-out."""
    site.write_settings({"cloud": {"timeout": "500ms"}})
    await site.daemon.start()
    await site.until_steady()
    async with endpoint(until_the_end) as address:
        site.write_settings(
            {"cloud": {"addresses": [f"127.0.0.1:{address.port}"], "timeout": "500ms"}}
        )
        await reload(site)
        await weathered("net-silence", site, seen, "unreachable", "healed by itself")
    site.write_settings({})
    await reload(site)
    await heals(site)
