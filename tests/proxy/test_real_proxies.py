"""Through squid and tinyproxy themselves: looks and requests, with and without a password."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.http1 import Request, Response
from edgepind.lab.listener import Face, Listener
from edgepind.lab.pki import Authority, Credential
from edgepind.model.document import EdgeTls
from edgepind.model.enums import Channel
from edgepind.model.observation import (
    HandshakeFault,
    Link,
    NotServed,
    Served,
    StatusAnswer,
    StatusUnreachable,
)
from edgepind.observe.by_signature import chain_by_signature
from edgepind.observe.edge_offers import KeyKind
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.resolve import Resolver
from edgepind.observe.status_endpoint import StatusEndpoint
from edgepind.observe.trust_roots import Trust, TrustRoots
from edgepind.observe.way import Gate, Through
from edgepind.observe.ways import ProxyUse
from edgepind.settings.kinds import Address
from edgepind.settings.schema import CloudSettings, Settings
from tests.status_endpoint.announcements import pins
from tests.support.endpoint import tls_endpoint
from tests.support.real_proxies import PASSWORD, USER, RealProxy, RunsProxy, squid, tinyproxy
from tests.support.recorder import json_response

HOST = "acme.cloud.test"
ROOT = Authority.root("Public Root")
INSPECTOR = Authority.root("Corporate Inspection CA", key="rsa")
LEAF = ROOT.leaf([HOST, "localhost"])


def _observer(
    proxy: RealProxy, port: int, *addresses: Address, host: str = HOST, credentials: str = ""
) -> LinkObserver:
    use = ProxyUse(proxy.proxy, credentials)
    target = Target(host, port, addresses, 20.0, proxy=use)
    public = TrustRoots.of("public", [ROOT.der])
    system = TrustRoots.of("system", [ROOT.der, INSPECTOR.der])
    return LinkObserver(target, Trust(public, system), SystemClock())


async def _look(observer: LinkObserver) -> Link:
    link = await observer.observe(EdgeTls())
    assert link.resolve_error is None
    return link


def _credentials(folder: Path, password: str = PASSWORD) -> str:
    path = folder / "credentials"
    path.write_text(f"{USER}:{password}\n")
    return str(path)


async def test_squid_resolves_the_name_and_is_the_address() -> None:
    """The look shows what the proxy met, under `via HOST:PORT`."""
    async with tls_endpoint(LEAF) as cloud, squid({HOST: cloud.ip}) as proxy:
        link = await _look(_observer(proxy, cloud.port))
        asked = proxy.asked()
    (seen,) = link.addresses
    assert seen.address == f"via {proxy.proxy}"
    assert isinstance(seen.result, Served), seen.result
    assert seen.result.leaf.certificate == LEAF.fingerprint
    assert seen.result.others == ()
    assert f"CONNECT {HOST}:{cloud.port}" in asked


async def test_tinyproxy_resolves_the_name_and_is_the_address() -> None:
    """The same, by a proxy that answers in HTTP/1.0."""
    async with tls_endpoint(LEAF) as cloud, tinyproxy() as proxy:
        link = await _look(_observer(proxy, cloud.port, host="localhost"))
    (seen,) = link.addresses
    assert seen.address == f"via {proxy.proxy}"
    assert isinstance(seen.result, Served), seen.result
    assert seen.result.leaf.certificate == LEAF.fingerprint


@pytest.mark.parametrize("which", [squid, tinyproxy])
async def test_addresses_of_the_settings_are_asked_for_as_they_stand(which: RunsProxy) -> None:
    """Each appears as itself, and each with what it serves."""
    other = ROOT.leaf([HOST])
    async with AsyncExitStack() as world:
        one = await world.enter_async_context(tls_endpoint(LEAF))
        two = await world.enter_async_context(tls_endpoint(other, ip="127.0.0.2"))
        proxy = await world.enter_async_context(which())
        link = await _look(_observer(proxy, 443, one, two))
    found = {it.address: it.result for it in link.addresses}
    assert found.keys() == {str(one), str(two)}
    for address, credential in ((one, LEAF), (two, other)):
        result = found[str(address)]
        assert isinstance(result, Served), result
        assert result.leaf.certificate == credential.fingerprint


@pytest.mark.parametrize("which", [squid, tinyproxy])
async def test_a_password_opens_the_proxy_and_nothing_else_does(
    which: RunsProxy, tmp_path: Path
) -> None:
    """Without it, and with a wrong one, the proxy's word is told; neither is in it."""
    async with tls_endpoint(LEAF) as cloud, which(password=True) as proxy:
        right = _observer(proxy, 443, cloud, credentials=_credentials(tmp_path))
        (seen,) = (await _look(right)).addresses
        assert isinstance(seen.result, Served), seen.result
        (seen,) = (await _look(_observer(proxy, 443, cloud))).addresses
        assert isinstance(seen.result, NotServed)
        assert seen.result.fault is HandshakeFault.PROXY
        assert "407" in seen.result.error or "401" in seen.result.error
        wrong = _credentials(tmp_path, "wrong-word")
        (seen,) = (await _look(_observer(proxy, 443, cloud, credentials=wrong))).addresses
        assert isinstance(seen.result, NotServed)
        assert seen.result.fault is HandshakeFault.PROXY
        assert "wrong-word" not in seen.result.error
        # What was replaced counts from the next look on.
        _credentials(tmp_path)
        (seen,) = (await _look(right)).addresses
        assert isinstance(seen.result, Served), seen.result


