"""The daemon without rights: everything that needs them goes through the privileged helper."""

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.blackbox import pass_ticks
from tests.support.helper_socket import HelperSocket
from tests.support.small_site import Site, open_site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A site with a short path, for its socket, whose settings name the helper."""
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        async with open_site(Path(folder)) as made:
            made.write_settings({"edge": {"helper": f"{folder}/apply.sock"}})
            made.settings.chmod(0o644)
            yield made


@pytest.fixture
async def helper(site: Site) -> AsyncIterator[HelperSocket]:
    """The helper's socket of that site."""
    memory = site.folder / "memory"
    memory.mkdir()
    helper = HelperSocket(
        site.folder / "apply.sock", site.settings, memory, site.folder / "journal"
    )
    async with helper.listening():
        yield helper


async def test_from_nothing_to_pinned_through_the_helper(site: Site, helper: HelperSocket) -> None:
    """The first pin is written and loaded by the helper alone, and a rotation after it."""
    await site.daemon.start()
    await site.until_steady()
    first = str(site.cloud.status.current)
    assert site.pinning()["fingerprints"] == [first]
    assert site.restarts() == 1
    told = helper.told()
    assert f"current {first[:11]}: written" in told
    assert "asked for a restart of the Edge: done" in told

    site.cloud.rotate(site.issue())
    second = str(site.cloud.status.current)
    await site.until(lambda: site.pinning()["fingerprint"] == second, "the second pin is current")
    await site.until(lambda: site.restarts() == 2, "the Edge has loaded it")


async def test_a_steady_state_starts_no_helper(site: Site, helper: HelperSocket) -> None:
    """A dozen ticks cost no process; a document that something else replaced costs one."""
    await site.daemon.start()
    await site.until_steady()
    # A file that has changed just now is asked for, until its times can be told apart.
    await pass_ticks(site, 15)
    started = helper.started
    await pass_ticks(site, 12)
    assert helper.started == started

    good = site.pinning()
    site.document.write_text(site.document.read_text().replace('"enabled": true', '"enabled": 0'))
    await site.until_event("config_repaired")
    assert site.pinning() == good


async def test_without_its_helper_the_daemon_goes_on_and_says_so(site: Site) -> None:
    """It looks, tells what it cannot do, and does it once the socket is there."""
    await site.daemon.start()
    await site.until_event("config_rejected")
    assert "edgepind-apply.socket" in site.daemon.log.read_text()
    memory = site.folder / "memory"
    memory.mkdir()
    helper = HelperSocket(
        site.folder / "apply.sock", site.settings, memory, site.folder / "journal"
    )
    async with helper.listening():
        await site.until_steady()
    assert site.pinning()["enabled"] is True


async def test_auto_means_the_helper_for_everybody_but_root(site: Site) -> None:
    """Root does it in the process itself; anybody else asks at RUNTIME/apply.sock."""
    site.write_settings({"edge": {"helper": "auto"}})
    await site.daemon.start()
    if os.geteuid() == 0:
        await site.until_steady()
    else:
        await site.until_event("config_rejected")
        assert f"{site.runtime}/apply.sock" in site.daemon.log.read_text()


async def test_what_the_helper_cannot_read_is_left(site: Site, helper: HelperSocket) -> None:
    """Nor is a first pin adopted where there is no good copy of it; corrected, it is read."""
    site.document.write_text('{"certificatePinning": {}, "certificatePinning": {}}')
    await site.daemon.start()
    await site.until_event("config_rejected")
    await pass_ticks(site, 8)
    assert site.daemon.status()["pins"] == []
    assert site.document.read_text() == '{"certificatePinning": {}, "certificatePinning": {}}'
    assert "written" not in helper.told()
    site.document.write_text('{"certificatePinning": {} /* once */, "x": 1,}')
    await site.until_steady()
    assert '"x": 1' in site.document.read_text()
