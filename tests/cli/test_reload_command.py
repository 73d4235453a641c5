"""`edgepind reload`: asks the running daemon to read its settings again."""

import fcntl
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from edgepind.cli.running_daemon import DaemonAtWork, daemon_at_work
from tests.support.small_site import Site


async def test_good_settings_are_put_in_force(steady: Site, ask: Any, read: Any) -> None:
    """0, with the daemon's own sentence."""
    steady.write_settings({"pins": {"policy": "strict"}})
    answer = await ask("reload")
    assert (answer.code, answer.errors) == (0, "")
    assert steady.events().count("reloaded") == 1
    decisions = (await read("history"))[1]["decisions"]
    [decided] = [it for it in decisions if it["event"] == "reloaded"]
    assert answer.output == f"{decided['message']}\n"


async def test_bad_settings_are_refused_with_every_fault(steady: Site, ask: Any) -> None:
    """1, the faults on standard error; the old settings stay in force."""
    steady.write_settings({"pins": {"policy": "lax", "sightings": 0}})
    answer = await ask("reload")
    assert (answer.code, answer.output) == (1, "")
    assert "pins.policy" in answer.errors
    assert "pins.sightings" in answer.errors
    assert steady.events().count("reload_rejected") == 1
    assert steady.daemon.running


async def test_no_daemon_is_exit_code_3(steady: Site, ask: Any) -> None:
    """A lock file that nobody holds is no daemon."""
    await steady.daemon.stop()
    answer = await ask("reload")
    assert (answer.code, answer.output) == (3, "")
    assert "`systemctl start edgepind`" in answer.errors


async def test_a_daemon_that_does_not_answer_is_exit_code_3(steady: Site, ask: Any) -> None:
    """What came of it cannot be said."""
    pid = steady.daemon.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    answer = await ask("reload")
    os.kill(pid, signal.SIGCONT)
    assert (answer.code, answer.output) == (3, "")
    assert "`journalctl -u edgepind`" in answer.errors


async def test_without_rights_it_is_exit_code_4(steady: Site, ask: Any) -> None:
    """Whoever may not open the daemon's lock may not steer it."""
    (steady.state / "lock").chmod(0)
    answer = await ask("reload", mortal=True)
    assert (answer.code, answer.output) == (4, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(("owner", "believed"), [(0, True), (65534, False)])
def test_a_lock_is_believed_of_its_owners_processes_only(
    tmp_path: Path, owner: int, *, believed: bool
) -> None:
    """A daemon that was taken over cannot have root signal somebody else's process."""
    lock = tmp_path / "lock"
    lock.write_text(f"{os.getpid()}\n")
    os.chown(lock, owner, owner)
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert daemon_at_work(tmp_path) == DaemonAtWork(os.getpid() if believed else None)
