"""The daemon's life under systemd: reloads, a hang, kills of either process, and their limits."""

import signal

import pytest

from tests.container.site import DAEMON, EDGE, HELPER, SETTINGS, SOCKET, Site

_STARTED = "39f53479d3a045ac8e11786248231fbf"  # SD_MESSAGE_UNIT_STARTED, sd-messages.h
_SLOW_STOP = "[Service]\nExecStop=/bin/sleep 4\n"


@pytest.fixture(scope="module", autouse=True)
def _pinned(kept_site: Site) -> None:
    """All tests here find, and leave, a pinned Edge."""
    kept_site.begin_anew()


def until_back(site: Site, pid: int) -> None:
    """Wait until another process than `pid` is the daemon and has all as it should be."""
    site.until(
        lambda: site.machine.pid_of(DAEMON) not in {0, pid}, "systemd starts the daemon anew", 60
    )
    site.until(
        lambda: site.status().get("pid") == site.machine.pid_of(DAEMON), "it has made a tick"
    )
    site.until_pinned()


def test_a_reload_puts_new_settings_in_force(kept_site: Site) -> None:
    """`systemctl reload` answers when they are in force; the process stays the same."""
    site = kept_site
    pid, cursor = site.machine.pid_of(DAEMON), site.machine.cursor()
    site.write_settings({"cloud": {"interval": "2s"}})
    site.machine.must("systemctl", "reload", "edgepind")
    assert site.events(cursor, "reloaded")
    assert site.machine.pid_of(DAEMON) == pid
    site.write_settings()
    site.machine.must("systemctl", "reload", "edgepind")
    site.until_pinned()


def test_a_bad_reload_changes_nothing_and_fails_aloud(kept_site: Site) -> None:
    """`systemctl reload` fails; the journal has every fault; the old settings stay in force."""
    site = kept_site
    pid, cursor = site.machine.pid_of(DAEMON), site.machine.cursor()
    good = site.machine.read(SETTINGS)
    site.machine.write(SETTINGS, good.replace('"1s"', '"one second"') + "\n[edgar]\nx = 1\n")
    assert site.machine.run("systemctl", "reload", "edgepind").code != 0
    rejected = site.until_event("reload_rejected", cursor)
    assert "one second" in rejected["MESSAGE"]
    assert "edgar" in rejected["MESSAGE"]
    assert rejected["PRIORITY"] == "3"
    assert (site.machine.pid_of(DAEMON), site.machine.show(DAEMON, "ActiveState")) == (
        pid,
        "active",
    )
    fresh = site.cloud.issue()
    site.cloud.rotate(fresh)
    site.until_pinned()  # with the old settings, while the file is wrong
    site.write_settings()
    site.machine.must("systemctl", "reload", "edgepind")


def test_a_daemon_that_hangs_is_killed_and_comes_back(kept_site: Site) -> None:
    """A stopped process says nothing to the watchdog; the next one finds nothing to restart."""
    site = kept_site
    site.machine.drop_in(DAEMON, "[Service]\nWatchdogSec=2s\nRestartSec=200ms\n")
    site.machine.must("systemctl", "restart", DAEMON)
    site.until_pinned()
    pid, edge = site.machine.pid_of(DAEMON), site.machine.show(EDGE, "InvocationID")
    cursor = site.machine.cursor()
    site.machine.kill(signal.SIGSTOP, pid)
    until_back(site, pid)
    assert any("Watchdog timeout" in it["MESSAGE"] for it in site.machine.journal_after(cursor))
    assert site.machine.show(EDGE, "InvocationID") == edge
    site.machine.drop_in(DAEMON, "")
    site.machine.must("systemctl", "restart", DAEMON)


def test_a_killed_daemon_comes_back_by_itself(kept_site: Site) -> None:
    """SIGKILL costs RestartSec and nothing else: no pin, no restart of the Edge."""
    site = kept_site
    site.until_pinned()
    pid, edge = site.machine.pid_of(DAEMON), site.machine.show(EDGE, "InvocationID")
    site.machine.kill(signal.SIGKILL, pid)
    until_back(site, pid)
    assert site.machine.show(EDGE, "InvocationID") == edge
    assert site.machine.show(DAEMON, "NRestarts") == "1"


