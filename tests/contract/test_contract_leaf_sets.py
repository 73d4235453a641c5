"""Section 6: an address serves a set of leaves, in turn or to different offers, by real servers."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from edgepind.core.live_leaves import RECENT
from edgepind.lab.pki import Credential
from tests.support.blackbox import install_pins, pass_ticks, roles, told, until_status
from tests.support.nginx_server import nginx_server
from tests.support.small_site import HOST, Site


class Turns:
    """A server whose connections get these contexts one after the other."""

    def __init__(self, contexts: Sequence[ssl.SSLContext]) -> None:
        self.contexts = contexts
        self._next = cycle(range(10_000))

    def turn(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Choose for one connection (`ssl.SSLContext.sni_callback`)."""
        connection.context = self.contexts[next(self._next) % len(self.contexts)]


def context(*credentials: Credential, highest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A server's context with one certificate for each kind of key."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if highest is not None:
        made.maximum_version = highest
    with tempfile.TemporaryDirectory() as folder:
        for number, credential in enumerate(credentials):
            files = credential.write(Path(folder), f"{number}")
            made.load_cert_chain(files.full_chain, files.key)
    return made


def point_at(site: Site, port: int) -> None:
    """Let the settings name one address, no status endpoint, and a short overlap."""
    site.tables["cloud"] |= {"addresses": ["127.0.0.1"], "port": port}
    site.tables["status"] = {"enabled": False}
    site.tables["pins"] |= {"overlap": "2s"}
    site.write_settings({})


@asynccontextmanager
async def serving(site: Site, *contexts: ssl.SSLContext) -> AsyncIterator[Turns]:
    """Serve these in turn at one address, which the site's settings name from now on."""
    turns = Turns(contexts)
    outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    outer.sni_callback = turns.turn

    async def served(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=outer)
    port = server.sockets[0].getsockname()[1]
    point_at(site, port)
    try:
        yield turns
    finally:
        await site.daemon.stop()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("old", [1, 2, 9])
async def test_two_leaves_in_turn_are_one_set(site: Site, old: int) -> None:
    """The new one is accepted by its own sightings; the finding does not change at each look."""
    first, second = site.issue(), site.issue()
    install_pins(site, first.fingerprint)
    site.write_settings({"fail_open": {"enabled": False}})
    async with serving(site, context(first)) as turns:
        await site.daemon.start()
        await until_status(site, finding="pinned")
        turns.contexts = [*[context(first)] * old, context(second)]
        await site.until(  # a busy machine may take a second for each of a hundred looks
            lambda: roles(site).get(str(second.fingerprint)) in {"backup", "current"},
            "the new pin",
            within=200.0,
        )
        assert str(first.fingerprint) in site.pinning()["fingerprints"]
        looks = site.daemon.status()["ticks"]
        # One in ten is gone from view and back once in a turn; the pace tells how many turns.
        most = 6 if old < RECENT - 1 else 4 + 2 * looks // RECENT
        assert len(told(site, "finding_changed")) <= most
        turns.contexts = [context(second)]
        await site.until(lambda: roles(site).get(str(second.fingerprint)) == "current", "current")
        await until_status(site, finding="pinned")


async def test_an_edge_that_reads_one_pin_is_restarted_once_for_a_rotation_in_turns(
    site: Site,
) -> None:
    """Both are accepted; `current` moves once, and not back while both are live."""
    first, second = site.issue(), site.issue()
    install_pins(site, first.fingerprint, second.fingerprint)
    site.tables["edge"] |= {"validator": "single"}
    async with serving(site, context(first)) as turns:
        await site.daemon.start()
        await until_status(site, finding="pinned")
        before = site.restarts()
        for share in ([first] * 3 + [second], [first, second], [first] + [second] * 3):
            turns.contexts = [context(it) for it in share]
            await pass_ticks(site, 20)
        assert site.restarts() - before <= 1
        assert len(told(site, "pin_activated")) <= 1


@pytest.mark.parametrize("highest", [None, ssl.TLSVersion.TLSv1_2], ids=["1.3", "1.2"])
async def test_a_second_kind_of_key_is_added_beside_the_pinned_one(
    site: Site, ask: Any, highest: ssl.TLSVersion | None
) -> None:
    """No lockout and no opening; both are pinned, and neither retires while an offer shows it."""
    rsa = site.trust.issue(HOST, "rsa")
    ecdsa = site.issue()
    install_pins(site, rsa.fingerprint)
    async with serving(site, context(rsa, highest=highest)) as turns:
        await site.daemon.start()
        await until_status(site, finding="pinned")
        turns.contexts = [context(rsa, ecdsa, highest=highest)]
        both = {str(rsa.fingerprint), str(ecdsa.fingerprint)}
        await site.until(lambda: both <= set(site.pinning()["fingerprints"]), "both pinned")
        await pass_ticks(site, 30)  # several times the overlap
        assert both == set(site.pinning()["fingerprints"])
        assert told(site, "posture_changed") == []
        assert not any(it["lockout"] for it in [site.daemon.status()])
        (address,) = site.daemon.status()["addresses"]
        assert set(address["leaves"]) == both
        answer = await ask("status")
        assert answer.code == 0, answer.output


@pytest.mark.parametrize("protocols", ["TLSv1.2", "TLSv1.2 TLSv1.3", "TLSv1.3"])
async def test_nginx_that_is_given_a_second_certificate(
    site: Site, ask: Any, protocols: str
) -> None:
    """A reload adds an ECDSA certificate beside the pinned RSA one: no client is locked out."""
    rsa = site.trust.issue(HOST, "rsa")
    ecdsa = site.issue()
    install_pins(site, rsa.fingerprint)
    async with nginx_server(rsa, protocols=protocols) as nginx:
        point_at(site, nginx.address.port)
        try:
            await site.daemon.start()
            await until_status(site, finding="pinned")
            nginx.renew(rsa, ecdsa)
            both = {str(rsa.fingerprint), str(ecdsa.fingerprint)}
            await site.until(lambda: both <= set(site.pinning()["fingerprints"]), "both pinned")
            await pass_ticks(site, 30)  # several times the overlap
            assert both == set(site.pinning()["fingerprints"])
            assert told(site, "posture_changed") == []
            assert set(site.daemon.status()["addresses"][0]["leaves"]) == both
            assert (await ask("status")).code == 0
        finally:
            await site.daemon.stop()
