"""A pinned connection to servers with manners of their own: the leaf that was examined stays it."""

import asyncio

from edgepind.lab.pki import Credential
from edgepind.model.enums import Channel
from edgepind.model.observation import StatusAnswer, StatusUnreachable
from tests.faults.seen import Sightings
from tests.status_endpoint.announcements import MakeEndpoint, pins
from tests.support.s_server import SServer, s_server


async def test_an_answer_under_new_keys_is_read(
    endpoint: MakeEndpoint, openssl: str, leaf: Credential, seen: Sightings
) -> None:
    """A key update of TLS 1.3, asked of both sides, between a request and its answer."""
    body = f'{{"certificateFingerprint": "{leaf.fingerprint}"}}'

    async def answer(server: SServer) -> None:
        await server.heard(b"json\r\n")
        await server.type(b"K\n")
        await server.heard(b"KeyUpdate")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        await server.type((head + body).encode())

    async with s_server(openssl, leaf, "-tls1_3", "-msg") as server, asyncio.TaskGroup() as group:
        group.create_task(answer(server))
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
    seen("tls-key-update", "the answer under the new keys is read", "nothing: it is an answer")


async def test_a_renegotiation_is_refused_so_that_the_examined_leaf_stays(
    endpoint: MakeEndpoint, openssl: str, leaf: Credential, seen: Sightings
) -> None:
    """A server of TLS 1.2 that wants another handshake within the connection does not get one."""

    async def ask_again(server: SServer) -> None:
        await server.heard(b"json\r\n")
        await server.type(b"R\n")
        await server.heard(b"warning no_renegotiation")

    async with s_server(openssl, leaf, "-tls1_2", "-msg") as server, asyncio.TaskGroup() as group:
        group.create_task(ask_again(server))
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.channel is Channel.PINNED
    assert reading.status.error.endswith("TLS failed: sslv3 alert handshake failure")
    seen("tls-renegotiation", "of the status page: refused, no answer", reading.status.error)


async def test_a_server_that_speaks_no_http_1_is_named_by_its_alert(
    endpoint: MakeEndpoint, openssl: str, leaf: Credential, seen: Sightings
) -> None:
    """The request offers http/1.1 by ALPN; who has only others ends the handshake."""
    async with s_server(openssl, leaf, "-alpn", "h2") as server:
        reading = await endpoint(server.address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert "TLS failed: tlsv1 alert no application protocol" in reading.status.error
    assert "HTTP/1.1 is needed" in reading.status.error
    seen("tls-alpn", "the status page: no answer", reading.status.error)
