"""What only a look wider than the Edge's settings sees: told by its leaf, and marked as such."""

import ssl
from datetime import UTC, datetime

import pytest

from edgepind.clock import SystemClock
from edgepind.lab.pki import Authority
from edgepind.model.document import EdgeTls
from edgepind.model.observation import Served
from edgepind.observe.link import LinkObserver, Target
from edgepind.observe.trust_roots import Trust, TrustRoots
from tests.faults.probed import as_probed
from tests.faults.seen import Sightings
from tests.support.endpoint import tls_endpoint
from tests.support.gnutls_server import gnutls_server

HOST = "edge.test"
INSPECTOR = Authority.root("Corporate Inspection CA")
LEAF = INSPECTOR.leaf([HOST], key="rsa")
_LEGACY = "NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION"
_OLDEST = "LEGACY:-VERS-ALL:+VERS-TLS1.0:+SHA1:+SIGN-RSA-SHA1:%DISABLE_SAFE_RENEGOTIATION"


@pytest.mark.parametrize("priority", [_LEGACY, _OLDEST], ids=["TLS 1.2", "TLS 1.0"])
async def test_a_middlebox_without_secure_renegotiation_is_seen(
    priority: str, seen: Sightings
) -> None:
    """OpenSSL talks to none by itself, and so does no Edge; who it is shows all the same."""
    async with gnutls_server(LEAF, priority) as address:
        trust = Trust(TrustRoots.of("p", []), TrustRoots.of("s", [INSPECTOR.der]))
        observer = LinkObserver(Target(HOST, 443, (address,)), trust, SystemClock())
        (it,) = (await observer.observe(EdgeTls())).addresses
    assert isinstance(it.result, Served), it.result
    assert it.result.wider_only
    assert it.result.leaf.certificate == LEAF.fingerprint
    assert it.result.leaf.public.window is None
    assert it.result.leaf.system.window is not None
    told = as_probed(it.result, HOST, datetime.now(UTC))
    seen("tls-legacy", f"{it.result.tls_version}: the leaf is seen by the wider look", told)


def _weak(context: ssl.SSLContext) -> None:
    context.set_ciphers("DHE-RSA-AES128-SHA:AES128-SHA:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2


async def test_a_list_that_the_server_has_nothing_of_shows_its_leaf_all_the_same() -> None:
    """Old suites alone, below the security level of today."""
    async with tls_endpoint(LEAF, configure=_weak) as address:
        trust = Trust(TrustRoots.of("p", [INSPECTOR.der]), TrustRoots.of("s", []))
        observer = LinkObserver(Target(HOST, 443, (address,)), trust, SystemClock())
        (seen,) = (
            await observer.observe(EdgeTls("TLSv1.2", ("ECDHE-RSA-AES128-GCM-SHA256",)))
        ).addresses
    assert isinstance(seen.result, Served), seen.result
    assert seen.result.wider_only
