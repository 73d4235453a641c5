"""Section 8: before a planned restart calls end by themselves, and the Edge is in service again."""

import json
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edgepind.lab.edge_api import TOKEN, EdgeApi
from edgepind.lab.http1 import Response
from edgepind.lab.oauth import TokenDesk
from tests.support.blackbox import install_current, pass_ticks, poke, told, until_status
from tests.support.small_site import Site

EDGE = "0f6a1c2e-edge"


@pytest.fixture
async def api(site: Site) -> AsyncIterator[EdgeApi]:
    """The API of this Edge's organisation, and a daemon on a pinned link that may ask it."""
    desk = TokenDesk()
    secret = site.folder / "secret"
    secret.write_text(desk.enrol("edgepind"))
    secret.chmod(0o600)
    api = await EdgeApi.open(EDGE, site.trust.issue("localhost"), desk)
    base = f"https://localhost:{api.listener.port}"
    oauth: dict[str, Any] = {
        "token_url": f"{base}{TOKEN}",
        "client_id": "edgepind",
        "client_secret_file": str(secret),
    }
    drain: dict[str, Any] = {"edge_id": EDGE, "api": base, "timeout": "1h"}
    install_current(site)
    site.tables["edge.drain"] = drain
    site.tables["status.oauth"] = oauth
    site.write_settings({})
    try:
        yield api
    finally:
        await api.close()


def announce(site: Site) -> str:
    """Announce another certificate for a time that is far off; return its pin."""
    other = site.issue()
    site.cloud.announce(other, datetime.now(UTC) + timedelta(days=30))
    return str(other.fingerprint)


async def draining(site: Site, api: EdgeApi, *, calls: int = 2) -> str:
    """Start the daemon while calls are up, and wait until the Edge is out of service."""
    api.calls = calls
    await site.daemon.start()
    await until_status(site, finding="pinned")
    other = announce(site)
    await site.until_event("drain_started")
    await site.until(lambda: not api.in_service, "out of service")
    return other


async def test_no_call_is_dropped_and_the_edge_is_in_service_again(
    site: Site, api: EdgeApi
) -> None:
    """Out of service, the calls end, it is restarted, and in service again; told step by step."""
    await draining(site, api)
    await site.until(lambda: site.daemon.status()["plan"] is not None, "the plan")
    plan = site.daemon.status()["plan"]
    assert (plan["what"], plan["waits_for"], plan["at"]) == ("restart", "drain", None)
    assert plan["until"]
    await pass_ticks(site, 3)
    assert site.restarts() == 0
    assert api.said[0] == {"inService": False, "callDrainingWaitTimeSeconds": 3600}
    api.calls = 0
    await site.until_event("in_service")
    assert api.in_service
    assert api.dropped == 0
    assert api.said[-1] == {"inService": True}
    assert site.restarts() == 1
    steps = ("drain_started", "drain_ended", "restart_requested", "restart_succeeded", "in_service")
    assert [it for it in site.events() if it in steps] == list(steps)
    await until_status(site, plan=None)


async def test_the_debt_outlives_the_daemon(site: Site, api: EdgeApi) -> None:
    """Killed in the midst of a drain, and restarted when the calls are over: in service again."""
    await draining(site, api)
    poke(site, signal.SIGKILL)
    await site.daemon.wait()
    await site.daemon.start()
    await pass_ticks(site, 3)
    assert not api.in_service, "the calls are up still"
    api.calls = 0
    await site.until_event("in_service")
    assert (api.in_service, api.dropped, site.restarts()) == (True, 0, 1)


async def test_a_lockout_is_not_waited_with(site: Site, api: EdgeApi) -> None:
    """What is announced is served at once: restarted, whatever calls there are, and in service."""
    await draining(site, api)
    other = site.issue()
    site.cloud.announce(other, datetime.now(UTC) + timedelta(days=30))
    await site.until(lambda: str(other.fingerprint) in site.pinning()["fingerprints"], "written")
    site.cloud.rotate(other)
    await site.until_event("restart_succeeded")
    await site.until_event("in_service")
    assert api.in_service


async def test_what_an_operator_took_out_stays_out(site: Site, api: EdgeApi) -> None:
    """It is restarted, and never put in service by edgepind."""
    api.set_by_hand(in_service=False)
    await site.daemon.start()
    await until_status(site, finding="pinned")
    announce(site)
    await site.until_event("restart_succeeded")
    await pass_ticks(site, 3)
    assert api.said == []
    assert not api.in_service
    assert "drain_started" not in site.events()


@pytest.mark.parametrize(
    "nonsense",
    [
        Response(200, {}, b"<html>"),
        Response(200, {}, b"[1]"),
        Response(200, {}, json.dumps({"statusCode": 7}).encode()),
        Response(200, {}, json.dumps({"statusCode": "ACTIVE", "conversationCount": -1}).encode()),
        Response(200, {}, b"x" * 200_000),
        Response(403, {}, b"{}"),
        Response(429, {"retry-after": "1"}, b"{}"),
    ],
    ids=["page", "list", "number", "count", "long", "forbidden", "busy"],
)
async def test_nonsense_takes_nothing_out_of_service(
    site: Site, api: EdgeApi, nonsense: Response
) -> None:
    """The restart waits as long as no answer can be used; then all goes as ever."""
    api.scripted = nonsense
    await site.daemon.start()
    await until_status(site, finding="pinned")
    announce(site)
    await site.until(lambda: site.daemon.status()["edge"]["restart_owed"], "owed")
    await pass_ticks(site, 3)
    assert api.said == []
    assert site.restarts() == 0
    api.scripted = None
    await site.until_event("in_service")
    assert (api.dropped, site.restarts()) == (0, 1)


async def test_the_count_of_the_site_decides_where_the_api_is_silent(
    site: Site, api: EdgeApi
) -> None:
    """`calls_command` prints how many calls are up: 0 lets the restart be made."""
    count = site.folder / "count"
    count.write_text("2\n")
    command = site.script("calls", f"cat {count}\n")
    api.scripted = Response(500, {}, b"")
    site.write_settings({"edge": {"calls_command": [str(command)]}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    announce(site)
    await site.until_event("restart_deferred")
    assert "2 calls are up" in told(site, "restart_deferred")[0]["MESSAGE"]
    assert site.restarts() == 0
    count.write_text("0\n")
    await site.until_event("restart_succeeded")
    assert api.said == []


async def test_no_secret_is_told(site: Site, api: EdgeApi) -> None:
    """Neither the client's secret nor a token stands in the log or in any file of the daemon."""
    await draining(site, api)
    api.calls = 0
    await site.until_event("in_service")
    secrets = [*api.desk.tokens, *api.desk.clients.values()]
    files = [site.daemon.log, *site.state.rglob("*"), *site.runtime.rglob("*")]
    text = "".join(it.read_text("utf-8", "replace") for it in files if it.is_file())
    assert secrets
    assert not [it for it in secrets if it in text]
