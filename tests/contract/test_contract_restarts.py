"""Section 8: when the Edge is restarted, when it waits, and what happens when it does not do."""

import json
import signal
from datetime import UTC, datetime

import pytest

from edgepind.lab.timers import Table
from tests.support.blackbox import (
    install_current,
    pass_ticks,
    poke,
    roles,
    status_reply,
    told,
    until_status,
)
from tests.support.small_site import Site

KEEPER = 'cp "{document}" "{loaded}"; cat "{loaded}" | tr -d "\\n" >> "{log}"; echo >> "{log}"'


def load_on_restart(site: Site, extra: str = "") -> None:
    """Let a restart load the document, as an Edge does, and be counted."""
    loaded, log = site.folder / "loaded.json", site.folder / "restarts"
    site.script("restart", KEEPER.format(document=site.document, loaded=loaded, log=log) + extra)


def loads(site: Site) -> list[list[str]]:
    """The allowlists that the Edge has loaded so far, one a restart."""
    lines = (site.folder / "restarts").read_text().splitlines()
    return [json.loads(line)["certificatePinning"]["fingerprints"] for line in lines]


async def begin(site: Site, edge: Table, **others: Table) -> str:
    """A daemon on a pinned link with these commands; returns the current pin."""
    current = str(install_current(site))
    site.write_settings({"cloud": {"interval": "100ms"}, "edge": edge, **others})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    return current


def announce(site: Site) -> str:
    """Announce another certificate; return its pin."""
    site.cloud.announce(credential := site.issue(), datetime.now(UTC))
    return str(credential.fingerprint)


async def owes(site: Site, *, owed: bool) -> None:
    """Wait until a restart is owed, or none is."""
    await site.until(
        lambda: site.daemon.status()["edge"]["restart_owed"] is owed, f"restart owed: {owed}"
    )


async def test_a_changed_set_owes_one_restart_and_another_order_none(site: Site) -> None:
    """Announced: loaded before it is live. Live: the same set in another order, no restart."""
    await begin(site, {}, pins={"overlap": "1h"})
    site.cloud.announce(other := site.issue(), datetime.now(UTC))
    await site.until_event("restart_succeeded")
    assert site.restarts() == 1
    site.cloud.rotate(other)
    await site.until(lambda: roles(site).get(str(other.fingerprint)) == "current", "current")
    await until_status(site, finding="pinned")
    await pass_ticks(site, 3)
    assert site.pinning()["fingerprint"] == str(other.fingerprint)
    assert site.restarts() == 1
    edge = site.daemon.status()["edge"]
    assert edge == {
        "active": True,
        "written": True,
        "restart_owed": False,
        "restarts_in_window": 1,
        "loaded": True,
    }


async def test_a_change_in_foreign_keys_owes_none(site: Site) -> None:
    """What edgepind does not own is adopted without a word to the Edge."""
    await begin(site, {})
    document = json.loads(site.document.read_text())
    document["certificatePinning"]["vendor"] = document["other"] = [1, 2]
    fresh = site.folder / "fresh"
    fresh.write_text(json.dumps(document))
    fresh.chmod(0o600)
    fresh.replace(site.document)
    await pass_ticks(site, 5)
    assert site.restarts() == 0
    assert json.loads(site.document.read_text()) == document
    assert "config_repaired" not in site.events()


async def test_a_single_validator_is_restarted_for_its_one_pin(site: Site) -> None:
    """Under `single` a backup owes nothing; a new current pin and `enabled` do."""
    await begin(site, {"validator": "single"}, pins={"overlap": "1h"})
    site.cloud.announce(other := site.issue(), datetime.now(UTC))
    await site.until(lambda: len(site.pinning()["fingerprints"]) == 2, "the backup written")
    await pass_ticks(site, 3)
    assert site.restarts() == 0
    site.cloud.rotate(other)
    await site.until_event("restart_succeeded", 1)
    assert site.pinning()["fingerprint"] == str(other.fingerprint)
    assert site.restarts() == 1
    (site.state / "override").touch()
    await site.until_event("restart_succeeded", 2)
    assert site.restarts() == 2


