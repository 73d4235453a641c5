"""The thread for the disk: what it was given is done, and a disk that stands still is left."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from edgepind.host.disk_thread import DiskThread


async def test_what_was_cut_short_is_done_to_its_end(tmp_path: Path) -> None:
    """Cancelled in the middle, the call is over when the thread is closed: nothing half-done."""
    disk, path, half = DiskThread("test"), tmp_path / "file", threading.Event()

    def slowly() -> None:
        path.write_text("half")
        half.set()
        time.sleep(0.05)  # stands for a disk at work
        path.write_text("whole")

    call = asyncio.ensure_future(disk.run(slowly))
    await asyncio.to_thread(half.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    disk.close()
    assert path.read_text() == "whole"


async def test_a_disk_that_stands_still_does_not_hold_up_the_end() -> None:
    """Closing waits for a moment and no longer."""
    disk, free, begun = DiskThread("test"), threading.Event(), threading.Event()

    def stand_still() -> None:
        begun.set()
        free.wait()

    call = asyncio.ensure_future(disk.run(stand_still))
    await asyncio.to_thread(begun.wait)
    began = time.monotonic()
    disk.close()
    assert time.monotonic() - began < 1.0
    free.set()
    await call
