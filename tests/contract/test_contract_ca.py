"""Section 6, `ca_changed`: a leaf under a public CA of another organisation, met over real TLS."""

from typing import Any

import pytest

from edgepind.lab.timers import Table
from tests.support.blackbox import (
    install_current,
    one_tick,
    pass_ticks,
    roles,
    told,
    until_status,
)
from tests.support.small_site import HOST, Site

QUICK: Table = {"hold_down": "1ms", "sightings": 1}
"""What is adopted in the ordinary way is adopted at the next look."""


async def test_a_leaf_of_another_owner_opens_nothing_and_is_told_once(site: Site, ask: Any) -> None:
    """Loud, with both organisations and the remedy; the operator's word lets it in at once."""
    live = install_current(site)
    site.write_settings({"pins": QUICK, "fail_open": {"grace": "1ms"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    stranger = site.trust.compromised.leaf([HOST])
    site.cloud.serve(stranger)
    status = await until_status(site, finding="ca_changed")
    await pass_ticks(site, 5)
    assert {it["verdict"] for it in status["addresses"]} == {"ca_changed"}
    assert site.daemon.status()["posture"] == "enforcing"
    assert site.pinning()["enabled"] is True
    assert site.pinning()["fingerprints"] == [str(live)]
    assert roles(site)[str(stranger.fingerprint)] == "pending"
    [event] = told(site, "ca_changed")
    assert event["EDGEPIND_FINDING"] == "ca_changed"
    assert event["EDGEPIND_FINGERPRINT"] == str(stranger.fingerprint)
    assert event["PRIORITY"] == "2"
    for word in ("Lab Trust Services", "Lab Other Trust", "edgepind pin add", "pins.cas"):
        assert word in event["MESSAGE"]
    explained = await ask("explain", str(stranger.fingerprint))
    assert "Lab Other Trust" in explained.output
    assert "pins.ca_hold_down" in explained.output
    assert "Lab Trust Services (learned)" in (await ask("status")).output
    assert (await ask("pin", "add", stranger.fingerprint)).code == 0
    text = str(stranger.fingerprint)
    await site.until(lambda: text in site.pinning()["fingerprints"], "the operator's word")


async def test_it_is_adopted_after_a_hold_down_of_its_own(site: Site) -> None:
    """Which stands in place of the ordinary one, however long that is."""
    install_current(site)
    site.write_settings({"pins": {"hold_down": "1h", "sightings": 2, "ca_hold_down": "300ms"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other := site.trust.compromised.leaf([HOST]))
    text = str(other.fingerprint)
    await site.until(lambda: text in site.pinning()["fingerprints"], "it to be adopted")
    assert len(told(site, "ca_changed")) == 1


@pytest.mark.parametrize(
    ("pins", "finding"),
    [
        ({"cas": "any"}, "pinned"),
        ({"cas": ["lab other trust"]}, "pinned"),
        ({"cas": ["Lab Trust Services"]}, "ca_changed"),
        ({"ca_hold_down": "never"}, "ca_changed"),
    ],
)
async def test_the_operator_names_the_organisations_or_the_wait(
    pins: Table, finding: str, site: Site
) -> None:
    """Those of `pins.cas` count and no others; under "never" no look is one too many."""
    live = str(install_current(site))
    site.write_settings({"pins": {**QUICK, **pins}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(other := site.trust.compromised.leaf([HOST]))
    await until_status(site, finding=finding)
    await pass_ticks(site, 5)
    adopted = str(other.fingerprint) in site.pinning()["fingerprints"]
    assert adopted is (finding == "pinned")
    assert live in site.pinning()["fingerprints"]


async def test_a_rotation_beside_a_stranger_is_adopted_all_the_same(site: Site) -> None:
    """A leaf of another CA at one address has a say about its own address alone."""
    install_current(site)
    site.write_settings({"pins": QUICK})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    first, *others = site.cloud.addresses
    site.cloud.serve(site.trust.compromised.leaf([HOST]), [first])
    await until_status(site, finding="ca_changed")
    site.cloud.serve(rotated := site.issue(), others)
    text = str(rotated.fingerprint)
    await site.until(lambda: text in site.pinning()["fingerprints"], "the rotation to be adopted")


async def test_probe_finds_what_the_daemon_finds(site: Site, read: Any) -> None:
    """By what the daemon has learned, in the same word."""
    install_current(site)
    site.write_settings({"cloud": {"interval": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(site.trust.compromised.leaf([HOST]))
    assert (await one_tick(site))["finding"] == "ca_changed"
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (1, "ca_changed")
    assert {it["verdict"] for it in probed["addresses"]} == {"ca_changed"}


async def test_owners_outlive_the_daemon_and_its_state(site: Site) -> None:
    """Kept over a restart; learned anew from the pinned leaf where the state was lost."""
    install_current(site)
    await site.daemon.start()
    await until_status(site, finding="pinned")
    for lost in (False, True):
        assert await site.daemon.stop() == 0
        if lost:
            for file in site.state.glob("state.json*"):
                file.unlink()
        await site.daemon.start()
        await until_status(site, finding="pinned", pid=site.daemon.pid)
        original = site.cloud.served()[site.cloud.addresses[0]].credential
        site.cloud.serve(site.trust.compromised.leaf([HOST]))
        await until_status(site, finding="ca_changed")
        site.cloud.serve(original)
        await until_status(site, finding="pinned")
