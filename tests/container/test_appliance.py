"""The ground that the other files here stand on: the site itself, before edgepind is on it."""

import pytest

from edgepind.lab.site import SAMPLE_PIN, factory_document
from tests.container.site import DOCUMENT, EDGE, Site

_CAP_SYS_TIME = 25  # capabilities(7)


def test_the_edge_dials_the_cloud(site: Site) -> None:
    """The stand-in runs under systemd and talks TLS to the cloud over the wire, unpinned."""
    assert site.machine.show(EDGE, "ActiveState") == "active"
    site.until(lambda: site.is_connected(site.cloud.leaf, pinned=False), "the Edge is connected")


def test_an_edge_obeys_its_document(site: Site) -> None:
    """With a pin that nobody serves it refuses the cloud, so a wrong pin is an outage here, too."""
    site.lay_document(factory_document(SAMPLE_PIN))
    site.machine.must("systemctl", "restart", EDGE)
    site.until(lambda: site.dialled().get("why") == "pin", "the Edge refuses the cloud")
    site.lay_document(factory_document(None))
    site.machine.must("systemctl", "restart", EDGE)


def test_a_cable_can_be_pulled(site: Site) -> None:
    """Without the wire nothing of the cloud is reached; with it, everything again."""
    site.wires.unplug()
    site.until(lambda: site.dialled().get("why") == "network", "the Edge is cut off")
    site.wires.plug()
    site.until(lambda: site.is_connected(site.cloud.leaf, pinned=False), "the Edge is back")


def test_a_disk_outlasts_the_power(site: Site) -> None:
    """A reboot and a cut keep what was written, and the journal of each boot."""
    site.machine.write("/root/kept", "kept")
    site.machine.reboot()
    site.machine.power_cut()
    site.machine.power_on()
    assert site.machine.read("/root/kept") == "kept"
    assert len(site.machine.must("journalctl", "--quiet", "--list-boots").splitlines()) >= 3
    site.until(lambda: site.is_connected(site.cloud.leaf, pinned=False), "the Edge is back")
    assert DOCUMENT in site.machine.must("find", "/etc/purecloud")


def test_limits_are_enforced(site: Site) -> None:
    """A unit that takes more memory than it may is killed: limits seen to hold are real ones."""
    if site.machine.show("dbus.service", "MemoryCurrent") == "[not set]":
        pytest.skip("NOT TESTED, the units' limits: this host has no memory controller to give")
    eat = ("python3", "-c", "x = b'x' * 200_000_000")
    limited = ("--property=MemoryMax=50M", "--property=MemorySwapMax=0")
    said = site.machine.run("systemd-run", "--quiet", "--wait", *limited, *eat)
    assert said.code != 0


def test_the_clock_cannot_be_set(site: Site) -> None:
    """The appliance shares this host's clock, and not even its root has the right to set it."""
    for process in ("1", "self"):
        status = site.machine.must("cat", f"/proc/{process}/status")
        bounds = int(status.partition("CapBnd:")[2].split()[0], 16)
        assert not bounds & 1 << _CAP_SYS_TIME
