"""Section 4: the Edge's `pinning-config.json`, which never breaks and keeps what is not ours."""

import grp
import json
import os
import pwd
import ssl
import stat
from typing import Any

import pytest

from edgepind.lab.http1 import Request, Response
from tests.support.blackbox import (
    WatchedPage,
    install_current,
    install_pins,
    one_tick,
    pass_ticks,
    poke,
    told,
    until_status,
)
from tests.support.endpoint import tls_endpoint
from tests.support.small_site import Site

FOREIGN = """{
    "edgeId": "e-1", "serial": 12345678901234567890123, "ratio": 1.10, "big": 1E+2,
    "note": "caf\\u00e9 \\/ \\ud83d\\ude00 é",
    "certificatePinning": {
        "allowRotation": false,
        "fingerprints": [],
        "comment": null, "enabled" : false,
        "retries": 3.0
    },
    "tlsSettings": {"minVersion": "TLSv1.2", "strictValidation": true, "minVersion2": []},
    "zz": {"b": 1, "a": 2}
}
"""

BROKEN = (
    b"",
    b"not json",
    b'{"certificatePinning": {"enabled": true',
    b"[]",
    b'{"certificatePinning": []}',
    b'{"a": 1} {"b": 2}',
    b"{\x00}\x00",
)


def ordered(text: str) -> Any:
    """A document with the order of its keys and the spelling of its numbers."""
    return json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)


def without_owned(text: str) -> Any:
    """The same, less what edgepind owns."""
    owned = {"enabled", "algorithm", "fingerprint", "fingerprints"}

    def members(pairs: list[tuple[str, Any]]) -> Any:
        return [(key, value) for key, value in pairs if key not in owned]

    return json.loads(text, object_pairs_hook=members, parse_int=str, parse_float=str)


def identity(site: Site) -> tuple[int, int, int]:
    """What a rewrite would change: inode, time of modification, time of change."""
    status = site.document.stat()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


async def test_foreign_keys_survive_with_their_order_and_spelling(site: Site) -> None:
    """Key order, unknown keys, numbers and escapes stay; of its own keys four are written."""
    site.document.write_text(FOREIGN)
    await site.daemon.start()
    await site.until_steady()
    text = site.document.read_text()
    assert without_owned(text) == without_owned(FOREIGN)
    for spelt in ("12345678901234567890123", "1.10", "1E+2", "caf\\u00e9 \\/ \\ud83d\\ude00 é"):
        assert spelt in text
    fingerprint = str(site.cloud.status.current)
    pinning = site.pinning()
    assert (pinning["enabled"], pinning["algorithm"]) == (True, "SHA256")
    assert (pinning["fingerprint"], pinning["fingerprints"]) == (fingerprint, [fingerprint])
    assert pinning["allowRotation"] is False
    keys = [key for key, _ in dict(ordered(text))["certificatePinning"]]
    assert keys[:5] == ["allowRotation", "fingerprints", "comment", "enabled", "retries"]


async def test_before_the_first_pin_nothing_is_written(site: Site, ask: Any) -> None:
    """`enabled` is left as found and no pin key appears, whatever the endpoint announces."""
    site.document.write_text(FOREIGN)
    site.write_settings({"pins": {"bootstrap": "operator"}, "cloud": {"interval": "50ms"}})
    before = identity(site), site.document.read_bytes()
    await site.daemon.start()
    await site.until_event("started")
    await pass_ticks(site, 4)
    assert (identity(site), site.document.read_bytes()) == before
    assert site.restarts() == 0
    answer = await ask("pin", "add", str(site.cloud.status.current))
    assert answer.code == 0, answer.errors
    assert site.pinning()["enabled"] is True


async def test_a_document_that_is_right_is_not_touched(site: Site) -> None:
    """No rewrite, no restart and no line where the document says already what it should."""
    install_current(site)
    before = identity(site), site.document.read_bytes()
    await site.daemon.start()
    await site.until_event("finding_changed")
    await pass_ticks(site, 5)
    assert (identity(site), site.document.read_bytes()) == before
    assert site.restarts() == 0
    assert site.events() == ["started", "finding_changed"]


async def test_what_a_hand_changed_is_put_back_and_the_rest_adopted(site: Site) -> None:
    """Owned keys are repaired within a tick; other keys of the new document stay."""
    current = str(install_current(site))
    site.write_settings({"edge": {"mode": "0640"}})
    await site.daemon.start()
    await pass_ticks(site, 1)
    stranger = ":".join(["AB"] * 32)
    fresh = site.folder / "fresh.json"
    fresh.write_text(
        json.dumps(
            {
                "newKey": 1,
                "certificatePinning": {
                    "fingerprints": [stranger],
                    "enabled": False,
                    "vendor": True,
                    "fingerprint": "null",
                },
            }
        )
    )
    fresh.replace(site.document)
    await site.until(lambda: site.pinning().get("fingerprint") == current, "the repair")
    assert site.pinning() == {
        "fingerprints": [current],
        "enabled": True,
        "vendor": True,
        "fingerprint": current,
        "algorithm": "SHA256",
    }
    assert json.loads(site.document.read_text())["newKey"] == 1
    assert stat.S_IMODE(site.document.stat().st_mode) == 0o640
    await site.until_event("config_repaired")


