"""The whole link: every address at once, in order, each with its own answer, and never a crash."""

import asyncio
import ssl
import sys
import time
import warnings
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.listener import server_context
from edgepind.lab.pki import Authority
from edgepind.model.document import EdgeTls
from edgepind.model.observation import HandshakeFault, Link, NotServed, Served
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import Trust, TrustRoots
from edgepind.settings.kinds import Address
from edgepind.settings.schema import CloudSettings, InterceptionSettings, Settings
from tests.support.endpoint import endpoint, reset, tls_endpoint, until_the_end

HOST = "edge.test"
ROOT = Authority.root("Public Root")
INSPECTOR = Authority.root("Corporate Inspection CA")
LEAF = ROOT.intermediate("Issuing CA").leaf([HOST])
RSA_LIST = EdgeTls("TLSv1.2", ("ECDHE-RSA-AES256-GCM-SHA384",))


def _observer(*addresses: Address, timeout: float = 10, host: str = HOST) -> LinkObserver:
    public = TrustRoots.of("public", [ROOT.der])
    system = TrustRoots.of("system", [ROOT.der, INSPECTOR.der])
    target = Target(host, 443, addresses, timeout)
    return LinkObserver(target, Trust(public, system), SystemClock())


async def _only(observer: LinkObserver, tls: EdgeTls | None = None) -> Served | NotServed:
    link = await observer.observe(tls or EdgeTls())
    assert link.resolve_error is None
    (seen,) = link.addresses
    return seen.result


async def _served(observer: LinkObserver, tls: EdgeTls | None = None) -> Served:
    result = await _only(observer, tls)
    assert isinstance(result, Served), result
    return result


