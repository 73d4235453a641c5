"""What a real systemd can do to a restart that is owed: told with its remedy, and paid later."""

import pytest

from tests.container.site import EDGE, SETTINGS, Site
from tests.faults.seen import Sightings

SLOW_START = "[Service]\nExecStartPre=/bin/sleep 15\n"
QUICK_LIMIT = "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=1\n"


_UNIT = f"/etc/systemd/system/{EDGE}"


@pytest.fixture(autouse=True)
def _pinned(kept_site: Site) -> None:
    """Each test here finds a pinned Edge with one pin."""
    kept_site.begin_anew()


def announced(site: Site) -> tuple[str, str]:
    """Announce the next pin; a journal cursor from before it, and the pin."""
    site.until_quiet()
    cursor, fresh = site.machine.cursor(), site.cloud.issue()
    site.cloud.announce(fresh)
    return cursor, fresh


def paid(site: Site, fresh: str) -> None:
    """The debt is paid with nobody's help, and the rotation goes through."""
    site.until(lambda: fresh in site.pinning()["fingerprints"], "the next pin is written", 90)
    site.until(lambda: site.status()["edge"]["loaded"], "the Edge has loaded it", 90)
    site.cloud.rotate(fresh)
    site.until_pinned(90)


def test_a_masked_unit(kept_site: Site, seen: Sightings) -> None:
    """Masked while it runs: the restart fails with the remedy, which heals it."""
    site, machine = kept_site, kept_site.machine
    machine.must("mv", _UNIT, "/root/unit")
    machine.must("systemctl", "mask", EDGE)
    cursor, fresh = announced(site)
    said = site.until_event("restart_failed", cursor)["MESSAGE"]
    assert "unmask" in said
    machine.must("systemctl", "unmask", EDGE)
    machine.must("mv", "/root/unit", _UNIT)
    # While its file was away, `unmask` forgot that the unit was enabled; the next boot must not.
    machine.must("systemctl", "enable", "--quiet", EDGE)
    machine.must("systemctl", "daemon-reload")
    paid(site, fresh)
    seen("systemd-masked", "real systemd: the debt is paid once it is unmasked", said)


def test_a_job_that_is_cancelled(kept_site: Site, seen: Sightings) -> None:
    """`systemctl cancel` in the middle of a slow restart."""
    site, machine = kept_site, kept_site.machine
    machine.drop_in(EDGE, SLOW_START)
    cursor, fresh = announced(site)
    site.until(lambda: machine.show(EDGE, "ActiveState") == "activating", "the restart is slow")
    machine.must("systemctl", "cancel")
    said = site.until_event("restart_failed", cursor)["MESSAGE"]
    machine.drop_in(EDGE, "")
    paid(site, fresh)
    seen("systemd-job-cancelled", "real systemd: tried again, and paid", said)


def test_a_start_limit(kept_site: Site, seen: Sightings) -> None:
    """One start an hour is allowed, and was made: one reset and start, and the Edge is up."""
    site, machine = kept_site, kept_site.machine
    machine.drop_in(EDGE, QUICK_LIMIT)
    machine.must("systemctl", "reset-failed", EDGE)
    machine.must("systemctl", "restart", EDGE)
    cursor, fresh = announced(site)
    said = site.until_event("restart_succeeded", cursor, 90)["MESSAGE"]
    paid(site, fresh)
    machine.drop_in(EDGE, "")
    seen("systemd-start-limit", "real systemd: reset and started, and paid", said)


def test_a_message_bus_that_restarts(kept_site: Site, seen: Sightings) -> None:
    """The bus is stopped and started while a rotation is announced: nothing is lost."""
    site, machine = kept_site, kept_site.machine
    machine.must("systemctl", "restart", "dbus.service")
    cursor, fresh = announced(site)
    said = site.until_event("restart_succeeded", cursor, 90)["MESSAGE"]
    paid(site, fresh)
    seen("systemd-bus-restarted", "real systemd: paid", said)


def test_an_absent_unit(kept_site: Site, seen: Sightings) -> None:
    """`edge.unit` names one that is not there: told with the remedy, paid once it is right."""
    site, machine = kept_site, kept_site.machine
    site.write_settings({"edge": {"unit": "no-such-edge.service"}})
    assert "no-such-edge" in machine.read(SETTINGS)
    machine.must("systemctl", "reload", "edgepind.service")
    cursor, fresh = machine.cursor(), site.cloud.issue()
    site.cloud.announce(fresh)
    said = site.until_event("restart_deferred", cursor, 60)["MESSAGE"]
    assert "edge.unit" in said
    site.write_settings()
    machine.must("systemctl", "reload", "edgepind.service")
    paid(site, fresh)
    seen("systemd-absent", "real systemd: paid once the name is right", said)
