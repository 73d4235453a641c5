"""Proxies that refuse, babble, stall and lie: each is told as what it is, in time and in octets."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.pki import Authority
from edgepind.model.document import EdgeTls
from edgepind.model.observation import HandshakeFault, NotServed, Served
from edgepind.observe.bounded_https import Ask, BoundedHttps, NoReply
from edgepind.observe.handshake import Shaken, handshake
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.proxy_credentials import (
    NoProxyCredentials,
    ProxyCredentials,
    read_proxy_credentials,
)
from edgepind.observe.trust_roots import Trust, TrustRoots
from edgepind.observe.way import Gate, Through
from edgepind.observe.ways import ProxyUse
from edgepind.settings.kinds import Address
from edgepind.settings.proxy import Proxy
from tests.support.endpoint import (
    Behaviour,
    endpoint,
    open_sockets,
    reset,
    tls_endpoint,
    until_the_end,
)
from tests.support.raw_server import RawServer, Script, drip, flood, once, raw_server

HOST = "acme.cloud.test"
ROOT = Authority.root("Public Root")
LEAF = ROOT.leaf([HOST])
OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
TIMEOUT = 20.0
AUTHORIZATION = "Basic " + base64.b64encode(b"edge:s3cret").decode()


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _way(*proxies: Address, authorization: str | None = None, to: str = HOST) -> Through:
    proxy = Proxy(proxies[0].ip, proxies[0].port)
    return Through(Gate(proxy, proxies, authorization), to, 443, named=True)


async def _shaken(way: Through, timeout: float = TIMEOUT) -> Shaken | NotServed:  # noqa: ASYNC109  that of the handshake
    return await handshake(way, HOST, _context(), timeout)


async def _told(way: Through, timeout: float = TIMEOUT) -> str:  # noqa: ASYNC109  that of the handshake
    """The proxy's word, as a look and as a request hear it: the same."""
    seen = await _shaken(way, timeout)
    assert isinstance(seen, NotServed)
    assert seen.fault is HandshakeFault.PROXY
    asking = BoundedHttps((_context(),), timeout, SystemClock().now)
    reply = await asking.exchange(Ask(f"https://{HOST}/status"), (way,))
    await asking.close()
    assert isinstance(reply, NoReply)
    assert not reply.connected
    assert reply.error.startswith(f"via {way.gate.proxy}: ")
    return seen.error


def _answer(status: str, *fields: str, body: str = "") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", body)).encode()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_answer("403 Forbidden", body="<html>no</html>"), f"forbids {HOST}:443 (HTTP 403 Forb"),
        (_answer("502 Bad Gateway"), f"does not reach {HOST}:443 (HTTP 502 Bad Gateway)"),
        (_answer("503"), f"does not reach {HOST}:443 (HTTP 503)"),
        (_answer("504 Gateway Timeout"), "does not reach"),
        (_answer("405 Method Not Allowed"), "does not open tunnels"),
        (_answer("501 Not Implemented"), "does not open tunnels"),
        (_answer("302 Found", "Location: http://portal/"), "answered CONNECT to"),
        (_answer("418 I am a \x1b[31mteapot"), "with HTTP 418 I am a [31mteapot, and"),
        (b"<html><body>Welcome to the hotel</body></html>", "does not speak HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/2 200\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "does not speak HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "answers in TLS; write cloud.proxy with https://"),
        (b"", "hung up without an answer"),
        (b"HTTP/1.1 200 OK\r\nVia: x\r\n", "hung up without an answer"),
        (_answer("200 OK", "Content-Type: text/html", body="<html>"), "sent a page of its own"),
        (_answer("407 Proxy Authentication Required"), "asks for a user and a password (HTTP 407"),
        (_answer("401 Unauthorized", "Proxy-Authenticate: Basic realm=x"), "asks for a user"),
        (_answer("407 No", "Proxy-Authenticate: NTLM", "proxy-authenticate: Negotiate x"), "ntlm"),
    ],
)
async def test_every_refusal_is_told_as_the_proxys_word(answer: bytes, told: str) -> None:
    """A look and a request say the same, and take no part of it for the cloud's."""
    async with raw_server(None, once(answer)) as server:
        assert told in await _told(_way(server.address))


