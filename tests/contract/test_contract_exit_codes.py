"""Section 2: the exit codes 0 to 4, each told apart from the others, and errors on one stream."""

import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from edgepind.cli.program import main
from tests.support.blackbox import install_current, poke
from tests.support.listening import free_port
from tests.support.small_site import Site

NEEDS_SETTINGS = (
    "run",
    "probe",
    "status",
    "explain",
    "history",
    "check",
    "pin list",
    f"pin add {'AB' * 32}",
    f"pin remove {'AB' * 32}",
    "override on --for 1h --reason x",
    "override off",
    "override show",
    "reload",
)


def main_in_here(words: list[str]) -> int:
    """The program's exit code, in this process: a usage error comes before all else."""
    try:
        return main(words)
    except SystemExit as end:
        return int(str(end.code))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "dance",
        "run --twice",
        "status --loud",
        "pin",
        "pin add",
        f"pin add {'AB' * 32} --role pending",
        f"pin add {'AB' * 32} --role retiring",
        "override",
        "override on",
        "override on --for 1h",
        "override on --reason x",
        "override on --for ever --reason x",
        "override on --for -1h --reason x",
        "override on --for 0s --reason x",
        "explain nonsense nonsense",
        "probe --config",
    ],
)
def test_what_is_no_command_is_2(words: str, capfd: Any) -> None:
    """One sentence on standard error, nothing on standard output."""
    assert main_in_here([*words.split(), *(["--config", "/nowhere"] if words else [])]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") <= 3, "a sentence, or the path and its fault"


@pytest.mark.parametrize("words", NEEDS_SETTINGS)
def test_refused_settings_are_2_for_every_command(words: str, tmp_path: Path, capfd: Any) -> None:
    """Nothing is done under settings that are wrong, and each fault is told."""
    settings = tmp_path / "edgepind.toml"
    settings.write_text('[cloud]\nhost = "a.test"\nport = 0\n[pin]\n')
    assert main_in_here([*words.split(), "--config", str(settings)]) == 2
    said = capfd.readouterr()
    assert "cloud.port = 0" in said.out + said.err
    assert " pin = " in said.out + said.err
    assert [it.name for it in tmp_path.iterdir()] == ["edgepind.toml"]


@pytest.mark.parametrize("verb", ["run", "run --once", "probe"])
async def test_roots_that_are_not_there_are_2(site: Site, ask: Any, verb: str) -> None:
    """What the settings name and nobody can use is an error of the settings."""
    site.write_settings({"cloud": {"public_roots": "/nowhere/roots.pem"}})
    answer = await ask(*verb.split())
    assert (answer.code, answer.output) == (2, "")
    assert "/nowhere/roots.pem" in answer.errors


async def test_where_no_daemon_ever_ran_it_is_3(ask: Any) -> None:
    """Nobody can say how things stand: status, explain, reload; and one sentence why."""
    for verb in ("status", "explain", "reload", "status --json"):
        answer = await ask(*verb.split())
        assert answer.code == 3, (verb, answer)
        assert answer.errors.count("\n") == 1, (verb, answer)


async def test_a_daemon_that_stopped_writing_is_3(site: Site, ask: Any) -> None:
    """Hung or gone: three intervals without a word, and `status` says so."""
    install_current(site)
    await site.daemon.start()
    await site.until(site.daemon.status, "the first word")
    poke(site, signal.SIGSTOP)
    written = site.daemon.status()["written_at"]
    code = 0
    while code != 3:  # it is good for three intervals yet
        code = (await ask("status")).code
    assert site.daemon.status()["written_at"] == written
    poke(site, signal.SIGCONT)
    assert await site.daemon.stop() == 0
    assert (await ask("status", "--json")).code == 3


async def test_nothing_that_answers_is_3_for_probe_and_1_for_a_tick(site: Site, ask: Any) -> None:
    """Refused everywhere: not observed for `probe`, a bad answer for `run --once`."""
    address = f"127.0.0.1:{free_port()}"
    site.write_settings({"cloud": {"addresses": [address]}})
    answer = await ask("probe")
    assert answer.code == 3
    assert address in answer.output
    assert (await ask("run", "--once")).code == 1


async def test_a_silent_peer_costs_one_timeout(site: Site, ask: Any) -> None:
    """`cloud.timeout` ends a handshake that never comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        site.write_settings({"cloud": {"addresses": [address], "timeout": "100ms"}})
        answer = await ask("probe")
    assert answer.code == 3


async def test_probe_answers_by_the_pins_at_hand(site: Site, ask: Any) -> None:
    """0 where every address that answers serves a pinned leaf, 1 where one does not."""
    assert (await ask("probe")).code == 0, "no pins: chain, name and time are right"
    install_current(site)
    assert (await ask("probe")).code == 0
    site.cloud.serve(site.issue(), site.cloud.addresses[2:])
    assert (await ask("probe")).code == 1


async def test_what_is_not_permitted_is_4(public_site: Site, call_powerless: Any) -> None:
    """A user without rights changes nothing, is told so, and may still look at what is shown."""
    site = public_site
    install_current(site)
    await site.daemon.start()
    await site.until_event("started")
    await site.until(lambda: site.daemon.status().get("finding") == "pinned", "pinned")
    config = ("--config", site.settings)
    fingerprint = str(site.cloud.status.current)
    forbidden = (
        ("pin", "add", "AB" * 32),
        ("pin", "remove", fingerprint),
        ("override", "on", "--for", "1h", "--reason", "x"),
        ("reload",),
        ("history",),
        ("explain",),
        ("run", "--once"),
    )
    answers = await call_powerless(*((*words, *config) for words in forbidden))
    for words, answer in zip(forbidden, answers, strict=True):
        assert answer.code == 4, (words, answer)
        assert answer.output == "", words
        assert answer.errors.count("\n") == 1, (words, answer)
    assert site.pinning()["fingerprints"] == [fingerprint]
    assert site.daemon.status()["posture"] == "enforcing"
    allowed = (("status",), ("probe",), ("pin", "list"), ("override", "show"))
    answers = await call_powerless(*((*words, *config) for words in allowed))
    for words, answer in zip(allowed, answers, strict=True):
        assert answer.code == 0, (words, answer.errors)


async def test_settings_that_may_not_be_read_are_4(public_site: Site, call_powerless: Any) -> None:
    """Not permitted is told apart from wrong."""
    public_site.settings.chmod(0o600)
    [answer] = await call_powerless(("status", "--config", public_site.settings))
    assert answer.code == 4
    assert str(public_site.settings) in answer.errors
