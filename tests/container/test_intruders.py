"""Who has no rights gets none: another user of the appliance, and the daemon itself, taken over."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.site import SAMPLE_PIN
from edgepind.lab.timers import Table
from tests.container.site import DAEMON, DOCUMENT, EDGE, SOCKET, Site

_MALLORY = "mallory"
_STATE = "/var/lib/edgepind"
_PROGRAM = "/opt/attempts.py"
_TAKEN_OVER = f"""[Service]
Type=oneshot
Restart=no
WatchdogSec=0
ExecReload=
ExecStart=
ExecStart=/usr/bin/python3 -I {_PROGRAM} {{what}}
"""
_A_PIN = str(SAMPLE_PIN)


@pytest.fixture(scope="module", autouse=True)
def _pinned(kept_site: Site) -> None:
    """All tests here find, and leave, a pinned Edge; there is a secret to be had, and a user."""
    machine = kept_site.machine
    machine.write("/etc/edgepind/oauth-secret", "very secret\n", 0o600)
    machine.write(_PROGRAM, (Path(__file__).parent / "files" / "attempts.py").read_text())
    machine.must("useradd", _MALLORY)
    kept_site.begin_anew()


@pytest.fixture
def untouched(kept_site: Site) -> Iterator[None]:
    """Whatever is tried: document and Edge are as they were, and the daemon goes on afterwards."""
    site = kept_site
    site.until_quiet()
    document, run = site.machine.read(DOCUMENT), site.machine.show(EDGE, "InvocationID")
    yield
    assert site.machine.read(DOCUMENT) == document
    assert site.machine.show(EDGE, "InvocationID") == run


def take_over(site: Site, what: str) -> dict[str, str]:
    """Run a part of the attempts in the daemon's place, with all that its unit binds it by."""
    machine = site.machine
    machine.must("systemctl", "stop", DAEMON)
    machine.drop_in(DAEMON, _TAKEN_OVER.format(what=what))
    machine.must("systemctl", "start", SOCKET)
    machine.must("systemctl", "start", DAEMON, patience=120)
    return dict(json.loads(machine.read(f"{_STATE}/attempts.json")))


def give_back(site: Site) -> None:
    """Let the daemon be itself again."""
    site.machine.drop_in(DAEMON, "")
    site.machine.must("systemctl", "restart", DAEMON)
    site.until_pinned()


def apply(**pinning: Any) -> str:
    """A request for a document, as a line."""
    whole = {"enabled": True, "current": _A_PIN, "accepted": [_A_PIN], **pinning}
    return json.dumps({"do": "apply", "pinning": whole}) + "\n"


def ask(site: Site, *lines: str) -> list[str]:
    """What the helper answers to a daemon that was taken over."""
    site.machine.write(f"{_STATE}/requests", json.dumps(lines))
    return list(take_over(site, "ask").values())


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "words",
    [
        ("cat", DOCUMENT),
        ("cat", f"{_STATE}/state.json"),
        ("ls", _STATE),
        ("ls", "/var/lib/edgepind-apply"),
        ("cat", "/etc/edgepind/oauth-secret"),
        ("touch", f"{_STATE}/override"),
        ("touch", "/run/edgepind/override"),
        ("rm", "-f", "/run/edgepind/status.json"),
        ("rm", "-f", "/run/edgepind/apply.sock"),
        ("sh", "-c", "echo >> /etc/edgepind/edgepind.toml"),
        ("python3", "-c", "import socket; socket.socket(1).connect('/run/edgepind/apply.sock')"),
        ("systemctl", "stop", "edgepind"),
        ("systemctl", "restart", "purecloud-edge"),
        ("systemctl", "kill", "edgepind"),
        ("edgepind", "override", "on", "--for", "1h", "--reason", "x"),
        ("edgepind", "pin", "add", _A_PIN),
        ("edgepind", "reload"),
    ],
    ids=" ".join,
)
def test_another_user_is_refused(kept_site: Site, words: tuple[str, ...]) -> None:
    """Nothing secret is read and nothing is steered; commands of ours say "not permitted"."""
    said = kept_site.machine.run(*words, user=_MALLORY)
    assert said.code != 0, said
    assert "Traceback" not in said.err or words[0] == "python3"
    if words[0] == "edgepind":
        assert said.code == 4, said


def test_another_user_may_look(kept_site: Site) -> None:
    """What `status` shows is for everybody."""
    assert kept_site.machine.run("edgepind", "status", user=_MALLORY).code == 0


@pytest.mark.usefixtures("untouched")
def test_a_daemon_taken_over_gains_nothing(kept_site: Site) -> None:
    """In its sandbox, as its user: every attempt to reach beyond its own folder is refused."""
    found = take_over(kept_site, "try")
    assert len(found) > 30
    assert [name for name, outcome in found.items() if outcome == "DONE"] == []
    give_back(kept_site)


