"""Threads for calls that wait for a disk: an `fsync` can take ten seconds, or never end.

Not asyncio's default executor, which a black-holed DNS server can fill, and not an executor at
all: those are waited for when the interpreter ends, and a daemon told to stop has two seconds.
"""

import asyncio
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

_FAREWELL = 0.3
"""Seconds for what is under way: enough for a healthy disk, and for a daemon that has to stop."""


class DiskThread:
    """Runs synchronous calls one after the other, in the order in which they were asked for."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run `call` in the thread; return what it returns, raise what it raises.

        Cancelled while the call is under way, it lets the call finish in the thread.
        """
        return await asyncio.wrap_future(self.submit(call, *args, **kwargs))

    def submit(self, call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Have `call` run in the thread, without waiting for it."""
        future: Future[_R] = Future()
        self._jobs.put((future, lambda: call(*args, **kwargs)))
        return future

    def dismiss(self) -> None:
        """Let the thread end with what it was given, without waiting for that."""
        self._jobs.put(None)

    def close(self) -> None:
        """Let the thread end with what it was given, and wait for that a moment.

        No longer: a disk that hangs must not hold up the end.
        """
        self.dismiss()
        self._thread.join(_FAREWELL)

    def _work(self) -> None:
        # Signals are for the main thread; once that ignores them, one delivered here would kill.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while (job := self._jobs.get()) is not None:
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised in the waiting task
                future.set_exception(error)
            del job, future, call


async def run_aside(call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run `call` in a thread of its own: for what is rare, and must wait for no other disk."""
    thread = DiskThread(getattr(call, "__name__", "aside"))
    try:
        return await thread.run(call, *args, **kwargs)
    finally:
        thread.dismiss()