async def test_a_broken_document_is_set_aside_and_the_last_good_one_restored(site: Site) -> None:
    """Beside it as `pinning-config.json.rejected-TIME`, byte for byte; no key is lost."""
    current = str(site.cloud.status.current)
    owned = {"enabled": True, "algorithm": "SHA256", "fingerprint": current}
    good = {"edgeId": "e-1", "certificatePinning": {**owned, "fingerprints": [current], "x": 1}}
    site.document.write_text(json.dumps(good))
    await site.daemon.start()
    await site.until_event("finding_changed")
    await pass_ticks(site, 1)
    for nth, broken in enumerate(BROKEN, 1):
        site.document.write_bytes(broken)
        poke(site)
        await site.until_event("config_repaired", nth)
        assert site.events().count("config_rejected") == nth
        assert json.loads(site.document.read_text()) == good
    asides = site.folder.glob("pinning-config.json.rejected-*")
    assert sorted(it.read_bytes() for it in asides) == sorted(BROKEN)
    await pass_ticks(site, 2)
    assert site.events().count("config_rejected") == len(BROKEN)


async def test_a_document_that_vanished_is_made_again(site: Site) -> None:
    """A missing file is restored whole, with owner and mode."""
    install_pins(site, site.cloud.status.current, vendor=7)
    await site.daemon.start()
    await site.until_event("finding_changed")
    site.document.unlink()
    await site.until(site.document.exists, "the document")
    assert site.pinning()["vendor"] == 7
    assert stat.S_IMODE(site.document.stat().st_mode) == 0o600


async def test_owner_and_mode_are_those_of_the_settings(site: Site) -> None:
    """From the first write on, and put right where something else changed them."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    user, group = pwd.getpwuid(1), grp.getgrgid(1)
    site.write_settings({"edge": {"owner": f"{user.pw_name}:{group.gr_name}", "mode": "0640"}})
    await site.daemon.start()

    def right() -> bool:
        found = site.document.stat()
        return (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1, 1, 0o640)

    await site.until(right, "owner and mode")
    site.document.chmod(0o666)
    await site.until(right, "the mode again")
    os.chown(site.document, 0, 0)
    await site.until(right, "the owner again")


async def test_readers_never_see_anything_but_a_whole_document(site: Site) -> None:
    """At every instant: JSON, an allowlist that is not empty, no `null`, owner-only mode."""
    current = str(install_current(site))
    await site.daemon.start()
    await site.until_event("finding_changed")
    seen: set[str] = set()

    def look() -> int:
        text = site.document.read_text()
        pinning = json.loads(text)["certificatePinning"]
        assert pinning["fingerprints"]
        assert pinning["fingerprint"] in pinning["fingerprints"]
        assert "null" not in text
        assert stat.S_IMODE(site.document.stat().st_mode) == 0o600
        seen.add(text)
        return len(seen)

    for many in range(1, 4):
        site.cloud.status.next = site.issue().fingerprint
        poke(site)
        await site.until(lambda: look() > many, "another document")  # noqa: B023  used at once
    assert all(current in text for text in seen)
    assert await site.daemon.stop() == 0
    assert not [it for it in site.folder.iterdir() if ".tmp" in it.name]


def only_tls_1_2(context: ssl.SSLContext) -> None:
    """A cloud of yesterday: TLS 1.2 with one suite."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")


