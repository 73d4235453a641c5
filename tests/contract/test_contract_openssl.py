"""Section 1 against the judge that everybody has: what openssl prints is what edgepind says."""

import asyncio
import json
import shutil
import socket
import ssl
from typing import Any

import pytest

from edgepind.lab.pki import KeyKind
from edgepind.lab.trust import Trust
from tests.support.endpoint import tls_endpoint

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


async def said(*command: str, fed: bytes = b"") -> str:
    """What a command prints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate(fed)
    return output.decode()


@pytest.fixture
def trust(tmp_path: Any) -> Trust:
    """A PKI for leaves that openssl may see."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command here")
    return Trust(tmp_path)


@pytest.mark.parametrize(
    ("key", "version", "ip"),
    [
        ("ecdsa", "TLSv1.2", "127.0.0.1"),
        ("ecdsa", "TLSv1.3", "::1"),
        ("rsa", "TLSv1.2", "::1"),
        ("rsa", "TLSv1.3", "127.0.0.1"),
    ],
)
async def test_the_live_fingerprint_is_openssls(
    trust: Trust, call: Any, key: KeyKind, version: str, ip: str
) -> None:
    """Both shake hands with the same server; fingerprint, dates, version and cipher agree."""
    if ip == "::1" and not _has_ipv6():
        pytest.skip("there is no ::1 here")

    def only(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = VERSIONS[version]

    async with tls_endpoint(trust.issuer.leaf([ip], key=key), ip=ip, configure=only) as address:
        pem = await said("openssl", "s_client", "-connect", str(address), "-showcerts")
        answer = await call("probe", str(address), "--json")
    [seen] = json.loads(answer.output)["addresses"]
    asked = ("-noout", "-fingerprint", "-sha256", "-serial")
    printed = await said("openssl", "x509", *asked, fed=pem.encode())
    assert f"SHA256 Fingerprint={seen['fingerprint']}".lower() in printed.lower()
    assert seen["tls_version"] == version
    assert f"Cipher is {seen['cipher']}" in pem
    assert seen["address"] == str(address)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True
