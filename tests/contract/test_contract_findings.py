"""Section 6: each finding out of what a real server shows, in `probe` and in the daemon alike."""

import signal
import socket
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from edgepind.lab import skewed_daemon
from edgepind.lab.pki import Credential
from edgepind.lab.proxy import Interceptor
from tests.support.blackbox import (
    install_current,
    install_pins,
    one_tick,
    pass_ticks,
    poke,
    roles,
    told,
    until_status,
)
from tests.support.endpoint import tls_endpoint
from tests.support.listening import free_port
from tests.support.recorder import json_response
from tests.support.small_site import HOST, Site

DAY = timedelta(days=1)


def leaf(site: Site, name: str = HOST, *, begins: timedelta, ends: timedelta) -> Credential:
    """A leaf of the public CA whose time is counted from now."""
    now = datetime.now(UTC)
    issuer = site.trust.issuer
    return issuer.leaf([name], not_before=now + begins, not_after=now + ends)


def verdicts(site: Site) -> dict[str, str]:
    """The verdict on each address in the status file."""
    return {it["address"]: it["verdict"] for it in site.daemon.status()["addresses"]}


async def test_each_situation_has_its_finding(site: Site, read: Any) -> None:
    """One situation after the other, each told by the daemon and by `probe` in the same word."""
    current = install_current(site)
    site.write_settings({"cloud": {"interval": "1h"}, "pins": {"policy": "strict"}})
    first, second, third = site.cloud.addresses
    wrong_name = leaf(site, "other.test", begins=-DAY, ends=DAY)
    expired = leaf(site, begins=-2 * DAY, ends=-DAY)
    early = leaf(site, begins=DAY, ends=2 * DAY)
    proxy = site.trust.corporate.leaf([HOST])
    unknown = site.trust.corporate.root("Nobody's Root").leaf([HOST])
    rotated = site.issue()
    await site.daemon.start()
    await until_status(site, finding="pinned")
    original = site.cloud.served()[first].credential
    for credential, finding in (
        (rotated, "unannounced_rotation"),
        (proxy, "interception"),
        (unknown, "interception"),
        (expired, "certificate_fault"),
        (early, "certificate_fault"),
        (wrong_name, "certificate_fault"),
    ):
        site.cloud.serve(credential)
        status = await one_tick(site)
        assert status["finding"] == finding
        assert set(verdicts(site).values()) == {finding}
        assert status["lockout"] is True
        _, probed = await read("probe")
        assert probed["finding"] == finding
        assert told(site, "finding_changed")[-1]["EDGEPIND_FINDING"] == finding
    site.cloud.serve(original)
    site.cloud.serve(rotated, [second])
    site.cloud.serve(proxy, [third])
    status = await one_tick(site)
    assert verdicts(site) == {
        first: "pinned",
        second: "unannounced_rotation",
        third: "interception",
    }
    assert status["lockout"] is False
    assert status["finding"] == "interception"
    assert [it["fingerprint"] for it in status["addresses"]] == [
        str(it) for it in (current, rotated.fingerprint, proxy.fingerprint)
    ]
    await site.cloud.close()
    status = await one_tick(site)
    assert status["finding"] == "unreachable"
    assert all(it["error"] and it["fingerprint"] is None for it in status["addresses"])
    assert roles(site) == {str(current): "current"}


