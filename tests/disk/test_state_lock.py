"""One daemon a state folder, and the second is told who is there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgepind.state.lock import Held, NotLockable, StateLock, take_lock
from tests.support.mounts import Mounts

HOLDER = """
import sys
from pathlib import Path
from edgepind.state.lock import StateLock, take_lock
lock = take_lock(Path(sys.argv[1]))
print(isinstance(lock, StateLock), flush=True)
sys.stdin.read()
"""


def test_the_second_is_refused_by_the_pid_of_the_first(tmp_path: Path) -> None:
    """Another process holds it; killed, it holds it no more."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(  # noqa: S603 - our own words
        command,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        held = take_lock(tmp_path)
        assert isinstance(held, Held)
        assert held.pid == holder.pid
        assert f"pid {holder.pid}" in held.error
        assert "paths.state" in held.error
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    lock = take_lock(tmp_path)
    assert isinstance(lock, StateLock)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_released_it_can_be_taken_again(tmp_path: Path) -> None:
    """Also within one process, where a second lock is refused like any other."""
    lock = take_lock(tmp_path)
    assert isinstance(lock, StateLock)
    assert isinstance(take_lock(tmp_path), Held)
    lock.release()
    lock.release()
    again = take_lock(tmp_path)
    assert isinstance(again, StateLock)
    again.release()


def test_a_child_does_not_keep_it(tmp_path: Path) -> None:
    """A command that outlives the daemon does not lock the next one out."""
    lock = take_lock(tmp_path)
    assert isinstance(lock, StateLock)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:  # noqa: S607 - from PATH
        lock.release()
        again = take_lock(tmp_path)
        child.kill()
    assert isinstance(again, StateLock)
    again.release()


def test_a_pid_that_is_not_there_is_not_told(tmp_path: Path) -> None:
    """The holder was stopped before it could say: refused all the same."""
    lock = take_lock(tmp_path)
    assert isinstance(lock, StateLock)
    for said in ("", "nobody", "\xff"):
        (tmp_path / "lock").write_text(said)
        held = take_lock(tmp_path)
        assert isinstance(held, Held)
        assert held.pid is None
    lock.release()


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "missing"])
def test_what_cannot_be_locked_is_told(tmp_path: Path, kind: str) -> None:
    """Named with its path; nothing waits, nothing is followed."""
    folder = tmp_path
    match kind:
        case "fifo":
            os.mkfifo(folder / "lock")
        case "folder":
            (folder / "lock").mkdir()
        case "link":
            (folder / "lock").symlink_to("elsewhere")
        case _:
            folder = tmp_path / "missing"
    refusal = take_lock(folder)
    assert isinstance(refusal, NotLockable)
    assert str(folder / "lock") in refusal.error
    assert not (folder / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root locks for somebody else")
def test_what_root_locked_by_hand_can_be_locked_by_the_daemon(tmp_path: Path) -> None:
    """The file belongs to the owner of the folder."""
    os.chown(tmp_path, 12345, 23456)
    lock = take_lock(tmp_path)
    assert isinstance(lock, StateLock)
    lock.release()
    assert ((tmp_path / "lock").stat().st_uid, (tmp_path / "lock").stat().st_gid) == (12345, 23456)


def test_a_disk_that_takes_no_file_locks_the_folder(tmp_path: Path, mounts: Mounts) -> None:
    """A daemon on a full disk has the folder; it keeps its lock when there is space again."""
    folder = mounts.tmpfs(tmp_path / "state", "nr_inodes=1")
    held = take_lock(folder)
    assert isinstance(held, StateLock)
    assert isinstance(take_lock(folder), Held)
    room = ["mount", "-o", "remount,nr_inodes=9", str(folder)]
    subprocess.run(room, check=True)  # noqa: S603 - ours
    assert isinstance(take_lock(folder), Held)
    held.release()
    again = take_lock(folder)
    assert isinstance(again, StateLock)
    again.release()
