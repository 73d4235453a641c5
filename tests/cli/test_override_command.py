"""`edgepind override`: the emergency procedure, whatever has become of the daemon."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.small_site import Site

ON = ("override", "on", "--for", "1h", "--reason", "calls are down")


def others(site: Site) -> dict[str, Any]:
    """The document without `enabled`."""
    document: dict[str, Any] = json.loads(site.document.read_text())
    document["certificatePinning"].pop("enabled", None)
    return document


async def test_a_running_daemon_does_it_and_undoes_it(steady: Site, ask: Any) -> None:
    """When the command returns, validation is off (or on), and the Edge has loaded that."""
    steady.write_settings({"cloud": {"interval": "60s"}})
    assert (await ask("reload")).code == 0
    before = others(steady)
    answer = await ask(*ON)
    assert (answer.code, answer.errors) == (0, "")
    assert "The daemon has switched pinning validation off" in answer.output
    assert (steady.pinning()["enabled"], steady.restarts()) == (False, 2)
    assert steady.daemon.status()["posture"] == "override"
    answer = await ask("override", "off")
    assert (answer.code, answer.errors) == (0, "")
    assert (steady.pinning()["enabled"], steady.restarts()) == (True, 3)
    assert steady.daemon.status()["posture"] == "enforcing"
    assert others(steady) == before


async def test_a_daemon_that_asks_ready_command_is_left_to_it(steady: Site, ask: Any) -> None:
    """Its patience in an emergency stands in the settings: one restart, by the daemon."""
    steady.write_settings(
        {"edge": {"ready_command": ["/bin/false"], "urgent_ready_deadline": "1s"}}
    )
    assert (await ask("reload")).code == 0
    answer = await ask(*ON)
    assert (answer.code, answer.errors) == (0, "")
    assert "The daemon has switched pinning validation off" in answer.output
    assert (steady.pinning()["enabled"], steady.restarts()) == (False, 2)


async def test_it_works_with_the_daemon_stopped(steady: Site, ask: Any) -> None:
    """Document and restart without it; a daemon that starts later keeps to it."""
    await steady.daemon.stop()
    before = others(steady)
    answer = await ask(*ON)
    assert (answer.code, answer.errors) == (0, "")
    assert "without the daemon" in answer.output
    assert "only `edgepind override off` ends it" in answer.output
    assert "`systemd-run --on-active=3600 edgepind override off`" in answer.output
    assert (steady.pinning()["enabled"], steady.restarts()) == (False, 2)
    assert others(steady) == before
    await steady.daemon.start()
    await steady.until(lambda: steady.daemon.status().get("posture") == "override", "the override")
    assert steady.pinning()["enabled"] is False
    await steady.daemon.stop()
    answer = await ask("override", "off")
    assert (answer.code, answer.errors) == (0, "")
    assert steady.pinning()["enabled"] is True
    assert others(steady) == before


async def test_it_works_with_the_daemon_hung(steady: Site, ask: Any) -> None:
    """A daemon that does not answer within seconds is not waited for any longer."""
    pid = steady.daemon.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    answer = await ask(*ON)
    assert (answer.code, answer.errors) == (0, "")
    assert "without the daemon" in answer.output
    assert (steady.pinning()["enabled"], steady.restarts()) == (False, 2)
    os.kill(pid, signal.SIGCONT)
    await steady.until(lambda: steady.daemon.status().get("posture") == "override", "the override")
    assert steady.pinning()["enabled"] is False


async def test_a_document_that_is_swapped_during_the_restart_is_told(
    steady: Site, ask: Any
) -> None:
    """Without the daemon nobody else would notice that the Edge has loaded something else."""
    await steady.daemon.stop()
    (steady.folder / "swapped").write_text("{}")
    steady.script("restart", f"cp {steady.folder}/swapped {steady.document}\n")
    answer = await ask(*ON)
    assert answer.code == 1
    assert f"something else changed {steady.document}" in answer.errors


@pytest.mark.parametrize("damage", ["gone", "garbage", "folder unwritable"])
async def test_it_works_with_the_state_lost(steady: Site, ask: Any, damage: str) -> None:
    """Neither the state nor its folder is needed: RUNTIME holds the override then."""
    await steady.daemon.stop()
    for path in steady.state.iterdir():
        path.unlink()
    if damage == "garbage":
        (steady.state / "state.json").write_bytes(b"\x00" * 100)
    if damage == "folder unwritable":
        steady.state.rmdir()
        steady.state.write_text("a file in the place of the folder")
    answer = await ask(*ON)
    assert answer.code == 0, answer.errors
    assert (steady.pinning()["enabled"], steady.restarts()) == (False, 2)
    folder = steady.runtime if damage == "folder unwritable" else steady.state
    assert (folder / "override").exists()


@pytest.mark.parametrize(
    ("document", "kept"),
    [
        ('{"certificatePinning": {"enabled": true, "fingerprint": "null"}, "x": 1}', {"x": 1}),
        ('{"x": 2}', {"x": 2}),
        (None, {}),
    ],
)
async def test_a_document_without_pins_is_switched_off_too(
    site: Site, ask: Any, document: str | None, kept: dict[str, int]
) -> None:
    """Whatever stands there: `enabled` is false, and all else is kept."""
    if document is None:
        site.document.unlink()
    else:
        site.document.write_text(document)
    answer = await ask(*ON)
    assert answer.code == 0, answer.errors
    written = json.loads(site.document.read_text())
    assert written["certificatePinning"]["enabled"] is False
    assert {key: written[key] for key in written if key != "certificatePinning"} == kept
    assert site.restarts() == 1
    answer = await ask("override", "off")
    assert answer.code == 1
    assert "holds no pin" in answer.errors
    assert json.loads(site.document.read_text()) == written


async def test_a_restart_that_fails_is_told(site: Site, ask: Any) -> None:
    """The document is written, the command says that the Edge has not loaded it: 1."""
    site.script("restart", "echo no such Edge >&2; exit 5\n")
    answer = await ask(*ON)
    assert answer.code == 1
    assert "no such Edge" in answer.errors
    assert site.pinning()["enabled"] is False


async def test_show_tells_who_why_and_until_when(site: Site, read: Any, ask: Any) -> None:
    """Active, over, none, or a file that is none."""
    site.state.mkdir()
    none = {"active": False, "until": None, "reason": None, "by": None, "path": None}
    assert await read("override", "show") == (0, none)
    assert (await ask(*ON)).code == 0
    code, shown = await read("override", "show")
    until = datetime.fromisoformat(shown.pop("until"))
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)
    assert shown.pop("by")
    path = str(site.state / "override")
    assert (code, shown) == (0, {"active": True, "reason": "calls are down", "path": path})


async def test_show_tells_of_every_other_kind_of_file(site: Site, read: Any) -> None:
    """One that is over, one that is none, and an empty one made by hand."""
    site.state.mkdir()
    override = site.state / "override"
    override.write_text('{"until": "2026-01-01T00:00:00Z", "reason": "old", "by": "ann"}')
    code, shown = await read("override", "show")
    assert (code, shown["active"], shown["by"]) == (0, False, "ann")
    override.write_text("no JSON")
    code, shown = await read("override", "show")
    assert (code, shown["active"]) == (1, False)
    override.write_text("")
    code, shown = await read("override", "show")
    assert (code, shown["active"], shown["by"]) == (0, True, "unknown")


@pytest.mark.parametrize("duration", ["0", "soon", "infinity", "-1h", ""])
async def test_a_duration_that_is_none_is_a_usage_error(
    site: Site, ask: Any, duration: str
) -> None:
    """Exit code 2 with the reason, and no override."""
    answer = await ask("override", "on", f"--for={duration}", "--reason", "why")
    assert (answer.code, answer.output) == (2, "")
    assert not site.state.exists()


async def test_without_rights_it_is_exit_code_4(site: Site, ask: Any) -> None:
    """Neither folder can be written to: not permitted, and nothing is changed."""
    before = site.document.read_bytes()
    for folder in (site.state, site.runtime):
        folder.mkdir()
        folder.chmod(0o555)
    answer = await ask(*ON, mortal=True)
    assert (answer.code, answer.output) == (4, "")
    assert site.document.read_bytes() == before


async def test_off_without_an_override_changes_nothing(steady: Site, ask: Any) -> None:
    """What is not there can be removed; the Edge is not restarted for it."""
    before = steady.document.read_bytes()
    answer = await ask("override", "off")
    assert answer.code == 0
    await steady.daemon.stop()
    answer = await ask("override", "off")
    assert answer.code == 0
    assert (steady.document.read_bytes(), steady.restarts()) == (before, 1)