async def test_tls_settings_are_obeyed_and_never_written(site: Site, read: Any) -> None:
    """An Edge that insists on what the cloud does not speak: cipher_mismatch, told by name."""
    old = site.issue()
    async with tls_endpoint(old, configure=only_tls_1_2) as address:
        site.write_settings({"cloud": {"addresses": [str(address)]}, "status": {"enabled": False}})
        for tls, finding in (
            ({"cipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "X_UNKNOWN"]}, "pinned"),
            ({"cipherSuites": ["ECDHE-ECDSA-AES256-GCM-SHA384"], "minVersion": "1.2"}, "pinned"),
            ({"minVersion": "TLSv1.3"}, "cipher_mismatch"),
            ({"cipherSuites": ["ECDHE-ECDSA-AES128-GCM-SHA256"]}, "cipher_mismatch"),
        ):
            install_pins(site, old.fingerprint)
            document = {**json.loads(site.document.read_text()), "tlsSettings": tls}
            site.document.write_text(json.dumps(document))
            _, probed = await read("probe")
            assert probed["finding"] == finding, tls
        before = site.document.read_bytes()
        await site.daemon.start()
        await until_status(site, finding="cipher_mismatch")
        await pass_ticks(site, 2)
    assert site.document.read_bytes() == before
    assert "tlsSettings" in told(site, "finding_changed")[0]["MESSAGE"]


async def test_allow_rotation_binds_the_edge_alone(site: Site, read: Any) -> None:
    """`allowRotation: false` is explained by `check` and does not stop an announced rotation."""
    install_pins(site, site.cloud.status.current, allowRotation=False)
    code, said = await read("check")
    explained = [it for it in said["faults"] if "allowRotation" in it["what"]]
    assert len(explained) == 1, said
    assert code == 0, "it explains, and is no fault"
    site.cloud.status.next = site.issue().fingerprint
    await site.daemon.start()
    await site.until(lambda: len(site.pinning()["fingerprints"]) == 2, "the backup pin")
    assert site.pinning()["allowRotation"] is False


async def test_the_allowlist_is_in_order(site: Site) -> None:
    """Current first, then backup, then retiring; `fingerprint` is the current one."""
    first = install_current(site)
    site.write_settings({"pins": {"overlap": "1h"}})
    await site.daemon.start()
    second, third = site.issue(), site.issue()
    site.cloud.status.next = second.fingerprint
    await site.until(lambda: str(second.fingerprint) in site.pinning()["fingerprints"], "backup")
    assert site.pinning()["fingerprints"] == [str(first), str(second.fingerprint)]
    site.cloud.rotate(second)
    site.cloud.status.next = third.fingerprint
    wanted = [str(it) for it in (second.fingerprint, third.fingerprint, first)]
    await site.until(lambda: site.pinning()["fingerprints"] == wanted, "the new order")
    assert site.pinning()["fingerprint"] == str(second.fingerprint)


async def test_what_was_replaced_during_a_tick_is_read_again(site: Site) -> None:
    """A vendor's update between reading and writing keeps its keys, and gets the new pin."""
    current = install_current(site)
    site.write_settings({"cloud": {"interval": "1h"}})
    update = {"certificatePinning": {"enabled": True, "vendor": "new"}, "release": 8}

    class Updating(WatchedPage):
        def answer(self, request: Request) -> Response:
            site.document.write_text(json.dumps(update))
            return super().answer(request)

    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.status = page = Updating(current)
    page.next = site.issue().fingerprint
    await one_tick(site)
    assert page.requests
    document = json.loads(site.document.read_text())
    assert document["release"] == 8
    assert document["certificatePinning"]["vendor"] == "new"
    assert document["certificatePinning"]["fingerprints"] == [str(current), str(page.next)]


async def test_a_site_that_was_off_for_weeks_comes_back(site: Site) -> None:
    """Its document pins what nobody serves any more: grace, open, and the new pin by itself."""
    old = str(site.issue().fingerprint)
    install_pins(site, old)
    site.write_settings({"fail_open": {"grace": "100ms"}, "pins": {"hold_down": "1s"}})
    await site.daemon.start()
    await site.until(lambda: site.pinning()["enabled"] is False, "the Edge to be opened")
    await until_status(site, finding="pinned", posture="enforcing")
    await site.until(lambda: site.pinning()["enabled"] is True, "enforced again")
    assert site.pinning()["fingerprint"] == str(site.cloud.status.current)


async def test_a_link_in_the_path_stays_a_link(site: Site) -> None:
    """Where the path is a symbolic link, what it leads to is replaced and the link kept."""
    real = site.folder / "real" / "pinning.json"
    real.parent.mkdir()
    site.document.rename(real)
    site.document.symlink_to(real)
    await site.daemon.start()
    await site.until_steady()
    assert site.document.is_symlink()
    assert json.loads(real.read_text())["certificatePinning"]["enabled"] is True


async def test_owner_and_mode_are_kept_as_found_and_a_change_is_an_event(site: Site) -> None:
    """Section 4, `auto`: what no stranger may write stays; what all may read is tightened."""
    site.write_settings({"edge": {"owner": "auto"}})
    site.document.chmod(0o640)
    await site.daemon.start()
    await site.until_steady()
    assert site.document.stat().st_mode & 0o777 == 0o640
    assert "attributes_changed" not in site.events()
    site.document.chmod(0o644)
    await site.until_event("attributes_changed")
    assert site.document.stat().st_mode & 0o777 == 0o640
    assert site.daemon.status()["edge"]["written"]
