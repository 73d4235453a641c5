"""What servers of TLS do besides showing a certificate, and what a person is told of it.

The servers are real: those of Python's `ssl`, and OpenSSL's own test program for what it cannot do.
"""

import asyncio
import ssl
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.listener import server_context
from edgepind.lab.pki import Authority, Credential
from edgepind.model.document import EdgeTls
from edgepind.model.observation import HandshakeFault, NotServed, Served
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.openssl_path import flight
from edgepind.observe.trust_roots import Trust, TrustRoots
from edgepind.settings.kinds import Address
from tests.faults.probed import as_probed
from tests.faults.seen import Sightings
from tests.support.client_certificate import asking, write_client_certificate
from tests.support.endpoint import endpoint, tls_endpoint, until_the_end
from tests.support.s_server import s_server

HOST = "edge.test"
ROOT = Authority.root("Public Root")
ISSUER = ROOT.intermediate("Issuing CA")
LEAF = ISSUER.leaf([HOST])
_HELLO_REQUEST = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def _observer(address: Address) -> LinkObserver:
    roots = TrustRoots.of("roots", [ROOT.der])
    return LinkObserver(Target(HOST, 443, (address,), 10.0), Trust(roots, roots), SystemClock())


async def _look(at: Address | LinkObserver) -> Served | NotServed:
    observer = _observer(at) if isinstance(at, Address) else at
    (seen,) = (await observer.observe(EdgeTls())).addresses
    return seen.result


async def _served(at: Address | LinkObserver, leaf: Credential = LEAF) -> Served:
    seen = await _look(at)
    assert isinstance(seen, Served), seen
    assert seen.leaf.certificate == leaf.fingerprint
    assert seen.leaf.public.window is not None
    return seen


def _told(looked: Served | NotServed) -> str:
    return as_probed(looked, HOST, datetime.now(UTC))


