"""An Edge that dies after its restart, and a service manager that does not listen."""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from edgepind.lab.timers import Table
from tests.faults import journalled_daemon
from tests.faults.events import announce, told
from tests.faults.seen import Sightings
from tests.support.small_site import Site


def an_edge_that_dies(site: Site, after: str) -> None:
    """Let the Edge load the document with each restart, and die `after` so many seconds on it.

    Only while the file `fatal` names a fingerprint that the Edge has loaded.
    """
    folder = site.folder
    site.script(
        "restart",
        f"cp {site.document} {folder}/loaded; touch {folder}/began; date >> {folder}/restarts\n",
    )
    site.script(
        "health",
        f"[ -e {folder}/fatal ] || exit 0\n"
        f"grep -qf {folder}/fatal {folder}/loaded || exit 0\n"
        f'[ "$(find {folder}/began -not -newermt "-{after} seconds")" ] || exit 0\n'
        "echo it has died; exit 1\n",
    )


async def test_an_edge_that_dies_after_a_second(site: Site, seen: Sightings) -> None:
    """Rolled back to what it lived with; tried again, within the budget, until it lives."""
    an_edge_that_dies(site, "1")
    health = [str(site.folder / "health")]
    edge: Table = {"health_command": health, "health_deadline": "4s", "settle": "2s"}
    site.write_settings({"edge": {**edge, "restart_budget": 8}})
    await site.daemon.start()
    await site.until_steady()
    before = site.pinning()["fingerprints"]
    fresh = announce(site)
    (site.folder / "fatal").write_text(str(fresh.fingerprint))
    await site.until_event("rolled_back")
    await site.until(lambda: site.pinning()["fingerprints"] == before, "the old document")
    rolled_back = told(site, "rolled_back")
    assert str(fresh.fingerprint) not in (site.folder / "loaded").read_text()
    (site.folder / "fatal").unlink()
    await site.until(
        lambda: str(fresh.fingerprint) in (site.folder / "loaded").read_text(), "tried again"
    )
    await site.until(lambda: site.events()[-1] == "restart_succeeded", "it lives")
    assert site.restarts() <= 8
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    state = f"rolled back, tried again, {site.restarts()} restarts in all"
    seen.at("edge-dies-early", site, state, rolled_back, accepted)


async def test_an_edge_that_dies_after_it_has_settled(site: Site, seen: Sightings) -> None:
    """It was well with the new document, so that is not what it died of: nothing is rolled back."""
    an_edge_that_dies(site, "0")
    health = [str(site.folder / "health")]
    site.write_settings({"edge": {"health_command": health, "settle": "300ms"}})
    await site.daemon.start()
    await site.until_steady()
    fresh = announce(site)
    await site.until_event("restart_succeeded", 2)
    (site.folder / "fatal").write_text(str(fresh.fingerprint))
    restarts, ticks = site.restarts(), site.daemon.status()["ticks"]
    await site.until(lambda: site.daemon.status()["ticks"] > ticks + 8, "some ticks")
    assert site.restarts() == restarts
    assert "rolled_back" not in site.events()
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    said = f"by edgepind only that it was well: {told(site, 'restart_succeeded')}"
    seen.at("edge-dies-late", site, "the new document stays, no restart", said, accepted)


async def test_an_edge_that_dies_at_every_second_restart(site: Site, seen: Sightings) -> None:
    """It meets each attempt, and spares each way back: the budget ends that, and the debt stays.

    The Edge runs on what it was well with; once it dies no more, the debt is paid.
    """
    log = site.folder / "restarts"
    site.script("restart", f"date >> {log}; [ $(($(wc -l < {log}) % 2)) = 1 ] || exit 3\n")
    site.write_settings({"edge": {"restart_budget": 6}})
    await site.daemon.start()
    await site.until_steady()
    before = site.pinning()["fingerprints"]
    fresh = announce(site)
    await site.until_event("restart_deferred")
    assert site.restarts() <= 6
    assert site.pinning()["fingerprints"] == before
    assert site.daemon.status()["edge"]["restart_owed"] is True
    deferred, state = told(site, "restart_deferred"), f"{site.restarts()} restarts of 6 allowed"
    site.script("restart", f"date >> {log}\n")
    site.write_settings({"edge": {"restart_budget": 20}})
    assert site.daemon.pid is not None
    os.kill(site.daemon.pid, signal.SIGHUP)
    await site.until(
        lambda: (
            str(fresh.fingerprint) in site.pinning()["fingerprints"]
            and not site.daemon.status()["edge"]["restart_owed"]
        ),
        "the debt is paid",
    )
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    state += ", on the old document; the debt is paid later"
    seen.at("edge-dies-alternately", site, state, told(site, "restart_failed"), accepted)
    seen.at("edge-dies-alternately", site, state, deferred, accepted)


def fill(path: str) -> None:
    """Send to a socket that nobody reads until its queue is full."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling, suppress(BlockingIOError):
        filling.settimeout(0)
        while filling.sendto(b"x", path):
            pass


async def test_a_notification_socket_that_is_absent(site: Site, seen: Sightings) -> None:
    """It is told once, and the daemon works."""
    await site.daemon.start(extra={"NOTIFY_SOCKET": str(site.folder / "absent")})
    await site.until_steady()
    accepted = {str(site.cloud.status.current)}
    messages = [str(it.get("MESSAGE", "")) for it in site.daemon.events]
    said = [it for it in messages if "notification socket" in it]
    seen.at(
        "notify-absent", site, "pinned; told at the start", " ".join(said) or "nothing", accepted
    )


async def test_a_notification_socket_that_nobody_reads(
    site: Site, short_folder: Path, seen: Sightings
) -> None:
    """Its queue is full from the first: nothing is waited for."""
    path = str(short_folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        fill(path)
        await site.daemon.start(extra={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"})
        await site.until_steady()
        ticks = site.daemon.status()["ticks"]
        await site.until(lambda: site.daemon.status()["ticks"] > ticks + 5, "it ticks on")
        accepted = {str(site.cloud.status.current)}
        said = "nothing: systemd itself tells of a watchdog that it did not hear"
        seen.at("notify-full", site, "pinned; it ticks on", said, accepted)


@pytest.mark.parametrize("row", ["journal-gone", "journal-full"])
async def test_a_journal_that_takes_nothing(
    row: str, site: Site, short_folder: Path, seen: Sightings
) -> None:
    """What it does not take stands on standard error, after the reason; nothing is waited for."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount: a journal that is gone is NOT tried")
    site.write_settings({"log": {"format": "journal"}})
    path = str(short_folder / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        if row == "journal-full":
            journald.bind(path)
            fill(path)
        variables = {journalled_daemon.VARIABLE: path if row == "journal-full" else ""}
        await site.daemon.start(run=journalled_daemon.RUN, extra=variables)
        await site.until(lambda: site.daemon.status().get("finding") == "pinned", "pinned")
        await site.until(lambda: site.daemon.status()["edge"]["loaded"], "loaded")
        lines = site.daemon.log.read_text().splitlines()
    said = next(line for line in lines if "journald" in line)
    accepted = {str(site.cloud.status.current)}
    seen.at(row, site, f"pinned; {len(lines)} lines on standard error", said, accepted)
