"""The cloud of the lab, spoken to by real clients."""

import asyncio
import json
import ssl
from datetime import UTC, datetime
from hashlib import sha256

import httpx
import pytest

from edgepind.lab.cloud import STATUS_PATH, TOKEN_PATH, Cloud
from edgepind.lab.http1 import Response
from edgepind.lab.listener import Listener
from edgepind.lab.oauth import TokenDesk
from edgepind.lab.trust import Trust
from edgepind.model.fingerprint import Fingerprint

HOST = "acme.cloud.test"


async def _leaf(trust: Trust, listener: Listener) -> Fingerprint:
    """The leaf that a verifying client meets at an address."""
    context = ssl.create_default_context(cafile=str(trust.public_roots))
    reader, writer = await asyncio.open_connection(
        listener.ip, listener.port, ssl=context, server_hostname=HOST
    )
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    return Fingerprint(sha256(der).digest())


def _client(trust: Trust) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=str(trust.public_roots))
    return httpx.AsyncClient(verify=context)


def _url(cloud: Cloud, path: str = STATUS_PATH) -> str:
    return f"https://127.0.0.1:{cloud.port}{path}"


_AS_HOST = {"sni_hostname": HOST}


async def test_every_address_shows_the_credential(cloud: Cloud, trust: Trust) -> None:
    """All addresses share a port and serve a leaf that reaches the public roots."""
    assert len(set(cloud.addresses)) == 3
    leaves = {await _leaf(trust, listener) for listener in cloud.listeners}
    assert leaves == {cloud.status.current}


async def test_an_address_rotates_alone(cloud: Cloud, trust: Trust) -> None:
    """A rotation can roll over the addresses one by one, and the next handshake sees it."""
    new = trust.issue(HOST)
    cloud.serve(new, [cloud.addresses[1]])
    leaves = [await _leaf(trust, listener) for listener in cloud.listeners]
    assert leaves == [cloud.status.current, new.fingerprint, cloud.status.current]


async def test_an_established_connection_outlives_a_rotation(cloud: Cloud, trust: Trust) -> None:
    """Who is connected goes on over the connection made before."""
    async with _client(trust) as client:
        before = await client.get(_url(cloud), extensions=_AS_HOST)
        cloud.rotate(trust.issue(HOST))
        after = await client.get(_url(cloud), extensions=_AS_HOST)
    assert before.json() != after.json()
    assert cloud.listeners[0].handshakes == 1


async def test_it_can_hang_up(cloud: Cloud, trust: Trust) -> None:
    """Replaced load balancers end every connection, and welcome who comes again."""
    context = ssl.create_default_context(cafile=str(trust.public_roots))
    listener = cloud.listeners[0]
    reader, writer = await asyncio.open_connection(
        listener.ip, listener.port, ssl=context, server_hostname=HOST
    )
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    cloud.hang_up()
    assert await reader.read() == b""
    writer.close()
    assert await _leaf(trust, listener) == cloud.status.current


async def test_the_status_page_announces(cloud: Cloud, trust: Trust) -> None:
    """An announced rotation is named with the keys of the status API, and gone afterwards."""
    new, at = trust.issue(HOST), datetime(2027, 3, 1, 12, tzinfo=UTC)
    cloud.announce(new, at)
    async with _client(trust) as client:
        page = (await client.get(_url(cloud), extensions=_AS_HOST)).json()
        cloud.rotate(new)
        after = (await client.get(_url(cloud), extensions=_AS_HOST)).json()
    assert page["nextCertificateFingerprint"] == str(new.fingerprint)
    assert page["rotationScheduledAt"] == at.isoformat()
    assert after["certificateFingerprint"] == str(new.fingerprint)
    assert "nextCertificateFingerprint" not in after


@pytest.mark.parametrize(
    "scripted",
    [
        Response(200, {}, b"null"),
        Response(200, {"content-type": "text/html"}, b"<html>sign in</html>"),
        Response(429, {"retry-after": "7"}),
        Response(503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"busy"),
    ],
)
async def test_the_status_answer_can_be_scripted(
    cloud: Cloud, trust: Trust, scripted: Response
) -> None:
    """What is scripted is sent as it stands: status, headers and body."""
    cloud.status.scripted = scripted
    async with _client(trust) as client:
        answer = await client.get(_url(cloud), extensions=_AS_HOST)
    assert (answer.status_code, answer.content) == (scripted.status, scripted.body)
    assert all(answer.headers[name] == value for name, value in scripted.headers.items())


async def test_an_unchanged_page_is_answered_by_304(cloud: Cloud, trust: Trust) -> None:
    """With tags on, a second look costs no body until something has changed."""
    cloud.status.tagged = True
    async with _client(trust) as client:
        first = await client.get(_url(cloud), extensions=_AS_HOST)
        again = {"if-none-match": first.headers["etag"]}
        second = await client.get(_url(cloud), headers=again, extensions=_AS_HOST)
        cloud.rotate(trust.issue(HOST))
        third = await client.get(_url(cloud), headers=again, extensions=_AS_HOST)
    assert (first.status_code, second.status_code, third.status_code) == (200, 304, 200)
    assert second.content == b""


async def test_the_status_page_asks_for_a_token_of_the_desk(trust: Trust) -> None:
    """With a desk, the page is told to bearers only, and the desk knows whose a secret is."""
    desk = TokenDesk()
    secret = desk.enrol("an-edge")
    cloud = await Cloud.open(HOST, trust.issue(HOST), desk=desk)
    try:
        async with _client(trust) as client:
            refused = await client.get(_url(cloud), extensions=_AS_HOST)
            wrong = await client.post(
                _url(cloud, TOKEN_PATH),
                data={"grant_type": "client_credentials"},
                auth=("an-edge", "guessed"),
                extensions=_AS_HOST,
            )
            grant = await client.post(
                _url(cloud, TOKEN_PATH),
                data={"grant_type": "client_credentials"},
                auth=("an-edge", secret),
                extensions=_AS_HOST,
            )
            token = grant.json()["access_token"]
            bearing = {"authorization": f"Bearer {token}"}
            told = await client.get(_url(cloud), headers=bearing, extensions=_AS_HOST)
    finally:
        await cloud.close()
    assert (refused.status_code, wrong.status_code, told.status_code) == (401, 401, 200)
    assert json.loads(told.content)["certificateFingerprint"] == str(cloud.status.current)
    assert desk.owner(token) == desk.owner(secret) == "an-edge"
    assert desk.owner("guessed") is None


async def test_an_address_may_be_ipv6(trust: Trust) -> None:
    """`[::1]` is written in brackets and serves like the others."""
    cloud = await Cloud.open(HOST, trust.issue(HOST), ips=("127.0.0.1", "::1"))
    try:
        assert cloud.addresses[1] == f"[::1]:{cloud.port}"
        assert await _leaf(trust, cloud.listeners[1]) == cloud.status.current
    finally:
        await cloud.close()


async def test_nothing_listens_after_close(trust: Trust) -> None:
    """A closed cloud leaves no socket behind."""
    cloud = await Cloud.open(HOST, trust.issue(HOST))
    await cloud.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", cloud.port)
