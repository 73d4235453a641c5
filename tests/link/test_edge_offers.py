"""A look shows every leaf that an Edge could be served, whatever client the Edge is.

The table of all cells is `packaging/doc/offers.md`.
"""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from edgepind.clock import SystemClock
from edgepind.model.document import EdgeTls
from edgepind.model.enums import HighestTls
from edgepind.model.observation import Link, NotServed, Served
from edgepind.observe import link as link_module
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import Trust, TrustRoots
from edgepind.settings.kinds import Address
from tests.faults.probed import as_probed
from tests.faults.seen import Sightings
from tests.support.endpoint import endpoint, until_the_end
from tests.support.offers_matrix import (
    CERTIFICATES,
    HOST,
    ISSUER,
    NAMES,
    ROOT,
    SETTINGS,
    Cell,
    cells,
    dual_context,
    server,
)

RSA, ECDSA = (CERTIFICATES[name].fingerprint for name in ("RSA", "ECDSA"))


def _observer(address: Address, highest: HighestTls = HighestTls.UNKNOWN) -> LinkObserver:
    roots = TrustRoots.of("roots", [ROOT.der])
    target = Target(HOST, 443, (address,), 10.0, highest)
    return LinkObserver(target, Trust(roots, roots), SystemClock())


def _only(link: Link) -> Served | NotServed:
    (seen,) = link.addresses
    return seen.result


def _shown(link: Link) -> frozenset[str]:
    """The names of what was seen by an offer that an Edge might make."""
    served = _only(link)
    if not isinstance(served, Served) or served.wider_only:
        return frozenset()
    leaves = (served.leaf, *served.others)
    assert len({it.certificate for it in leaves}) == len(leaves)
    return frozenset(NAMES[it.certificate] for it in leaves)


@pytest.mark.parametrize("highest", HighestTls)
@pytest.mark.parametrize("cell", cells(), ids=str)
async def test_every_cell_of_the_table(cell: Cell, highest: HighestTls, openssl: str) -> None:
    """No more is seen than an Edge may be served, and no less."""
    assert openssl
    context = server(cell.versions, cell.shown)
    async with endpoint(until_the_end, tls=context) as address:
        link = await _observer(address, highest).observe(SETTINGS[cell.settings])
    assert _shown(link) == cell.may_be_served(highest)


def _ecdsa_suites_alone(context: ssl.SSLContext) -> None:
    """Its TLS 1.2 is for ECDSA alone; RSA shows over TLS 1.3 to who asks for it."""
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")


async def test_a_certificate_for_tls_1_3_alone_is_seen(openssl: str, seen: Sightings) -> None:
    """What a version is served is asked in that version."""
    assert openssl
    context = server("TLS 1.2 + 1.3", "both")
    _ecdsa_suites_alone(context)
    async with endpoint(until_the_end, tls=context) as address:
        link = await _observer(address).observe(EdgeTls())
    assert _shown(link) == {"RSA", "ECDSA"}
    told = as_probed(_only(link), HOST, datetime.now(UTC))
    seen("tls-two-certificates", "both leaves are seen", told)


async def test_each_version_may_have_a_certificate_of_its_own() -> None:
    """Load balancers choose by the client's version, too: two ECDSA leaves at one address."""
    older = ISSUER.leaf([HOST])
    faces = {"TLSv1.2": dual_context(older), "TLSv1.3": server("TLS 1.3", "ECDSA")}
    met: list[str] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(4096)
        newest = b"\x00\x2b" in hello and b"\x03\x04" in hello.partition(b"\x00\x2b")[2][:7]
        version = "TLSv1.3" if newest else "TLSv1.2"
        met.append(version)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = faces[version].wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(hello)
        await _finish(tls, incoming, outgoing, reader, writer)

    async with endpoint(meet) as address:
        link = await _observer(address).observe(EdgeTls())
    served = _only(link)
    assert isinstance(served, Served)
    assert {it.certificate for it in served.others} == {older.fingerprint}
    assert set(met) == {"TLSv1.2", "TLSv1.3"}


async def _finish(
    tls: ssl.SSLObject,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            incoming.write(await reader.read(4096))
        else:
            writer.write(outgoing.read())
            await until_the_end(reader, writer)
            return


@pytest.fixture
def counted() -> tuple[list[str], Callable[[ssl.SSLContext], None]]:
    """A list to which a server adds a word for each connection, and what makes it do so."""
    met: list[str] = []

    def listen(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda *_: met.append("met")

    return met, listen


async def test_a_steady_look_is_one_handshake(
    counted: tuple[list[str], Callable[[ssl.SSLContext], None]],
) -> None:
    """Where the leaf is known and no full look is asked for."""
    met, listen = counted
    context = server("TLS 1.2 + 1.3", "both")
    listen(context)
    async with endpoint(until_the_end, tls=context) as address:
        observer = _observer(address)
        known = {str(address): {ECDSA}}
        link = await observer.observe(EdgeTls(), known, full=False)
        assert len(met) == 1
        assert not link.full
        assert _shown(link) == {"ECDSA"}
        link = await observer.observe(EdgeTls(), known, full=True)
        assert link.full
        assert _shown(link) == {"RSA", "ECDSA"}


async def test_a_new_leaf_has_its_address_looked_at_in_full(openssl: str) -> None:
    """Though no full look was asked for: the first of a rotation shows both."""
    assert openssl
    async with endpoint(until_the_end, tls=server("TLS 1.3", "both")) as address:
        observer = _observer(address)
        link = await observer.observe(EdgeTls(), {str(address): {RSA}}, full=False)
    assert _shown(link) == {"RSA", "ECDSA"}


async def test_what_the_command_showed_is_asked_for_at_each_full_look(
    openssl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where it showed nothing, only now and then: it costs a process."""
    assert openssl
    monkeypatch.setattr(link_module, "_AGAIN", 0.0)  # the same offer once more is drawn by lot
    context = server("TLS 1.3", "both")
    async with endpoint(until_the_end, tls=context) as address:
        observer = _observer(address)
        for _ in range(3):
            assert _shown(await observer.observe(EdgeTls())) == {"RSA", "ECDSA"}
    met: list[str] = []
    single = server("TLS 1.3", "ECDSA")
    single.sni_callback = lambda *_: met.append("met")
    async with endpoint(until_the_end, tls=single) as address:
        observer = _observer(address)
        for _ in range(12):
            await observer.observe(EdgeTls())
    assert len(met) == 12 + 2


async def test_without_the_command_the_rest_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that speaks TLS 1.2 as well shows both leaves even so."""
    monkeypatch.setenv("PATH", "/nonexistent")
    async with endpoint(until_the_end, tls=server("TLS 1.2 + 1.3", "both")) as address:
        assert _shown(await _observer(address).observe(EdgeTls())) == {"RSA", "ECDSA"}
    async with endpoint(until_the_end, tls=server("TLS 1.3", "both")) as address:
        assert _shown(await _observer(address).observe(EdgeTls())) == {"ECDSA"}
