"""No process outlives the run of tests that started it, even where the run is killed."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_RUN = """
import subprocess, sys
from tests.support.run_guard import guard_run
guard_run()
child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read()
"""
_PATIENCE_MS = 30_000


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "over"])
def test_what_a_run_left_behind_is_ended(*, killed: bool) -> None:
    """Also what became a session of its own; a process of another run is let be."""
    with (
        subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", _RUN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as run,
        subprocess.Popen(["sleep", "600"]) as other,  # noqa: S607 - from PATH
    ):
        assert run.stdin is not None
        assert run.stdout is not None
        left_behind = os.pidfd_open(int(run.stdout.readline()))
        if killed:
            run.send_signal(signal.SIGKILL)
        run.stdin.close()
        poll = select.poll()
        poll.register(left_behind, select.POLLIN)  # readable once the process has ended
        ended = poll.poll(_PATIENCE_MS)
        os.close(left_behind)
        assert other.poll() is None
        other.kill()
    assert ended