async def test_squid_that_forbids_and_squid_that_does_not_reach() -> None:
    """403 and 502 or 503 are told as the proxy's, and as different things."""
    async with squid(rules="http_access deny CONNECT\n") as proxy:
        (seen,) = (await _look(_observer(proxy, 443, Address("127.0.0.1", 9)))).addresses
        assert isinstance(seen.result, NotServed)
        assert seen.result.fault is HandshakeFault.PROXY
        assert "403" in seen.result.error
        assert "forbids" in seen.result.error
    async with squid() as proxy:
        (seen,) = (await _look(_observer(proxy, 443, Address("127.0.0.1", 9)))).addresses
        assert isinstance(seen.result, NotServed)
        assert seen.result.fault is HandshakeFault.PROXY
        assert "does not reach 127.0.0.1:9" in seen.result.error
        (seen,) = (await _look(_observer(proxy, 443, host="no-such-host.invalid"))).addresses
        assert seen.address == f"via {proxy.proxy}"
        assert isinstance(seen.result, NotServed)
        assert "does not reach no-such-host.invalid:443" in seen.result.error


async def test_squid_that_is_spoken_to_by_https(tmp_path: Path) -> None:
    """Its own certificate is checked by the host's roots; the cloud's chain is seen inside."""
    shown = Authority.root("The Site's CA")
    roots = tmp_path / "roots.pem"
    shown.write(roots)
    async with AsyncExitStack() as world:
        cloud = await world.enter_async_context(tls_endpoint(LEAF))
        proxy = await world.enter_async_context(squid(shown=shown.leaf(["127.0.0.1"])))
        trust = Trust(TrustRoots.of("public", [ROOT.der]), TrustRoots.of("system", []))
        found = []
        for known in (str(roots), str(ROOT.write(tmp_path / "other.pem"))):
            use = ProxyUse(proxy.proxy, roots=known)
            target = Target(HOST, 443, (cloud,), 20.0, proxy=use)
            (seen,) = (await _look(LinkObserver(target, trust, SystemClock()))).addresses
            found.append(seen.result)
    accepted, refused = found
    assert isinstance(accepted, Served), accepted
    assert accepted.leaf.certificate == LEAF.fingerprint
    assert isinstance(refused, NotServed)
    assert refused.fault is HandshakeFault.PROXY
    assert "does not accept" in refused.error


