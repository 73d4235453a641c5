"""What a compromised daemon would try, run in its place, under its user and in its sandbox.

Each attempt that succeeds is a hole. Writes `{name: "refused: why" | "DONE"}` into its own folder,
the one place that it may write to.
"""

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

OWN = Path("/var/lib/edgepind")
DOCUMENT = "/etc/purecloud/edge/conf/security/pinning-config.json"
SOCKET = "/run/edgepind/apply.sock"
OTHERS = (
    DOCUMENT,
    "/etc/edgepind/edgepind.toml",
    "/etc/passwd",
    "/etc/cron.d/mine",
    "/etc/systemd/system/mine.service",
    "/run/systemd/system/mine.service",
    "/usr/bin/edgepind",
    "/usr/lib/edgepind/edgepind-apply",
    "/var/lib/edgepind-apply/openings.json",
    "/var/log/mine",
    "/opt/purecloud/edge.py",
    "/root/mine",
    "/proc/sys/kernel/core_pattern",
    "/sys/fs/cgroup/mine",
)
SECRETS = (
    DOCUMENT,
    "/etc/shadow",
    "/etc/edgepind/oauth-secret",
    "/var/lib/edgepind-apply/restarts.json",
    "/proc/1/environ",
    "/proc/kcore",
    "/dev/mem",
)
ORDERS = (
    ("systemctl", "restart", "dbus.service"),
    ("systemctl", "restart", "purecloud-edge.service"),
    ("systemctl", "stop", "edgepind-apply.socket"),
    ("systemctl", "daemon-reload"),
    ("systemctl", "set-environment", "MINE=1"),
    ("systemctl", "mask", "--runtime", "purecloud-edge.service"),
    ("systemd-run", "--quiet", "--wait", "/bin/true"),
    ("su", "-c", "true"),
    ("mount", "-t", "tmpfs", "mine", "/mnt"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Make a call of the C library's. Raises OSError where it fails."""
    if getattr(_libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write(path: str) -> None:
    """Add nothing to a file, or make it."""
    with Path(path).open("a", encoding="utf-8"):
        pass


def read(path: str) -> None:
    """Read one byte."""
    with Path(path).open("rb") as file:
        if not file.read(1):
            raise OSError("it is empty")


def order(words: tuple[str, ...]) -> None:
    """Give somebody who has rights an order."""
    done = subprocess.run(  # noqa: S603 - our own words
        words, capture_output=True, text=True, timeout=20, check=False
    )
    if done.returncode != 0:
        raise OSError(done.stderr.strip().partition("\n")[0])


def set_user_id() -> None:
    """Leave a program behind that makes whoever runs it this user."""
    path = OWN / "tool"
    path.write_text("")
    path.chmod(0o4755)
    if not path.stat().st_mode & stat.S_ISUID:
        raise OSError("the bit was dropped")


def kill_others() -> None:
    """Find somebody else's process to kill."""
    found = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
    others = [int(path.name) for path in found if path.stat().st_uid != os.getuid()]
    for pid in (*others, 1):
        os.kill(pid, 0)


def executable_memory() -> None:
    """Have memory that is both written and run."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


ATTEMPTS: dict[str, Callable[[], object]] = {
    **{f"write {path}": partial(write, path) for path in OTHERS},
    **{f"read {path}": partial(read, path) for path in SECRETS},
    **{" ".join(words): partial(order, words) for words in ORDERS},
    "become root": lambda: os.setuid(0),
    "become the group root": lambda: os.setgid(0),
    "join groups": lambda: os.setgroups([0]),
    "chroot": lambda: os.chroot(OWN),
    "new user namespace": lambda: call("unshare", 0x10000000),
    "new mount namespace": lambda: call("unshare", 0x00020000),
    "trace process 1": lambda: call("ptrace", 16, 1, 0, 0),
    "make a device": lambda: os.mknod(OWN / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 1)),
    "give a file away": lambda: os.chown(OWN / "attempts.json", 0, 0),
    "set-user-id": set_user_id,
    "kill others": kill_others,
    "memory to write and run": executable_memory,
    "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "name the host": lambda: socket.sethostname("mine"),
    "kernel log": lambda: call("klogctl", 3, ctypes.create_string_buffer(64), 64),
    "bpf": lambda: call("syscall", 321, 0, 0, 0),
    "another personality": lambda: call("personality", 0x0040000),
    "a bigger limit of files": lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (1 << 20, 1 << 20)
    ),
}


def converse(line: bytes) -> str:
    """One request to the helper; its answer, "" where there is none.

    systemd hangs up without a greeting while the helper before is still there.
    """
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(SOCKET)
            heard = connection.makefile("rb")
            if _greeted(heard):
                with contextlib.suppress(OSError):  # it does not listen to all of that
                    connection.sendall(line)
                with contextlib.suppress(OSError):
                    return heard.readline().decode()
                return ""
        time.sleep(0.1)


def _greeted(heard: BinaryIO) -> bool:
    try:
        return bool(heard.readline())
    except ConnectionResetError:
        return False


def try_all() -> dict[str, str]:
    """Every attempt, and what came of it."""
    (OWN / "attempts.json").write_text("{}")
    found = {}
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
            found[name] = "DONE"
        except (OSError, ValueError, OverflowError) as error:
            found[name] = f"refused: {error}"
    return found


def ask_all() -> dict[str, str]:
    """Every line of the file `requests`, in order, and the helper's answer to it."""
    lines = json.loads((OWN / "requests").read_text())
    return {f"{number} {line[:200]}": converse(line.encode()) for number, line in enumerate(lines)}


def flood() -> dict[str, str]:
    """Hundreds of connections as fast as can be, half of them with half a request."""
    held = []
    refused = 0
    for _ in range(400):
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(SOCKET)
            connection.send(b'{"do": "app')
            held.append(connection)
        except OSError:
            refused += 1
            connection.close()
    return {"connected": str(len(held)), "refused": str(refused)}


def hold_lock() -> dict[str, str]:
    """Hold the daemon's lock in the name of another process, until it is told to end."""
    with (OWN / "lock").open("r+b", buffering=0) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write((OWN / "victim").read_bytes())
        (OWN / "attempts.json").write_text("{}")
        signal.pause()
    return {}


if __name__ == "__main__":
    report = {"try": try_all, "ask": ask_all, "flood": flood, "lock": hold_lock}[sys.argv[1]]()
    (OWN / "attempts.json").write_text(json.dumps(report))
