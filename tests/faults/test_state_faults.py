"""Whatever becomes of the stored state: it is set aside and told, and the document is the memory.

The state is one that a real daemon left; the daemon that is started on the damage must keep the
site pinned without a restart of the Edge.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.model.instants import Moment, Monotonic
from edgepind.state.envelope import SCHEMA, Opened, open_state, seal_state
from edgepind.state.store import Damaged, Loaded, StateStore
from tests.faults import without_rights
from tests.faults.events import told
from tests.faults.seen import Sightings
from tests.support.blackbox import pass_ticks
from tests.support.small_site import Site, open_site

NOW = Moment(Monotonic(1e6), datetime(2100, 1, 1, tzinfo=UTC))


async def stopped(site: Site) -> Path:
    """Run the daemon until the Edge is pinned, and end it; the path of the state that it left."""
    await site.daemon.start()
    await site.until_steady()
    await site.daemon.stop()
    return site.state / "state.json"


def reasons(folder: Path, damaged: list[bytes], whole: bytes) -> dict[str, int]:
    """Load each of many damaged states beside a good older one; count the reasons.

    Each must be set aside with the older one in its place, or say the very same as the whole one.
    """
    state = folder / "state.json"
    folder.mkdir()
    (folder / "state.json.previous").write_bytes(whole)
    state.write_bytes(whole)
    right = StateStore(folder).load(NOW, "")
    assert isinstance(right, Loaded)
    counted: dict[str, int] = {}
    for content in damaged:
        state.write_bytes(content)
        found = StateStore(folder).load(NOW, "")
        if isinstance(found, Loaded):
            assert found == right, content
            continue
        assert isinstance(found, Damaged)
        assert found.recovered == right.state, found.reason
        assert found.set_aside is not None
        assert found.set_aside.read_bytes() == content
        found.set_aside.unlink()
        reason = found.reason.partition(" cannot be used: ")[2] or found.reason
        counted[reason] = counted.get(reason, 0) + 1
    return counted


@pytest.mark.long
async def test_truncated_at_every_byte(site: Site, seen: Sightings) -> None:
    """Each shorter file is noticed, and the generation before it is used."""
    whole = (await stopped(site)).read_bytes()
    cuts = [whole[:length] for length in range(len(whole) - 1)]  # the last is a mere line feed
    counted = reasons(site.folder / "cuts", cuts, whole)
    assert sum(counted.values()) == len(cuts)
    for reason in sorted(counted, key=lambda it: -counted[it])[:2]:
        seen("state-truncated", f"{len(cuts)} of {len(cuts)} noticed, none used", reason)


@pytest.mark.long
async def test_every_byte_flipped_once(site: Site, seen: Sightings) -> None:
    """Each flip is noticed, or says the very same (as white space does)."""
    whole = (await stopped(site)).read_bytes()
    flips = [
        whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :]
        for at in range(len(whole))
    ]
    counted = reasons(site.folder / "flips", flips, whole)
    noticed = sum(counted.values())
    state = f"{noticed} of {len(flips)} noticed, the others change nothing that is said"
    for reason in sorted(counted, key=lambda it: -counted[it])[:2]:
        seen("state-flipped", state, reason)


def emptied(state: Path) -> None:
    """Nothing is left in it."""
    state.write_bytes(b"")


def enormous(state: Path) -> None:
    """A file without end, for all purposes."""
    os.truncate(state, 1 << 40)


def of_a_newer_schema(state: Path) -> None:
    """As a later release would write it."""
    state.write_text(state.read_text().replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}'))


def a_folder(state: Path) -> None:
    """Something else under its name."""
    state.unlink()
    state.mkdir()


def unreadable(state: Path) -> None:
    """Its owner may not read it; root neither, who is given no right to do so all the same."""
    state.chmod(0)


@pytest.mark.parametrize(
    ("row", "damage"),
    [
        ("state-emptied", emptied),
        ("state-enormous", enormous),
        ("state-newer", of_a_newer_schema),
        ("state-folder", a_folder),
        ("state-unreadable", unreadable),
    ],
)
async def test_a_damaged_state_is_survived(
    row: str, damage: Callable[[Path], None], site: Site, seen: Sightings
) -> None:
    """Set aside, told, and the site goes on pinned.

    The Edge is restarted once: without a unit nobody knows what it has loaded.
    """
    state = await stopped(site)
    before, restarts = site.document.read_bytes(), site.restarts()
    damage(state)
    damage(state.with_name("state.json.previous"))
    without_rights.demand()
    await site.daemon.start(run=without_rights.RUN)
    await site.until_event("state_damaged")
    await site.until(lambda: site.daemon.status().get("finding") == "pinned", "pinned")
    await pass_ticks(site, 3)
    assert site.document.read_bytes() == before
    assert site.restarts() <= restarts + 1
    assert site.daemon.status()["posture"] == "enforcing"
    assert json.loads(state.read_text())["schema"] == SCHEMA
    accepted = {str(site.cloud.status.current)}
    said = told(site, "state_damaged")
    seen.at(row, site, "pinned by the document, which is not touched", said, accepted)


async def test_the_state_of_another_cloud(site: Site, tmp_path: Path, seen: Sightings) -> None:
    """Another site's memory, whole and right: what is live here is not taken away for it."""
    (other_folder := tmp_path / "other").mkdir()
    async with open_site(other_folder) as other:
        other.write_settings({"cloud": {"host": "other.cloud.test"}})
        other.cloud.serve(other.trust.issue("other.cloud.test"))
        await other.daemon.start()
        await other.until_steady()
        await other.daemon.stop()
    state = await stopped(site)
    shutil.copy(other.state / "state.json", state)
    state.with_name("state.json.previous").unlink()
    before = site.document.read_bytes()
    await site.daemon.start()
    await site.until_event("state_damaged")
    await site.until(lambda: site.daemon.status().get("ticks", 0) > 8, "some ticks")
    assert site.document.read_bytes() == before
    assert "grace" not in {it.get("EDGEPIND_POSTURE") for it in site.daemon.events}
    accepted = {str(site.cloud.status.current)}
    said = told(site, "state_damaged")
    seen.at("state-other-cloud", site, "not used; the document is not touched", said, accepted)


async def test_the_state_of_another_machine(site: Site, seen: Sightings) -> None:
    """The memory of a machine on the same cloud: its pins are right, its Edge is another one.

    So it is used, and what this machine's document and Edge lack is made good: no debt is lost.
    """
    state, clock = await stopped(site), SystemClock()
    opened = open_state(state.read_bytes(), clock.now(), clock.boot_id())
    assert isinstance(opened, Opened)
    seal = replace(opened.seal, boot="of-another-machine")
    state.write_bytes(seal_state(opened.state, seal, site.cloud.host))
    site.document.write_text('{"edgeId": "e-1", "certificatePinning": {}}')
    restarts = site.restarts()
    await site.daemon.start()
    await site.until_event("config_repaired")
    await site.until_event("restart_succeeded", 2)
    assert site.restarts() == restarts + 1
    accepted = {str(site.cloud.status.current)}
    said = told(site, "config_repaired")
    seen.at("state-other-machine", site, "used: one write, one restart", said, accepted)
