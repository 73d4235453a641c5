"""Section 7: each posture entered and left, by what the cloud and the settings do."""

import json
import signal
from datetime import datetime
from typing import Any

from edgepind.lab.pki import Credential
from edgepind.lab.timers import Table
from tests.support.blackbox import (
    install_current,
    install_pins,
    one_tick,
    pass_ticks,
    poke,
    postures,
    roles,
    told,
    until_status,
)
from tests.support.small_site import HOST, Site

STRICT: dict[str, Table] = {"cloud": {"interval": "150ms"}, "pins": {"policy": "strict"}}


async def begin(site: Site, fail_open: Table, **others: Table) -> Credential:
    """A daemon under `strict` on a pinned link; returns what the cloud serves."""
    install_current(site)
    site.write_settings({**STRICT, "fail_open": fail_open, **others})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    return site.cloud.served()[site.cloud.addresses[0]].credential


async def in_force(site: Site, *, enabled: bool) -> None:
    """Wait until the document says so and the Edge has loaded it."""
    await site.until(
        lambda: (
            site.pinning()["enabled"] is enabled
            and site.daemon.status()["edge"]["loaded"]
            and not site.daemon.status()["edge"]["restart_owed"]
        ),
        f"enabled {enabled}, and loaded",
    )


async def test_a_lockout_is_confirmed_by_two_ticks_in_a_row(site: Site) -> None:
    """One strange look changes nothing; the second opens the grace, with a deadline."""
    await begin(site, {"grace": "1h"}, cloud={"interval": "1h"})
    original = site.cloud.served()[site.cloud.addresses[0]].credential
    other = site.issue()
    for credential, posture in (
        (other, "enforcing"),
        (original, "enforcing"),
        (other, "enforcing"),
        (other, "grace"),
    ):
        site.cloud.serve(credential)
        assert (await one_tick(site))["posture"] == posture
    status = site.daemon.status()
    assert status["lockout"] is True
    assert status["posture_until"] is not None
    assert status["posture_since"] is not None
    assert site.pinning()["enabled"] is True, "still enforced"


async def test_grace_ends_where_the_link_is_pinned_again(site: Site) -> None:
    """Back to enforcing with nothing written and no restart; told both ways."""
    original = await begin(site, {"grace": "1h"})
    site.cloud.serve(site.issue(), site.cloud.addresses[1:])
    await until_status(site, finding="unannounced_rotation")
    await pass_ticks(site, 4)
    assert postures(site) == [], "one address is left: no lockout"
    site.cloud.serve(site.issue())
    await until_status(site, posture="grace")
    site.cloud.serve(original)
    await until_status(site, posture="enforcing", posture_until=None, lockout=False)
    assert postures(site) == ["grace", "enforcing"]
    assert site.restarts() == 0


async def test_grace_waits_while_nothing_answers(site: Site) -> None:
    """The timer runs while the lockout is observed and stands still while the cloud is away."""
    await begin(site, {"grace": "2s"}, cloud={"interval": "100ms"})
    site.cloud.serve(other := site.issue())
    await until_status(site, posture="grace")
    ports = [(it.ip, it.port) for it in site.cloud.listeners]
    for listener in site.cloud.listeners:
        await listener.close()
    await until_status(site, finding="unreachable")
    await pass_ticks(site, 30)
    assert postures(site) == ["grace"]
    for listener, (ip, port) in zip(site.cloud.listeners, ports, strict=True):
        listener.ip, listener.port = ip, port
        await listener.open()
    site.cloud.serve(other)
    await until_status(site, posture="open")


async def test_grace_over_opens_the_edge_until_the_link_is_pinned(site: Site) -> None:
    """`enabled: false` with a deadline, the CA chain still checked; then all is enforced again."""
    tls = {"strictValidation": True, "minVersion": "TLSv1.2"}
    install_pins(site, site.cloud.status.current)
    document = {**json.loads(site.document.read_text()), "tlsSettings": tls}
    original = await begin(site, {"grace": "50ms"})
    site.document.write_text(json.dumps(document))
    site.cloud.serve(site.issue())
    status = await until_status(site, posture="open")
    assert status["posture_until"] is not None
    await in_force(site, enabled=False)
    assert json.loads(site.document.read_text())["tlsSettings"] == tls
    assert site.pinning()["fingerprints"] == [str(original.fingerprint)], "the allowlist stays"
    site.cloud.serve(original)
    await until_status(site, posture="enforcing")
    await in_force(site, enabled=True)
    assert postures(site) == ["grace", "open", "enforcing"]
    assert int(told(site, "posture_changed")[1]["PRIORITY"]) <= 3