async def test_one_silent_address_spoils_nothing(site: Site) -> None:
    """`pinned` is about the addresses that answer; the other is shown as unreachable."""
    install_current(site)
    dead = f"127.0.0.1:{free_port()}"
    site.write_settings({"cloud": {"addresses": [*site.cloud.addresses, dead]}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    assert verdicts(site)[dead] == "unreachable"


async def test_more_than_one_pin_is_rotating(site: Site) -> None:
    """Served at once, or the backup pin alone at one address: rotating, and never a restart."""
    current = install_current(site)
    other = site.issue()
    install_pins(site, current, other.fingerprint)
    site.write_settings({"cloud": {"interval": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other, site.cloud.addresses[:1])
    assert (await one_tick(site))["finding"] == "rotating"
    assert set(verdicts(site).values()) == {"pinned"}
    site.cloud.serve(other)
    assert (await one_tick(site))["finding"] in {"rotating", "pinned"}
    assert (await one_tick(site))["finding"] == "pinned"
    assert roles(site)[str(other.fingerprint)] == "current"
    assert site.restarts() == 0, "the same set in another order"


async def test_a_pinned_leaf_never_yields_interception(site: Site, read: Any) -> None:
    """Whatever is wrong with it, and whoever issued it: it is pinned."""
    authority = site.trust.corporate
    good = authority.leaf([HOST])
    expired = authority.leaf([HOST], not_after=datetime.now(UTC) - DAY)
    misnamed = authority.leaf(["other.test"])
    install_pins(site, good.fingerprint, expired.fingerprint, misnamed.fingerprint)
    for shown, finding in (
        (good, "pinned"),
        (expired, "certificate_fault"),
        (misnamed, "certificate_fault"),
    ):
        site.cloud.serve(shown)
        _, probed = await read("probe")
        assert probed["finding"] == finding
        assert probed["addresses"][0]["public_chain"] is False


async def test_a_leaf_without_its_intermediate_is_told_apart(site: Site, read: Any) -> None:
    """No path to a public root as it is sent: what the Edge could not verify either."""
    install_current(site)
    site.cloud.serve(site.issue().with_chain())
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (1, "interception")


async def test_a_cipher_that_is_not_shared_is_a_mismatch(site: Site) -> None:
    """Locked out by its own `tlsSettings`, the Edge is told so, whether or not the leaf is new."""

    def modern(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    shown = site.trust.issue(HOST, "rsa")
    tls = {"cipherSuites": ["ECDHE-ECDSA-AES128-GCM-SHA256"]}
    install_pins(site, shown.fingerprint, tlsSettings=tls)
    async with tls_endpoint(shown, configure=modern) as address:
        site.write_settings({"cloud": {"addresses": [str(address)]}, "status": {"enabled": False}})
        await site.daemon.start()
        await until_status(site, finding="cipher_mismatch")
    assert verdicts(site)[str(address)] == "cipher_mismatch"


async def test_what_only_a_wider_look_sees_is_never_adopted(site: Site) -> None:
    """A public leaf of a server that speaks TLS 1.0 alone: no Edge would be served it."""

    def oldest(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1

    shown = site.trust.issue(HOST, "rsa")
    before = site.document.read_bytes()
    async with tls_endpoint(shown, configure=oldest) as address:
        site.write_settings(
            {
                "cloud": {"addresses": [str(address)]},
                "status": {"enabled": False},
                "pins": {"policy": "available"},
            }
        )
        await site.daemon.start()
        await until_status(site, finding="cipher_mismatch")
        await pass_ticks(site, 12)
        assert roles(site) == {}
    assert site.document.read_bytes() == before


async def test_a_clock_that_is_known_to_be_wrong_is_named(site: Site) -> None:
    """The pinned connection's Date tells; nothing is learned or lost; set right, all is well."""
    current = install_current(site)
    skew = site.folder / "skew"
    skewed_daemon.set_skew(skew, 400 * 86_400)
    await site.daemon.start(run=skewed_daemon.RUN, extra=skewed_daemon.environment(skew))
    status = await until_status(site, finding="clock_fault")
    clock = status["clock"]
    assert clock["trusted"] is False
    assert clock["source"] == "date-header"
    assert abs(clock["error_ms"] - 400 * 86_400_000) < 60_000
    await pass_ticks(site, 3)
    assert roles(site) == {str(current): "current"}
    assert site.daemon.status()["posture"] == "enforcing"
    skewed_daemon.set_skew(skew, 0)
    status = await until_status(site, finding="pinned")
    assert status["clock"]["trusted"] is True


async def test_a_date_that_a_cache_has_kept_locks_nobody_out(site: Site) -> None:
    """Two minutes old at each poll, with no word of a cache: it is no witness, and grace runs."""
    current = install_current(site)
    site.cloud.status.scripted = json_response(
        {"certificateFingerprint": str(current)},
        {"date": format_datetime(datetime.now(UTC) - timedelta(minutes=2), usegmt=True)},
    )
    await site.daemon.start()
    await site.until(lambda: site.daemon.status().get("finding") == "pinned", "it is seen through")
    site.cloud.serve(other := site.issue())
    await site.until(
        lambda: str(other.fingerprint) in site.pinning()["fingerprints"], "the hold-down is served"
    )
    assert site.daemon.status()["clock"]["trusted"] is True


async def test_a_boot_with_a_clock_of_years_ago_adopts_nothing(site: Site) -> None:
    """Before this release was made no clock can be right; once it is set, the site gets its pin."""
    skew = site.folder / "skew"
    skewed_daemon.set_skew(skew, -10 * 365 * 86_400)
    await site.daemon.start(run=skewed_daemon.RUN, extra=skewed_daemon.environment(skew))
    await until_status(site, finding="clock_fault")
    await pass_ticks(site, 4)
    assert roles(site) == {}
    skewed_daemon.set_skew(skew, 0)
    await site.until(lambda: "current" in roles(site).values(), "the first pin")


async def test_max_error_is_the_measure(site: Site) -> None:
    """Half a minute off is good enough by default, and too much where less is allowed."""
    install_current(site)
    skew = site.folder / "skew"
    skewed_daemon.set_skew(skew, 30)
    await site.daemon.start(run=skewed_daemon.RUN, extra=skewed_daemon.environment(skew))
    await site.until(
        lambda: site.daemon.status().get("clock", {}).get("source") == "date-header", "a witness"
    )
    await pass_ticks(site, 1)
    assert site.daemon.status()["finding"] == "pinned"
    site.write_settings({"clock": {"max_error": "5s"}})
    poke(site, signal.SIGHUP)
    await until_status(site, finding="clock_fault")


async def test_a_wrong_clock_pauses_a_hold_down(site: Site) -> None:
    """What is seen under a clock that is known to be wrong counts for nothing."""
    install_current(site)
    skew = site.folder / "skew"
    skewed_daemon.set_skew(skew, 0)
    site.write_settings({"pins": {"hold_down": "1s"}, "fail_open": {"grace": "1h"}})
    await site.daemon.start(run=skewed_daemon.RUN, extra=skewed_daemon.environment(skew))
    await until_status(site, status_endpoint={"ok": True, "channel": "pinned", "error": None})
    skewed_daemon.set_skew(skew, 3600)
    await until_status(site, finding="clock_fault")
    site.cloud.serve(other := site.issue(), site.cloud.addresses[:1])
    await pass_ticks(site, 8)
    assert str(other.fingerprint) not in site.pinning()["fingerprints"]
    skewed_daemon.set_skew(skew, 0)
    await site.until(
        lambda: str(other.fingerprint) in site.pinning()["fingerprints"], "the hold-down served"
    )


async def test_the_proxy_is_named(site: Site) -> None:
    """Interception: the message names the issuer and the host to exempt, and is critical."""
    install_current(site)
    await site.daemon.start()
    await until_status(site, finding="pinned")
    roots = site.trust.public_roots.read_text()
    proxy = Interceptor("proxy", site.trust.corporate, site.cloud, roots)
    site.cloud.take_path(proxy.face)
    await until_status(site, finding="interception")
    event = told(site, "finding_changed")[-1]
    assert "Acme Inspection CA" in event["MESSAGE"]
    assert HOST in event["MESSAGE"]
    assert int(event["PRIORITY"]) <= 3
    refused = told(site, "pin_refused")
    assert [it["EDGEPIND_FINGERPRINT"] for it in refused] == [str(proxy.credential.fingerprint)]


async def test_every_address_of_the_name_is_looked_at(site: Site) -> None:
    """Without `addresses`, every A and AAAA record: `localhost` is both where it has both."""
    credential = site.trust.issue("localhost")
    records = {it[4][0] for it in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
    async with tls_endpoint(credential) as address:
        cloud = {"host": "localhost", "port": address.port}
        site.tables["cloud"].pop("addresses")
        site.tables["cloud"] |= cloud
        site.write_settings({"status": {"enabled": False}})
        await site.daemon.start()
        await site.until(lambda: site.daemon.status().get("addresses"), "a look")
    seen = {it.rpartition(":")[0].strip("[]") for it in verdicts(site)}
    assert seen == records
    assert verdicts(site)[str(address)] != "unreachable"