def test_an_edge_that_hears_of_no_death_is_served_on(kept_site: Site) -> None:
    """The daemon stopped, its socket and the Edge go on: a dead edgepind never stops the Edge."""
    site = kept_site
    edge = site.machine.show(EDGE, "InvocationID")
    site.machine.must("systemctl", "stop", DAEMON)
    assert site.machine.show(EDGE, "InvocationID") == edge
    site.machine.must("systemctl", "restart", EDGE)
    site.until(lambda: site.is_connected(site.cloud.leaf), "the Edge is connected without it")
    site.machine.must("systemctl", "start", DAEMON)
    site.until_pinned()


def test_a_helper_killed_in_the_middle_of_a_restart_costs_nothing(kept_site: Site) -> None:
    """The job goes on in systemd; one restart is all, and the next pin stays accepted."""
    site = kept_site
    site.until_quiet()
    site.machine.drop_in(EDGE, _SLOW_STOP)
    edge, fresh = site.machine.show(EDGE, "InvocationID"), site.cloud.issue()
    cursor = site.machine.cursor()
    site.cloud.announce(fresh)
    site.until(lambda: site.machine.show(EDGE, "ActiveState") == "deactivating", "it is restarted")
    units = site.machine.must("systemctl", "list-units", "--plain", "--no-legend", HELPER)
    site.machine.kill(signal.SIGKILL, site.machine.pid_of(units.split()[0]))
    site.until(lambda: site.machine.show(EDGE, "InvocationID") not in {"", edge}, "it is restarted")
    site.until(lambda: site.status()["edge"]["loaded"], "the daemon knows that it has loaded all")
    assert site.pinning()["fingerprints"] == [site.cloud.leaf, fresh]
    site.until(lambda: not site.status()["edge"]["restart_owed"], "no restart is owed any more")
    starts = site.machine.journal_after(cursor, UNIT=EDGE, MESSAGE_ID=_STARTED)
    assert len(starts) == 1
    site.machine.drop_in(EDGE, "")
    site.cloud.rotate(fresh)
    site.until_pinned()


def test_a_socket_that_was_closed_is_opened_again(kept_site: Site) -> None:
    """Whatever closed it: the daemon's unit upholds it."""
    site = kept_site
    site.machine.must("systemctl", "stop", SOCKET)
    site.until(lambda: site.machine.show(SOCKET, "ActiveState") == "active", "it is open again")
    site.cloud.rotate(site.cloud.issue())
    site.until_pinned()


def test_a_bad_settings_file_at_the_start_does_not_end_the_attempts(kept_site: Site) -> None:
    """The unit fails with the reason in the journal, is tried again, and recovers by the file."""
    site = kept_site
    site.machine.drop_in(DAEMON, "[Service]\nRestartSec=300ms\n")
    site.machine.write(SETTINGS, "[cloud]\nhost = 7\n")
    cursor = site.machine.cursor()
    site.machine.run("systemctl", "restart", DAEMON)
    site.until(
        lambda: int(site.machine.show(DAEMON, "NRestarts")) > 7,
        "more starts than the default limit",
    )
    said = [it["MESSAGE"] for it in site.machine.journal_after(cursor, _SYSTEMD_UNIT=DAEMON)]
    assert any("cloud.host" in it for it in said)
    site.write_settings()
    site.until(lambda: site.machine.show(DAEMON, "ActiveState") == "active", "it is up again")
    site.until_pinned()
    site.machine.drop_in(DAEMON, "")


def test_a_stop_takes_less_than_two_seconds(kept_site: Site) -> None:
    """`systemctl stop` ends it in good order, and status.json stays to be read."""
    site = kept_site
    cursor = site.machine.cursor()
    site.machine.must("systemctl", "stop", DAEMON, patience=3)
    assert site.events(cursor, "stopping")
    assert site.machine.show(DAEMON, "Result") == "success"
    assert site.machine.run("edgepind", "status").code in {0, 3}
    site.machine.must("systemctl", "start", DAEMON)
    site.until_pinned()
