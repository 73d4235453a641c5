"""Section 12: signed bundles, by all three ways, as outsiders make and use them."""

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edgepind.lab.daemon_process import Answer
from tests.support.small_site import HOST, Site

Ask = Callable[..., Awaitable[Answer]]
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def jws(payload: dict[str, Any], key: Ed25519PrivateKey = KEY) -> bytes:
    """A bundle as any program would sign it, by the contract alone."""

    def octets(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    protected = octets(json.dumps({"alg": "EdDSA", "typ": "edgepind-bundle"}).encode())
    body = octets(json.dumps(payload).encode())
    signature = octets(key.sign(f"{protected}.{body}".encode()))
    return json.dumps({"payload": body, "protected": protected, "signature": signature}).encode()


def naming(serial: int, *backups: object, **more: Any) -> dict[str, Any]:
    """What a bundle says of the site's host for an hour."""
    now = datetime.now(UTC)
    return {
        "host": HOST,
        "kind": "certificate",
        "pins": [{"fingerprint": str(it), "role": "backup"} for it in backups],
        "serial": serial,
        "issued_at": now.isoformat(),
        "expires": (now + timedelta(hours=1)).isoformat(),
        **more,
    }


@pytest.fixture
async def trusting(site: Site) -> Site:
    """A site whose daemon runs, has its first pin, and trusts the key."""
    public = site.folder / "key.pub"
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(pem)
    public.chmod(0o644)
    site.tables["bundle"] = {"keys": [str(public)]}
    site.write_settings({})
    await site.daemon.start()
    await site.until(lambda: site.pinning().get("fingerprints"), "the first pin")
    return site


def put(site: Site, name: str, content: bytes) -> Path:
    """Put a file into the drop folder, whole at once."""
    folder = site.state / "bundles"
    folder.mkdir(exist_ok=True)
    whole = site.folder / name
    whole.write_bytes(content)
    return whole.rename(folder / name)


async def test_the_drop_folder_takes_a_bundle_and_tells_a_bad_one(trusting: Site) -> None:
    """Both are removed once they are settled."""
    site, new = trusting, str(trusting.issue().fingerprint)
    good = put(site, "good.jws", jws(naming(7, new)))
    await site.until(lambda: new in site.pinning()["fingerprints"], "the bundle's pin")
    await site.until(lambda: "bundle_applied" in site.events(), "bundle_applied")
    bad = put(
        site, "bad.jws", jws(naming(8, site.issue().fingerprint), Ed25519PrivateKey.generate())
    )
    await site.until(lambda: "bundle_rejected" in site.events(), "bundle_rejected")
    await site.until(lambda: not good.exists() and not bad.exists(), "an empty folder")
    shown = site.daemon.status()["bundle"]
    assert (shown["serial"], shown["source"]) == (7, "folder")
    [pin] = [it for it in site.daemon.status()["pins"] if it["fingerprint"] == new]
    assert (pin["role"], pin["origin"]) == ("backup", "bundle")


async def test_apply_answers_for_what_it_did(trusting: Site, ask: Ask) -> None:
    """0 in force, also again; 1 for another host, kind or time, a lower serial, or no pin left."""
    site, new = trusting, str(trusting.issue().fingerprint)
    file, current = site.folder / "bundle", site.pinning()["fingerprints"]

    async def applied(payload: dict[str, Any]) -> int:
        file.write_bytes(jws(payload))
        return (await ask("bundle", "apply", file)).code

    first = naming(7, new)
    assert [await applied(first), await applied(first)] == [0, 0]
    hour = timedelta(hours=1)
    early, late = (datetime.now(UTC) + it * hour for it in (-2, 2))
    for wrong in (
        naming(8, new, host="elsewhere.test"),
        naming(8, new, kind="spki"),
        naming(6, new),
        naming(7, new),
        naming(8, new, issued_at=late.isoformat(), expires=(late + hour).isoformat()),
        naming(8, new, issued_at=early.isoformat(), expires=(early + hour).isoformat()),
        naming(8, revoked=[*current, new]),
    ):
        assert await applied(wrong) == 1
    assert site.pinning()["fingerprints"] == [*current, new]
    assert await applied(naming(8, revoked=[new])) == 0
    assert site.pinning()["fingerprints"] == current


async def test_without_keys_nothing_is_taken(site: Site, ask: Ask) -> None:
    """The default: nobody may sign."""
    file = site.folder / "bundle"
    file.write_bytes(jws(naming(7, site.issue().fingerprint)))
    answer = await ask("bundle", "apply", file)
    assert (answer.code, "bundle.keys" in answer.errors) == (1, True)
