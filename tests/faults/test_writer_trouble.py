"""Slow and lying disks, strangers' names, leftovers and a second daemon."""

import asyncio
import os
import shutil
import signal
import socket
from itertools import pairwise
from pathlib import Path

import pytest

from edgepind.host.fs import temporary_name
from tests.faults.events import told
from tests.faults.seen import Sightings
from tests.support.blackbox import pass_ticks
from tests.support.small_site import Site
from tests.support.syscall_faults import Tracer

OLD, NEW = b"old content\n", b"new content, longer than the old\n"
_REPLACE = f"""
from edgepind.host.durable_file import replace
begin()
print(replace(folder / "file", {NEW!r}))
end()
"""


@pytest.mark.parametrize("claimed", [0, 1, len(NEW) - 1, len(NEW)])
def test_a_write_that_lies_is_found_out(
    claimed: int, tmp_path: Path, tracer: Tracer, seen: Sightings
) -> None:
    """The disk claims some bytes and takes none: what was written is read back, and differs."""
    (whole := tmp_path / "whole").mkdir()
    write = next(it for it in tracer.calls(_REPLACE, whole) if it.name == "write")
    (folder := tmp_path / "lied").mkdir()
    (folder / "file").write_bytes(OLD)
    said = tracer.run(_REPLACE, folder, write, f"retval={claimed}")
    assert said.startswith("NotReplaced(error=")
    assert [it.name for it in folder.iterdir()] == ["file"]
    assert (folder / "file").read_bytes() == OLD
    seen("writer-lying", f"{claimed} bytes claimed: the old file", said.partition("=")[2])


_LIMITED = f"""
import resource
from edgepind.host.durable_file import replace
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
print(replace(folder / "file", {NEW!r}))
"""


def test_a_write_that_is_short_in_truth(tmp_path: Path, tracer: Tracer, seen: Sightings) -> None:
    """The kernel takes ten bytes and then no more: the old file stays."""
    (tmp_path / "file").write_bytes(OLD)
    said = tracer.untouched(_LIMITED, tmp_path)
    assert said.startswith("NotReplaced(error=")
    assert (tmp_path / "file").read_bytes() == OLD
    seen("writer-short", "the old file", said.partition("=")[2])


@pytest.mark.long
async def test_a_disk_that_stands_still_stops_neither_loop_nor_watchdog(
    site: Site, short_folder: Path, seen: Sightings
) -> None:
    """The first fsync of each thread takes ten seconds: the watchdog is served all the while."""
    strace = shutil.which("strace")
    if strace is None or Tracer.find() is None:
        pytest.skip("strace is missing or may not trace: a slow fsync is NOT tried")
    slow = "inject=fsync:delay_enter=10000000:when=1"
    launcher = site.folder / "slow.py"
    words = [strace, "-D", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", "trace=fsync", "-e", slow]
    launcher.write_text(
        "import os, sys\n"
        f"os.execv({strace!r}, [*{words!r}, sys.executable, '-m', 'edgepind', 'run',"
        " *sys.argv[1:]])\n"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(short_folder / "notify"))
        manager.settimeout(0)
        environment = {"NOTIFY_SOCKET": str(short_folder / "notify"), "WATCHDOG_USEC": "1000000"}
        await site.daemon.start(run=(str(launcher),), extra=environment)
        loop = asyncio.get_running_loop()
        heard: list[float] = []
        while b"READY=1" not in await loop.sock_recv(manager, 4096):
            heard.append(loop.time())
        beats = [*heard, loop.time()]
        longest = max(after - before for before, after in pairwise(beats))
        assert beats[-1] - beats[0] > 9, "the disk did stand still"
        assert longest < 1.0, "the watchdog would have ended the daemon"
    await site.until_steady()
    accepted = {str(site.cloud.status.current)}
    state = f"{len(heard)} words to the watchdog in {beats[-1] - beats[0]:.0f} s, then pinned"
    seen.at("writer-fsync-slow", site, state, told(site, "restart_succeeded"), accepted)


UNREAD = {
    "a key twice": b'{"certificatePinning": {},\n "certificatePinning": {}}',
    "cut short": b'{"edgeId": "e-1",\n "certificatePinning": {"enabled"',
    "NUL": b'{"edgeId": "e-1"}\n' + bytes(512),
    "UTF-16 without a mark": '{"edgeId": "e-1"}'.encode("utf-16-le"),
    "a comment without end": b'{"edgeId": "e-1",\n /* "certificatePinning": {}}',
}


@pytest.mark.parametrize("kind", UNREAD)
async def test_a_document_that_was_never_good(kind: str, site: Site, seen: Sightings) -> None:
    """Whatever it pins is not known, so it stays, and so does the cloud's leaf outside."""
    site.document.write_bytes(UNREAD[kind])
    await site.daemon.start()
    await site.until_event("config_rejected")
    await site.until(lambda: site.daemon.status().get("ticks", 0) > 8, "it ticks on")
    assert site.document.read_bytes() == UNREAD[kind]
    assert site.daemon.status()["pins"] == []
    assert site.restarts() == 0
    said = told(site, "config_rejected")
    assert "line " in said
    assert "column " in said
    seen("writer-unread", f"{kind}: left, and nothing adopted", said)


async def test_an_owner_whom_nobody_knows(site: Site, seen: Sightings) -> None:
    """The name is told, nothing is written, and a reload with a right name heals it."""
    before = site.document.read_bytes()
    site.write_settings({"edge": {"owner": "nobody-of-this-name:root"}})
    await site.daemon.start()
    await site.until_event("write_failed")
    assert site.document.read_bytes() == before
    site.write_settings({})
    assert site.daemon.pid is not None
    os.kill(site.daemon.pid, signal.SIGHUP)
    await site.until_steady()
    accepted = {str(site.cloud.status.current)}
    seen.at("writer-owner", site, "healed by a reload", told(site, "write_failed"), accepted)


async def test_what_killed_writers_left_goes(site: Site, seen: Sightings) -> None:
    """Stale temporaries beside the document and the state are gone once the daemon has written."""
    stale = [
        site.document.with_name(temporary_name(site.document.name)),
        site.state / temporary_name("state.json"),
        site.runtime / temporary_name("status.json"),
    ]
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    await site.daemon.start()
    await site.until_steady()
    assert not [path for path in stale if path.exists()]
    accepted = {str(site.cloud.status.current)}
    state = f"{len(stale)} swept"
    seen.at("writer-stale", site, state, told(site, "restart_succeeded"), accepted)


async def test_a_second_daemon(steady: Site, seen: Sightings) -> None:
    """It names who is there and ends; the first goes on undisturbed."""
    site = steady
    answer = await site.daemon.command("run")
    assert answer.code == 1
    accepted = {str(site.cloud.status.current)}
    await pass_ticks(site, 1)
    seen.at("writer-two-daemons", site, "the second ends with 1", answer.errors, accepted)
