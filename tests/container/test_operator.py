"""The ways out that a person has at the appliance, with the daemon at work, masked or hung."""

import json
import signal
from collections.abc import Iterator

import pytest

from tests.container.site import DAEMON, DOCUMENT, EDGE, SETTINGS, SOCKET, Site

_STATE = "/var/lib/edgepind"


@pytest.fixture(scope="module", autouse=True)
def _pinned(kept_site: Site) -> None:
    """All tests here find, and leave, a pinned Edge."""
    kept_site.begin_anew()


@pytest.fixture
def masked(kept_site: Site) -> Iterator[Site]:
    """Nothing of ours runs, nor can be started."""
    machine = kept_site.machine
    machine.must("systemctl", "mask", "--now", DAEMON, SOCKET)
    machine.must("systemctl", "daemon-reload")
    yield kept_site
    machine.must("systemctl", "unmask", DAEMON, SOCKET)
    machine.must("systemctl", "start", DAEMON)
    kept_site.until_pinned()


def switch_on(site: Site) -> None:
    """The emergency procedure."""
    words = ("override", "on", "--for", "10min", "--reason", "no voice path")
    said = site.machine.run("edgepind", *words)
    assert said.code == 0, said


def test_an_override_needs_no_daemon(masked: Site) -> None:
    """Masked: the command writes the document and restarts the Edge itself, and back again."""
    site = masked
    run = site.machine.show(EDGE, "InvocationID")
    switch_on(site)
    assert site.pinning()["enabled"] is False
    assert site.machine.show(EDGE, "InvocationID") != run
    site.until(lambda: site.is_connected(site.cloud.leaf, pinned=False), "the Edge is connected")
    shown = site.machine.must("edgepind", "override", "show", "--json")
    assert json.loads(shown)["reason"] == "no voice path"
    assert site.machine.run("edgepind", "override", "off").code == 0
    assert site.pinning()["enabled"] is True
    site.until(lambda: site.is_connected(site.cloud.leaf), "it is connected, and pinned")


def test_an_override_needs_no_settings_that_are_right(masked: Site) -> None:
    """A site whose settings are wrong is told so, in one sentence, with no traceback."""
    masked.machine.write(SETTINGS, "[cloud]\nhost = 7\n")
    said = masked.machine.run("edgepind", "override", "on", "--for", "1h", "--reason", "x")
    masked.write_settings()
    assert said.code == 2
    assert "cloud.host" in said.err
    assert "Traceback" not in said.err


def test_an_override_does_not_wait_for_a_daemon_that_hangs(kept_site: Site) -> None:
    """A stopped process is not waited for longer than ten seconds."""
    site = kept_site
    pid = site.machine.pid_of(DAEMON)
    site.machine.kill(signal.SIGSTOP, pid)
    switch_on(site)
    site.until(lambda: site.is_connected(site.cloud.leaf, pinned=False), "the Edge is connected")
    site.machine.kill(signal.SIGCONT, pid)
    site.until(lambda: site.status()["posture"] == "override", "the daemon takes it in")
    assert site.machine.run("edgepind", "override", "off").code == 0
    site.until_pinned()


def test_a_touched_file_is_an_override(kept_site: Site) -> None:
    """Two words of shell, and nothing of ours: `touch` begins it, `rm` ends it."""
    site = kept_site
    cursor = site.machine.cursor()
    site.machine.must("touch", f"{_STATE}/override")
    site.until_event("override_on", cursor)
    site.until(lambda: site.is_connected(site.cloud.leaf, pinned=False), "the Edge is connected")
    site.machine.must("rm", f"{_STATE}/override")
    site.until_event("override_off", cursor)
    site.until_pinned()


def test_an_override_outlasts_a_reboot(kept_site: Site) -> None:
    """It is kept in STATE, and ends when it was to end."""
    site = kept_site
    site.machine.must("systemctl", "enable", "edgepind")
    switch_on(site)
    site.machine.reboot()
    site.until(lambda: site.status().get("posture") == "override", "it is still in force")
    assert site.pinning()["enabled"] is False
    assert site.machine.run("edgepind", "override", "off").code == 0
    site.until_pinned()


def test_root_names_pins_with_the_daemon_and_without_it(kept_site: Site) -> None:
    """`pin add` and `pin remove`: the daemon reads what root wrote, also after it was away."""
    site, machine = kept_site, kept_site.machine
    first, second = site.cloud.issue(), site.cloud.issue()
    assert machine.run("edgepind", "pin", "add", first).code == 0
    site.until(lambda: first in site.pins("backup"), "the first is accepted")
    machine.must("systemctl", "stop", DAEMON)
    assert machine.run("edgepind", "pin", "add", second).code == 0
    machine.must("systemctl", "start", DAEMON)
    site.until(lambda: second in site.pins("backup"), "the second is accepted")
    site.until(lambda: site.status()["edge"]["loaded"], "the Edge has loaded both")
    assert {first, second} < set(site.pinning()["fingerprints"])
    for pin in (first, second):
        assert machine.run("edgepind", "pin", "remove", pin).code == 0
    site.until_pinned()
    assert site.pinning()["fingerprints"] == [site.cloud.leaf]
    owners = machine.must("find", _STATE, "!", "-user", "edgepind")
    assert owners == "", "root leaves nothing there that the daemon cannot remove"


def test_an_edge_that_an_operator_stopped_stays_stopped(kept_site: Site) -> None:
    """A rotation is written and not restarted for; started, the Edge has the new pins."""
    site = kept_site
    site.until_quiet()
    cursor, fresh = site.machine.cursor(), site.cloud.issue()
    site.machine.must("systemctl", "stop", EDGE)
    site.cloud.announce(fresh)
    site.until(lambda: fresh in site.pinning()["fingerprints"], "the next pin is written")
    site.until(lambda: site.status()["edge"]["restart_owed"], "the debt is noted")
    ticks = site.status()["ticks"]
    site.until(lambda: site.status()["ticks"] > ticks + 3, "three ticks")
    assert site.machine.show(EDGE, "ActiveState") == "inactive"
    assert site.events(cursor, "restart_requested") == []
    site.machine.must("systemctl", "start", EDGE)
    site.until(lambda: not site.status()["edge"]["restart_owed"], "the start has paid the debt")
    site.cloud.rotate(fresh)
    site.until_pinned()


def test_a_document_that_an_update_laid_down_is_put_right(kept_site: Site) -> None:
    """Our keys are put back, keys that are new are kept, and the world may not read it any more."""
    site = kept_site
    cursor = site.machine.cursor()
    update = {"certificatePinning": {"enabled": False}, "edgeVersion": "2.0"}
    site.machine.write(DOCUMENT, json.dumps(update), 0o644)
    site.until_event("config_repaired", cursor)
    site.until_pinned()
    assert json.loads(site.machine.read(DOCUMENT))["edgeVersion"] == "2.0"
    found = site.machine.must("stat", "--format=%U:%G %a", DOCUMENT).strip()
    assert found == "root:root 640"


def test_a_document_that_is_none_is_set_aside(kept_site: Site) -> None:
    """It is kept for whoever wants to know, and the last good one is in its place."""
    site = kept_site
    site.until_quiet()
    cursor, before = site.machine.cursor(), site.machine.read(DOCUMENT)
    site.lay_document("not JSON")
    site.until_event("config_rejected", cursor)
    site.until(lambda: site.machine.read(DOCUMENT) == before, "the last good one is back")
    aside = site.machine.must("find", "/etc/purecloud", "-name", "*.rejected-*").split()
    assert [site.machine.read(path) for path in aside] == ["not JSON"]
    site.until_pinned()
