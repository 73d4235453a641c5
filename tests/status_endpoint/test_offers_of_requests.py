"""A request is made with the Edge's own offer, and meets the leaf that is pinned if there is one.

The servers are real ones with an RSA and an ECDSA certificate.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.pki import Credential
from edgepind.model.document import EdgeTls
from edgepind.model.enums import Channel, HighestTls
from edgepind.model.observation import StatusAnswer, StatusUnreachable
from edgepind.observe.resolve import Resolver
from edgepind.observe.status_endpoint import StatusEndpoint
from edgepind.settings.kinds import Address
from edgepind.settings.schema import (
    CloudSettings,
    EdgeSettings,
    OAuthSettings,
    Settings,
    StatusSettings,
)
from tests.status_endpoint.announcements import MakeEndpoint, pins
from tests.status_endpoint.conftest import HOST
from tests.support.client_certificate import asking, write_client_certificate
from tests.support.endpoint import endpoint as listening
from tests.support.offers_matrix import CERTIFICATES, SETTINGS, VERSIONS, dual_context

RSA, ECDSA = CERTIFICATES["RSA"], CERTIFICATES["ECDSA"]
_RSA_LIST = SETTINGS["RSA list"]


class Cloud:
    """Answers every request; `met` holds version and cipher of each connection."""

    def __init__(self) -> None:
        self.met: list[tuple[str, str]] = []
        self.asked: list[bytes] = []

    async def behave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer as the status endpoint and as the token's desk."""
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        cipher = tls.cipher()
        self.met.append((tls.version() or "", cipher[0] if cipher else ""))
        while head := await _head(reader):
            self.asked.append(head)
            if length := _length(head):
                await reader.readexactly(length)
            page = {
                "certificateFingerprint": str(RSA.fingerprint),
                "access_token": "t",
                "token_type": "Bearer",
            }
            body = json.dumps(page).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(it[15:]) for it in lines if it.startswith(b"content-length:")), 0)


@asynccontextmanager
async def _cloud(versions: str, *shown: Credential) -> AsyncIterator[tuple[Cloud, Address]]:
    context = dual_context(*shown)
    context.minimum_version, context.maximum_version = VERSIONS[versions]
    cloud = Cloud()
    async with listening(cloud.behave, tls=context) as address:
        yield cloud, address


@pytest.mark.parametrize("versions", ["TLS 1.2", "TLS 1.2 + 1.3"])
@pytest.mark.parametrize("pinned", [RSA, ECDSA], ids=["RSA", "ECDSA"])
async def test_the_leaf_that_is_pinned_is_met(
    endpoint: MakeEndpoint, versions: str, pinned: Credential
) -> None:
    """Whichever of the two that is, the channel is pinned."""
    async with _cloud(versions, RSA, ECDSA) as (_, address):
        reading = await endpoint(address).fetch(pins(pinned))
    assert isinstance(reading.status, StatusAnswer)
    assert reading.status.channel is Channel.PINNED


async def test_a_leaf_without_standing_is_met_likewise(
    endpoint: MakeEndpoint, next_leaf: Credential
) -> None:
    """The anonymous request, too, tries what else may be offered."""
    async with _cloud("TLS 1.2 + 1.3", RSA, ECDSA) as (_, address):
        reading = await endpoint(address).fetch(pins(next_leaf, unbelieved=[RSA]))
    assert reading.status.channel is Channel.WITHOUT_STANDING


async def test_the_offer_that_was_answered_is_kept(endpoint: MakeEndpoint) -> None:
    """Steady requests go over one connection, and a new one begins with what worked."""
    async with _cloud("TLS 1.2 + 1.3", RSA, ECDSA) as (cloud, address):
        asking_again = endpoint(address)
        for _ in range(3):
            assert isinstance((await asking_again.fetch(pins(RSA))).status, StatusAnswer)
        assert len(cloud.asked) == 3
        assert [version for version, _ in cloud.met][-1] == "TLSv1.2"
        before = len(cloud.met)
        await asking_again.close()
        await asking_again.fetch(pins(RSA))
        assert len(cloud.met) == before + 1


async def test_the_edges_list_is_obeyed(endpoint: MakeEndpoint) -> None:
    """A server of TLS 1.2 chooses among the suites of the document, and of no others."""
    async with _cloud("TLS 1.2", RSA) as (cloud, address):
        reading = await endpoint(address).fetch(pins(RSA), _RSA_LIST)
        assert isinstance(reading.status, StatusAnswer)
        assert cloud.met == [("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")]
        none = EdgeTls("TLSv1.3")
        assert isinstance(
            (await endpoint(address).fetch(pins(RSA), none)).status, StatusUnreachable
        )


async def test_new_settings_of_the_document_are_obeyed_at_the_next_request(
    endpoint: MakeEndpoint,
) -> None:
    """The connection that was made under the old ones is given up."""
    async with _cloud("TLS 1.2 + 1.3", RSA) as (cloud, address):
        one = endpoint(address)
        await one.fetch(pins(RSA))
        await one.fetch(pins(RSA), EdgeTls("TLSv1.3"))
        await one.fetch(pins(RSA), EdgeTls("TLSv1.3"))
    assert len(cloud.met) == 2


def _settings(address: Address, highest: HighestTls, token: Path | None = None) -> Settings:
    url = f"https://{HOST}:{address.port}/oauth/token" if token else ""
    oauth = OAuthSettings(token_url=url, client_id="edge", client_secret_file=str(token or ""))
    cloud = CloudSettings(HOST, port=address.port, addresses=(address,))
    return Settings(cloud, StatusSettings(oauth=oauth), EdgeSettings(tls=highest))


async def test_what_the_site_knows_of_the_edge_is_obeyed() -> None:
    """An Edge of TLS 1.2 meets what only TLS 1.2 is served."""
    async with _cloud("TLS 1.2 + 1.3", RSA) as (cloud, address):
        settings = _settings(address, HighestTls.TLS_1_2)
        one = StatusEndpoint(settings, Resolver(), SystemClock().now)
        await one.fetch(pins(RSA))
        await one.close()
    assert [version for version, _ in cloud.met] == ["TLSv1.2"]


async def test_the_token_goes_over_the_pinned_leaf_of_two(tmp_path: Path) -> None:
    """Secret, token and request all meet the one that is pinned."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    async with _cloud("TLS 1.2 + 1.3", RSA, ECDSA) as (cloud, address):
        settings = _settings(address, HighestTls.UNKNOWN, secret)
        one = StatusEndpoint(settings, Resolver(), SystemClock().now)
        reading = await one.fetch(pins(RSA))
        await one.close()
    assert reading.status.channel is Channel.PINNED
    assert [it.split()[0] for it in cloud.asked] == [b"POST", b"GET"]


@pytest.mark.parametrize("version", list(VERSIONS)[::2])
async def test_the_client_certificate_is_presented(version: str, tmp_path: Path) -> None:
    """To a cloud that answers nobody without one."""
    presented = tmp_path / "client.pem"
    write_client_certificate(presented)
    context = asking(RSA, presented)
    context.minimum_version, context.maximum_version = VERSIONS[version]
    cloud = Cloud()
    async with listening(cloud.behave, tls=context) as address:
        for path, kind in ((str(presented), StatusAnswer), ("", StatusUnreachable)):
            settings = Settings(
                CloudSettings(
                    HOST, port=address.port, addresses=(address,), client_certificate=path
                )
            )
            one = StatusEndpoint(settings, Resolver(), SystemClock().now)
            assert isinstance((await one.fetch(pins(RSA))).status, kind)
            await one.close()
