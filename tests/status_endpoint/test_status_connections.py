"""Whom one look at the endpoint asks, and over which connection; real servers on loopback."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from edgepind.lab.pki import Credential
from edgepind.model.enums import Channel
from edgepind.model.observation import StatusAnswer, StatusUnreachable
from edgepind.settings.kinds import Address
from edgepind.settings.schema import StatusSettings
from tests.status_endpoint.announcements import MakeEndpoint, announcing, pins
from tests.support.raw_server import raw_server
from tests.support.recorder import Recorder, recording


async def test_an_announcement_over_a_pinned_connection(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """The request is an ordinary one, to the name of the cloud at the address given."""
    cloud = Recorder([announcing(leaf, next_leaf)])
    async with recording(leaf, cloud) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint, next_leaf.fingerprint)
    (request,) = cloud.requests
    assert (request.method, request.target) == ("GET", "/api/v1/security/status")
    assert request.headers["host"] == "acme.cloud.test"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("edgepind/")


async def test_an_unpinned_leaf_gives_a_hint(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """The second request goes over a chain-verified connection; it is no witness of time."""
    cloud = Recorder([announcing(next_leaf)])
    async with recording(next_leaf, cloud) as (listener, address):
        reading = await endpoint(address).fetch(pins(leaf))
        assert listener.handshakes >= 1
    assert reading.status == StatusAnswer(Channel.UNPINNED, next_leaf.fingerprint)
    assert reading.date is None
    assert len(cloud.requests) == 1


async def test_without_any_pin_there_is_only_the_hint(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Before the first pin nobody is trusted with more."""
    cloud = Recorder([announcing(leaf)])
    async with recording(leaf, cloud) as (_, address):
        reading = await endpoint(address).fetch(pins())
    assert reading.status == StatusAnswer(Channel.UNPINNED, leaf.fingerprint)


async def test_an_interceptor_is_not_even_asked_for_a_hint(
    endpoint: MakeEndpoint, leaf: Credential, private_leaf: Credential
) -> None:
    """Its chain reaches no public root, so no request is sent at all."""
    proxy = Recorder([announcing(private_leaf)])
    async with recording(private_leaf, proxy) as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.channel is Channel.NONE
    assert "is not pinned" in reading.status.error
    assert "without a pin" in reading.status.error
    assert "certificate is not accepted" in reading.status.error
    assert proxy.requests == []


async def test_roots_that_cannot_be_loaded_are_named(
    endpoint: MakeEndpoint, leaf: Credential, tmp_path: Path
) -> None:
    """The file may vanish after the settings were read."""
    async with recording(leaf, Recorder([announcing(leaf)])) as (_, address):
        for content in (None, "no certificate"):
            roots = tmp_path / "roots.pem"
            if content is not None:
                roots.write_text(content)
            reading = await endpoint(address, public_roots=str(roots)).fetch(pins())
            assert isinstance(reading.status, StatusUnreachable)
            assert str(roots) in reading.status.error


