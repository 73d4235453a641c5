"""`edgepind probe`: live handshakes with every address, and the verdict on each."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.cloud import Cloud
from edgepind.lab.pki import Credential
from tests.support.listening import free_port
from tests.support.small_site import HOST, Site

KEYS = {
    "address",
    "fingerprint",
    "spki",
    "issuer",
    "subject",
    "not_before",
    "not_after",
    "tls_version",
    "cipher",
    "verdict",
    "public_chain",
    "system_chain",
    "error",
    "leaves",
}


def pin(site: Site, *fingerprints: object) -> None:
    """Let the pinning config accept these, as an installer would."""
    pinning = {
        "enabled": True,
        "algorithm": "SHA256",
        "fingerprint": str(fingerprints[0]),
        "fingerprints": [str(it) for it in fingerprints],
    }
    site.document.write_text(json.dumps({"certificatePinning": pinning}))


async def test_the_fingerprint_is_what_openssl_prints(
    site: Site, edgepind: Any, tmp_path: Path
) -> None:
    """`probe HOST --json` needs no settings, and agrees with `openssl x509`."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command here")
    credential = site.trust.issue("localhost")
    pem = tmp_path / "leaf.pem"
    pem.write_bytes(credential.certificate_pem)
    openssl = await asyncio.create_subprocess_exec(
        *("openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha256"),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await openssl.communicate()
    async with serving("localhost", credential) as cloud:
        answer = await edgepind("probe", f"localhost:{cloud.port}", "--json")
    [seen] = [it for it in json.loads(answer.output)["addresses"] if it["error"] is None]
    assert seen["fingerprint"] == printed.decode().strip().partition("=")[2]
    assert seen["spki"] == str(credential.spki)
    assert answer.errors == ""


async def test_the_object_is_the_contracts(site: Site, read: Any) -> None:
    """Every key is there for every address, answered or not."""
    silent = f"127.0.0.1:{free_port()}"
    site.write_settings({"cloud": {"addresses": [*site.cloud.addresses, silent]}})
    code, probed = await read("probe")
    assert code == 0
    assert probed.keys() == {"host", "port", "addresses", "finding"}
    assert (probed["host"], probed["port"]) == (HOST, site.cloud.port)
    assert all(it.keys() == KEYS for it in probed["addresses"])
    by_address = {it["address"]: it for it in probed["addresses"]}
    assert by_address.keys() == {*site.cloud.addresses, silent}
    seen = by_address[site.cloud.addresses[0]]
    assert (seen["subject"], seen["error"]) == (f"CN={HOST}", None)
    assert (seen["public_chain"], seen["system_chain"]) == (True, True)
    assert seen["tls_version"] == "TLSv1.3"
    assert datetime.fromisoformat(seen["not_before"]) < datetime.now(UTC)
    refused = by_address[silent]
    assert (refused["verdict"], refused["fingerprint"]) == ("unreachable", None)
    assert "refused" in refused["error"]


async def test_pins_of_the_document_are_compared_with(site: Site, read: Any) -> None:
    """With pins at hand: 0 where every address that answers serves one, else 1."""
    current, other = site.cloud.status.current, site.issue()
    pin(site, current)
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (0, "pinned")
    site.cloud.serve(other, site.cloud.addresses[:1])
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (1, "unannounced_rotation")
    assert [it["verdict"] for it in probed["addresses"]] == [
        "unannounced_rotation",
        "pinned",
        "pinned",
    ]
    pin(site, current, other.fingerprint)
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (0, "rotating")


async def test_spki_pins_are_compared_with(site: Site, read: Any) -> None:
    """Under `kind = "spki"` the pins of the document are SPKI pins."""
    credential = site.issue()
    site.cloud.serve(credential)
    site.write_settings({"pins": {"kind": "spki"}})
    pin(site, credential.spki)
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (0, "pinned")
    assert probed["addresses"][0]["fingerprint"] == str(credential.fingerprint)


async def test_the_daemons_state_is_the_better_source_of_pins(steady: Site, read: Any) -> None:
    """What stands in the document by mistake does not make a leaf pinned."""
    await steady.daemon.stop()
    other = steady.issue()
    steady.cloud.serve(other)
    pin(steady, other.fingerprint)
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (1, "unannounced_rotation")


async def test_interception_is_named(site: Site, ask: Any, read: Any) -> None:
    """A chain that only the host's own store knows is an inspecting proxy's."""
    pin(site, site.cloud.status.current)
    site.cloud.serve(site.trust.corporate.leaf([HOST]))
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (1, "interception")
    seen = probed["addresses"][0]
    assert (seen["public_chain"], seen["system_chain"]) == (False, True)
    answer = await ask("probe")
    assert "Acme Inspection CA" in answer.output


async def test_an_expired_leaf_without_pins_is_exit_code_1(site: Site, read: Any) -> None:
    """Without pins, chain, name and time decide."""
    ended = datetime.now(UTC) - timedelta(days=1)
    site.cloud.serve(site.trust.issuer.leaf([HOST], not_after=ended))
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (1, "certificate_fault")
    assert probed["addresses"][0]["public_chain"] is False


async def test_nothing_reachable_is_exit_code_3(site: Site, ask: Any, read: Any) -> None:
    """No handshake anywhere: not observed."""
    site.write_settings({"cloud": {"addresses": [f"127.0.0.1:{free_port()}"]}})
    code, probed = await read("probe")
    assert (code, probed["finding"]) == (3, "unreachable")
    answer = await ask("probe")
    assert answer.code == 3
    assert "refused" in answer.output


async def test_a_name_that_does_not_resolve_is_exit_code_3(edgepind: Any) -> None:
    """The page says so; the object has no address."""
    answer = await edgepind("probe", "no-such-host.invalid", "--json")
    assert answer.code == 3
    assert json.loads(answer.output)["addresses"] == []
    answer = await edgepind("probe", "no-such-host.invalid")
    assert answer.code == 3
    assert "no-such-host.invalid" in answer.output


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_an_address_is_probed_by_the_address_in_its_certificate(
    site: Site, edgepind: Any, ip: str
) -> None:
    """A numeric host is written as in a URL, and held against the IP addresses of the leaf."""
    if ip == "::1" and not _has_ipv6():
        pytest.skip("there is no ::1 here")
    for name, code in ((ip, 0), ("acme.cloud.test", 1)):
        async with serving(HOST, site.trust.issuer.leaf([name]), ip) as cloud:
            answer = await edgepind(
                *("probe", cloud.addresses[0], "--json"), "--config", site.settings
            )
        [seen] = json.loads(answer.output)["addresses"]
        assert answer.code == code, seen
        assert seen["address"] == cloud.addresses[0]


@pytest.mark.parametrize(
    "host", ["https://acme.test/", "acme.test:0", "acme.test:x", "a b", "-x.y"]
)
async def test_a_host_that_is_none_is_a_usage_error(edgepind: Any, host: str) -> None:
    """Exit code 2 with the reason."""
    answer = await edgepind("probe", "--", host)
    assert (answer.code, answer.output) == (2, "")


async def test_the_cloud_by_name_is_asked_at_the_settings_addresses(site: Site, read: Any) -> None:
    """`cloud.addresses` are exactly the addresses, also where the host is named."""
    code, probed = await read("probe", HOST)
    assert code == 0
    assert [it["address"] for it in probed["addresses"]] == list(site.cloud.addresses)


async def test_roots_that_cannot_be_read_are_a_settings_error(site: Site, ask: Any) -> None:
    """Without public roots nothing can be judged."""
    site.write_settings({"cloud": {"public_roots": "/nowhere/roots.pem"}})
    answer = await ask("probe", "--json")
    assert (answer.code, answer.output) == (2, "")
    assert "/nowhere/roots.pem" in answer.errors


@asynccontextmanager
async def serving(host: str, credential: Credential, ip: str = "127.0.0.1") -> AsyncIterator[Cloud]:
    """A cloud of one address with this credential."""
    cloud = await Cloud.open(host, credential, (ip,))
    try:
        yield cloud
    finally:
        await cloud.close()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True
