"""An opening and an override end at their time where no daemon lives to end them."""

import json
from collections.abc import Iterator

import pytest

from tests.container.site import DAEMON, EDGE, SOCKET, Site

_RECORD = "/var/lib/edgepind-apply/opening.json"
_HALF_A_MINUTE = 30.0
_SLOW = 90.0
"""Seconds for an end, the grace for a living daemon, a look of the timer's and a restart."""
_LENT = {
    "pins": {"hold_down": "1h"},
    "fail_open": {"grace": "1s", "limit": "20s"},
}


@pytest.fixture
def site(kept_site: Site) -> Iterator[Site]:
    """A pinned site, which is given back with its daemon unmasked."""
    kept_site.begin_anew(_LENT)
    yield kept_site
    kept_site.machine.must("systemctl", "unmask", DAEMON, SOCKET)
    kept_site.begin_anew()


def override(site: Site, seconds: float) -> None:
    """Switch validation off for so long."""
    words = ("--for", f"{seconds:g}s", "--reason", "no voice path")
    said = site.machine.run("edgepind", "override", "on", *words)
    assert said.code == 0, said


def opened(site: Site) -> None:
    """Let the cloud change its leaf unannounced, until the daemon has opened the Edge."""
    site.cloud.rotate(site.cloud.issue())
    site.until(lambda: site.status().get("posture") == "open", "the Edge is opened")
    site.until(lambda: site.is_connected(site.cloud.leaf, pinned=False), "it is connected")
    assert site.machine.read(_RECORD)


def mask(site: Site) -> None:
    """The daemon and its helper are gone, and cannot be started."""
    site.machine.must("systemctl", "mask", "--now", DAEMON, SOCKET)
    site.machine.must("systemctl", "daemon-reload")


def closed(site: Site, run: str = "") -> None:
    """See that validation is on in the document, and that the Edge was started with it."""
    site.until(lambda: site.pinning()["enabled"], "validation is on again", _SLOW)
    site.until(lambda: site.machine.show(EDGE, "InvocationID") != run, "the Edge is restarted")
    site.until(lambda: not site.machine.path(_RECORD).exists(), "the record is done with", _SLOW)
    assert site.machine.show("edgepind-close.timer", "ActiveState") == "inactive"


def test_an_override_ends_with_the_daemon_masked(site: Site) -> None:
    """Root's record and systemd alone: the document is closed and the Edge restarted."""
    mask(site)
    override(site, 5)
    run = site.machine.show(EDGE, "InvocationID")
    closed(site, run)
    site.until(lambda: site.is_connected(site.cloud.leaf), "it is connected, and pinned")


def test_an_opening_ends_with_the_daemon_killed_and_masked(site: Site) -> None:
    """What the daemon was granted by the helper has an end that it need not live to see."""
    opened(site)
    mask(site)
    run = site.machine.show(EDGE, "InvocationID")
    assert site.pinning()["enabled"] is False
    closed(site, run)
    site.until(lambda: not site.is_connected(site.cloud.leaf, pinned=False), "it is shut out")


def test_an_end_that_is_to_come_outlasts_a_reboot(site: Site) -> None:
    """Masked and rebooted: the Edge starts open, and is closed at the time."""
    mask(site)
    override(site, _HALF_A_MINUTE)
    site.machine.reboot()
    assert site.pinning()["enabled"] is False
    closed(site, site.machine.show(EDGE, "InvocationID"))
    site.until(lambda: site.is_connected(site.cloud.leaf), "it is connected, and pinned")


def test_an_end_that_passed_while_the_host_was_off_closes_before_the_edge_starts(
    site: Site,
) -> None:
    """The Edge's first run after the boot reads a document with validation on."""
    mask(site)
    override(site, 600)
    record = json.loads(site.machine.read(_RECORD))
    record["opening"]["ends"] = record["saved"]["monotonic"] - 1.0
    site.machine.write(_RECORD, json.dumps(record), 0o600)
    site.machine.power_cut()
    site.machine.power_on()
    site.until(lambda: site.machine.show(EDGE, "ActiveState") == "active", "the Edge is started")
    assert site.pinning()["enabled"] is True
    run = site.machine.show(EDGE, "InvocationID")
    site.until(lambda: site.is_connected(site.cloud.leaf), "it is connected, and pinned")
    site.until(lambda: not site.machine.path(_RECORD).exists(), "the record is done with", _SLOW)
    assert site.machine.show(EDGE, "InvocationID") == run


def test_a_living_daemon_ends_it_by_itself(site: Site) -> None:
    """Systemd has nothing left to do, and the timer rests."""
    run = site.machine.show(EDGE, "InvocationID")
    override(site, 5)
    site.until_pinned()
    site.until(lambda: not site.machine.path(_RECORD).exists(), "the record is done with", _SLOW)
    assert site.machine.show(EDGE, "InvocationID") != run
    assert "edgepind-close" not in site.machine.must(
        "journalctl", "-b", "-t", "edgepind-close", "-o", "cat", good=(0, 1)
    )


def test_a_record_that_cannot_be_read_does_not_keep_the_edge_open(site: Site) -> None:
    """Nobody but root writes there: damage is the disk's, and ends with the Edge closed."""
    mask(site)
    override(site, 600)
    run = site.machine.show(EDGE, "InvocationID")
    site.machine.must("rm", "-f", "/var/lib/edgepind/override", "/run/edgepind/override")
    site.machine.write(_RECORD, "no record", 0o600)
    closed(site, run)