async def test_the_connection_is_kept_and_stays_pinned_when_the_cloud_rotates(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """CONTRACT section 11: what was pinned when it was made is a pinned channel."""
    cloud = Recorder([announcing(leaf), announcing(next_leaf)])
    async with recording(leaf, cloud) as (listener, address):
        asking = endpoint(address)
        await asking.fetch(pins(leaf))
        listener.face = type(listener.face).of("cloud", next_leaf, cloud)
        reading = await asking.fetch(pins(leaf))
        assert listener.handshakes == 1
    assert reading.status == StatusAnswer(Channel.PINNED, next_leaf.fingerprint)


async def test_a_kept_connection_is_dropped_when_its_pin_was_removed(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """The operator's word holds at once, also for what is established."""
    cloud = Recorder([announcing(leaf)])
    async with recording(leaf, cloud) as (listener, address):
        asking = endpoint(address)
        assert (await asking.fetch(pins(leaf, next_leaf))).status.channel is Channel.PINNED
        assert (await asking.fetch(pins(next_leaf))).status.channel is Channel.UNPINNED
        assert (await asking.fetch(pins(leaf))).status.channel is Channel.PINNED
        assert listener.handshakes >= 3


async def test_a_connection_that_the_server_gave_up_is_made_anew(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """Load balancers close idle connections, some just as the next request arrives."""
    page = b'{"certificateFingerprint": "%s"}' % str(leaf.fingerprint).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.readuntil(b"\r\n\r\n")  # the next request: hang up on it

    async with raw_server(leaf, once) as server:
        asking = endpoint(server.address)
        for _ in range(3):
            reading = await asking.fetch(pins(leaf))
            assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
        assert server.connections == 3


async def test_exactly_the_given_addresses_are_asked_and_the_next_where_one_fails(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """The one that answered is asked first next time."""
    cloud = Recorder([announcing(leaf)])
    async with AsyncExitStack() as stack:
        dead_one, dead = await stack.enter_async_context(recording(leaf, cloud, "127.0.0.2"))
        _, alive = await stack.enter_async_context(recording(leaf, cloud))
        await dead_one.close()
        asking = endpoint(dead, alive)
        for _ in range(2):
            reading = await asking.fetch(pins(leaf))
            assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


async def test_during_a_rollover_the_address_that_is_still_pinned_is_found(
    endpoint: MakeEndpoint, leaf: Credential, next_leaf: Credential
) -> None:
    """A pinned channel is worth looking for before a hint is asked for."""
    old, new = Recorder([announcing(leaf, next_leaf)]), Recorder([announcing(next_leaf)])
    async with AsyncExitStack() as stack:
        _, first = await stack.enter_async_context(recording(next_leaf, new))
        _, second = await stack.enter_async_context(recording(leaf, old))
        reading = await endpoint(first, second).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint, next_leaf.fingerprint)
    assert new.requests == []


async def test_a_silent_address_leaves_time_for_the_next(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """A connection that never becomes TLS may take its share of the time and no more."""

    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    cloud = Recorder([announcing(leaf)])
    async with AsyncExitStack() as stack:
        silent = await stack.enter_async_context(raw_server(None, silence))
        _, alive = await stack.enter_async_context(recording(leaf, cloud))
        reading = await endpoint(silent.address, alive, timeout=1.0).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


async def test_ipv6_addresses_are_asked(endpoint: MakeEndpoint, leaf: Credential) -> None:
    """The brackets belong to the notation, not to the address."""
    async with recording(leaf, Recorder([announcing(leaf)]), "::1") as (_, address):
        reading = await endpoint(address).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)


async def test_nobody_listening_is_told_per_address(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """No connection, no channel."""
    async with recording(leaf, Recorder([announcing(leaf)])) as (_, address):
        pass
    reading = await endpoint(address).fetch(pins(leaf))
    assert reading.status == StatusUnreachable(f"{address}: connection refused")


async def test_a_url_of_another_host_is_resolved_and_takes_its_own_port(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """`addresses` are those of `cloud.host` alone."""
    cloud = Recorder([announcing(leaf)])
    nowhere = Address("127.0.0.1", 1)
    async with recording(leaf, cloud) as (_, address):
        url = f"https://localhost:{address.port}/elsewhere?v=1"
        reading = await endpoint(nowhere, status=StatusSettings(url=url)).fetch(pins(leaf))
    assert reading.status == StatusAnswer(Channel.PINNED, leaf.fingerprint)
    (request,) = cloud.requests
    assert request.target == "/elsewhere?v=1"
    assert request.headers["host"] == f"localhost:{address.port}"


async def test_a_name_that_does_not_resolve_is_unreachable(
    endpoint: MakeEndpoint, leaf: Credential
) -> None:
    """With the resolver's own words."""
    asking = endpoint(status=StatusSettings(url="https://nowhere.invalid/status"))
    reading = await asking.fetch(pins(leaf))
    assert isinstance(reading.status, StatusUnreachable)
    assert "nowhere.invalid" in reading.status.error


async def test_neither_cookies_nor_the_environment_take_part(
    endpoint: MakeEndpoint, leaf: Credential, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy of the shell that started the daemon is none of its business."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.cloud.test login me password hunter2\n")
    keys = tmp_path / "keys"
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    cloud = Recorder([announcing(leaf, headers={"set-cookie": "a=b"})])
    async with recording(leaf, cloud) as (_, address):
        asking = endpoint(address)
        for _ in range(2):
            reading = await asking.fetch(pins(leaf))
            assert isinstance(reading.status, StatusAnswer)
    assert not {"cookie", "authorization"} & set(cloud.requests[1].headers)
    assert not keys.exists()
