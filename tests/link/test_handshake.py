"""One handshake with one address, against real servers of good and of bad manners."""

import asyncio
import socket
import ssl
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from edgepind.lab.listener import server_context
from edgepind.lab.pki import Authority, Credential, KeyKind
from edgepind.model.document import EdgeTls
from edgepind.model.observation import HandshakeFault, NotServed
from edgepind.observe.handshake import Shaken, handshake
from edgepind.observe.openssl_path import flight
from edgepind.observe.tls_settings import edge_context, read_offer
from edgepind.settings.kinds import Address
from tests.faults.probed import as_probed
from tests.faults.seen import Sightings
from tests.support.endpoint import (
    Behaviour,
    endpoint,
    open_sockets,
    reset,
    tls_endpoint,
    until_the_end,
)

HOST = "edge.test"
OFFER = edge_context(read_offer(EdgeTls()))
ROOT = Authority.root("Root")
ISSUER = ROOT.intermediate("Issuing CA")
LEAF = ISSUER.leaf([HOST])


async def _shake(address: Address, within: float = 10) -> Shaken | NotServed:
    return await handshake(address, HOST, OFFER, within)


async def _shaken(address: Address) -> Shaken:
    seen = await _shake(address)
    assert isinstance(seen, Shaken), seen
    return seen


