"""Sections 2 and 11: the commands, as operators and scripts meet them."""

import asyncio
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.timers import Table
from tests.support.blackbox import (
    install_current,
    install_pins,
    pass_ticks,
    poke,
    postures,
    roles,
    told,
    until_status,
)
from tests.support.small_site import HOST, Site

READING = (
    "probe",
    "status",
    "explain",
    "history",
    "check",
    "pin list",
    "override show",
)
PROBED = {
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


async def test_a_well_site_is_called_well_by_every_reading_command(steady: Site, ask: Any) -> None:
    """Exit 0; `--json`: one object on standard output and nothing else; else plain words."""
    answers = await asyncio.gather(*(ask(*verb.split(), "--json") for verb in READING))
    said = {}
    for verb, answer in zip(READING, answers, strict=True):
        assert (answer.code, answer.errors) == (0, ""), (verb, answer)
        said[verb] = json.loads(answer.output)
        assert isinstance(said[verb], dict), verb
    assert said["pin list"].keys() == {"pins"}
    assert said["pin list"]["pins"][0].keys() == steady.daemon.status()["pins"][0].keys()
    assert said["probe"].keys() == {"host", "port", "addresses", "finding"}
    assert all(it.keys() == PROBED for it in said["probe"]["addresses"])
    assert said["check"].keys() == {"faults"}
    for fault in said["check"]["faults"]:
        assert fault.keys() == {"id", "severity", "what", "remedy"}
    assert said["status"].keys() == steady.daemon.status().keys()
    fingerprint = str(steady.cloud.status.current)
    status, probed, recorded = await asyncio.gather(
        *(ask(verb) for verb in ("status", "probe", "history"))
    )
    for word in ("enforcing", "pinned", "current", "bootstrap"):
        assert word in status.output
    assert fingerprint[:11] in status.output.upper()
    for word in (fingerprint, "TLSv1.3", "pinned", *steady.cloud.addresses):
        assert word in probed.output
    at = [recorded.output.index(it) for it in ("pin_pending", "pin_activated", "restart_succeeded")]
    assert at == sorted(at), "newest last"


async def test_one_tick_answers_as_status_would(site: Site, ask: Any) -> None:
    """`run --once`: one tick, then the answer; a debt is 1, a pinned link with nothing owed 0."""
    site.script("ready", "exit 1\n")
    ready = {"ready_command": [str(site.folder / "ready")]}
    site.write_settings({"cloud": {"interval": "1min"}, "edge": ready})
    install_current(site)
    assert (await ask("run", "--once")).code == 0
    assert (await ask("status")).code == 0
    assert site.daemon.status()["ticks"] == 1
    other = ":".join(["AB"] * 32)
    assert (await ask("pin", "add", other)).code == 0
    assert (await ask("run", "--once")).code == 1
    assert site.daemon.status()["edge"]["restart_owed"] is True
    assert (await ask("status")).code == 1


async def test_a_dry_tick_changes_nothing(site: Site, ask: Any) -> None:
    """`--dry-run` says what it would do and leaves document, state and Edge alone."""
    install_pins(site, ":".join(["AB"] * 32), enabled=False)
    before = site.document.read_bytes(), site.document.stat()
    answer = await ask("run", "--once", "--dry-run")
    assert answer.code == 1
    assert "config_written" in answer.errors
    assert "restart_requested" in answer.errors
    assert (site.document.read_bytes(), site.document.stat()) == before
    assert not site.state.exists() or not list(site.state.iterdir())
    assert site.restarts() == 0
    assert [it.name for it in site.folder.glob("pinning-config*")] == ["pinning-config.json"]


async def test_settings_are_reloaded_on_request(steady: Site, ask: Any) -> None:
    """`reload` takes good settings in (0) and says why bad ones are refused (1)."""
    steady.write_settings({"pins": {"policy": "strict"}})
    answer = await ask("reload")
    assert answer.code == 0, answer.errors
    assert steady.events().count("reloaded") == 1
    steady.write_settings({"pins": {"policy": "lax", "hold_down": "never"}})
    answer = await ask("reload")
    assert answer.code == 1
    assert "pins.policy" in answer.errors
    assert "pins.hold_down" in answer.errors
    assert steady.events().count("reload_rejected") == 1
    assert steady.daemon.running


async def test_check_names_each_fault_with_a_remedy(site: Site, read: Any) -> None:
    """Document, owner, mode, commands, link and settings are looked at; exit 1."""
    document = {
        "certificatePinning": {
            "enabled": False,
            "algorithm": "SHA256",
            "fingerprint": str(site.cloud.status.current),
            "fingerprints": [str(site.cloud.status.current), "AB:CD"],
            "allowRotation": False,
        },
        "tlsSettings": {"minVersion": "SSL9", "cipherSuites": ["NO_SUCH_SUITE"]},
    }
    site.document.write_text(json.dumps(document))
    site.document.chmod(0o666)
    site.cloud.serve(site.trust.corporate.leaf([HOST]))
    site.write_settings({"edge": {"restart_command": ["/nowhere/restart"]}})
    code, said = await read("check")
    assert code == 1
    whole = json.dumps(said)
    for word in ("0666", "AB:CD", "SSL9", "NO_SUCH_SUITE", "allowRotation", "/nowhere/restart"):
        assert word in whole, word
    assert "interception" in whole
    assert all(fault["what"] and fault["remedy"] for fault in said["faults"])
    site.settings.write_text("[cloud]\nport = 0\n")
    code, said = await read("check")
    assert code == 2
    assert all(key in json.dumps(said) for key in ("cloud.host", "cloud.port"))


async def test_unit_and_helper_are_those_of_the_settings(site: Site, read: Any) -> None:
    """`edge.unit` and `edge.helper` are what is asked; where nobody is there, that is told."""
    install_current(site)
    helper = "/nowhere/apply.sock"
    edge: Table = {"unit": "no-such-edge.service", "helper": helper, "restart_command": []}
    site.write_settings({"edge": edge})
    code, said = await read("check")
    assert code == 1
    assert "no-such-edge.service" in json.dumps(said)
    assert helper in json.dumps(said)
    await site.daemon.start()
    await site.until_event("config_rejected")
    await pass_ticks(site, 3)
    assert helper in told(site, "config_rejected")[0]["MESSAGE"]
    assert site.restarts() == 0


async def test_explain_weighs_a_pin(site: Site, ask: Any, read: Any) -> None:
    """The evidence for and against a waiting pin, and what would change it."""
    install_current(site)
    site.write_settings({"pins": {"hold_down": "1h"}})
    await site.daemon.start()
    site.cloud.serve(other := site.issue())
    await site.until_event("pin_pending")
    code, said = await read("explain", other.fingerprint)
    assert code == 0
    assert "pending" in json.dumps(said)
    answer = await ask("explain", other.fingerprint)
    assert "pin add" in answer.output
    assert "1h" in answer.output


async def test_pins_are_added_and_removed_by_the_running_daemon(steady: Site, ask: Any) -> None:
    """`pin add` is a backup unless told otherwise; the only live pin is not removed (1)."""
    live, other = str(steady.cloud.status.current), ":".join(["AB"] * 32)
    assert (await ask("pin", "add", other)).code == 0
    assert roles(steady) == {live: "current", other: "backup"}
    assert steady.pinning()["fingerprints"] == [live, other]
    refused = await ask("pin", "remove", live)
    assert (refused.code, refused.output) == (1, "")
    assert (await ask("pin", "remove", other)).code == 0
    assert roles(steady) == {live: "current"}
    assert steady.pinning()["fingerprints"] == [live]
    assert (await ask("pin", "remove", other)).code == 1, "it is not there any more"


async def test_the_first_pin_by_hand_is_current(site: Site, ask: Any) -> None:
    """Without a daemon: the word is obeyed, the document written and the Edge restarted."""
    first, second = (":".join([octet] * 32) for octet in ("AB", "CD"))
    assert (await ask("pin", "add", first)).code == 0
    assert (await ask("pin", "add", second, "--role", "current")).code == 0
    assert site.pinning()["fingerprint"] == second
    assert set(site.pinning()["fingerprints"]) == {first, second}
    listed = await ask("pin", "list", "--json")
    by_role = {pin["role"]: pin["fingerprint"] for pin in json.loads(listed.output)["pins"]}
    assert by_role == {"current": second, "backup": first}
    assert site.restarts() >= 1


async def test_an_override_by_the_running_daemon(steady: Site, ask: Any, read: Any) -> None:
    """On: the document says `enabled: false` and the Edge has loaded it; off: the reverse."""
    restarts = steady.restarts()
    answer = await ask("override", "on", "--for", "30min", "--reason", "cut over tonight")
    assert answer.code == 0, answer.errors
    assert steady.pinning()["enabled"] is False
    assert steady.restarts() == restarts + 1
    status = steady.daemon.status()
    assert status["posture"] == "override"
    assert status["posture_until"] is not None
    _, shown = await read("override", "show")
    assert "cut over tonight" in json.dumps(shown)
    answer = await ask("override", "off")
    assert answer.code == 0, answer.errors
    assert steady.pinning()["enabled"] is True
    await until_status(steady, posture="enforcing")
    assert postures(steady) == ["override", "enforcing"]
    assert steady.events().count("override_on") == steady.events().count("override_off") == 1


@pytest.mark.parametrize("trouble", ["stopped", "hung", "state lost"])
async def test_an_override_works_without_the_daemon(site: Site, ask: Any, trouble: str) -> None:
    """Stopped, hung or its state lost: `override on` writes the document and restarts the Edge."""
    if trouble == "state lost":
        install_current(site)
        site.state.mkdir()
        (site.state / "state.json").write_text("{")
    else:
        await site.daemon.start()
        await site.until_steady()
        if trouble == "hung":
            poke(site, signal.SIGSTOP)
        else:
            await site.daemon.stop()
    restarts = site.restarts()
    answer = await ask("override", "on", "--for", "1h", "--reason", "night")
    assert answer.code == 0, answer.errors
    assert site.pinning()["enabled"] is False
    assert site.pinning()["fingerprints"] == [str(site.cloud.status.current)]
    assert site.restarts() == restarts + 1
    if trouble == "hung":
        poke(site, signal.SIGCONT)
    else:
        await site.daemon.start()
    await until_status(site, posture="override")
    assert site.pinning()["enabled"] is False


async def test_an_override_before_any_pin(site: Site, ask: Any) -> None:
    """A document without a pin is switched off, too; nothing else is written to it."""
    assert (await ask("override", "on", "--for", "1h", "--reason", "new site")).code == 0
    assert site.pinning() == {"enabled": False}
    assert site.restarts() == 1


async def test_the_probe_needs_no_settings(site: Site, call: Any) -> None:
    """`probe HOST:PORT` judges by the bundled and the host's roots where there is no file."""
    answer = await call("probe", f"localhost:{site.cloud.port}", "--json")
    probed = json.loads(answer.output)
    assert answer.code == 1
    assert probed["finding"] == "interception"
    assert (probed["host"], probed["port"]) == ("localhost", site.cloud.port)


async def test_the_settings_are_looked_for_in_one_place(call: Any) -> None:
    """Without --config it is /etc/edgepind/edgepind.toml."""
    if Path("/etc/edgepind/edgepind.toml").exists():  # noqa: ASYNC240  one look
        pytest.skip("edgepind is installed on this host")
    answer = await call("status")
    assert answer.code == 2
    assert "/etc/edgepind/edgepind.toml" in answer.errors


async def test_a_lost_state_folder_is_made_again(steady: Site) -> None:
    """A daemon whose folders vanish goes on, and its next start finds the pins in the document."""
    await steady.daemon.stop()
    shutil.rmtree(steady.state)
    shutil.rmtree(steady.runtime)
    await steady.daemon.start()
    await until_status(steady, finding="pinned", posture="enforcing")
    assert roles(steady) == {str(steady.cloud.status.current): "current"}
