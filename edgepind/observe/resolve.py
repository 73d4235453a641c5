"""Every address of a host, asked for on threads that nobody waits for.

`getaddrinfo` cannot be cancelled, and against a black hole it takes minutes. So each lookup has a
daemon thread of its own, which no executor joins when the process ends, and there are only so
many at once: where all of them hang, the answer is an error, not another thread.
"""

import asyncio
import signal
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass

from edgepind.settings.kinds import Address

MOST_ADDRESSES = 64
"""A hostile answer must not make one tick last for ever; real hosts have fewer than ten."""
_THREADS = 8
# Of the whole process: settings that are loaded anew must not bring threads of their own.
_SLOTS = threading.BoundedSemaphore(_THREADS)


@dataclass(frozen=True, slots=True)
class ResolveFailed:
    """A name that gave no address, and why, in a clause for a person."""

    error: str


Resolved = tuple[Address, ...] | ResolveFailed


class Resolver:
    """Looks names up, one thread each; lookups that hang keep their slot of `slots`."""

    def __init__(self, slots: threading.BoundedSemaphore = _SLOTS) -> None:
        self._slots = slots

    async def resolve(self, host: str, port: int, timeout: float) -> Resolved:  # noqa: ASYNC109  the lookup goes on without us
        """Every A and AAAA record of `host`, in the order of their notation, once each.

        `timeout` is in seconds. Never raises for an expected failure; a numeric host is its own
        address.
        """
        if not self._slots.acquire(blocking=False):
            return ResolveFailed(
                f"the name {host} was not looked up, for too many lookups are still hanging; "
                "check the name servers in /etc/resolv.conf"
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Resolved] = loop.create_future()

        def look_up() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # main hears them
            try:
                found = _addresses(host, port)
            finally:
                self._slots.release()
            # The loop is closed where the process is about to end: nobody wants the answer.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, answer, found)

        try:
            threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
        except RuntimeError:
            self._slots.release()
            return ResolveFailed(
                f"the name {host} was not looked up: no thread could be started; raise TasksMax of "
                "the service"
            )
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            return ResolveFailed(
                f"the name {host} did not resolve within {timeout:g} s; check the name servers "
                "in /etc/resolv.conf"
            )


def _settle(answer: asyncio.Future[Resolved], found: Resolved) -> None:
    if not answer.done():
        answer.set_result(found)


def _addresses(host: str, port: int) -> Resolved:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return ResolveFailed(f"the name {host} does not resolve: {reason}; check it, and the DNS")
    internet = {socket.AF_INET, socket.AF_INET6}
    found = {Address(str(to[0]), port) for family, _, _, _, to in answers if family in internet}
    if not found:
        return ResolveFailed(f"the name {host} has no A and no AAAA record; check it, and the DNS")
    return tuple(sorted(found, key=str)[:MOST_ADDRESSES])
