"""Section 4: a document that cannot be read is never overwritten; what is clear is read."""

import json
import os
from typing import Any

import pytest

from tests.support.blackbox import install_current, install_pins, one_tick, pass_ticks, told
from tests.support.small_site import Site

TLS = {"minVersion": "TLSv1.2"}


def damaged(site: Site, pin: str) -> bytes:
    """A document with one pin and a key that stands twice; the second line tells where."""
    install_pins(site, pin)
    said = json.loads(site.document.read_text())
    text = json.dumps({"edgeId": "e-1", "tlsSettings": TLS, **said})
    octets = text.replace('"edgeId"', '\n"edgeId": "e-2", "edgeId"').encode()
    site.document.write_bytes(octets)
    return octets


@pytest.mark.parametrize("policy", ["strict", "balanced", "available"])
async def test_nothing_is_adopted_or_written_beside_what_cannot_be_read(
    site: Site, policy: str, ask: Any, read: Any
) -> None:
    """By no policy, announcement or override, and the command says where and what to do."""
    site.write_settings({"pins": {"policy": policy, "hold_down": "200ms"}})
    octets = damaged(site, ":".join(["AB"] * 32))
    await site.daemon.start()
    await site.until_event("config_rejected")
    await pass_ticks(site, 8)
    status = site.daemon.status()
    assert (status["pins"], site.restarts()) == ([], 0)
    assert "line 2, column 18" in status["reason"]
    assert len(told(site, "config_rejected")) == 1
    code, checked = await read("check")
    (fault,) = (it for it in checked["faults"] if it["id"] == "pinning-config-rejected")
    assert (code, fault["severity"]) == (1, "error")
    assert "line 2, column 18" in fault["what"]
    assert (await ask("status")).code == 1
    answer = await ask("override", "on", "--for", "1min", "--reason", "a test")
    assert answer.code != 0
    await site.daemon.stop()
    answer = await ask("override", "on", "--for", "1min", "--reason", "a test")
    assert answer.code != 0
    assert site.document.read_bytes() == octets
    names = {it.name for it in site.folder.iterdir()}
    assert not {it for it in names if "last-good" in it or "rejected" in it or "closing" in it}


@pytest.mark.parametrize("kind", ["folder", "fifo", "circle"])
async def test_nothing_is_adopted_beside_what_is_no_file(site: Site, kind: str) -> None:
    """Not seen is not the same as not there; moved away, the site begins without a pin."""
    site.document.unlink()
    match kind:
        case "folder":
            site.document.mkdir()
        case "fifo":
            os.mkfifo(site.document)
        case _:
            site.document.symlink_to(site.document)
    await site.daemon.start()
    await site.until_event("config_rejected")
    await pass_ticks(site, 8)
    status = site.daemon.status()
    assert (status["pins"], site.restarts()) == ([], 0)
    assert str(site.document) in status["reason"]
    site.document.rename(site.folder / "away")
    await site.until_steady()
    assert site.pinning()["fingerprints"] == [str(site.cloud.status.current)]


async def test_corrected_it_is_the_source_of_the_pins(site: Site) -> None:
    """What it pins counts as it would have at the start, and every key stays."""
    pin = str(site.cloud.status.current)
    damaged(site, pin)
    await site.daemon.start()
    await site.until_event("config_rejected")
    install_pins(site, pin, x=1)
    await site.until(lambda: site.daemon.status()["finding"] == "pinned", "the pin is known")
    assert [it["origin"] for it in site.daemon.status()["pins"]] == ["operator"]
    assert site.pinning()["x"] == 1


async def test_a_comment_is_read_over(site: Site, read: Any) -> None:
    """Its pins are adopted and no other; `check` says beforehand that a rewrite drops it."""
    site.write_settings({"pins": {"policy": "strict"}})
    pin = ":".join(["AB"] * 32)
    install_pins(site, pin)
    text = site.document.read_text().replace("{", "{ // ours", 1).replace("}\n}", '},\n"x": 1,}')
    site.document.write_text(text)
    await site.daemon.start()
    await site.until_event("finding_changed")
    await pass_ticks(site, 5)
    assert [it["fingerprint"] for it in site.daemon.status()["pins"]] == [pin]
    assert site.document.read_text() == text
    _, checked = await read("check")
    (fault,) = (it for it in checked["faults"] if it["id"] == "pinning-config-comments")
    assert fault["severity"] == "info"


async def test_what_is_broken_later_is_restored(site: Site) -> None:
    """There is a good copy from the first look on, though the state is lost with it."""
    pin = str(install_current(site))
    await site.daemon.start()
    await site.until_event("finding_changed")
    await pass_ticks(site, 1)
    await site.daemon.stop()
    for it in site.state.iterdir():
        it.unlink()
    damaged(site, ":".join(["AB"] * 32))
    await site.daemon.start()
    await site.until(lambda: b"e-2" not in site.document.read_bytes(), "the good one")
    await one_tick(site)
    assert site.pinning()["fingerprints"] == [pin]