def _older(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


async def test_every_address_answers_for_itself_in_order() -> None:
    """One serves another leaf, one is dead, one is silent; all are told, sorted by notation."""
    async with AsyncExitStack() as world:
        good = await world.enter_async_context(tls_endpoint(LEAF))
        other = await world.enter_async_context(tls_endpoint(INSPECTOR.leaf([HOST]), ip="::1"))
        silent = await world.enter_async_context(endpoint(until_the_end))
        async with endpoint(until_the_end) as dead:
            pass
        # Each twice, and in the order that is not asked for.
        addresses = sorted({good, other, silent, dead}, key=str, reverse=True)
        link = await _observer(*addresses, *addresses, timeout=0.5).observe(EdgeTls())
    assert [it.address for it in link.addresses] == sorted(map(str, addresses))
    results = {it.address: it.result for it in link.addresses}
    intercepted, served = results[str(other)], results[str(good)]
    assert isinstance(served, Served)
    assert served.leaf.certificate == LEAF.fingerprint
    assert served.leaf.public.window is not None
    assert isinstance(intercepted, Served)
    assert intercepted.leaf.public.window is None
    assert intercepted.leaf.system.window is not None
    stalled, refused = results[str(silent)], results[str(dead)]
    assert isinstance(stalled, NotServed)
    assert stalled.fault is HandshakeFault.TIMEOUT
    assert isinstance(refused, NotServed)
    assert refused.fault is HandshakeFault.REFUSED


async def test_addresses_are_looked_at_side_by_side() -> None:
    """Forty silent addresses take one time-out, not forty."""
    async with AsyncExitStack() as world:
        silent = [await world.enter_async_context(endpoint(until_the_end)) for _ in range(40)]
        begun = time.monotonic()
        link = await _observer(*silent, timeout=0.5).observe(EdgeTls())
        took = time.monotonic() - begun
    assert len(link.addresses) == 40
    assert took < 5


async def test_without_addresses_the_name_is_resolved() -> None:
    """Every record is looked at, at the port of the settings."""
    async with tls_endpoint(ROOT.leaf(["localhost"])) as address:
        target = Target("localhost", address.port)
        trust = Trust(TrustRoots.of("p", [ROOT.der]), TrustRoots.of("s", []))
        link = await LinkObserver(target, trust, SystemClock()).observe(EdgeTls())
    results = {it.address: it.result for it in link.addresses}
    served = results[str(address)]
    assert isinstance(served, Served)
    assert served.leaf.name_matches


async def test_a_name_that_does_not_resolve_is_a_link_without_addresses() -> None:
    """Why is told in a clause that names the host."""
    link = await _observer(host="no-such-host.invalid").observe(EdgeTls())
    assert link.addresses == ()
    assert link.resolve_error is not None
    assert "no-such-host.invalid" in link.resolve_error


async def test_the_edges_own_list_is_obeyed() -> None:
    """The probe gets what the Edge would get."""
    rsa = ROOT.leaf([HOST], key="rsa")
    async with tls_endpoint(rsa, configure=_older) as address:
        served = await _served(_observer(address), RSA_LIST)
    assert served.cipher == "ECDHE-RSA-AES256-GCM-SHA384"
    assert served.tls_version == "TLSv1.2"
    assert not served.wider_only


async def test_a_rotation_of_the_key_type_shows_as_served_to_wider_settings_only() -> None:
    """RSA to ECDSA: the Edge's list excludes it, and the leaf is seen all the same."""
    async with tls_endpoint(LEAF, configure=_older) as address:
        served = await _served(_observer(address), RSA_LIST)
    assert served.wider_only
    assert served.leaf.certificate == LEAF.fingerprint


async def test_a_server_of_tls_1_0_is_seen_by_wider_settings_only() -> None:
    """Its leaf is known though no Edge would talk to it."""

    def oldest(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1

    async with tls_endpoint(ROOT.leaf([HOST], key="rsa"), configure=oldest) as address:
        served = await _served(_observer(address))
    assert served.wider_only
    assert served.tls_version == "TLSv1"


async def test_where_nobody_agrees_the_first_fault_is_told() -> None:
    """Wider settings that fail, too, leave what the Edge would meet."""

    async def reset_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer)

    async with endpoint(reset_all) as address:
        result = await _only(_observer(address))
    assert isinstance(result, NotServed)
    assert result.fault is HandshakeFault.RESET


async def test_a_passing_reset_is_no_mismatch() -> None:
    """The Edge's offer is tried once more before its settings are blamed."""
    met = 0
    context = server_context(LEAF)

    async def reset_the_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal met
        met += 1
        if met == 1:
            reset(writer)
            return
        await writer.start_tls(context)
        await until_the_end(reader, writer)

    async with endpoint(reset_the_first) as address:
        served = await _served(_observer(address))
    assert met >= 2
    assert not served.wider_only


async def test_the_settings_of_the_document_may_change_between_ticks() -> None:
    """The next look obeys the new ones."""
    async with tls_endpoint(LEAF, configure=_older) as address:
        observer = _observer(address)
        assert (await _served(observer, RSA_LIST)).wider_only
        assert not (await _served(observer, EdgeTls())).wider_only


async def test_a_rotation_shows_at_the_next_look() -> None:
    """Nothing that is kept hides a new leaf."""
    renewed = ROOT.leaf([HOST])
    faces = [LEAF, LEAF, renewed]

    async with AsyncExitStack() as world:
        addresses = [await world.enter_async_context(tls_endpoint(face)) for face in faces]
        observer = _observer(*addresses)
        link = await observer.observe(EdgeTls())
    seen = [it.result.leaf for it in link.addresses if isinstance(it.result, Served)]
    assert {it.certificate for it in seen} == {LEAF.fingerprint, renewed.fingerprint}
    assert len(set(map(id, seen))) == 2


async def test_a_right_chain_never_brings_in_the_second_library(tmp_path: Path) -> None:
    """The daemon's memory: a link whose chain is right costs no `cryptography`."""
    root = ROOT.write(tmp_path / "root.pem")
    async with tls_endpoint(LEAF) as address:
        script = f"""
import asyncio, sys
from edgepind.clock import SystemClock
from edgepind.model.document import EdgeTls
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import load_trust
from edgepind.settings.kinds import Address
target = Target({HOST!r}, 443, (Address({address.ip!r}, {address.port}),))
trust = load_trust({str(root)!r}, {str(root)!r})
link = asyncio.run(LinkObserver(target, trust, SystemClock()).observe(EdgeTls()))
assert link.addresses[0].result.leaf.public.window is not None, link
assert "cryptography" not in sys.modules
"""
        looking = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        assert await looking.wait() == 0


async def test_an_observer_is_made_from_settings(tmp_path: Path) -> None:
    """Host, addresses, roots and exceptions are those of the file."""
    public = ROOT.write(tmp_path / "public.pem")
    inspector = INSPECTOR.write(tmp_path / "inspector.pem")
    async with tls_endpoint(INSPECTOR.leaf([HOST])) as address:
        cloud = CloudSettings(
            HOST, addresses=(address,), public_roots=str(public), system_roots=str(inspector)
        )
        settings = Settings(cloud, interception=InterceptionSettings((inspector,)))
        observer = LinkObserver.from_settings(settings, SystemClock())
        assert observer.faults == ()
        leaf = (await _served(observer)).leaf
    assert leaf.public.window is None
    assert leaf.system.window is not None
    assert leaf.exception is not None
    assert leaf.exception.window is not None


async def test_roots_that_cannot_be_had_are_told_and_do_not_stop_the_looking(
    tmp_path: Path,
) -> None:
    """The leaf's fingerprint is known even so: a pinned link needs no roots."""
    missing = str(tmp_path / "none.pem")
    async with tls_endpoint(LEAF) as address:
        cloud = CloudSettings(HOST, addresses=(address,), public_roots=missing)
        observer = LinkObserver.from_settings(Settings(cloud), SystemClock())
        assert [it.source for it in observer.faults] == [missing]
        leaf = (await _served(observer)).leaf
    assert leaf.certificate == LEAF.fingerprint
    assert leaf.public.window is None
    assert missing in (leaf.public.problem or "")


async def test_cancelling_a_look_ends_it_at_once() -> None:
    """At shutdown no address is waited for."""
    met = asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.set()
        await until_the_end(reader, writer)

    async with AsyncExitStack() as world:
        silent = [await world.enter_async_context(endpoint(meet)) for _ in range(3)]
        looking: asyncio.Task[Link] = asyncio.create_task(
            _observer(*silent, timeout=600).observe(EdgeTls())
        )
        await met.wait()
        begun = time.monotonic()
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert time.monotonic() - begun < 1
