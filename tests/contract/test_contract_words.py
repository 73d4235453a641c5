"""Section 1: what a fingerprint is, how it is written, and what is refused in its place."""

import asyncio
import base64
import json
from functools import partial
from hashlib import sha256
from typing import Any

from edgepind.model.fingerprint import Fingerprint
from tests.support.blackbox import install_current, one_tick, roles, status_reply, told
from tests.support.small_site import Site

SHA1 = sha256(b"short").hexdigest()[:40]
MD5 = SHA1[:32]
REFUSED = {
    "SHA-1": (SHA1, f"SHA256 Fingerprint={SHA1.upper()}", f"sha256:{SHA1}"),
    "SHA1": (f"sha1:{SHA1}", f"sha1:{SHA1}" + SHA1[:24]),
    "MD5": (MD5, f"sha256:{MD5}", ":".join(MD5[i : i + 2] for i in range(0, 32, 2))),
    "null": ("null", "", "None"),
    "": ("AB" * 31, "AB" * 33, "GG" * 32, "sha256//AAAA", "AB:" * 31 + "A"),
}
"""By the word that the refusal must hold: texts that are no SHA-256 fingerprint."""


def number(n: int) -> Fingerprint:
    """A fingerprint of its own for each number."""
    return Fingerprint(sha256(str(n).encode()).digest())


def notations() -> dict[str, str]:
    """A fingerprint of its own in each notation that is read, by its canonical one."""
    plain = [number(n).octets.hex() for n in range(9)]
    colons = [str(number(n)) for n in range(9)]
    b64 = [base64.b64encode(number(n).octets).decode() for n in range(9)]
    written = (
        colons[0],
        colons[1].lower(),
        plain[2],
        plain[3].upper(),
        f"SHA256 Fingerprint={colons[4]}",
        f"sha256:{plain[5]}",
        f"sha256:{colons[6]}",
        f"sha256//{b64[7]}",
        f"sha256/{b64[8]}",
    )
    return dict(zip(colons, written, strict=True))


async def test_every_notation_is_read_in_the_document(site: Site) -> None:
    """Pins of an installer, in whatever notation, are accepted and respelt as openssl prints."""
    written = list(notations().values())
    owned = {"enabled": True, "algorithm": "SHA256", "fingerprint": written[0]}
    document = {"certificatePinning": {**owned, "fingerprints": written}}
    site.document.write_text(json.dumps(document))
    await site.daemon.command("run", "--once")
    accepted = {pin for pin, role in roles(site).items() if role != "pending"}
    assert accepted == notations().keys()
    assert site.pinning()["fingerprints"] == list(notations())
    assert site.pinning()["fingerprint"] == str(number(0))


async def test_every_notation_is_read_on_the_command_line(ask: Any, site: Site) -> None:
    """`pin add` understands what other tools print, and stores the one notation."""
    install_current(site)
    for canonical, written in list(notations().items())[4::3]:
        answer = await ask("pin", "add", written)
        assert answer.code == 0, answer.errors
        assert canonical in site.pinning()["fingerprints"]


async def test_every_notation_is_read_from_the_status_endpoint(site: Site) -> None:
    """An announcement in any notation is one and the same pin."""
    install_current(site)
    await site.daemon.start()
    for canonical, written in notations().items():
        page = {"certificateFingerprint": str(site.cloud.status.current)}
        site.cloud.status.scripted = status_reply({**page, "nextCertificateFingerprint": written})
        await site.until(partial(_is_backup, site, canonical), f"{written} read")


async def test_what_is_no_sha256_is_refused_on_the_command_line(ask: Any, site: Site) -> None:
    """Exit 1 or 2, the reason on standard error in one sentence, and nothing changes."""
    install_current(site)
    before = site.document.read_bytes()
    offered = [(why, texts[-1]) for why, texts in REFUSED.items()]
    answers = await asyncio.gather(*(ask("pin", "add", text) for _, text in offered))
    for (why, text), answer in zip(offered, answers, strict=True):
        assert answer.code in {1, 2}, text
        assert answer.output == "", text
        assert why in answer.errors, text
        assert answer.errors.count("\n") == 1, text
    assert site.document.read_bytes() == before


async def test_what_is_no_sha256_is_refused_from_the_status_endpoint(site: Site) -> None:
    """Whatever its label: the whole answer is a rejected one, told as such, and changes nothing."""
    install_current(site)
    before = site.document.read_bytes()
    site.write_settings({"cloud": {"interval": "1h"}})
    await site.daemon.start()
    await site.until(site.daemon.status, "the first tick")
    texts = [text for several in REFUSED.values() for text in several]
    for nth, text in enumerate((*texts, None, 7, [str(number(1))]), 1):
        site.cloud.status.scripted = status_reply({"certificateFingerprint": text})
        endpoint = (await one_tick(site))["status_endpoint"]
        assert endpoint["ok"] is False
        assert len(told(site, "status_rejected")) == nth
    site.cloud.status.scripted = None
    assert (await one_tick(site))["status_endpoint"]["ok"] is True
    assert site.document.read_bytes() == before


async def test_what_is_no_sha256_is_refused_in_the_document(site: Site) -> None:
    """A weak pin in the document is told as refused and does not stay there."""
    good = str(site.cloud.status.current)
    owned = {"enabled": True, "algorithm": "SHA256", "fingerprint": good}
    document = {"certificatePinning": {**owned, "fingerprints": [good, SHA1, MD5, "null", None]}}
    site.document.write_text(json.dumps(document))
    await site.daemon.start()
    await site.until(lambda: site.pinning()["fingerprints"] == [good], "the weak ones to go")
    said = " ".join(it["MESSAGE"] for it in told(site, "pin_refused"))
    assert "SHA-1" in said
    assert "MD5" in said


async def test_no_other_algorithm_is_believed(site: Site) -> None:
    """Pins under another `algorithm` are refused, and the algorithm is put right."""
    strange = str(number(1))
    owned = {"enabled": True, "algorithm": "SHA1", "fingerprint": strange}
    site.document.write_text(json.dumps({"certificatePinning": {**owned, "fingerprints": []}}))
    await site.daemon.start()
    await site.until_steady()
    assert "SHA1" in told(site, "pin_refused")[0]["MESSAGE"]
    current = str(site.cloud.status.current)
    assert site.pinning() == {
        "enabled": True,
        "algorithm": "SHA256",
        "fingerprint": current,
        "fingerprints": [current],
    }


async def test_a_certificate_pin_and_an_spki_pin_are_what_they_are_called(
    site: Site, read: Any
) -> None:
    """`fingerprint` is over the leaf's DER, `spki` over its SubjectPublicKeyInfo."""
    site.cloud.serve(leaf := site.issue())
    _, probed = await read("probe")
    seen = probed["addresses"][0]
    assert seen["fingerprint"] == str(Fingerprint(sha256(leaf.certificate).digest()))
    assert seen["spki"].replace("sha256//", "") in {str(leaf.spki), leaf.spki.base64[8:]}


def _is_backup(site: Site, fingerprint: str) -> bool:
    return roles(site).get(fingerprint) == "backup"
