"""Invariant 0: a decision that would break a promise is dropped and told; the daemon goes on."""

from tests.contract import broken_daemon
from tests.support.blackbox import install_current, pass_ticks, roles, told, until_status
from tests.support.small_site import Site


async def test_a_broken_rule_costs_a_decision_and_not_the_daemon(site: Site) -> None:
    """Told once, as critical, under a name of its own; the pins and the document stay."""
    current = install_current(site)
    broken = site.folder / "broken"
    environment = broken_daemon.environment(broken)
    await site.daemon.start(run=broken_daemon.RUN, extra=environment)
    await until_status(site, finding="pinned")
    pid, document = site.daemon.pid, site.document.read_bytes()
    broken.touch()
    await site.until(lambda: "invariant_violated" in site.events(), "the promise is told of")
    await pass_ticks(site, 5)
    assert site.daemon.pid == pid
    assert roles(site) == {str(current): "current"}
    assert site.document.read_bytes() == document
    [event] = told(site, "invariant_violated")
    assert event["PRIORITY"] == "2"
    assert "status endpoint" in event["MESSAGE"]
    assert "report" in event["MESSAGE"]
    await site.daemon.stop()
    await site.daemon.start(run=broken_daemon.RUN, extra=environment)
    await until_status(site, finding="pinned")
    broken.unlink()
    await pass_ticks(site, 5)
    assert roles(site) == {str(current): "current"}
    assert "invariant" not in site.daemon.status()["reason"]