async def _fault(address: Address, within: float = 10) -> HandshakeFault:
    seen = await _shake(address, within)
    assert isinstance(seen, NotServed), seen
    assert seen.error
    return seen.fault


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("key", ["ecdsa", "rsa", "rsa-pss", "ed25519"])
async def test_the_chain_is_given_as_it_was_sent(
    ip: str, version: ssl.TLSVersion, key: KeyKind, seen: Sightings
) -> None:
    """Over IPv4 and IPv6, TLS 1.2 and 1.3, and whatever the key: leaf first, byte for byte."""
    leaf = ISSUER.leaf([HOST], key=key)

    def only(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = version

    async with tls_endpoint(leaf, ip=ip, configure=only) as address:
        shaken = await _shaken(address)
    assert shaken.chain == (leaf.certificate, *leaf.chain)
    assert shaken.tls_version == {771: "TLSv1.2", 772: "TLSv1.3"}[version]
    assert shaken.cipher
    for row in {"rsa-pss": ["tls-rsa-pss"], "ed25519": ["tls-ed25519"]}.get(key, []):
        told = f"nothing: the chain is given as it was sent, over {shaken.cipher}"
        seen(row, f"a key {key} in {shaken.tls_version}: a whole handshake", told)


async def test_the_host_is_sent_as_sni() -> None:
    """A server of many names is asked for the one of the settings."""
    asked: list[str | None] = []

    def listen(context: ssl.SSLContext) -> None:
        def note(_connection: object, name: str | None, _context: ssl.SSLContext) -> None:
            asked.append(name)

        context.sni_callback = note

    async with tls_endpoint(LEAF, configure=listen) as address:
        await _shaken(address)
    assert asked == [HOST]


async def test_a_long_chain_is_given_on_whole_and_a_repeated_certificate_dropped() -> None:
    """Which of them matter is known only beside the roots."""
    many = [Authority.root(f"CA {number}") for number in range(15)]
    async with tls_endpoint(LEAF.with_chain(ISSUER, ISSUER, *many)) as address:
        seen = await _shaken(address)
    assert seen.chain == (LEAF.certificate, ISSUER.der, *(it.der for it in many))


async def test_nobody_listening_is_refused() -> None:
    """A closed port is told as such."""
    async with endpoint(until_the_end) as address:
        pass
    assert await _fault(address) is HandshakeFault.REFUSED


async def test_an_address_that_nothing_can_be_sent_to_is_a_network_fault() -> None:
    """What the kernel refuses to connect to, or what is no address, comes back as a value."""
    assert await _fault(Address("255.255.255.255", 443)) is HandshakeFault.NETWORK
    assert await _fault(Address("not an address", 443)) is HandshakeFault.NETWORK


@asynccontextmanager
async def _full_queue() -> AsyncIterator[Address]:
    """A listener whose queue is full: the kernel answers no further connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as clients:
        ip, port = server.getsockname()
        for _ in range(4):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)  # noqa: FBT003  the only way the library takes it
            client.connect_ex((ip, port))
        yield Address(ip, port)


async def test_an_address_that_does_not_answer_meets_the_deadline() -> None:
    """A dropped connection attempt is told from a handshake that stalls."""
    async with _full_queue() as address:
        seen = await _shake(address, 0.1)
    assert isinstance(seen, NotServed)
    assert seen.fault is HandshakeFault.TIMEOUT
    assert "did not accept a connection within 0.1 s" in seen.error


async def test_a_server_that_accepts_and_is_silent_meets_the_deadline() -> None:
    """The whole handshake is bounded, and the error says what was missing."""
    async with endpoint(until_the_end) as address:
        seen = await _shake(address, 0.05)
    assert isinstance(seen, NotServed)
    assert seen.fault is HandshakeFault.TIMEOUT
    assert "did not finish the handshake within 0.05 s" in seen.error


async def test_a_server_that_drips_meets_the_deadline() -> None:
    """One octet at a time does not renew the deadline."""

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in flight([LEAF.certificate]):
            writer.write(bytes([octet]))
            await asyncio.sleep(0.005)

    async with endpoint(drip) as address:
        assert await _fault(address, 0.1) is HandshakeFault.TIMEOUT


def _greet_without_end(listener: socket.socket) -> None:
    """Say HelloRequest (RFC 5246, section 7.4.1.1), which a client in a handshake reads over."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        while True:
            connection.sendall(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 7000)


async def test_a_server_that_never_pauses_meets_the_deadline(seen: Sightings) -> None:
    """There is always something to read, and yet the loop is not kept from the deadline.

    The server is a thread: one in the same loop would have to pause for the client.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_greet_without_end, args=[listener])
        server.start()
        shaken = await _shake(Address("127.0.0.1", listener.getsockname()[1]), 0.3)
        await asyncio.to_thread(server.join)  # the socket is closed in the loop's next turn
    assert isinstance(shaken, NotServed), shaken
    assert shaken.fault is HandshakeFault.TIMEOUT
    told = as_probed(shaken, HOST, datetime.now(UTC))
    seen("tls-hello-flood", "given up at the deadline, 0.3 s", told)


async def test_a_server_that_stalls_midway_meets_the_deadline() -> None:
    """Its certificates without its proof are not enough, and are not waited for."""

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(flight([LEAF.certificate]))
        await until_the_end(reader, writer)

    async with endpoint(stall) as address:
        assert await _fault(address, 0.05) is HandshakeFault.TIMEOUT


async def _reset_at_once(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def _reset_after_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    reset(writer)


async def _reset_midway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(flight([LEAF.certificate]))
    await writer.drain()
    reset(writer)


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1000)
    writer.close()


@pytest.mark.parametrize("behave", [_reset_at_once, _reset_after_hello, _reset_midway, _hang_up])
async def test_a_broken_connection_is_a_reset(
    behave: Behaviour,
) -> None:
    """At whatever stage the peer goes away."""
    async with endpoint(behave) as address:
        assert await _fault(address) is HandshakeFault.RESET


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(100), b"\xff" * 5000, b"SSH-2.0-x\r\n"]
)
async def test_what_does_not_speak_tls_is_a_tls_fault(answer: bytes) -> None:
    """Other protocols and junk are told from silence."""

    async def answer_so(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await until_the_end(reader, writer)

    async with endpoint(answer_so) as address:
        assert await _fault(address) is HandshakeFault.TLS


def _oldest(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


def _one_cipher(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-CAMELLIA256-SHA384")  # no default of OpenSSL's


def _by_hand(context: ssl.SSLContext) -> Behaviour:
    """A server that sends its alert before it hangs up, which asyncio's own does not."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(await reader.read(16_384))
        with suppress(ssl.SSLError):
            tls.do_handshake()
        writer.write(outgoing.read())
        await until_the_end(reader, writer)

    return behave


@pytest.mark.parametrize("configure", [_oldest, _one_cipher])
async def test_nothing_in_common_is_told_as_such(
    configure: Callable[[ssl.SSLContext], None],
) -> None:
    """A server of another age, or of other ciphers, shares no version or cipher with the Edge."""
    context = server_context(LEAF)
    configure(context)
    async with endpoint(_by_hand(context)) as address:
        seen = await _shake(address)
    assert isinstance(seen, NotServed)
    assert seen.fault is HandshakeFault.NO_COMMON_CIPHER
    assert "no TLS version or cipher in common" in seen.error


async def test_an_offer_that_is_empty_has_nothing_in_common_with_anybody() -> None:
    """A list that the security level of this OpenSSL empties fails before a byte is sent."""
    offer = edge_context(read_offer(EdgeTls()))
    offer.maximum_version = ssl.TLSVersion.TLSv1_2
    offer.set_ciphers("NULL-SHA256")
    async with tls_endpoint(LEAF) as address:
        seen = await handshake(address, HOST, offer, 10)
    assert isinstance(seen, NotServed)
    assert seen.fault is HandshakeFault.NO_COMMON_CIPHER


async def test_a_server_without_a_certificate_serves_none() -> None:
    """Anonymous suites, where the document names them, complete a handshake without a leaf."""

    def anonymous(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")

    offer = edge_context(read_offer(EdgeTls(cipher_suites=("AECDH-AES128-SHA",))))
    offer.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    async with tls_endpoint(LEAF, configure=anonymous) as address:
        seen = await handshake(address, HOST, offer, 10)
    assert isinstance(seen, NotServed)
    assert seen.fault is HandshakeFault.TLS


async def test_a_peer_that_will_not_close_is_not_waited_for() -> None:
    """The connection ends when the handshake does; the peer's close_notify may never come."""

    async def hold_on(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with endpoint(hold_on, tls=server_context(LEAF)) as address:
        begun = time.monotonic()
        await _shaken(address)
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("stage", ["accepted", "midway"])
async def test_a_cancelled_handshake_leaves_no_socket(stage: str) -> None:
    """At shutdown the socket is closed at once, wherever the handshake stands."""
    met, gone = asyncio.Event(), asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if stage == "midway":
            writer.write(flight([LEAF.certificate]))
            await writer.drain()
        met.set()
        try:
            await until_the_end(reader, writer)
        finally:
            gone.set()

    async with endpoint(behave) as address:
        before = open_sockets()
        looking = asyncio.create_task(_shake(address, 600))
        await met.wait()
        looking.cancel()
        begun = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await looking
        async with asyncio.timeout(5):
            await gone.wait()
        assert time.monotonic() - begun < 1
        assert open_sockets() <= before + 1  # the server's end may still be closing


async def test_a_cancelled_connect_leaves_no_socket() -> None:
    """Also where nothing has answered yet."""
    before = open_sockets()
    async with _full_queue() as address:
        during = open_sockets()
        looking = asyncio.create_task(_shake(address, 600))
        await asyncio.sleep(0)
        assert open_sockets() == during + 1
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        assert open_sockets() == during
    assert open_sockets() == before


async def test_handshakes_leave_no_socket_and_no_reader() -> None:
    """A thousand ticks must not fill the table of descriptors."""
    async with tls_endpoint(LEAF) as address, endpoint(_reset_midway) as rude:
        await _shaken(address)
        before = open_sockets()
        for _ in range(20):
            await _shaken(address)
            await _fault(rude)
        await asyncio.sleep(0.05)  # the servers' ends close when they notice
        assert open_sockets() <= before + 1


def _credential_size(credential: Credential) -> int:
    return sum(map(len, (credential.certificate, *credential.chain)))


async def test_a_chain_of_more_than_100_kib_is_a_fault_not_a_crash() -> None:
    """OpenSSL, and so the Edge, refuses such a chain; that is what is told."""
    names = [f"host-{number}.example-of-a-rather-long-domain-name.test" for number in range(2500)]
    huge = ISSUER.leaf([HOST, *names])
    assert _credential_size(huge) > 102_400
    async with tls_endpoint(huge) as address:
        assert await _fault(address) is HandshakeFault.TLS
