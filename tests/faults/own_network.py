"""A network that nobody else has: for faults that would otherwise hit the host.

Needs root. What is opened or started inside, by this thread, belongs to that network.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET, unshare(2)."""


@contextmanager
def own_network() -> Iterator[None]:
    """Live in a network with nothing but loopback meanwhile. Raises OSError where it cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(_NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace can be made")
        try:
            run("ip", "link", "set", "lo", "up")
            yield
        finally:
            if libc.setns(before, _NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "the network of the host cannot be entered again")
    finally:
        os.close(before)


def run(*command: str) -> None:
    """Run a command that must succeed. Raises OSError with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


@contextmanager
def dropping(rule: str) -> Iterator[None]:
    """Drop what an nftables rule of the input hook says meanwhile, as in "tcp dport 443 drop"."""
    chain = f"chain input {{\ntype filter hook input priority 0;\n{rule}\n}}"
    run("nft", f"table inet faults {{\n{chain}\n}}")
    try:
        yield
    finally:
        run("nft", "delete", "table", "inet", "faults")
