"""The word to systemd, received by a datagram socket as systemd's is."""

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepind.telemetry.notify import Notifier


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A manager that listens, and an environment that says where."""
    with (
        tempfile.TemporaryDirectory(prefix="edgepind-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening,
    ):
        listening.bind(f"{folder}/notify")
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        yield listening


def test_each_word_arrives_in_systemds_notation(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The assignments of sd_notify(3)."""
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    notifier = Notifier()
    assert notifier.problem is None
    notifier.ready()
    notifier.status("Pinning is enforced;\nnichts zu tun für Sie (日).")
    notifier.alive()
    notifier.stopping()
    assert [systemd.recv(4096).decode() for _ in range(4)] == [
        "READY=1",
        "STATUS=Pinning is enforced; nichts zu tun für Sie (日).",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_reloading_carries_the_time_that_systemd_compares(systemd: socket.socket) -> None:
    """Microseconds of CLOCK_MONOTONIC, in the same datagram."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier().reloading()
    word, stamp = systemd.recv(4096).decode().split("\n")
    assert word == "RELOADING=1"
    name, _, value = stamp.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(value) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_no_watchdog_is_told_where_none_listens(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each word wakes the manager: one that nobody counts is not said."""
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    notifier = Notifier()
    notifier.alive()
    notifier.stopping()
    assert systemd.recv(4096) == b"STOPPING=1"


def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """`@` stands for the octet that no path begins with."""
    name = f"edgepind-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notifier = Notifier()
        notifier.ready()
        assert listening.recv(4096) == b"READY=1"


def test_outside_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket is named: nothing is said and nothing is wrong."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready()
    assert notifier.problem is None


@pytest.mark.parametrize("address", ["/nowhere/notify", "@edgepind-nobody", "x" * 300])
def test_a_socket_that_cannot_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Otherwise the unit would fail by its time-out, and nobody would know why."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notifier = Notifier()
    assert notifier.problem is not None
    assert address in notifier.problem
    notifier.ready()


def test_a_manager_that_reads_nothing_stops_nobody(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full socket loses words, and takes them again when there is room."""
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    notifier = Notifier()
    for _ in range(5000):
        notifier.alive()
    assert systemd.recv(4096) == b"WATCHDOG=1"
    assert Path(systemd.getsockname()).is_socket()


@pytest.mark.parametrize(
    ("environ", "pause"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_counts_for_its_own_process(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], pause: float | None
) -> None:
    """Half of the interval, and none at all where another process is meant."""
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Notifier().pause == pause
