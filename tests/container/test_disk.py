"""Disks that are full, and logs that are gone: nothing is lost that matters, and it is told."""

import json
from collections.abc import Iterator

import pytest

from tests.container.site import DAEMON, DOCUMENT, Site

_STATE = "/var/lib/edgepind"
_FOLDER = DOCUMENT.rpartition("/")[0]
_SMALL = "256k"


@pytest.fixture(scope="module", autouse=True)
def _pinned(kept_site: Site) -> None:
    """All tests here find, and leave, a pinned Edge."""
    kept_site.begin_anew()


def small_disk(site: Site, folder: str) -> Iterator[None]:
    """Put a disk with little room in the place of a folder, with all that is in it."""
    machine = site.machine
    copy = f"tar -C {folder} -c . | tar -C /mnt -xp"
    machine.must("systemctl", "stop", DAEMON)
    machine.must("mount", "-t", "tmpfs", "-o", f"size={_SMALL}", "small", "/mnt")
    machine.must("sh", "-c", copy)
    machine.must("mount", "--bind", "/mnt", folder)
    machine.must("systemctl", "start", DAEMON)
    site.until_pinned()
    yield
    machine.must("systemctl", "stop", DAEMON)
    machine.must("umount", folder, "/mnt")
    site.begin_anew()


@pytest.fixture
def small_state(kept_site: Site) -> Iterator[None]:
    """The daemon's own folder is on a small disk."""
    yield from small_disk(kept_site, _STATE)


@pytest.fixture
def small_etc(kept_site: Site) -> Iterator[None]:
    """The folder of the pinning config is on a small disk."""
    yield from small_disk(kept_site, _FOLDER)


def fill(site: Site, folder: str) -> None:
    """Leave not one byte, also not for root."""
    site.machine.run("dd", "if=/dev/zero", f"of={folder}/ballast", "bs=4k")


@pytest.mark.usefixtures("small_state")
def test_a_full_state_folder_stops_no_rotation(kept_site: Site) -> None:
    """What cannot be remembered is told once; the Edge is kept pinned all the same."""
    site = kept_site
    fill(site, _STATE)
    cursor = site.machine.cursor()
    site.cloud.rotate(site.cloud.issue())
    site.until_event("write_failed", cursor)
    site.until_pinned()
    site.machine.must("rm", f"{_STATE}/ballast")
    leaf = site.cloud.leaf
    site.until(lambda: leaf in site.machine.read(f"{_STATE}/state.json"), "it is remembered again")


@pytest.mark.usefixtures("small_etc")
def test_a_full_disk_under_the_document_leaves_the_old_one(kept_site: Site) -> None:
    """It is whole at every instant; once there is room, the new one is written and loaded."""
    site, before = kept_site, kept_site.cloud.leaf
    fill(site, _FOLDER)
    cursor, fresh = site.machine.cursor(), site.cloud.issue()
    site.cloud.announce(fresh)
    failed = site.until_event("write_failed", cursor)
    assert DOCUMENT in failed["MESSAGE"] or _FOLDER in failed["MESSAGE"]
    assert json.loads(site.machine.read(DOCUMENT))["certificatePinning"]["fingerprint"] == before
    ticks = site.status()["ticks"]
    site.until(lambda: site.status()["ticks"] > ticks + 3, "it goes on")
    assert len(site.events(cursor, "write_failed")) == 1, "it is told once"
    site.machine.must("rm", f"{_FOLDER}/ballast")
    site.until(lambda: fresh in site.pinning()["fingerprints"], "the next pin is written")
    site.cloud.rotate(fresh)
    site.until_pinned()


def test_logs_that_are_rotated_away_cost_nothing(kept_site: Site) -> None:
    """The journal started anew, its files and the history gone: what comes next is told there."""
    site, machine = kept_site, kept_site.machine
    machine.must("journalctl", "--rotate")
    machine.must("journalctl", "--vacuum-time=1us")
    machine.must("rm", f"{_STATE}/history.jsonl")
    machine.must("systemctl", "restart", "systemd-journald")
    cursor, fresh = machine.cursor(), site.cloud.issue()
    site.cloud.rotate(fresh)
    site.until_pinned()
    site.until_event("pin_activated", cursor)
    assert fresh in machine.must("edgepind", "history", "--json")


def test_a_state_that_is_lost_is_found_in_the_document(kept_site: Site) -> None:
    """Damaged beyond use: the pinning config says what is pinned, and the site stays guarded."""
    site, machine = kept_site, kept_site.machine
    site.until_quiet()
    machine.must("systemctl", "stop", DAEMON)
    cursor = machine.cursor()
    machine.must("sh", "-c", f"for it in {_STATE}/state.json*; do echo broken > $it; done")
    machine.must("systemctl", "start", DAEMON)
    site.until_event("state_damaged", cursor)
    site.until_pinned()
