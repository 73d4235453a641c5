"""Rotations as they happen on an appliance, and what the journal has to say of them afterwards."""

import json
from typing import Any

import pytest

from edgepind.telemetry.log import MESSAGE_IDS
from tests.container.site import DAEMON, EDGE, Site
from tests.container.wires import CLOUD_IPS

_OF_THE_CONTAINER = "Failed to configure loopback network device, ignoring: Operation not permitted"
"""What systemd says at some starts of the helper: a container may not change the network that
`PrivateNetwork=` makes, which an appliance may."""


@pytest.fixture(scope="module", autouse=True)
def cursor(kept_site: Site) -> str:
    """A site that has found its first pin; where the journal stood before."""
    return kept_site.begin_anew()


def names(entries: list[dict[str, Any]]) -> list[str]:
    """The names of events, in their order."""
    return [entry["EDGEPIND_EVENT"] for entry in entries]


def refusals(site: Site) -> list[str]:
    """The leaves that the Edge has refused since it was first pinned here."""
    lines = map(json.loads, site.edge_log().splitlines())
    return [line["leaf"] for line in lines if line.get("why") == "pin"]


def test_the_first_pin_is_told_with_its_cause(kept_site: Site, cursor: str) -> None:
    """From the sighting to the restart, in this order, each entry of the daemon's own unit."""
    entries = kept_site.events(cursor)
    told = names(entries)
    story = ["started", "pin_pending", "pin_prepared", "pin_activated", "config_written"]
    story += ["restart_requested", "restart_succeeded"]
    places = [told.index(name) for name in story]
    assert places == sorted(places), told
    for entry in entries:
        assert entry["_SYSTEMD_UNIT"] == DAEMON
        assert entry["MESSAGE_ID"] in MESSAGE_IDS.values()
    assert entries[places[2]]["EDGEPIND_FINGERPRINT"] == kept_site.cloud.leaf


def test_an_announced_rotation_is_invisible(kept_site: Site) -> None:
    """The Edge has loaded the next pin before it is served, and refuses nothing at any time."""
    site, cloud = kept_site, kept_site.cloud
    refused = len(refusals(site))
    cursor, before, fresh = site.machine.cursor(), cloud.leaf, cloud.issue()
    cloud.announce(fresh)
    site.until(lambda: site.pins("backup") == [fresh], "the next pin is accepted")
    site.until(lambda: site.pinning()["fingerprints"] == [before, fresh], "it is written")
    site.until_event("restart_succeeded", cursor)
    restarted = site.machine.show(EDGE, "InvocationID")
    for ip in CLOUD_IPS:  # one load balancer after the other
        cloud.serve(fresh, ip)
        site.until(lambda: site.status()["finding"] in {"rotating", "pinned"}, "it is followed")
    cloud.admit(fresh)
    site.until_event("pin_activated", cursor)
    site.until(lambda: site.pins("retiring") == [before], "the old pin stays for the overlap")
    assert site.machine.show(EDGE, "InvocationID") == restarted, "a new order owes no restart"
    site.until_event("pin_retired", cursor)
    site.until_pinned()
    assert len(refusals(site)) == refused
    entry = site.machine.journal("EDGEPIND_EVENT=pin_activated")[-1]
    assert entry["EDGEPIND_FINGERPRINT"] == fresh
    assert entry["PRIORITY"] == "5"


def test_an_unannounced_rotation_is_survived(kept_site: Site) -> None:
    """Nobody is asked: the lockout is told, the hold-down is served, the Edge connects again."""
    site, cloud = kept_site, kept_site.cloud
    cursor, fresh = site.machine.cursor(), cloud.issue()
    cloud.rotate(fresh)
    finding = site.until_event("finding_changed", cursor)
    assert finding["EDGEPIND_FINDING"] == "unannounced_rotation"
    site.until_pinned()
    site.until_event("restart_succeeded", cursor)
    told = names(site.events(cursor))
    for name in ("pin_pending", "posture_changed", "pin_activated"):
        assert name in told
    assert site.pinning()["fingerprint"] == fresh
    assert site.pinning()["enabled"] is True


def test_a_lockout_that_lasts_opens_the_edge_and_closes_it_again(kept_site: Site) -> None:
    """Where the grace ends before the hold-down the site telephones unpinned, for that time."""
    site, cloud = kept_site, kept_site.cloud
    site.write_settings({"fail_open": {"grace": "2s"}, "pins": {"hold_down": "12s"}})
    site.machine.must("systemctl", "reload", DAEMON)
    cursor, fresh = site.machine.cursor(), cloud.issue()
    cloud.rotate(fresh)
    site.until(lambda: site.status()["posture"] == "open", "the Edge is opened")
    site.until(lambda: site.is_connected(fresh, pinned=False), "it is connected without a pin")
    site.until_pinned()
    postures = [it["EDGEPIND_POSTURE"] for it in site.events(cursor, "posture_changed")]
    assert postures == ["grace", "open", "enforcing"]
    settled = "both restarts have settled"
    site.until(lambda: len(site.events(cursor, "restart_succeeded")) == 2, settled)
    helper = [it["MESSAGE"] for it in site.machine.journal("--identifier=edgepind-apply")]
    assert any("VALIDATION OFF" in it for it in helper), "root's helper tells of it by itself"
    site.write_settings()
    site.machine.must("systemctl", "reload", DAEMON)


def test_the_journal_explains_what_it_tells(kept_site: Site, cursor: str) -> None:
    """`journalctl -x` finds a text of the catalogue for every event, with its remedy."""
    machine = kept_site.machine
    assert kept_site.events(cursor, "pin_activated")
    catalogue = machine.must("journalctl", "--list-catalog")
    for identity in MESSAGE_IDS.values():
        assert identity in catalogue
    shown = machine.must("journalctl", "-x", "--no-pager", "EDGEPIND_EVENT=pin_activated")
    assert "Subject:" in shown
    assert "man:edgepind(8)" in shown
    leaf = kept_site.events(cursor, "pin_activated")[0]["EDGEPIND_FINGERPRINT"]
    assert leaf in shown, "the catalogue names the fingerprint in full"


def test_a_steady_state_is_quiet(kept_site: Site) -> None:
    """No line a tick: neither the daemon, nor the helper, nor systemd about either of them."""
    site = kept_site
    site.until_quiet()
    cursor, ticks = site.machine.cursor(), site.status()["ticks"]
    site.until(lambda: site.status()["ticks"] > ticks + 5, "five ticks")
    entries = {it["MESSAGE"] for it in site.machine.journal_after(cursor)}
    assert entries <= {_OF_THE_CONTAINER}
