"""Nothing is said to a server whose leaf is not pinned: not one octet of the request."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.pki import Authority, Credential, KeyKind
from edgepind.model.enums import PinKind
from edgepind.model.pin import PinKey
from edgepind.observe.bounded_https import Ask, BoundedHttps, NoReply, Reply
from edgepind.observe.pinned_tls import (
    PinCheck,
    leaf_keys,
    pinned_context,
    verified_context,
)
from tests.support.raw_server import RawServer, raw_server

ASK = Ask("https://acme.cloud.test/secret", {"Authorization": "Bearer hunter2"})
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say the one answer, whatever was asked."""
    writer.write(ANSWER)
    await writer.drain()


@asynccontextmanager
async def client(context: ssl.SSLContext) -> AsyncIterator[BoundedHttps]:
    """Make a client whose connection is given up at the end."""
    made = BoundedHttps((context,), 5.0, SystemClock().now)
    try:
        yield made
    finally:
        await made.close()


def accepting(*keys: PinKey) -> PinCheck:
    """Make a check that lets these pins pass."""
    check = PinCheck()
    check.begin(frozenset(keys))
    return check


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_pinned_leaf_is_asked(leaf: Credential, version: ssl.TLSVersion) -> None:
    """No chain is needed: the pin is the authority."""
    check = accepting((PinKind.CERTIFICATE, leaf.fingerprint))
    async with raw_server(leaf, answer, tls=version) as server, client(pinned_context(check)) as it:
        reply = await it.exchange(ASK, [server.address])
    assert isinstance(reply, Reply)
    assert b"Bearer hunter2" in server.received[0]
    assert b"Host: acme.cloud.test\r\n" in server.received[0]
    assert check.shown == leaf_keys(leaf.certificate)


@pytest.mark.parametrize("version", VERSIONS)
async def test_not_one_octet_reaches_a_server_whose_leaf_is_not_pinned(
    leaf: Credential, next_leaf: Credential, version: ssl.TLSVersion
) -> None:
    """Also where its chain is as good as can be, as a compromised CA would make it."""
    check = accepting((PinKind.CERTIFICATE, leaf.fingerprint))
    async with raw_server(next_leaf, answer, tls=version) as server:
        async with client(pinned_context(check)) as it:
            reply = await it.exchange(ASK, [server.address])
        assert isinstance(reply, NoReply)
        assert reply.unpinned == next_leaf.fingerprint
        assert not reply.connected
        assert next_leaf.fingerprint.short in reply.error
        await _all_heard(server)
    assert b"".join(server.received) == b""
    assert check.shown == frozenset()


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "rsa-pss", "ed25519"])
async def test_an_spki_pin_is_of_the_key_exactly_as_it_stands(
    issuer: Authority, kind: KeyKind
) -> None:
    """RFC 7469 hashes the octets of the certificate, whatever kind of key they are about."""
    credential = issuer.leaf(["acme.cloud.test"], key=kind)
    renewed = issuer.leaf(["acme.cloud.test"], key=credential.private_key)
    check = accepting((PinKind.SPKI, credential.spki))
    async with raw_server(credential, answer) as server, client(pinned_context(check)) as it:
        assert isinstance(await it.exchange(ASK, [server.address]), Reply)
    if kind != "rsa-pss":
        assert (PinKind.SPKI, credential.spki) in leaf_keys(renewed.certificate)


async def test_a_fingerprint_is_no_spki_pin(leaf: Credential) -> None:
    """The two kinds share a notation and never each other's meaning."""
    check = accepting((PinKind.SPKI, leaf.fingerprint), (PinKind.CERTIFICATE, leaf.spki))
    async with raw_server(leaf, answer) as server, client(pinned_context(check)) as it:
        reply = await it.exchange(ASK, [server.address])
    assert isinstance(reply, NoReply)
    assert reply.unpinned == leaf.fingerprint


async def test_what_is_no_certificate_has_no_spki_key() -> None:
    """A leaf that OpenSSL took and our reader does not is compared by its whole hash alone."""
    assert {kind for kind, _ in leaf_keys(b"0")} == {PinKind.CERTIFICATE}


async def test_the_verified_kind_takes_the_public_chain_of_the_right_name_only(
    issuer: Authority, roots: str, leaf: Credential, private_leaf: Credential
) -> None:
    """A hint comes from somebody whom at least a public CA vouches for."""
    nameless = issuer.leaf([], common_name="acme.cloud.test")
    other_name = issuer.leaf(["other.cloud.test"])
    context = verified_context(roots)
    for credential, accepted in (
        (leaf, True),
        (private_leaf, False),
        (nameless, False),
        (other_name, False),
    ):
        async with raw_server(credential, answer) as server, client(context) as it:
            reply = await it.exchange(ASK, [server.address])
            assert isinstance(reply, Reply) is accepted
            if isinstance(reply, NoReply):
                assert "certificate is not accepted" in reply.error
                await _all_heard(server)
        assert any(server.received) is accepted


def test_the_bundled_roots_load() -> None:
    """The set that ships with the package is found without a path."""
    context = verified_context("bundled")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) > 50


async def _all_heard(server: RawServer) -> None:
    """Wait until the server has read to the end of every connection that it knows of."""
    while len(server.received) < server.connections:  # noqa: ASYNC110  its reads have no event
        await asyncio.sleep(0)
