"""Reboots, power cuts, a cable that is out and a clock that is wrong, at the worst moments."""

import json
import time

import pytest

from tests.container.site import DAEMON, DOCUMENT, EDGE, HELPER_TEMPLATE, Site
from tests.container.wires import CLOUD_IPS

_FAKED = "/etc/edgepind-test-time"
_FAKING = f"""[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
Environment=FAKETIME_TIMESTAMP_FILE={_FAKED}
Environment=FAKETIME_NO_CACHE=1
Environment=FAKETIME_DONT_FAKE_MONOTONIC=1
"""


@pytest.fixture(scope="module", autouse=True)
def _pinned(kept_site: Site) -> None:
    """All tests here find, and leave, a pinned Edge, and units that start at boot."""
    kept_site.begin_anew()
    kept_site.machine.must("systemctl", "enable", "edgepind")


def sightings(site: Site, leaf: str) -> int:
    """How often a leaf was seen so far, as the daemon tells."""
    pins = site.status().get("pins", ())
    return next((it["sightings"] for it in pins if it["fingerprint"] == leaf), 0)


def test_a_reboot_in_the_middle_of_a_rollover_loses_nothing(kept_site: Site) -> None:
    """One address has changed; the count of the pending pin goes on where it stood."""
    site, cloud = kept_site, kept_site.cloud
    site.write_settings({"pins": {"hold_down": "10s"}})
    site.machine.must("systemctl", "reload", DAEMON)
    before, fresh = cloud.leaf, cloud.issue()
    cloud.serve(fresh, CLOUD_IPS[0])
    site.until(lambda: sightings(site, fresh) >= 3, "the new leaf is seen and not accepted")
    assert site.pins("pending") == [fresh]
    seen = sightings(site, fresh)
    site.machine.reboot()
    site.until(lambda: sightings(site, fresh) > seen, "it is seen again")
    site.until(lambda: fresh in site.pinning()["fingerprints"], "it is accepted")
    assert before in site.pinning()["fingerprints"]
    site.until(lambda: site.status()["edge"]["loaded"], "the Edge has loaded both")
    cloud.rotate(fresh)
    site.until_pinned()
    site.write_settings()
    site.machine.must("systemctl", "reload", DAEMON)


@pytest.mark.parametrize("delay", [0.2, 0.9, 1.6])
def test_a_power_cut_leaves_a_whole_document(kept_site: Site, delay: float) -> None:
    """Whenever it comes: the document is the old or the new one, and the rotation goes on."""
    site, cloud = kept_site, kept_site.cloud
    before, fresh = cloud.leaf, cloud.issue()
    cloud.announce(fresh)
    time.sleep(delay)  # how far it has come by then is just what is not to matter
    site.machine.power_cut()
    site.machine.power_on()
    document = json.loads(site.machine.read(DOCUMENT))
    assert document["siteName"] == "Acme Main Street"
    assert document["certificatePinning"]["fingerprint"] == before
    assert set(document["certificatePinning"]["fingerprints"]) <= {
        before,
        fresh,
        *site.pins("retiring"),
    }
    site.until(lambda: site.pins("backup") == [fresh], "the next pin is accepted")
    site.until(lambda: site.status()["edge"]["loaded"], "the Edge has loaded it")
    cloud.rotate(fresh)
    site.until_pinned()


def test_a_boot_without_a_network_waits_and_disturbs_nobody(kept_site: Site) -> None:
    """The Edge starts, the daemon is up and says what it cannot see; the cable heals it all."""
    site = kept_site
    site.until_quiet()
    site.wires.unplug()
    site.machine.reboot()
    site.until(lambda: site.status().get("finding") == "unreachable", "it says so")
    assert site.machine.show(DAEMON, "ActiveState") == "active"
    assert site.machine.show(EDGE, "ActiveState") == "active"
    run = site.machine.show(EDGE, "InvocationID")
    site.wires.plug()
    site.until_pinned()
    assert site.machine.show(EDGE, "InvocationID") == run
    assert site.machine.journal("--boot", "EDGEPIND_EVENT=pin_retired") == []


def test_a_certificate_that_changed_while_the_site_was_off_is_learned(kept_site: Site) -> None:
    """After the power is back the hold-down is served and the Edge connects, with nobody there."""
    site = kept_site
    site.machine.power_cut()
    site.cloud.rotate(site.cloud.issue())
    site.machine.power_on()
    site.until_pinned()


@pytest.mark.parametrize("away", ["-4000d", "+4000d"])
def test_a_clock_that_is_wrong_at_boot_is_named_and_changes_no_pin(
    kept_site: Site, away: str
) -> None:
    """An appliance without a battery: nothing is concluded from its calendar, and it says so."""
    site, machine = kept_site, kept_site.machine
    site.until_quiet()
    pinning, fresh = site.pinning(), site.cloud.issue()
    for unit in (DAEMON, HELPER_TEMPLATE):
        machine.drop_in(unit, _FAKING)
    machine.write(_FAKED, f"{away}\n")
    machine.power_cut()
    machine.power_on()
    site.until(lambda: site.status().get("finding") == "clock_fault", "it names the clock")
    assert site.pinning() == pinning
    assert site.status()["clock"]["trusted"] is False
    site.cloud.rotate(fresh)
    ticks = site.status()["ticks"]
    site.until(lambda: site.status()["ticks"] > ticks + 5, "it looks at the new leaf for a while")
    assert site.status()["addresses"][0]["fingerprint"] == fresh
    # Ahead of the time, and without a pinned connection that tells it, the leaf looks expired.
    assert site.status()["finding"] in {"clock_fault", "certificate_fault"}
    assert site.pinning() == pinning
    machine.write(_FAKED, "+0\n")
    site.until_pinned()
    for unit in (DAEMON, HELPER_TEMPLATE):
        machine.drop_in(unit, "")
    machine.must("systemctl", "restart", DAEMON)
    site.until_pinned()
