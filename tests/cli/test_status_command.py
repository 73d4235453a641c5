"""`edgepind status`: what the daemon knows, and whether that is good."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edgepind.cli.exit_code import ExitCode
from edgepind.cli.render import plain_lines
from edgepind.cli.status import status_line, status_page, waiting_for
from edgepind.cli.stored_state import status_exit
from edgepind.formats import rfc3339
from edgepind.lab.children import environment, terminate
from tests.support.small_site import Site

NOW, DAY = datetime(2027, 1, 1, tzinfo=UTC), timedelta(days=1)
PIN = ":".join(["AB"] * 32)


def document(**changes: Any) -> dict[str, Any]:
    """A good status document of CONTRACT section 9, written at `NOW`, with changes."""
    whole: dict[str, Any] = {
        "schema": 1,
        "written_at": rfc3339(NOW),
        "version": "0.1.0",
        "pid": 7,
        "posture": "enforcing",
        "posture_since": rfc3339(NOW),
        "posture_until": None,
        "reason": "Pinning is enforced.",
        "finding": "pinned",
        "lockout": False,
        "dry_run": False,
        "pins": [
            {
                "fingerprint": PIN,
                "kind": "certificate",
                "role": "current",
                "origin": "operator",
                "since": rfc3339(NOW),
                "sightings": 3,
                "accepted_after": None,
            }
        ],
        "addresses": [
            {
                "address": "127.0.0.1:443",
                "fingerprint": PIN,
                "verdict": "pinned",
                "error": None,
                "leaves": [PIN],
            }
        ],
        "status_endpoint": {"ok": True, "channel": "pinned", "error": None},
        "clock": {"trusted": True, "error_ms": 2, "source": "chrony"},
        "problems": [],
        "forecast": {"from": rfc3339(NOW), "to": rfc3339(NOW + timedelta(days=9))},
        "edge": {
            "active": True,
            "written": True,
            "restart_owed": False,
            "restarts_in_window": 1,
            "loaded": True,
        },
        "next_tick_at": rfc3339(NOW + timedelta(seconds=60)),
        "ticks": 42,
    }
    edge = {**whole["edge"], **changes.pop("edge", {})}
    return {**whole, "edge": edge, **changes}


def problem(name: str) -> dict[str, str]:
    """One of CONTRACT section 9."""
    return {"id": name, "what": f"{name} is so", "remedy": "Mend it."}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ExitCode.GOOD),
        ({"finding": "rotating"}, ExitCode.GOOD),
        ({"finding": "unannounced_rotation"}, ExitCode.BAD),
        ({"finding": None}, ExitCode.BAD),
        ({"posture": "grace"}, ExitCode.BAD),
        ({"posture": "override"}, ExitCode.BAD),
        ({"lockout": True}, ExitCode.BAD),
        ({"edge": {"restart_owed": True}}, ExitCode.BAD),
        ({"edge": {"written": False}}, ExitCode.BAD),
        ({"problems": [problem("document-unwritten")]}, ExitCode.BAD),
        ({"problems": [problem("chain-refused")]}, ExitCode.GOOD),
        ({"written_at": rfc3339(NOW - timedelta(seconds=180))}, ExitCode.GOOD),
        ({"written_at": rfc3339(NOW - timedelta(seconds=181))}, ExitCode.UNOBSERVED),
        ({"written_at": rfc3339(NOW + timedelta(seconds=181))}, ExitCode.UNOBSERVED),
        ({"written_at": "yesterday"}, ExitCode.UNOBSERVED),
    ],
)
def test_the_answer_is_the_contracts(changes: Mapping[str, Any], code: ExitCode) -> None:
    """0 enforcing, pinned or rotating, nothing owed; 3 after three intervals; else 1."""
    assert status_exit(document(**changes), NOW, 60.0) is code


def test_what_is_waited_for_is_said() -> None:
    """Hold-downs, deadlines, debts and a missing first pin are waits; a steady state is none."""
    pending = {
        **document()["pins"][0],
        "role": "pending",
        "accepted_after": rfc3339(NOW + timedelta(minutes=15)),
    }
    until = rfc3339(NOW + timedelta(hours=1))
    assert waiting_for(document(), NOW) == ()
    waits = waiting_for(
        document(pins=[pending], posture="open", posture_until=until, edge={"restart_owed": True}),
        NOW,
    )
    facts = (("AB:AB:AB:AB", "hold-down", "15min"), ("open", "1h"), ("restart",), ("pin",))
    for wait, words in zip(waits, facts, strict=True):
        assert all(word in wait for word in words), wait


@pytest.mark.parametrize(
    ("begins", "ends", "told"),
    [
        (None, None, "not known yet"),
        (DAY, DAY, f"announced for {NOW + DAY:%Y-%m-%d %H:%M:%S}Z (in 24h)"),
        (-DAY, 9 * DAY, f"due from {NOW - DAY:%Y-%m-%d %H:%M:%S}Z (24h ago) to"),
    ],
)
def test_the_next_rotation_is_told(
    begins: timedelta | None, ends: timedelta | None, told: str
) -> None:
    """As a span, as an instant where it was announced, or as what is not known."""
    span = {"from": begins and rfc3339(NOW + begins), "to": ends and rfc3339(NOW + ends)}
    assert told in repr(status_page(document(forecast=span), NOW, 60.0))


def test_a_line_changes_only_with_what_matters() -> None:
    """Another tick is no change; another posture, debt or pin is."""
    line = status_line(document(), NOW, 60.0)
    later = NOW + timedelta(seconds=60)
    assert status_line(document(written_at=rfc3339(later), ticks=43), later, 60.0) == line
    others = (
        document(posture="open"),
        document(edge={"restart_owed": True}),
        document(pins=[]),
    )
    assert all(status_line(other, NOW, 60.0) != line for other in others)


def test_an_answer_that_is_not_believed_is_shown_with_why() -> None:
    """It counts as one, and a person sees at a glance that nothing comes of it."""
    doubted = {"ok": True, "channel": "pinned", "error": "it has no standing"}
    shown = repr(status_page(document(status_endpoint=doubted), NOW, 60.0))
    assert "it has no standing" in shown


async def test_no_daemon_is_exit_code_3(ask: Any) -> None:
    """Nothing was ever written: not observed, and what to do about it."""
    answer = await ask("status")
    assert (answer.code, answer.output) == (3, "")
    assert "systemctl start edgepind" in answer.errors


async def test_json_is_the_status_document(steady: Site, read: Any) -> None:
    """`--json` prints what the daemon wrote, and a steady site answers 0."""
    code, shown = await read("status")
    assert code == 0
    assert shown.keys() == document().keys()
    assert shown["pins"] == steady.daemon.status()["pins"]


async def test_the_page_says_it_all(steady: Site, ask: Any) -> None:
    """Posture, finding, reason, pins with role, age and evidence, addresses, next poll."""
    answer = await ask("status")
    fingerprint = str(steady.cloud.status.current)
    assert answer.code == 0
    for words in ("posture", "enforcing", "finding", "reason", "waiting for", "next poll"):
        assert words in answer.output
    pin_line = next(line for line in answer.output.splitlines() if line.startswith("current"))
    assert fingerprint in pin_line
    assert "bootstrap" in pin_line
    assert all(f"{address}  pinned" in answer.output for address in steady.cloud.addresses)


async def test_a_daemon_that_is_gone_is_told_and_is_exit_code_3(site: Site, ask: Any) -> None:
    """What was written last is still shown, with a warning before it."""
    site.runtime.mkdir()
    old = datetime.now(UTC) - timedelta(minutes=5)
    (site.runtime / "status.json").write_text(json.dumps(document(written_at=rfc3339(old))))
    answer = await ask("status")
    assert answer.code == 3
    warning = answer.output.splitlines()[0]
    assert "written 5min" in warning
    assert "`systemctl status edgepind`" in warning
    assert PIN in answer.output


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"{",
        b'{"schema": 1}',
        json.dumps(document(schema=2)).encode(),
        json.dumps(document(posture="asleep")).encode(),
        json.dumps(document(pins=[{"fingerprint": 5}])).encode(),
        json.dumps(document(lockout=0)).encode(),
        b"[" * 100_000,
    ],
)
async def test_a_file_that_is_no_status_is_exit_code_3(
    site: Site, ask: Any, content: bytes
) -> None:
    """Whatever lies there, no traceback and no guess."""
    site.runtime.mkdir()
    (site.runtime / "status.json").write_bytes(content)
    answer = await ask("status")
    assert (answer.code, answer.output) == (3, "")
    assert str(site.runtime / "status.json") in answer.errors
    assert answer.errors.count("\n") == 1


async def test_what_stands_in_the_status_steers_no_terminal(site: Site, ask: Any) -> None:
    """Control characters from elsewhere are not passed on."""
    site.runtime.mkdir()
    evil = document(reason="evil\x1b[2J\x07\nposture  enforcing")
    (site.runtime / "status.json").write_text(json.dumps(evil))
    answer = await ask("status")
    assert "evil [2J  posture  enforcing" in answer.output
    assert not any(sign in answer.output for sign in "\x1b\x07")


async def test_a_status_that_may_not_be_read_is_exit_code_4(steady: Site, ask: Any) -> None:
    """Not permitted is told apart from not there."""
    steady.runtime.chmod(0)
    answer = await ask("status", mortal=True)
    steady.runtime.chmod(0o755)
    assert (answer.code, answer.output) == (4, "")


async def test_watch_piped_prints_a_line_a_change_and_ends_on_ctrl_c(site: Site) -> None:
    """From no daemon to its first pin; Ctrl-C is the good end of a watch."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edgepind", "status", "--watch", "--config", str(site.settings)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        assert b"no daemon has written" in await process.stdout.readline()
        await site.daemon.start()
        current = str(site.cloud.status.current)[:11].encode()
        lines = [line async for line in _until(process.stdout, b"current=" + current)]
        assert len(lines) <= 8
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
    finally:
        await terminate(process)