async def test_open_ends_where_the_hold_down_is_served(site: Site) -> None:
    """A rotation that nobody announced is survived without a person."""
    pins: Table = {"policy": "balanced", "hold_down": "1500ms"}
    await begin(site, {"grace": "50ms"}, pins=pins)
    site.cloud.serve(other := site.issue())
    await until_status(site, posture="open")
    await until_status(site, posture="enforcing")
    await in_force(site, enabled=True)
    assert str(other.fingerprint) in site.pinning()["fingerprints"]
    assert postures(site) == ["grace", "open", "enforcing"]


async def test_grace_ends_where_the_hold_down_is_served(site: Site) -> None:
    """With a shorter hold-down the Edge is never opened."""
    pins: Table = {"policy": "balanced", "hold_down": "1s"}
    await begin(site, {"grace": "1h"}, pins=pins)
    site.cloud.serve(site.issue())
    await site.until_event("posture_changed", 2)
    assert postures(site) == ["grace", "enforcing"]


async def test_open_ends_with_its_limit(site: Site, ask: Any) -> None:
    """Then it is enforced again, locked out as it is; the operator's word ends that."""
    await begin(site, {"grace": "50ms", "limit": "400ms"})
    site.cloud.serve(other := site.issue())
    status = await until_status(site, posture="exhausted")
    assert status["posture_until"] is None
    await in_force(site, enabled=True)
    assert postures(site) == ["grace", "open", "exhausted"]
    await pass_ticks(site, 3)
    assert site.daemon.status()["posture"] == "exhausted", "it stays until somebody comes"
    assert (await ask("pin", "add", str(other.fingerprint))).code == 0
    await until_status(site, posture="enforcing", finding="pinned")
    assert roles(site)[str(other.fingerprint)] == "current"


async def test_open_ends_where_the_link_is_intercepted(site: Site) -> None:
    """Interception does not keep the Edge open, and never opens it."""
    original = await begin(site, {"grace": "50ms"})
    proxy = site.trust.corporate.leaf([HOST])
    site.cloud.serve(proxy)
    await until_status(site, finding="interception", lockout=True)
    await pass_ticks(site, 4)
    assert postures(site) == [], "locked out, and enforcing"
    site.cloud.serve(site.issue())
    await until_status(site, posture="open")
    site.cloud.serve(proxy)
    await until_status(site, posture="exhausted")
    await in_force(site, enabled=True)
    site.cloud.serve(original)
    await until_status(site, posture="enforcing")


async def test_where_no_opening_is_allowed_grace_exhausts(site: Site) -> None:
    """Switched off or without a budget: never `enabled: false`; a person is asked for."""
    original = await begin(site, {"grace": "50ms", "enabled": False})
    for fail_open in ({"enabled": False}, {"budget": 0}):
        site.write_settings({**STRICT, "fail_open": {"grace": "50ms", **fail_open}})
        poke(site, signal.SIGHUP)
        site.cloud.serve(site.issue())
        await until_status(site, posture="exhausted")
        event = told(site, "posture_changed")[-1]
        assert "operator" in event["MESSAGE"]
        assert int(event["PRIORITY"]) <= 3
        assert site.pinning()["enabled"] is True
        site.cloud.serve(original)
        await until_status(site, posture="enforcing")
    assert postures(site) == ["grace", "exhausted", "enforcing"] * 2
    assert site.restarts() == 0


async def test_the_budget_of_openings_is_kept_within_its_window(site: Site) -> None:
    """One opening in the window: the second lockout exhausts; an older one does not count."""
    original = await begin(site, {"grace": "50ms", "budget": 1})

    async def locked_out_until(posture: str) -> None:
        site.cloud.serve(site.issue())
        await until_status(site, posture=posture)
        site.cloud.serve(original)
        await until_status(site, posture="enforcing")

    await locked_out_until("open")
    await locked_out_until("exhausted")
    short: Table = {"grace": "50ms", "budget": 1, "budget_window": "10ms"}
    site.write_settings({**STRICT, "fail_open": short})
    poke(site, signal.SIGHUP)
    await site.until_event("reloaded")
    await locked_out_until("open")
    await locked_out_until("open")


async def test_a_restart_of_the_daemon_prolongs_no_opening(site: Site) -> None:
    """The deadline of `open` is the same after SIGTERM and start, and is kept."""
    await begin(site, {"grace": "50ms", "limit": "4s"})
    site.cloud.serve(site.issue())
    until = (await until_status(site, posture="open"))["posture_until"]
    assert await site.daemon.stop() == 0
    pid = site.daemon.status()["pid"]
    await site.daemon.start()
    await site.until(lambda: site.daemon.status()["pid"] != pid, "a tick of the new daemon")
    status = site.daemon.status()
    if status["posture"] == "open":
        assert abs(seconds(status["posture_until"]) - seconds(until)) < 0.5
    await until_status(site, posture="exhausted")
    assert postures(site) == ["grace", "open", "exhausted"]


def seconds(stamp: str) -> float:
    """A time of the status file, in seconds."""
    return datetime.fromisoformat(stamp).timestamp()