async def test_squid_that_inspects_inside_the_tunnel(tmp_path: Path) -> None:
    """The leaf is that of the inspecting CA: seen, and no root of the public ones is behind it."""
    roots = ROOT.write(tmp_path / "roots.pem")
    async with AsyncExitStack() as world:
        cloud = await world.enter_async_context(tls_endpoint(LEAF))
        roots.chmod(0o644)
        bumping = squid({HOST: cloud.ip}, inspecting=(INSPECTOR, roots))
        proxy = await world.enter_async_context(bumping)
        (seen,) = (await _look(_observer(proxy, cloud.port))).addresses
    assert isinstance(seen.result, Served), seen.result
    assert seen.result.leaf.certificate != LEAF.fingerprint
    assert seen.result.leaf.public.window is None
    assert seen.result.leaf.system.window is not None


async def test_the_other_kind_of_key_is_asked_for_through_the_proxy() -> None:
    """`openssl s_client` goes through the same tunnel, and is told of no proxy."""
    async with tls_endpoint(LEAF) as cloud, tinyproxy() as proxy:
        gate = Gate(proxy.proxy, (Address(proxy.proxy.host, proxy.proxy.port),))
        way = Through(gate, cloud.ip, cloud.port)
        chain = await chain_by_signature(way, HOST, KeyKind.ECDSA, 20.0)
        none = await chain_by_signature(way, HOST, KeyKind.RSA, 20.0)
    assert chain[0] == LEAF.certificate
    assert none == ()


@asynccontextmanager
async def _cloud(credential: Credential) -> AsyncIterator[Listener]:
    async def answer(_request: Request) -> Response:
        return json_response({"certificateFingerprint": str(credential.fingerprint)})

    listener = Listener("127.0.0.1", 0, Face.of("cloud", credential, answer))
    await listener.open()
    try:
        yield listener
    finally:
        await listener.close()


def _endpoint(proxy: RealProxy, port: int, roots: Path, credentials: str = "") -> StatusEndpoint:
    cloud = CloudSettings(
        HOST,
        port,
        timeout=20.0,
        public_roots=str(roots),
        proxy=proxy.proxy,
        proxy_credentials_file=credentials,
    )
    return StatusEndpoint(Settings(cloud), Resolver(), SystemClock().now)


async def test_the_status_endpoint_is_asked_through_one_kept_tunnel(tmp_path: Path) -> None:
    """Pinned as ever, and one CONNECT for three questions; another password gets a new tunnel."""
    roots, credentials = ROOT.write(tmp_path / "roots.pem"), _credentials(tmp_path)
    async with _cloud(LEAF) as cloud, squid({HOST: "127.0.0.1"}, password=True) as proxy:
        asking = _endpoint(proxy, cloud.port, roots, credentials)
        for _ in range(3):
            reading = await asking.fetch(pins(LEAF))
            assert reading.status == StatusAnswer(Channel.PINNED, LEAF.fingerprint)
        assert cloud.handshakes == 1
        _credentials(tmp_path, "wrong-word")
        reading = await asking.fetch(pins(LEAF))
        assert isinstance(reading.status, StatusUnreachable)
        assert "does not accept the user and the password" in reading.status.error
        assert f"via {proxy.proxy}" in reading.status.error
        await asking.close()


async def test_nothing_is_asked_of_who_shows_another_leaf_behind_the_proxy(tmp_path: Path) -> None:
    """The pin check holds inside the tunnel: no request with a claim to be believed is made."""
    roots = ROOT.write(tmp_path / "roots.pem")
    stranger = INSPECTOR.leaf([HOST])
    async with _cloud(stranger) as cloud, squid({HOST: "127.0.0.1"}) as proxy:
        asking = _endpoint(proxy, cloud.port, roots)
        reading = await asking.fetch(pins(LEAF))
        await asking.close()
    assert isinstance(reading.status, StatusUnreachable)
    assert reading.status.channel is Channel.NONE
    assert "not pinned" in reading.status.error
