"""An address that serves several leaves, and clouds that ask for a client certificate."""

import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edgepind.lab.pki import Authority, Credential
from edgepind.settings.kinds import Address
from tests.cli.test_check_command import ids
from tests.support.client_certificate import asking, key_pem, write_client_certificate
from tests.support.endpoint import endpoint, until_the_end
from tests.support.offers_matrix import dual_context
from tests.support.small_site import HOST, Site


@pytest.fixture
def rsa(site: Site) -> Credential:
    """A leaf of the cloud's."""
    return site.trust.issuer.leaf([HOST], key="rsa")


@pytest.fixture
def ecdsa(site: Site) -> Credential:
    """Another, for the other kind of key."""
    return site.trust.issuer.leaf([HOST])


@pytest.fixture
async def two(site: Site, rsa: Credential, ecdsa: Credential) -> AsyncIterator[Address]:
    """The cloud of the site, with both."""
    async with endpoint(until_the_end, tls=dual_context(rsa, ecdsa)) as address:
        site.write_settings({"cloud": {"addresses": [str(address)]}})
        yield address


def _pin(site: Site, *leaves: Credential) -> None:
    pins = [str(it.fingerprint) for it in leaves]
    pinning = {
        "enabled": True,
        "algorithm": "SHA256",
        "fingerprint": pins[0],
        "fingerprints": pins,
    }
    site.document.write_text(json.dumps({"certificatePinning": pinning}))


@pytest.mark.usefixtures("two")
async def test_a_set_is_good_where_all_of_it_is_pinned(
    site: Site, read: Any, ask: Any, rsa: Credential, ecdsa: Credential
) -> None:
    """`probe` and `check` show every leaf, and answer 1 where one is not pinned."""
    both = {str(rsa.fingerprint), str(ecdsa.fingerprint)}
    for pinned, code in (((rsa,), 1), ((ecdsa,), 1), ((rsa, ecdsa), 0)):
        _pin(site, *pinned)
        answer = await read("probe")
        assert answer[0] == code, pinned
        (seen,) = answer[1]["addresses"]
        assert set(seen["leaves"]) == both
        assert seen["leaves"][0] == seen["fingerprint"]
        faults = ids(await read("check"), "error", "warning")
        assert ("link-unannounced-rotation" in faults) is bool(code)
    text = (await ask("probe")).output
    assert all(it in text for it in both)


async def test_an_edge_is_not_blamed_for_what_it_is_not_served(
    site: Site, read: Any, two: Address, rsa: Credential, ecdsa: Credential
) -> None:
    """`edge.tls` and the document's list narrow the set to what the site knows."""
    tls = {"cipherSuites": ["ECDHE-RSA-AES256-GCM-SHA384"]}
    _pin(site, rsa)
    document = json.loads(site.document.read_text())
    site.document.write_text(json.dumps({**document, "tlsSettings": tls}))
    for highest, code in (("unknown", 1), ("1.2", 0), ("1.3", 1)):
        site.write_settings({"cloud": {"addresses": [str(two)]}, "edge": {"tls": highest}})
        assert (await read("probe"))[0] == code, (highest, ecdsa.fingerprint)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_cloud_that_asks_for_a_client_certificate_is_told(
    site: Site, read: Any, rsa: Credential, version: ssl.TLSVersion
) -> None:
    """The leaf is known and pinned all the same; with the certificate nothing is wrong."""
    presented = site.folder / "client.pem"
    write_client_certificate(presented)
    context = asking(rsa, presented)
    context.minimum_version = context.maximum_version = version
    _pin(site, rsa)
    async with endpoint(until_the_end, tls=context) as address:
        site.write_settings({"cloud": {"addresses": [str(address)]}})
        code, probed = await read("probe")
        assert code == 0
        assert probed["addresses"][0]["verdict"] == "pinned"
        if version is ssl.TLSVersion.TLSv1_2:
            assert probed["addresses"][0]["error"]
        assert "client-certificate-wanted" in ids(await read("check"), "error", "warning")
        site.write_settings(
            {"cloud": {"addresses": [str(address)], "client_certificate": str(presented)}}
        )
        faults = ids(await read("check"))
        assert not {it for it in faults if it.startswith("client-certificate")}


async def test_a_client_certificate_that_cannot_be_used_is_told(site: Site, read: Any) -> None:
    """Missing, of another key, without one, expired: each as an error."""
    path = site.folder / "client.pem"
    site.write_settings({"cloud": {"client_certificate": str(path)}})
    assert "client-certificate" in ids(await read("check"), "error")
    one, other = Authority.root("One"), Authority.root("Other")
    for content in (b"", one.pem, key_pem(one), one.pem + key_pem(other)):
        path.write_bytes(content)
        assert "client-certificate" in ids(await read("check"), "error"), content
    now = datetime.now(UTC)
    day = timedelta(days=1)
    for begins, ends in ((now - 2 * day, now - day), (now + day, now + 2 * day)):
        write_client_certificate(path, not_before=begins, not_after=ends)
        assert "client-certificate-expired" in ids(await read("check"), "error")
