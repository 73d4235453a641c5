"""Resolving: every address or a typed error, and never a thread that anybody waits for."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edgepind.observe.resolve import ResolveFailed, Resolver
from edgepind.settings.kinds import Address

_HANGING_DAEMON = """
import asyncio, os, signal, socket
from edgepind.observe.resolve import Resolver

def hang(*_arguments, **_options):
    os.write(1, b"looking up")
    os.read(0, 1)  # nobody ever writes

socket.getaddrinfo = hang

async def main():
    looking = asyncio.ensure_future(Resolver().resolve("edge.test", 443, 600))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, looking.cancel)
    try:
        await looking
    except asyncio.CancelledError:
        pass

asyncio.run(main())
"""


async def test_a_numeric_host_is_its_own_address() -> None:
    """Nothing is looked up for it."""
    assert await Resolver().resolve("127.0.0.1", 8443, 5) == (Address("127.0.0.1", 8443),)
    assert await Resolver().resolve("::1", 8443, 5) == (Address("::1", 8443),)


async def test_localhost_resolves_to_loopback_once_each() -> None:
    """Real answers come back sorted, without repetition."""
    found = await Resolver().resolve("localhost", 443, 5)
    assert isinstance(found, tuple)
    assert Address("127.0.0.1", 443) in found
    assert list(found) == sorted(set(found), key=str)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".test", "a..b"])
async def test_a_name_without_addresses_is_a_typed_error(host: str) -> None:
    """What the resolver refuses, or cannot even ask, comes back as a value that names the host."""
    found = await Resolver().resolve(host, 443, 30)
    assert isinstance(found, ResolveFailed)
    assert host in found.error


@pytest.fixture
def black_hole(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver library that does not answer until the event is set."""
    answers = threading.Event()
    real = socket.getaddrinfo

    def hang(host: str, port: int, **options: Any) -> Any:
        answers.wait()
        return real(host, port, **options)

    # No name server can be made to hang here without rights over the whole host.
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield answers
    answers.set()


async def test_a_hanging_lookup_ends_by_its_deadline(black_hole: threading.Event) -> None:
    """The answer comes when the deadline is over, and says so."""
    found = await Resolver().resolve("127.0.0.1", 443, 0.01)
    assert isinstance(found, ResolveFailed)
    assert "within 0.01 s" in found.error
    assert not black_hole.is_set()


async def test_lookups_that_hang_are_bounded_and_give_their_slot_back(
    black_hole: threading.Event,
) -> None:
    """With every slot hanging the next answer is an error at once; a slot that is free is used."""
    resolver = Resolver(threading.BoundedSemaphore(2))
    for _ in range(2):
        await resolver.resolve("127.0.0.2", 443, 0.01)
    full = await resolver.resolve("127.0.0.2", 443, 600)
    assert isinstance(full, ResolveFailed)
    assert "still hanging" in full.error
    assert [it.name for it in threading.enumerate()].count("resolve 127.0.0.2") == 2
    black_hole.set()
    async with asyncio.timeout(10):
        while isinstance(  # noqa: ASYNC110  a thread gives its slot back and tells nobody
            await resolver.resolve("127.0.0.2", 443, 5), ResolveFailed
        ):
            await asyncio.sleep(0)


def test_a_hanging_lookup_does_not_delay_the_end_of_the_process() -> None:
    """SIGTERM ends a process within two seconds while its lookup hangs."""
    with subprocess.Popen(  # noqa: S603  this interpreter, a script of this test
        [sys.executable, "-c", _HANGING_DAEMON], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as daemon:
        assert daemon.stdout is not None
        assert os.read(daemon.stdout.fileno(), 100) == b"looking up"
        begun = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=20) == 0
        assert time.monotonic() - begun < 2