def _tls_1_0(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1


def _other_ciphers(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")


@pytest.mark.parametrize(
    ("row", "configure", "offer"),
    [
        ("tls-old", _tls_1_0, EdgeTls()),
        (
            "tls-no-cipher",
            _other_ciphers,
            EdgeTls("TLSv1.2", ("ECDHE-ECDSA-AES256-GCM-SHA384",)),
        ),
    ],
    ids=["TLS 1.0 only", "no common cipher"],
)
async def test_a_leaf_that_only_wider_settings_see_is_marked_so(
    row: str, configure: Callable[[ssl.SSLContext], None], offer: EdgeTls, seen: Sightings
) -> None:
    """The Edge shares no version or cipher with this server; the leaf is known all the same."""
    async with tls_endpoint(LEAF, configure=configure) as address:
        (it,) = (await _observer(address).observe(offer)).addresses
    assert isinstance(it.result, Served)
    assert it.result.wider_only
    assert it.result.leaf.certificate == LEAF.fingerprint
    seen(row, "the leaf is seen by wider settings", _told(it.result))


@pytest.mark.parametrize("version", VERSIONS)
async def test_tickets_for_later_sessions_are_never_used(
    version: ssl.TLSVersion, seen: Sightings
) -> None:
    """Each look is a whole handshake, so that a rotation behind tickets shows at the next."""
    renewed = ISSUER.leaf([HOST])
    faces = [_with_tickets(LEAF, version), _with_tickets(renewed, version)]

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, *_: object) -> None:
        connection.context = faces[0]

    front = _with_tickets(LEAF, version)
    front.sni_callback = choose
    async with endpoint(until_the_end, tls=front) as address:
        observer = _observer(address)
        await _served(observer)
        await _served(observer)
        faces.pop(0)
        served = await _served(observer, renewed)
    assert front.session_stats()["hits"] == 0
    state = f"{served.tls_version}: no ticket used, the new leaf seen at the next look"
    seen("tls-tickets", state, _told(served))


def _with_tickets(credential: Credential, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = server_context(credential)
    context.options &= ~ssl.OP_NO_TICKET
    context.num_tickets = 4
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_certificate_that_may_be_left_out_is(
    version: ssl.TLSVersion, seen: Sightings
) -> None:
    """A server that would like one gets none, and shows its leaf."""
    async with endpoint(until_the_end, tls=_asking(ssl.CERT_OPTIONAL, version)) as address:
        served = await _served(address)
    seen("tls-client-certificate", f"a wish, {served.tls_version}: the leaf", _told(served))


def _asking(mode: ssl.VerifyMode, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = server_context(LEAF)
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(cadata=ROOT.der)
    context.verify_mode = mode
    return context


async def test_a_client_certificate_that_is_insisted_on_comes_after_the_leaf_in_tls_1_3(
    seen: Sightings,
) -> None:
    """The server refuses a client that has all it came for."""
    asking = _asking(ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_3)
    async with endpoint(until_the_end, tls=asking) as address:
        served = await _served(address)
    seen("tls-client-certificate", f"a condition, {served.tls_version}: the leaf", _told(served))


async def test_a_client_certificate_that_is_insisted_on_leaves_the_leaf_in_tls_1_2(
    openssl: str, seen: Sightings
) -> None:
    """The server proves its key before it learns that there is none of the client's."""
    async with s_server(openssl, LEAF, "-Verify", "1", "-tls1_2") as server:
        looked = await _served(server.address)
    assert looked.refused is not None
    assert "asks for a client certificate" in looked.refused
    seen("tls-client-certificate", "a condition, TLSv1.2: the leaf, and the refusal", _told(looked))


async def test_a_server_that_hangs_up_on_a_missing_client_certificate_leaves_the_leaf() -> None:
    """Without an alert, as servers in asyncio do."""
    asking = _asking(ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2)
    async with endpoint(until_the_end, tls=asking) as address:
        looked = await _served(address)
    assert looked.refused is not None


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_certificate_that_is_set_is_presented(
    version: ssl.TLSVersion, tmp_path: Path
) -> None:
    """The handshake is whole, and the file is taken up again when it is replaced."""
    presented = tmp_path / "client.pem"
    write_client_certificate(presented)
    context = asking(LEAF, presented)
    context.minimum_version = context.maximum_version = version
    met: asyncio.Queue[object] = asyncio.Queue()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.put_nowait(writer.get_extra_info("peercert"))
        await until_the_end(reader, writer)

    async with endpoint(meet, tls=context) as address:
        roots = TrustRoots.of("roots", [ROOT.der])
        target = Target(HOST, 443, (address,), 10.0, client_certificate=str(presented))
        observer = LinkObserver(target, Trust(roots, roots), SystemClock())
        moved = presented.rename(tmp_path / "elsewhere.pem")
        absent = await _served(observer)
        moved.rename(presented)
        there = await _served(observer)
        assert await met.get()
    assert there.refused is None
    if version is ssl.TLSVersion.TLSv1_2:
        assert absent.refused is not None
        assert str(presented) in absent.refused


async def test_a_leaf_whose_key_was_not_proven_is_none() -> None:
    """Anybody can send the certificate, and then an alert that asks for the client's."""
    refusal = bytes.fromhex("15030300020228")

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(flight([LEAF.certificate, *LEAF.chain]) + refusal)
        await until_the_end(reader, writer)

    async with endpoint(pretend) as address:
        looked = await _look(address)
    assert isinstance(looked, NotServed)


async def test_a_leaf_under_a_static_key_exchange_is_none(openssl: str) -> None:
    """There the server's key is proven by its last message alone."""
    rsa = ISSUER.leaf([HOST], key="rsa")
    async with s_server(openssl, rsa, "-Verify", "1", "-tls1_2") as server:
        offer = EdgeTls("TLSv1.2", ("AES128-GCM-SHA256",))
        (it,) = (await _observer(server.address).observe(offer)).addresses
    assert isinstance(it.result, Served)
    assert it.result.wider_only


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_name_that_the_server_does_not_know_is_named(
    openssl: str, version: str, tmp_path: Path, seen: Sightings
) -> None:
    """By a fatal alert; the words say which name, and which setting to look at."""
    second = _second_name(tmp_path)
    async with s_server(openssl, LEAF, *second, "-servername_fatal", version) as server:
        looked = await _look(server.address)
    assert isinstance(looked, NotServed)
    assert looked.fault is HandshakeFault.TLS
    assert looked.error.startswith(f"it knows no host {HOST}; compare with cloud.host")
    seen("tls-sni-alert", "fatal: no handshake", _told(looked))


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_warning_about_the_name_does_not_end_the_handshake(
    openssl: str, version: str, tmp_path: Path, seen: Sightings
) -> None:
    """RFC 6066 lets a server warn and go on; what it serves then is judged like any leaf."""
    async with s_server(openssl, LEAF, *_second_name(tmp_path), version) as server:
        served = await _served(server.address)
    seen("tls-sni-alert", f"a warning, {served.tls_version}: the leaf", _told(served))


def _second_name(folder: Path) -> tuple[str, ...]:
    files = ISSUER.leaf(["other.test"]).write(folder)
    second = ("-cert2", str(files.certificate), "-key2", str(files.key))
    return ("-servername", "other.test", *second)


async def test_a_server_of_other_protocols_is_seen(openssl: str, seen: Sightings) -> None:
    """The look offers no application protocol, so none can be refused."""
    async with s_server(openssl, LEAF, "-alpn", "h2") as server:
        served = await _served(server.address)
    seen("tls-alpn", "the look: the leaf", _told(served))


async def test_a_request_to_renegotiate_within_the_handshake_is_passed_over(
    seen: Sightings,
) -> None:
    """RFC 5246 has a client ignore a HelloRequest while it shakes hands."""
    context = server_context(LEAF)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def ask_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_HELLO_REQUEST)
        await writer.start_tls(context)
        await until_the_end(reader, writer)

    async with endpoint(ask_first) as address:
        served = await _served(address)
    assert not served.wider_only
    seen("tls-renegotiation", "in the handshake: passed over, the leaf seen", _told(served))


async def test_certificates_of_over_a_hundred_kib_are_a_fault_that_says_so(
    seen: Sightings,
) -> None:
    """OpenSSL reads no certificate message of more than 100 KiB, and neither would the Edge."""
    names = [f"host-{number}.example-of-a-rather-long-domain-name.test" for number in range(2500)]
    async with tls_endpoint(ISSUER.leaf([HOST, *names])) as address:
        looked = await _look(address)
    assert isinstance(looked, NotServed)
    assert looked.fault is HandshakeFault.TLS
    assert "excessive message size" in looked.error
    assert "100 KiB" in looked.error
    seen("tls-large", "no handshake", _told(looked))
