"""`edgepind pin`: the operator's own word, with a running daemon and without one."""

import json
import os
import signal
from typing import Any

import pytest

from tests.support.small_site import Site


def roles(site: Site) -> dict[str, str]:
    """The role of each pin, as the daemon shows it."""
    return {it["fingerprint"]: it["role"] for it in site.daemon.status()["pins"]}


async def test_list_shows_the_pins_as_the_status_does(steady: Site, read: Any, ask: Any) -> None:
    """The same objects, with and without the daemon."""
    for _ in range(2):
        code, listed = await read("pin", "list")
        assert code == 0
        assert listed == {"pins": steady.daemon.status()["pins"]}
        answer = await ask("pin", "list")
        assert str(steady.cloud.status.current) in answer.output
        await steady.daemon.stop()


async def test_list_without_any_memory_is_exit_code_3(ask: Any) -> None:
    """No state and no status: not observed."""
    answer = await ask("pin", "list")
    assert (answer.code, answer.output) == (3, "")


async def test_list_needs_no_right_to_read_the_state(steady: Site, read: Any, ask: Any) -> None:
    """Whoever may read the status may list the pins; who may read neither is told so."""
    await steady.daemon.stop()
    (steady.state / "state.json").chmod(0)
    answer = await ask("pin", "list", "--json", mortal=True)
    assert answer.code == 0
    assert json.loads(answer.output)["pins"][0]["role"] == "current"
    (steady.runtime / "status.json").chmod(0)
    assert (await ask("pin", "list", mortal=True)).code == 4
    assert (await read("pin", "list"))[0] == (0 if os.geteuid() == 0 else 4)


async def test_a_running_daemon_takes_a_pin_in_at_once(steady: Site, ask: Any) -> None:
    """Added as backup, then removed: in the document each time, when the command returns."""
    steady.write_settings({"cloud": {"interval": "60s"}})
    assert (await ask("reload")).code == 0
    current, new = str(steady.cloud.status.current), str(steady.issue().fingerprint)
    answer = await ask("pin", "add", new.lower().replace(":", ""))
    assert (answer.code, answer.errors) == (0, "")
    assert "accepted as backup" in answer.output
    assert roles(steady) == {current: "current", new: "backup"}
    assert steady.pinning()["fingerprints"] == [current, new]
    answer = await ask("pin", "remove", new)
    assert (answer.code, answer.errors) == (0, "")
    assert roles(steady) == {current: "current"}
    assert steady.pinning()["fingerprints"] == [current]


async def test_the_only_live_pin_is_not_removed(steady: Site, ask: Any) -> None:
    """Refused with exit code 1, with a backup beside it and without, daemon or no daemon."""
    current, new = str(steady.cloud.status.current), str(steady.issue().fingerprint)
    answer = await ask("pin", "remove", current)
    assert answer.code == 1
    assert "the only accepted pin" in answer.errors
    assert (await ask("pin", "add", new)).code == 0
    for _ in range(3):
        answer = await ask("pin", "remove", current)
        assert (answer.code, answer.output) == (1, "")
        assert "add its successor first" in answer.errors
        await steady.daemon.stop()
        (steady.runtime / "status.json").unlink(missing_ok=True)
    assert steady.pinning()["fingerprints"] == [current, new]


async def test_what_is_no_pin_is_not_removed(steady: Site, ask: Any) -> None:
    """A slip of the finger is told."""
    answer = await ask("pin", "remove", str(steady.issue().fingerprint))
    assert answer.code == 1
    assert "not in the pin set" in answer.errors


@pytest.mark.parametrize("way", ["add", "remove"])
@pytest.mark.parametrize("written", ["null", "AA", "11" * 20, "22" * 16, "SHA1 Fingerprint=33"])
async def test_what_is_refused_as_a_fingerprint_is_a_usage_error(
    site: Site, ask: Any, way: str, written: str
) -> None:
    """Exit code 2 with the reason, and nothing is recorded."""
    answer = await ask("pin", way, written)
    assert (answer.code, answer.output) == (2, "")
    assert "refused as a fingerprint" in answer.errors
    assert not site.state.exists()


async def test_without_a_daemon_the_word_is_carried_out_at_once(site: Site, ask: Any) -> None:
    """The very first pin, by hand, on a site where nothing has run: written and loaded."""
    current = str(site.cloud.status.current)
    answer = await ask("pin", "add", current)
    assert answer.code == 0, answer.errors
    assert "accepted as current" in answer.output
    assert site.pinning()["fingerprint"] == current
    assert site.pinning()["enabled"] is True
    assert site.restarts() == 1
    await site.daemon.start()
    await site.until(lambda: site.daemon.status().get("finding") == "pinned", "pinned")
    assert site.restarts() == 1


async def test_a_role_can_be_given(site: Site, ask: Any) -> None:
    """`--role current` puts the present one behind."""
    first, second = (str(site.issue().fingerprint) for _ in range(2))
    assert (await ask("pin", "add", first)).code == 0
    assert (await ask("pin", "add", second, "--role", "current")).code == 0
    assert site.pinning()["fingerprints"] == [second, first]
    answer = await ask("pin", "add", first, "--role", "pending")
    assert answer.code == 2


async def test_a_hung_daemon_finds_the_word_later(steady: Site, ask: Any) -> None:
    """A word that is not taken in within seconds is no success yet, and is not lost."""
    pid = steady.daemon.pid
    assert pid is not None
    new = str(steady.issue().fingerprint)
    os.kill(pid, signal.SIGSTOP)
    answer = await ask("pin", "add", new)
    os.kill(pid, signal.SIGCONT)
    assert (answer.code, answer.output) == (1, "")
    assert "not in force yet" in answer.errors
    assert str(steady.state / "words") in answer.errors
    await steady.until(lambda: roles(steady).get(new) == "backup", "the backup pin")


async def test_without_the_right_to_write_it_is_exit_code_4(steady: Site, ask: Any) -> None:
    """The state folder is closed to others than the daemon's user and root."""
    await steady.daemon.stop()
    steady.state.chmod(0o555)
    answer = await ask("pin", "add", str(steady.issue().fingerprint), mortal=True)
    steady.state.chmod(0o755)
    assert (answer.code, answer.output) == (4, "")
