"""SIGTERM is heard wherever the daemon is: a disk hangs at each call of its start, tick and reload.

The real daemon under strace(1), which holds the chosen call up for an hour.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgepind.clock import SystemClock
from edgepind.model.observation import OverrideFile, PinAdd
from edgepind.operator.override_file import read_override
from edgepind.operator.pin_commands import write_word
from edgepind.state.store import Loaded, StateStore
from tests.support.blackbox import install_current, poke, until_status
from tests.support.hanging_disk import HangingDisk, Standstill, hanging_disk
from tests.support.small_site import Site
from tests.support.syscall_faults import Tracer

QUICK_END = 2.0
"""Seconds in which SIGTERM ends the daemon (CONTRACT section 10)."""

_HELD_AT_THE_START = """
import pathlib, sys, time
from edgepind.cli.run import refusal
from edgepind.clock import SystemClock
from edgepind.daemon import run_daemon
from edgepind.settings.load import load
import os
path = pathlib.Path(sys.argv[2])
settings = load(path, os.environ)
while not pathlib.Path({go!r}).exists():
    time.sleep(0.01)
sys.exit(refusal(run_daemon(settings, path, dry_run=False, clock=SystemClock())))
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the disk hangs: at these calls on this path of the site."""

    name: str
    calls: str
    path: Callable[[Site], Path]

    def at(self, site: Site) -> Standstill:
        """The standstill at that site."""
        return Standstill(self.calls, (self.path(site),))


def _ids(place: Place) -> str:
    return place.name


def textfile(site: Site) -> Path:
    """Where the metrics go."""
    return site.folder / "metrics" / "edgepind.prom"


TICK = [
    Place("words-read", "openat", lambda it: it.state / "words"),
    Place("words-removed", "unlinkat,unlink", lambda it: it.state / "words"),
    Place("override-read", "newfstatat,stat,lstat,statx", lambda it: it.state / "override"),
    Place("override-removed", "unlinkat,unlink", lambda it: it.runtime),
    Place("document-read", "openat", lambda it: it.document),
    Place("document-written", "fsync", lambda it: it.folder),
    Place("document-renamed", "renameat,renameat2,rename", lambda it: it.folder),
    Place("state-written", "openat,fsync", lambda it: it.state),
    Place("state-renamed", "renameat,renameat2,rename", lambda it: it.state),
    Place("state-looked-at", "newfstatat,lstat,statx", lambda it: it.state / "state.json"),
    Place("history", "openat,write", lambda it: it.state / "history.jsonl"),
    Place("status", "renameat,renameat2,rename", lambda it: it.runtime),
    Place("metrics", "renameat,renameat2,rename", lambda it: textfile(it).parent),
    Place("restart-command", "openat", lambda it: it.folder / "restart"),
]
RELOAD = [
    Place("settings", "openat", lambda it: it.settings),
    Place("roots", "openat", lambda it: it.trust.public_roots),
]
START = [
    Place("runtime-folder", "mkdir,mkdirat", lambda it: it.runtime),
    Place("lock", "openat", lambda it: it.state / "lock"),
    Place("roots", "openat", lambda it: it.trust.system_roots),
    Place("state", "openat", lambda it: it.state / "state.json"),
    Place("sweep", "openat", lambda it: it.state),
    Place("started-is-told", "openat", lambda it: it.state / "history.jsonl"),
]


@pytest.fixture
async def running(site: Site, tracer: Tracer) -> Site:
    """A daemon at work, with every file that it may have."""
    assert tracer is not None
    textfile(site).parent.mkdir()
    site.write_settings({"metrics": {"textfile": str(textfile(site))}, "cloud": {"interval": "1h"}})
    install_current(site)
    await site.daemon.start()
    await until_status(site, finding="pinned")
    return site


async def ends_in_time(site: Site, disk: HangingDisk) -> None:
    """Whatever else is asked meanwhile, SIGTERM ends it with 0 in time; nothing is half-done."""
    for number in (signal.SIGHUP, signal.SIGUSR1):
        poke(site, number)
    began = time.monotonic()
    poke(site, signal.SIGTERM)
    await site.until(lambda: disk.ended, "the daemon to end")
    took = time.monotonic() - began
    await disk.let_go()
    assert await site.daemon.wait() == 0
    assert took < QUICK_END
    json.loads(site.document.read_bytes())
    clock = SystemClock()
    assert isinstance(StateStore(site.state).load(clock.now(), clock.boot_id()), Loaded)


def give_work(site: Site) -> None:
    """Let the next tick read, write and remove all that it can."""
    write_word(site.state, PinAdd(site.issue().fingerprint))
    (site.runtime / "override").touch()
    os.utime(site.runtime / "override", (0, 0))  # over long ago: it is to be removed
    assert isinstance(read_override(site.runtime, site.state), OverrideFile)


@pytest.mark.parametrize("place", TICK, ids=_ids)
async def test_at_each_call_of_a_tick(running: Site, place: Place) -> None:
    """Reading, remembering, telling, writing, showing."""
    pid = running.daemon.pid
    assert pid is not None
    async with hanging_disk(pid, place.at(running), running.folder / "trace") as disk:
        give_work(running)
        poke(running)
        await running.until(lambda: disk.hangs, f"the disk to hang at {place.name}")
        await ends_in_time(running, disk)


@pytest.mark.parametrize("place", RELOAD, ids=_ids)
async def test_at_each_call_of_a_reload(running: Site, place: Place) -> None:
    """The settings themselves, and what they name."""
    pid = running.daemon.pid
    assert pid is not None
    async with hanging_disk(pid, place.at(running), running.folder / "trace") as disk:
        poke(running, signal.SIGHUP)
        await running.until(lambda: disk.hangs, f"the disk to hang at {place.name}")
        await ends_in_time(running, disk)


@pytest.mark.parametrize("place", START, ids=_ids)
async def test_at_each_call_of_the_start(running: Site, place: Place) -> None:
    """Before there is a first tick: no less."""
    site = running
    await site.daemon.stop()
    entry, go = site.folder / "held.py", site.folder / "go"
    entry.write_text(_HELD_AT_THE_START.format(go=str(go)))
    await site.daemon.start(run=(str(entry),))
    pid = site.daemon.pid
    assert pid is not None
    async with hanging_disk(pid, place.at(site), site.folder / "trace") as disk:
        go.touch()
        await site.until(lambda: disk.hangs, f"the disk to hang at {place.name}")
        await ends_in_time(site, disk)