@pytest.mark.usefixtures("untouched")
def test_the_helper_believes_a_daemon_nothing(kept_site: Site) -> None:
    """Requests that are malformed, too long, weak, or name what they may not, change nothing."""
    weak = "AA:" * 19 + "AA"
    many = [f"{number:064X}" for number in range(200)]
    answers = ask(
        kept_site,
        "\n",
        "garbage\n",
        '{"do": "read"',
        '{"do": "format the disk"}\n',
        '{"do": "unit", "unit": "dbus.service"}\n',
        apply(accepted=[]),
        apply(accepted=[weak], current=weak),
        apply(accepted=["null"], current="null"),
        apply(accepted=[_A_PIN, _A_PIN]),
        apply(accepted=[_A_PIN, *many]),
        apply(path="/etc/passwd"),
        apply(enabled="no"),
        '{"do": "restore", "pinning": NaN}\n',
        "x" * 100_000 + "\n",
    )
    for answer in answers:
        assert not answer or json.loads(answer)["is"] == "RequestRefused", answer
    give_back(kept_site)


def test_the_helper_switches_validation_off_for_no_forged_word(kept_site: Site) -> None:
    """With fail-open off there is one way: an override that root itself wrote."""
    site = kept_site
    site.write_settings({"fail_open": {"enabled": False}})
    document = site.machine.read(DOCUMENT)
    off = apply(enabled=False)
    site.machine.write(f"{_STATE}/override", "", 0o644)
    site.machine.must("chown", "edgepind:", f"{_STATE}/override")
    [answer] = ask(site, off)
    assert json.loads(answer)["is"] == "WriteFailed"
    assert "fail_open.enabled is false" in json.loads(answer)["error"]
    assert site.machine.read(DOCUMENT) == document
    site.machine.remove(f"{_STATE}/override")
    site.write_settings()
    give_back(site)


def test_the_helper_keeps_the_budgets_itself(kept_site: Site) -> None:
    """A daemon that would restart the Edge, or open it, again and again is stopped by root."""
    site = kept_site
    edge: Table = {"restart_budget": 2, "restart_window": "10min"}
    site.write_settings({"edge": edge, "fail_open": {"limit": "1ms", "budget": 2}})
    site.machine.remove("/var/lib/edgepind-apply")
    pinning = json.loads(apply())["pinning"]
    restart = json.dumps({"do": "restart", "loading": pinning}) + "\n"
    answers = ask(site, restart, restart, restart, *[apply(enabled=False), apply()] * 3)
    kinds = [json.loads(answer)["is"] for answer in answers]
    assert kinds == [
        "RestartDone",
        "RestartDone",
        "RestartRefused",
        *["DocumentWritten"] * 4,
        "WriteFailed",
        "DocumentWritten",
    ]
    site.machine.drop_in(DAEMON, "")
    site.begin_anew()


@pytest.mark.usefixtures("untouched")
def test_a_flood_is_weathered(kept_site: Site) -> None:
    """Hundreds of connections cost the host a few helpers; the socket is open again after it."""
    site = kept_site
    take_over(site, "flood")
    give_back(site)
    site.until(lambda: site.machine.show(SOCKET, "ActiveState") == "active", "it is open again")


def test_root_is_not_led_astray_by_what_lies_in_the_daemons_folders(kept_site: Site) -> None:
    """Root's own commands follow no link and signal no process that the daemon's user names."""
    site, machine = kept_site, kept_site.machine
    machine.must("systemctl", "stop", DAEMON)
    machine.must("systemd-run", "--quiet", "--unit=victim", "sleep", "infinity")
    victim = machine.pid_of("victim.service")
    machine.write(f"{_STATE}/victim", f"{victim}\n")
    machine.drop_in(DAEMON, _TAKEN_OVER.format(what="lock").replace("oneshot", "exec"))
    machine.remove(f"{_STATE}/attempts.json")
    machine.must("systemctl", "start", DAEMON)
    site.until(lambda: machine.read(f"{_STATE}/attempts.json"), "the lock is held")
    for name in ("history.jsonl", "override", "state.json"):
        machine.must("ln", "-sf", "/etc/shadow", f"{_STATE}/{name}")
    machine.must("ln", "-sf", "/etc/shadow", "/run/edgepind/status.json")
    shadow = machine.must("cat", "/etc/shadow")
    for words in (
        ("reload",),
        ("status",),
        ("history",),
        ("explain",),
        ("pin", "list"),
        ("check",),
    ):
        said = machine.run("edgepind", *words)
        assert "root:" not in said.out + said.err
    machine.run("edgepind", "override", "on", "--for", "5min", "--reason", "x")
    machine.run("edgepind", "override", "off")
    assert machine.pid_of("victim.service") == victim, "root signals nobody but the daemon"
    assert machine.must("cat", "/etc/shadow") == shadow
    machine.must("systemctl", "stop", "victim", DAEMON)
    machine.drop_in(DAEMON, "")
    site.begin_anew()
