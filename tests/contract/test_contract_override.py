"""Section 7: the operator's override, as the command writes it and as a hand does."""

import json
import os
import time
from datetime import UTC, datetime, timedelta

from tests.support.blackbox import (
    install_current,
    pass_ticks,
    postures,
    told,
    until_status,
)
from tests.support.small_site import Site

HOUR = 3600.0


def left(site: Site) -> float:
    """Seconds until the present posture ends, by the status file."""
    until = datetime.fromisoformat(site.daemon.status()["posture_until"])
    return (until - datetime.now(UTC)).total_seconds()


async def guarded(site: Site) -> None:
    """A daemon on a pinned link."""
    install_current(site)
    await site.daemon.start()
    await until_status(site, finding="pinned")


async def switched(site: Site, *, enabled: bool) -> None:
    """Wait until the document says so."""
    await site.until(lambda: site.pinning()["enabled"] is enabled, f"enabled {enabled}")


async def test_a_touch_counts_for_an_hour(site: Site) -> None:
    """An empty file in RUNTIME or STATE, from its modification time; removing it ends it."""
    await guarded(site)
    for folder in (site.runtime, site.state):
        (folder / "override").touch()
        await until_status(site, posture="override")
        assert HOUR - 60 < left(site) <= HOUR
        await switched(site, enabled=False)
        (folder / "override").unlink()
        await until_status(site, posture="enforcing")
        await switched(site, enabled=True)
    assert postures(site) == ["override", "enforcing"] * 2
    events = [it for it in site.events() if it.startswith("override")]
    assert events == ["override_on", "override_off"] * 2


async def test_an_old_touch_counts_for_what_is_left(site: Site) -> None:
    """Half an hour ago: half an hour; two hours ago: nothing; in the future: an hour at most."""
    await guarded(site)
    file = site.state / "override"
    now = time.time()
    file.touch()
    os.utime(file, (now - 1800, now - 1800))
    await until_status(site, posture="override")
    assert HOUR / 2 - 60 < left(site) <= HOUR / 2
    file.unlink()
    await until_status(site, posture="enforcing")
    late = site.folder / "late"
    late.touch()
    os.utime(late, (now - 7200, now - 7200))
    late.rename(file)
    await pass_ticks(site, 3)
    assert site.daemon.status()["posture"] == "enforcing"
    early = site.folder / "early"
    early.touch()
    os.utime(early, (now + 7200, now + 7200))
    early.replace(file)
    await until_status(site, posture="override")
    assert left(site) <= HOUR


async def test_a_written_override_ends_at_its_time(site: Site) -> None:
    """`until`, `reason` and `by`: told with both, and over when it is over, with the file gone."""
    await guarded(site)
    until = datetime.now(UTC) + timedelta(seconds=3)
    words = {"until": until.isoformat(), "reason": "cut over", "by": "ada"}
    (site.runtime / "override.new").write_text(json.dumps(words))
    (site.runtime / "override.new").rename(site.runtime / "override")
    status = await until_status(site, posture="override")
    assert abs(datetime.fromisoformat(status["posture_until"]) - until) < timedelta(seconds=1)
    message = told(site, "override_on")[0]["MESSAGE"]
    assert "cut over" in message
    assert "ada" in message
    await until_status(site, posture="enforcing")
    assert datetime.now(UTC) >= until
    await switched(site, enabled=True)
    await site.until(lambda: not (site.runtime / "override").exists(), "the file to go")
    assert site.events().count("override_off") == 1


async def test_nothing_but_its_end_ends_it(site: Site) -> None:
    """A pinned link, a rotation, interception, a restart of the daemon: it stays."""
    await guarded(site)
    (site.state / "override").touch()
    await until_status(site, posture="override")
    original = site.cloud.served()[site.cloud.addresses[0]].credential
    for credential in (site.issue(), site.trust.corporate.leaf([site.cloud.host]), original):
        site.cloud.serve(credential)
        await pass_ticks(site, 3)
        assert site.daemon.status()["posture"] == "override"
    assert await site.daemon.stop() == 0
    pid = site.daemon.status()["pid"]
    await site.daemon.start()
    await site.until(lambda: site.daemon.status()["pid"] != pid, "a new daemon")
    assert site.daemon.status()["posture"] == "override"
    assert site.pinning()["enabled"] is False
    assert postures(site) == ["override"]


async def test_what_is_no_override_is_none(site: Site) -> None:
    """Garbage, a time without a zone, one that is over: nothing is switched off; it is told."""
    await guarded(site)
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for text in ("for ever", '{"until": "2099-01-01T00:00:00"}', "[]", '{"reason": "x"}'):
        (site.folder / "override").write_text(text)
        (site.folder / "override").replace(site.state / "override")
        warned = len(site.daemon.events)
        await pass_ticks(site, 2)
        assert site.daemon.status()["posture"] == "enforcing", text
        site.daemon.follow()
        said = [it["MESSAGE"] for it in site.daemon.events[warned:]]
        assert any(str(site.state / "override") in it for it in said), (text, said)
    (site.folder / "override").write_text(json.dumps({"until": past, "reason": "x", "by": "y"}))
    (site.folder / "override").replace(site.state / "override")
    await pass_ticks(site, 2)
    assert postures(site) == []
    assert site.pinning()["enabled"] is True


async def test_an_override_ends_into_what_the_link_asks_for(site: Site) -> None:
    """The end of an override in a lockout is no end of the lockout: grace, not silence."""
    install_current(site)
    site.write_settings({"pins": {"policy": "strict"}, "fail_open": {"grace": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    (site.state / "override").touch()
    await until_status(site, posture="override")
    site.cloud.serve(site.issue())
    await until_status(site, finding="unannounced_rotation")
    await pass_ticks(site, 2)
    (site.state / "override").unlink()
    await until_status(site, posture="grace")
    await switched(site, enabled=True)
