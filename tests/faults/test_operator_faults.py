"""What an operator, a script or a bad moment can do to settings, overrides and the start."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from edgepind.lab.children import environment
from tests.faults import without_rights
from tests.faults.events import announce, told
from tests.faults.seen import Sightings
from tests.support.blackbox import pass_ticks
from tests.support.small_site import Site
from tests.support.syscall_faults import Tracer


def half_written(settings: Path) -> None:
    """As an editor leaves it that dies, or a copy that was cut short."""
    settings.write_bytes(settings.read_bytes()[: settings.stat().st_size // 2])


def unreadable(settings: Path) -> None:
    """Nobody may read it."""
    settings.chmod(0)


def a_folder(settings: Path) -> None:
    """A folder in its place."""
    settings.unlink()
    settings.mkdir()


def gone(settings: Path) -> None:
    """Nothing in its place."""
    settings.unlink()


def binary(settings: Path) -> None:
    """Noise in its place."""
    settings.write_bytes(bytes(range(256)) * 16)


@pytest.mark.parametrize(
    ("row", "damage"),
    [
        ("operator-settings-half", half_written),
        ("operator-settings-unreadable", unreadable),
        ("operator-settings-folder", a_folder),
        ("operator-settings-gone", gone),
        ("operator-settings-noise", binary),
    ],
)
async def test_settings_that_are_no_settings(
    row: str, damage: Callable[[Path], None], site: Site, seen: Sightings
) -> None:
    """A reload is refused whole and the old ones stay in force: an announcement is followed."""
    without_rights.demand()
    await site.daemon.start(run=without_rights.RUN)
    await site.until_steady()
    damage(site.settings)
    assert site.daemon.pid is not None
    os.kill(site.daemon.pid, signal.SIGHUP)
    await site.until_event("reload_rejected")
    fresh = announce(site)
    await site.until(
        lambda: str(fresh.fingerprint) in site.pinning()["fingerprints"], "the announced pin"
    )
    await site.until_event("restart_succeeded", 2)
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    seen.at(row, site, "the old ones in force", told(site, "reload_rejected"), accepted)


async def test_a_storm_of_reloads(steady: Site, seen: Sightings) -> None:
    """Two hundred, with files good and bad by turns: it answers, and the last word counts."""
    site = steady
    assert site.daemon.pid is not None
    good, bad = site.settings.read_text(), '[pins]\npolicy = "lax"\n'
    for number in range(200):
        site.settings.write_text(bad if number % 2 else good)
        os.kill(site.daemon.pid, signal.SIGHUP)
        await asyncio.sleep(0.002)
    site.settings.write_text(good)
    await asyncio.to_thread(site.events)
    count = site.events().count("reloaded")
    os.kill(site.daemon.pid, signal.SIGHUP)
    await site.until_event("reloaded", count + 1)
    await pass_ticks(site, 2)
    assert site.restarts() == 1
    accepted = {str(site.cloud.status.current)}
    events = site.events()
    state = f"{events.count('reloaded')} taken, {events.count('reload_rejected')} refused"
    seen.at("operator-reload-storm", site, f"{state}; pinned", told(site, "reloaded"), accepted)


UNTIL = "2999-01-01T00:00:00Z"
MALFORMED: dict[str, bytes] = {
    "no JSON": b"until tomorrow",
    "half of it": json.dumps({"until": UNTIL, "reason": "x", "by": "me"}).encode()[:20],
    "a list": b"[1]",
    "no until": b'{"reason": "x", "by": "me"}',
    "a time without a zone": b'{"until": "2999-01-01T00:00:00", "reason": "x", "by": "me"}',
    "a number": b'{"until": 4102444800, "reason": "x", "by": "me"}',
    "a reason that is none": json.dumps({"until": UNTIL, "reason": 5, "by": "me"}).encode(),
    "a key twice": f'{{"until": "{UNTIL}", "until": "{UNTIL}"}}'.encode(),
    "noise": bytes(range(256)),
    "a megabyte": b" " * (1 << 20),
}


async def test_override_files_of_every_malformed_kind(steady: Site, seen: Sightings) -> None:
    """None of them switches validation off; each is told, and left for its author."""
    site = steady
    path = site.runtime / "override"
    for kind, content in MALFORMED.items():
        await refused_override(site, seen, kind, partial(path.write_bytes, content))
        path.unlink()
    for kind, make, undo in (
        ("a folder", path.mkdir, path.rmdir),
        ("a FIFO", lambda: os.mkfifo(path), path.unlink),
        ("a link", lambda: path.symlink_to("/etc/passwd"), path.unlink),
    ):
        await refused_override(site, seen, kind, make)
        undo()


async def refused_override(
    site: Site, seen: Sightings, kind: str, make: Callable[[], object]
) -> None:
    """Make the file, and wait until it was told of; validation must stay on."""
    await pass_ticks(site, 1)
    site.daemon.follow()
    known = len(site.daemon.events)
    make()

    def messages() -> list[str]:
        site.daemon.follow()
        said = [str(it.get("MESSAGE", "")) for it in site.daemon.events[known:]]
        return [it for it in said if "override" in it]

    await site.until(messages, f"the override that is {kind} to be told")
    assert site.pinning()["enabled"] is True
    assert site.daemon.status()["posture"] == "enforcing"
    accepted = {str(site.cloud.status.current)}
    seen.at("operator-override", site, f"{kind}: validation stays on", messages()[-1], accepted)


_INTERRUPTED = 130
"""What a command says that SIGINT ends before the daemon attends to signals."""
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", STOPS, ids=lambda it: it.name)
async def test_a_signal_at_every_stage_of_the_start(
    number: signal.Signals, site: Site, seen: Sightings
) -> None:
    """Sent as it enters one of its calls on files, from its first module to its first tick.

    Before it attends to signals the kernel ends it, and after that it ends in good order or goes
    on; the document is whole each time, and the daemon started next finds nothing to mend.
    """
    if Tracer.find() is None:
        pytest.skip("strace is missing or may not trace: signals in the start are NOT tried")
    site.write_settings({"pins": {"sightings": 1}})
    await opened(site, "")
    trace = (site.folder / "trace").read_text("utf-8", "replace")
    lines = re.findall(r"^\d+ +openat\(.*", trace, re.MULTILINE)
    first = next(at for at, line in enumerate(lines, 1) if "edgepind/cli" in line)
    ends: dict[str, int] = {}
    stages = range(first, len(lines), max(1, (len(lines) - first) // 25))
    for stage in stages:
        inject = f"inject=openat:signal={number.name}:when={stage}"
        code = await opened(site, inject)
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        ends[how] = ends.get(how, 0) + 1
        assert code in {-number, 0, _INTERRUPTED}, (stage, code)
        document = json.loads(site.document.read_text())
        assert document["edgeId"] == "e-1"
    await site.daemon.start()
    await site.until_steady()
    assert "state_damaged" not in site.events()
    state = f"{number.name} at {len(stages)} stages: " + ", ".join(
        f"{count} {how}" for how, count in sorted(ends.items())
    )
    accepted = {str(site.cloud.status.current)}
    said = told(site, "stopping") if "stopping" in site.events() else told(site, "started")
    seen.at("operator-signal-start", site, state, said, accepted)


async def opened(site: Site, inject: str) -> int:
    """Run the daemon under strace until its first tick, at which it is told to end; its exit code.

    `inject` is what strace does to it; the trace is in the site's folder.
    """
    trace = str(site.folder / "trace")
    strace = [str(shutil.which("strace")), "-D", "-f", "-o", trace, "-e", "trace=openat"]
    command = [*strace, *(["-e", inject] if inject else []), sys.executable, "-m", "edgepind"]
    with site.daemon.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            *("run", "--config", str(site.settings)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(),
        )

    def ticked_or_over() -> bool:
        status = site.daemon.status()
        ticked = status.get("pid") == process.pid and status["ticks"] > 0
        return process.returncode is not None or ticked

    await site.until(ticked_or_over, "the first tick, or the end")
    if process.returncode is None:
        process.terminate()
    return await process.wait()