async def test_a_restart_waits_for_the_operators_word(site: Site) -> None:
    """`ready_command` not 0: deferred and told once; the debt outlives SIGKILL and is paid."""
    ready = site.script("ready", f"test -e {site.folder}/free\n")
    await begin(site, {"ready_command": [str(ready)]})
    other = announce(site)
    await site.until_event("restart_deferred")
    await pass_ticks(site, 4)
    assert other in site.pinning()["fingerprints"], "written already"
    assert site.events().count("restart_deferred") == 1
    assert site.events().count("restart_requested") <= 1
    assert site.restarts() == 0
    await owes(site, owed=True)
    poke(site, signal.SIGKILL)
    await site.daemon.wait()
    written = site.document.stat().st_ino
    (site.folder / "free").touch()
    await site.daemon.start()
    await site.until_event("restart_succeeded")
    await owes(site, owed=False)
    assert site.restarts() == 1
    assert site.document.stat().st_ino == written, "nothing had to be written again"


async def test_a_planned_restart_waits_no_longer_than_its_deadline(site: Site) -> None:
    """`ready_deadline` over: it is made though nobody agreed."""
    ready = site.script("ready", "exit 1\n")
    await begin(site, {"ready_command": [str(ready)], "ready_deadline": "700ms"})
    announce(site)
    await site.until_event("restart_deferred")
    await site.until_event("restart_succeeded")
    at = [int(told(site, it)[0]["__REALTIME_TIMESTAMP"]) for it in ("config_written",)]
    done = int(told(site, "restart_succeeded")[0]["__REALTIME_TIMESTAMP"])
    assert done - at[0] > 600_000, "microseconds"


async def test_a_locked_out_edge_waits_for_the_urgent_deadline_alone(site: Site) -> None:
    """Judged by what it has loaded: the pin set accepts the cloud, the Edge does not yet."""
    ready = site.script("ready", "exit 1\n")
    edge: Table = {
        "ready_command": [str(ready)],
        "ready_deadline": "1h",
        "urgent_ready_deadline": "200ms",
    }
    await begin(site, edge)
    site.cloud.announce(other := site.issue(), datetime.now(UTC))
    await site.until_event("restart_deferred")
    await pass_ticks(site, 8)
    assert site.restarts() == 0, "the Edge is connected: it can wait"
    site.cloud.rotate(other)
    await site.until_event("restart_succeeded")
    assert site.restarts() == 1


async def test_the_budget_of_restarts_is_kept(site: Site) -> None:
    """Spent: the next waits for the window, told once; what is written stays written."""
    await begin(site, {"restart_budget": 1, "restart_window": "4s"})
    announce(site)
    await site.until_event("restart_succeeded")
    second = announce(site)
    await site.until_event("restart_deferred")
    await site.until(lambda: second in site.pinning()["fingerprints"], "the document")
    assert site.restarts() == 1
    await owes(site, owed=True)
    await site.until_event("restart_succeeded", 2)
    stamps = [int(it["__REALTIME_TIMESTAMP"]) for it in told(site, "restart_succeeded")]
    assert stamps[1] - stamps[0] > 3_000_000
    assert site.events().count("restart_deferred") == 1


async def test_no_budget_is_no_restart(site: Site) -> None:
    """`restart_budget = 0`: the document is kept right and the Edge left alone."""
    await begin(site, {"restart_budget": 0})
    other = announce(site)
    await site.until_event("restart_deferred")
    await pass_ticks(site, 3)
    assert other in site.pinning()["fingerprints"]
    assert site.restarts() == 0