@pytest.mark.parametrize("script", [flood, drip])
async def test_headers_without_end_are_given_up(script: Callable[[bytes, bytes], Script]) -> None:
    """By their octets, or by the deadline, whichever comes first."""
    async with raw_server(None, script(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n")) as server:
        told = await _told(_way(server.address), TIMEOUT if script is flood else 3.0)
    expected = "does not end within 16 KiB" if script is flood else "did not answer CONNECT within"
    assert expected in told


async def test_interim_answers_without_end_are_given_up() -> None:
    """They count against the same bound."""
    async with raw_server(None, flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n")) as server:
        assert "does not end within 16 KiB" in await _told(_way(server.address))


async def test_a_proxy_that_says_nothing_is_told_by_how_far_it_came() -> None:
    """It accepted the connection, so the address is right."""
    async with endpoint(until_the_end) as address:
        assert "did not answer CONNECT within 3 s" in str(await _shaken(_way(address), 3.0))


async def test_a_proxy_that_is_away() -> None:
    """Refused, at every address that it has."""
    async with endpoint(until_the_end) as dead:
        pass
    told = await _told(_way(dead, Address("127.0.0.2", dead.port)))
    assert f"the proxy {dead} refused the connection" in told


async def test_a_proxy_that_breaks_off() -> None:
    """A reset in place of an answer."""

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reset(writer)

    async with endpoint(break_off) as address:
        assert "the proxy broke off: closed the connection" in await _told(_way(address))


@asynccontextmanager
async def _proxy(cloud: Address, answer: bytes = OPEN) -> AsyncIterator[RawServer]:
    """A proxy that opens each tunnel to one cloud."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(cloud.ip, cloud.port)
        writer.write(answer)
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, outer))
            group.create_task(_pump(inner, writer))

    async with raw_server(None, carry) as server:
        yield server


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while octets := await reader.read(65_536):
            writer.write(octets)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()


@pytest.mark.parametrize(
    "answer",
    [
        OPEN,
        b"HTTP/1.0 200 OK\n\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    ],
)
async def test_every_2xx_opens_the_tunnel(answer: bytes) -> None:
    """RFC 9110, section 9.3.6; fields that speak of a body mean nothing there."""
    async with tls_endpoint(LEAF) as cloud, _proxy(cloud, answer) as proxy:
        seen = await _shaken(_way(proxy.address, authorization=AUTHORIZATION))
    assert isinstance(seen, Shaken), seen
    assert seen.chain == (LEAF.certificate,)
    (head,) = proxy.received
    assert head.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n".encode())
    assert f"\r\nProxy-Authorization: {AUTHORIZATION}\r\n".encode() in head


async def test_an_address_of_ipv6_is_asked_for_in_brackets() -> None:
    """RFC 3986, section 3.2.2."""
    async with tls_endpoint(LEAF) as cloud, _proxy(cloud) as proxy:
        await _shaken(_way(proxy.address, to="2001:db8::1"))
    assert proxy.received[0].startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")


async def test_the_next_address_of_the_proxy_is_tried() -> None:
    """Where one is away."""
    async with endpoint(until_the_end) as dead:
        pass
    async with tls_endpoint(LEAF) as cloud, _proxy(cloud) as proxy:
        seen = await _shaken(_way(dead, proxy.address))
    assert isinstance(seen, Shaken), seen


async def test_a_page_that_comes_later_is_no_handshake() -> None:
    """The tunnel was open; what speaks in it is not TLS."""

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OPEN)
        await reader.read(1)
        writer.write(b"<html><body>Please log in</body></html>")
        await writer.drain()

    async with raw_server(None, late) as server:
        seen = await _shaken(_way(server.address))
    assert isinstance(seen, NotServed)
    assert seen.fault is HandshakeFault.PROXY
    assert "does not speak TLS: a page of the proxy's own" in seen.error


async def test_a_tunnel_that_stalls_is_ended_by_the_deadline() -> None:
    """As an address that never finishes its handshake."""
    async with endpoint(until_the_end) as cloud, _proxy(cloud) as proxy:
        seen = await _shaken(_way(proxy.address), 5.0)
    assert seen == NotServed(
        HandshakeFault.TIMEOUT,
        "it accepted the connection and did not finish the handshake within 5 s",
    )


@pytest.mark.parametrize("behave", [until_the_end, None])
async def test_no_connection_is_left(behave: Behaviour | None) -> None:
    """Whether the tunnel came about, or time ran out on the way to it."""
    before = open_sockets()
    if behave is None:
        async with tls_endpoint(LEAF) as cloud, _proxy(cloud) as proxy:
            await _shaken(_way(proxy.address))
    else:
        async with endpoint(behave) as address:
            await _shaken(_way(address), 0.2)
    async with asyncio.timeout(30):
        while open_sockets() > before:  # noqa: ASYNC110  the kernel tells nobody
            await asyncio.sleep(0.01)


# --- the look ---------------------------------------------------------------------------------


def _observer(proxy: Proxy, *addresses: Address, credentials: str = "") -> LinkObserver:
    trust = Trust(TrustRoots.of("public", [ROOT.der]), TrustRoots.of("system", []))
    use = ProxyUse(proxy, credentials)
    return LinkObserver(Target(HOST, 443, addresses, TIMEOUT, proxy=use), trust, SystemClock())


async def test_a_look_meets_several_nodes_behind_one_name() -> None:
    """The proxy takes another node for each tunnel; one look shows the leaves of both."""
    other = ROOT.leaf([HOST])
    async with tls_endpoint(LEAF) as one, tls_endpoint(other, ip="127.0.0.2") as two:
        turns = 0

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal turns
            turns += 1
            cloud = (one, two)[turns % 2]
            inner, outer = await asyncio.open_connection(cloud.ip, cloud.port)
            writer.write(OPEN)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, outer))
                group.create_task(_pump(inner, writer))

        async with raw_server(None, carry) as server:
            observer = _observer(Proxy(server.address.ip, server.address.port))
            (seen,) = (await observer.observe(EdgeTls())).addresses
            assert isinstance(seen.result, Served), seen.result
            met = {it.certificate for it in (seen.result.leaf, *seen.result.others)}
            assert met == {LEAF.fingerprint, other.fingerprint}
            # Once both are known, a short look still meets several nodes, and is no full one.
            dialled = turns
            known = {seen.address: frozenset(met)}
            (seen,) = (await observer.observe(EdgeTls(), known, full=False)).addresses
            assert isinstance(seen.result, Served)
            assert not seen.result.full
            assert turns - dialled == 4
            # A node with a leaf that is not known makes it a full one.
            known = {seen.address: frozenset({LEAF.fingerprint})}
            (seen,) = (await observer.observe(EdgeTls(), known, full=False)).addresses
            assert isinstance(seen.result, Served)
            assert seen.result.full


async def test_a_proxy_that_refuses_is_asked_once_in_a_look() -> None:
    """It may count the attempts at a wrong password, and lock the user out."""
    async with raw_server(None, once(_answer("407 No"))) as server:
        await _observer(Proxy(server.address.ip, server.address.port)).observe(EdgeTls())
    assert server.connections == 1


async def test_a_proxy_that_cannot_be_found_is_told_for_each_address(tmp_path: Path) -> None:
    """By its own name, or by the addresses that are to be asked for."""
    proxy = Proxy("no-such-proxy.invalid", 3128)
    (seen,) = (await _observer(proxy).observe(EdgeTls())).addresses
    assert seen.address == "via no-such-proxy.invalid:3128"
    assert isinstance(seen.result, NotServed)
    assert seen.result.fault is HandshakeFault.PROXY
    assert "no-such-proxy.invalid" in seen.result.error
    missing = str(tmp_path / "missing")
    observer = _observer(Proxy("127.0.0.1", 9), Address("192.0.2.1", 443), credentials=missing)
    (seen,) = (await observer.observe(EdgeTls())).addresses
    assert seen.address == "192.0.2.1:443"
    assert isinstance(seen.result, NotServed)
    assert missing in seen.result.error


# --- the credentials --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "pair"),
    [
        (b"edge:s3cret", b"edge:s3cret"),
        (b"edge:s3cret\n", b"edge:s3cret"),
        (b"edge:s3cret\r\n", b"edge:s3cret"),
        (b"edge:with:colons and spaces ", b"edge:with:colons and spaces "),
        ("edge:ünïcode".encode(), "edge:ünïcode".encode()),
        (b"edge:", b"edge:"),
    ],
)
def test_credentials_are_one_line(content: bytes, pair: bytes, tmp_path: Path) -> None:
    """RFC 7617: a user, a colon, a password that may hold anything."""
    path = tmp_path / "credentials"
    path.write_bytes(content)
    found = read_proxy_credentials(str(path))
    assert found == ProxyCredentials("Basic " + base64.b64encode(pair).decode())
    assert "Basic" not in repr(found)


@pytest.mark.parametrize(
    "content", [b"", b"s3cret", b":s3cret", b"a:s3cret\nb:s3cret", b"a:s3cret\0", b"a:\xff" * 9999]
)
def test_what_is_no_credentials_is_told_without_it(content: bytes, tmp_path: Path) -> None:
    """With the file, and never with what is in it."""
    path = tmp_path / "credentials"
    path.write_bytes(content)
    found = read_proxy_credentials(str(path))
    assert isinstance(found, NoProxyCredentials)
    assert str(path) in found.error
    assert "s3cret" not in found.error


def test_the_credential_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one, as the unit sets it, stands for none."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_proxy_credentials("") == ProxyCredentials()
    (tmp_path / "edgepind.proxy").write_text("\n")
    assert read_proxy_credentials("") == ProxyCredentials()
    (tmp_path / "edgepind.proxy").write_text("edge:s3cret\n")
    assert read_proxy_credentials("") == ProxyCredentials(AUTHORIZATION)
