"""The package after its installation: an upgrade at a bad moment, removal, purge.

In the order of the file, for it is one story.
"""

import subprocess
from pathlib import Path

import pytest

from tests.container.site import DAEMON, DOCUMENT, EDGE, SETTINGS, Site
from tests.container.wires import CLOUD_IPS

_INTERVAL = 60.0
"""Seconds between two ticks by default: an upgrade that takes less loses none."""
_STARTED = "39f53479d3a045ac8e11786248231fbf"  # SD_MESSAGE_UNIT_STARTED, sd-messages.h
_PATIENCE = 120.0


@pytest.fixture(scope="module")
def next_package(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same package under the next revision."""
    folder = tmp_path_factory.mktemp("next")
    tree, made = folder / "tree", folder / "edgepind_next.deb"
    _dpkg_deb("--raw-extract", package, tree)
    control = tree / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    lines = [f"{it}+next" if it.startswith("Version:") else it for it in lines]
    control.write_text("\n".join(lines) + "\n")
    _dpkg_deb("--root-owner-group", "-Zgzip", "-z1", "--build", tree, made)
    return made


def _dpkg_deb(*words: str | Path) -> None:
    subprocess.run(["dpkg-deb", *words], check=True, capture_output=True)  # noqa: S603, S607 - our own words


def test_an_upgrade_in_the_middle_of_a_rollover_goes_unnoticed(
    site: Site, package: Path, next_package: Path, figures: list[str]
) -> None:
    """The daemon is away for less than a tick, counts on, and restarts the Edge for nothing."""
    site.install(package)
    site.begin_anew({"pins": {"hold_down": "25s"}})
    machine, fresh = site.machine, site.cloud.issue()
    machine.must("systemctl", "enable", "edgepind")
    machine.must("systemctl", "start", "edgepind-first-tick.target")  # as at boot
    site.until_quiet()
    site.cloud.serve(fresh, CLOUD_IPS[0])
    site.until(lambda: site.pins("pending") == [fresh], "the new leaf is seen and not accepted")
    site.until(lambda: _sightings(site, fresh) > 2, "it is seen more than once")
    pid, run, settings = machine.pid_of(DAEMON), machine.show(EDGE, "InvocationID"), SETTINGS
    seen, written, cursor = _sightings(site, fresh), machine.read(settings), machine.cursor()
    site.install(next_package)
    assert machine.read(settings) == written
    assert machine.pid_of(DAEMON) not in {0, pid}
    assert machine.show(EDGE, "InvocationID") == run
    away = _away(site, cursor)
    figures.append(f"upgrade: the daemon is away for {away:.1f} s")
    assert away < _INTERVAL
    site.until(lambda: _sightings(site, fresh) > seen, "it counts on")
    assert site.pins("pending") == [fresh], "an upgrade is not the end of a hold-down"
    site.until(lambda: fresh in site.pinning()["fingerprints"], "it is accepted")
    site.cloud.rotate(fresh)
    site.until_quiet()


def _sightings(site: Site, leaf: str) -> int:
    pins = site.status().get("pins", ())
    return next((it["sightings"] for it in pins if it["fingerprint"] == leaf), 0)


def _away(site: Site, cursor: str) -> float:
    """Seconds from the word that the daemon stops to the one that it has made its first tick."""
    [stopping] = site.events(cursor, "stopping")
    [started] = site.machine.journal_after(cursor, UNIT=DAEMON, MESSAGE_ID=_STARTED)
    instants = [int(it["__MONOTONIC_TIMESTAMP"]) for it in (stopping, started)]
    return (instants[1] - instants[0]) / 1_000_000


def test_a_removal_leaves_the_edge_as_it_is(site: Site) -> None:
    """The document stays in force and is said to; settings and state wait for another day."""
    machine = site.machine
    document, run = machine.read(DOCUMENT), machine.show(EDGE, "InvocationID")
    said = machine.must("apt-get", "remove", "-y", "edgepind", patience=_PATIENCE)
    assert "stays in force" in said
    assert machine.read(DOCUMENT) == document
    assert machine.show(EDGE, "InvocationID") == run
    site.until(lambda: site.is_connected(site.cloud.leaf), "the Edge is connected, and pinned")
    assert machine.show(DAEMON, "ActiveState") == "inactive"
    assert machine.read(SETTINGS)
    assert machine.must("systemctl", "is-system-running").strip() == "running"


def test_a_package_that_comes_back_knows_its_site(site: Site, package: Path) -> None:
    """What was learned before is still known: nothing is restarted to learn it again."""
    run = site.machine.show(EDGE, "InvocationID")
    site.install(package)
    site.machine.must("systemctl", "enable", "--now", "edgepind")
    site.until_quiet()
    assert site.machine.show(EDGE, "InvocationID") == run


def test_a_purge_leaves_nothing_but_the_document(site: Site) -> None:
    """No file, no folder, no user, no unit; the Edge goes on with its pins."""
    machine = site.machine
    document, run = machine.read(DOCUMENT), machine.show(EDGE, "InvocationID")
    machine.must("sh", "-c", "rm -f /root/edgepind*.deb")
    machine.must("apt-get", "purge", "-y", "edgepind", patience=_PATIENCE)
    for disk in ("/", "/run"):
        left = machine.must("find", disk, "-xdev", "-name", "*edgepind*")
        assert left.split() == []
    folder = DOCUMENT.rpartition("/")[0]
    assert machine.must("find", folder, "-type", "f").split() == [DOCUMENT]
    for kind in ("passwd", "group"):
        assert machine.run("getent", kind, "edgepind").code == 2
    for listing in (("list-unit-files",), ("list-units", "--all")):
        known = machine.run("systemctl", *listing, "--no-legend", "--plain", "edgepind*").out
        assert known == "", "also the target that was reached at boot is forgotten"
    assert machine.read(DOCUMENT) == document
    assert machine.show(EDGE, "InvocationID") == run
    assert machine.must("systemctl", "is-system-running").strip() == "running"
    site.until(lambda: site.is_connected(site.cloud.leaf), "the Edge is connected, and pinned")