@pytest.mark.parametrize("way", ["health", "restart"])
async def test_an_edge_that_does_not_come_back_is_rolled_back(site: Site, way: str) -> None:
    """The last good document is put back and loaded; the attempt is repeated, and goes well."""
    load_on_restart(site, f"; {site.folder}/restarted\n")
    site.script("restarted", "true\n")
    health = site.script("health", "true\n")
    edge: Table = {"health_command": [str(health)], "health_deadline": "300ms", "settle": "150ms"}
    current = await begin(site, edge)
    other = str(site.issue().fingerprint)
    bad = f"grep -q {other} {site.folder}/loaded.json && ! test -e {site.folder}/mended"
    site.script("health" if way == "health" else "restarted", f"! {{ {bad}; }}\n")
    page = {"certificateFingerprint": current, "nextCertificateFingerprint": other}
    site.cloud.status.scripted = status_reply(page)
    await site.until_event("rolled_back")
    assert loads(site)[:2] == [[current, other], [current]]
    (site.folder / "mended").touch()
    await site.until_event("restart_succeeded")
    assert loads(site)[-1] == [current, other]
    assert site.pinning()["fingerprints"] == [current, other]
    events = [it for it in site.events() if it in {"restart_failed", "rolled_back"}]
    assert events[:2] == ["restart_failed", "rolled_back"]


async def test_well_means_well_for_as_long_as_it_must_settle(site: Site) -> None:
    """`settle` has to pass before a restart has succeeded."""
    health = site.script("health", f"echo x >> {site.folder}/asked\n")
    await begin(site, {"settle": "1s", "health_command": [str(health)]})
    announce(site)
    await site.until_event("restart_succeeded")
    asked = int(told(site, "restart_requested")[0]["__REALTIME_TIMESTAMP"])
    done = int(told(site, "restart_succeeded")[0]["__REALTIME_TIMESTAMP"])
    assert done - asked > 900_000
    assert len((site.folder / "asked").read_text().split()) >= 2


async def test_a_daemon_that_dies_in_the_restart_pays_its_debt(site: Site) -> None:
    """Killed by the very restart: what the Edge loaded is not known, so it is made again."""
    current = str(install_current(site))
    load_on_restart(site, f"; rm {site.folder}/once && kill -9 $PPID; true")
    (site.folder / "once").touch()
    await site.daemon.start()
    await until_status(site, finding="pinned")
    other = announce(site)
    assert await site.daemon.wait() == -signal.SIGKILL
    await site.daemon.start()
    await site.until_event("restart_succeeded")
    assert loads(site)[-1] == [current, other]
    await owes(site, owed=False)


@pytest.mark.parametrize("back", [False, True])
async def test_a_document_that_is_swapped_during_the_restart_is_found_out(
    site: Site, *, back: bool
) -> None:
    """What the Edge has loaded is what stood there when it started, not what was written before."""
    folder, document = site.folder, site.document
    open_one = {"certificatePinning": {"enabled": False, "fingerprints": ["none"]}}
    (folder / "swapped").write_text(json.dumps(open_one))
    swap = f"mv {document} {folder}/aside; cp {folder}/swapped {document}; "
    load = KEEPER.format(document=document, loaded=folder / "loaded.json", log=folder / "restarts")
    put_back = f"; mv {folder}/aside {document}" if back else ""
    site.script("restart", load)
    current = await begin(site, {})
    once = f"if rm {folder}/once; then {swap}{load}{put_back}; else {load}; fi"
    site.script("restart", once)
    (folder / "once").touch()
    other = announce(site)
    await site.until_event("restart_failed")
    await owes(site, owed=True)
    assert loads(site)[-1] == ["none"]
    await site.until_event("restart_succeeded")
    assert loads(site)[-1] == [current, other]
    assert site.pinning()["fingerprints"] == [current, other]
    await owes(site, owed=False)
    assert site.restarts() == 2


async def test_failing_restarts_back_off_and_stay_within_budget(site: Site) -> None:
    """An Edge that cannot be restarted at all is not hammered."""
    site.script("restart", f"echo x >> {site.folder}/restarts; exit 1\n")
    await begin(site, {"restart_budget": 3, "restart_window": "1h"})
    announce(site)
    await site.until_event("restart_failed")
    await site.until_event("restart_deferred")
    await pass_ticks(site, 5)
    assert site.restarts() <= 3
    assert site.daemon.status()["edge"]["restart_owed"] is True
