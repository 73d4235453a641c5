"""One of the operator's commands: its end, its deadline, its group, its words."""

import asyncio
import os
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from edgepind.host.command import Exited, NotStarted, TimedOut, run_command


def _descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def _fifo(tmp_path: Path) -> Path:
    """Make a pipe with a name, through which a command tells a process id."""
    path = tmp_path / "pid"
    os.mkfifo(path)
    return path


async def _told_by(fifo: Path) -> int:
    return int(await asyncio.to_thread(fifo.read_text))


def _ended(pid: int, within: float) -> bool:
    """Whether a process ends in that many seconds (a zombie has ended too)."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], within)[0])
    finally:
        os.close(fd)


def _reaped(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def test_exit_code_and_output_come_back() -> None:
    """Both streams are kept, as one line, with the code."""
    result = await run_command(["sh", "-c", "echo one; echo two >&2; exit 7"], 10)
    assert result == Exited(7, "one two")
    assert str(result) == "exit code 7: one two"


async def test_only_the_end_of_long_output_is_kept() -> None:
    """A command that says a great deal is neither blocked nor remembered whole."""
    script = "import sys; sys.stdout.write('x' * 3_000_000 + ' the end')"
    result = await run_command([sys.executable, "-c", script], 30)
    assert isinstance(result, Exited)
    assert result.code == 0
    assert result.tail.endswith("the end")
    assert len(result.tail) <= 4096


async def test_output_cannot_steer_a_terminal() -> None:
    """Escape sequences and broken UTF-8 come back as harmless text."""
    result = await run_command(["printf", r"\033[31mred\377\nend"], 10)
    assert isinstance(result, Exited)
    assert result.tail == "[31mred\N{REPLACEMENT CHARACTER} end"


async def test_death_by_signal_is_named() -> None:
    """A command that was killed is told as such."""
    result = await run_command(["sh", "-c", "kill -SEGV $$"], 10)
    assert isinstance(result, Exited)
    assert str(result) == "ended by SIGSEGV"


@pytest.mark.parametrize("argv", [["/no/such/program"], [os.devnull], ["true", "\0"]])
async def test_a_command_that_cannot_start_is_a_value(argv: list[str]) -> None:
    """Absent, not executable, not even an argument: each is told, none raises."""
    assert isinstance(await run_command(argv, 10), NotStarted)


async def test_input_is_empty_and_the_session_its_own() -> None:
    """The command reads end of file at once and leads its own process group."""
    script = "import os, sys; print(sys.stdin.read() == '', os.getsid(0) == os.getpid())"
    result = await run_command([sys.executable, "-c", script], 10)
    assert result == Exited(0, "True True")


async def test_the_service_manager_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command can neither notify systemd in the daemon's name nor read its credentials."""
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/nowhere")
    monkeypatch.setenv("SITE", "kept")
    script = 'echo "[$NOTIFY_SOCKET$CREDENTIALS_DIRECTORY] $SITE"'
    assert await run_command(["sh", "-c", script], 10) == Exited(0, "[] kept")


async def test_deadline_kills_the_whole_group(tmp_path: Path) -> None:
    """What the command started goes with it, also where it shrugs off SIGTERM."""
    fifo = _fifo(tmp_path)
    script = f"trap '' TERM; sleep 60 & echo $! > {fifo}; echo waiting; wait; wait"
    task = asyncio.create_task(run_command(["sh", "-c", script], 1.5))
    pid = await _told_by(fifo)
    result = await task
    assert isinstance(result, TimedOut)
    assert str(result) == "no end after 1.5 s, so it was killed: waiting"
    assert _ended(pid, within=5)


async def test_a_command_may_tidy_up_on_its_deadline() -> None:
    """SIGTERM comes first, and what the command says on it is kept."""
    script = "trap 'echo tidied; exit 0' TERM; echo ready; sleep 60 & wait"
    result = await run_command(["sh", "-c", script], 1.5)
    assert result == TimedOut(1.5, "ready tidied")


async def test_cancellation_ends_it_promptly(tmp_path: Path) -> None:
    """The end of the daemon is the end of the command, well within two seconds."""
    fifo = _fifo(tmp_path)
    script = f"trap '' TERM; echo $$ > {fifo}; while :; do sleep 60; done"
    task = asyncio.create_task(run_command(["sh", "-c", script], 60))
    pid = await _told_by(fifo)
    before = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - before < 1.9
    assert _reaped(pid)


async def test_what_it_leaves_in_the_background_lives_on(tmp_path: Path) -> None:
    """An init script returns at once though its service holds the output open."""
    fifo = _fifo(tmp_path)
    script = f"sleep 60 & echo $! > {fifo}; echo started"
    task = asyncio.create_task(run_command(["sh", "-c", script], 30))
    pid = await _told_by(fifo)
    try:
        assert await task == Exited(0, "started")
        assert not _ended(pid, within=0)
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_nothing_is_left_open() -> None:
    """A thousand ticks do not run out of descriptors: each call gives back what it took."""
    before = _descriptors()
    await run_command(["true"], 10)
    await run_command(["sleep", "60"], 0.05)
    await run_command(["/no/such/program"], 10)
    assert _descriptors() == before