async def _until(stream: asyncio.StreamReader, mark: bytes) -> Any:
    while line := await stream.readline():
        yield line
        if mark in line:
            return


@pytest.mark.parametrize(("no_color", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
async def test_a_terminal_is_drawn_on(
    steady: Site, no_color: Mapping[str, str], *, coloured: bool
) -> None:
    """On a terminal there is colour, unless NO_COLOR forbids it."""
    shown = await _on_terminal(steady, "status", no_color)
    assert b"enforcing" in shown
    assert (b"\x1b[32m" in shown) is coloured


async def test_watch_on_a_terminal_is_a_live_view(steady: Site) -> None:
    """The live view takes the screen and gives it back on Ctrl-C."""
    shown = await _on_terminal(steady, "status --watch", {}, ends_on=b"addresses")
    assert b"\x1b[?1049h" in shown
    assert shown.rstrip().endswith(b"\x1b[?1049l") or b"\x1b[?1049l" in shown


async def _on_terminal(
    site: Site, command: str, environ: Mapping[str, str], ends_on: bytes | None = None
) -> bytes:
    """What a command draws on a terminal; Ctrl-C is typed once it has drawn `ends_on`."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edgepind", *command.split(), "--config", str(site.settings)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment(), "TERM": "xterm-256color", "COLUMNS": "200", "LINES": "60", **environ},
    )
    os.close(theirs)
    drawn, loop = b"", asyncio.get_running_loop()
    with suppress(OSError):  # EIO: the other end is closed
        while more := await loop.run_in_executor(None, os.read, ours, 65_536):
            drawn += more
            if ends_on is not None and ends_on in drawn:
                process.send_signal(signal.SIGINT)
                ends_on = None
    assert await process.wait() == 0
    os.close(ours)
    return drawn


def test_what_is_wrong_is_shown_first_with_its_remedy() -> None:
    """By its name, on the page and in the line."""
    wrong = document(problems=[problem("document-unwritten")], edge={"written": False})
    (block, *_) = status_page(wrong, NOW, 60.0)
    [_, line] = plain_lines(block)
    assert line == "document-unwritten: document-unwritten is so. Mend it."
    assert "document-unwritten" in status_line(wrong, NOW, 60.0)
    assert "the pinning config to be written" in waiting_for(wrong, NOW)
