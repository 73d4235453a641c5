"""The appliance: a Debian that boots with its own systemd, journal and D-Bus.

It is switched on, rebooted and cut from power as real hardware is; its disk is an overlay on the
tree, and lasts as long as the wires do.
"""

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.container.control_groups import ControlGroups, is_legacy
from tests.container.holder import WITH_US, Holder
from tests.container.patience import until
from tests.container.wires import Wires

_BOOT = 60.0
_PATIENCE = 60.0
_CONSOLE_SHOWN = 4000
_REBOOTS = 133
"""What systemd-nspawn says where it does not keep the unit: boot me again."""
_ROOT = "/run/disk/root"


def disk(tree: Path) -> str:
    """Shell code that gives a mount namespace the appliance's disk, and a /run of its own."""
    return f"""
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/disk/upper /run/disk/work {_ROOT}
mount -t overlay -o lowerdir={tree},upperdir=/run/disk/upper,workdir=/run/disk/work disk {_ROOT}
mkdir -p {_ROOT}/var/log/journal
mount -t tmpfs tmp /tmp
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command on the appliance did."""

    code: int
    out: str
    err: str


class Machine:
    """One appliance. `console` is the host's file to which it tells how it boots."""

    def __init__(self, wires: Wires, groups: ControlGroups, console: Path) -> None:
        self._holder: Holder = wires.edge
        self._groups = groups
        self._console = console
        self._process: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def power_on(self) -> None:
        """Boot, until its systemd has started all that it is to start. Raises where it cannot."""
        environment = dict(os.environ)
        if is_legacy():
            environment["UNIFIED_CGROUP_HIERARCHY"] = "no"
        with self._console.open("ab") as console:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                self._boot(),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
            )
        self.leader = until(self._find_leader, _BOOT, f"it boots; see {self._console}")
        self.must("systemctl", "is-system-running", "--wait", good=(0, 1))

    def reboot(self) -> None:
        """Reboot in good order."""
        self.run("systemctl", "reboot")
        code = self._gone()
        if code != _REBOOTS:
            raise OSError(f"the appliance did not reboot: {code}; see {self._console}")
        self.power_on()

    def power_cut(self) -> None:
        """Take its power away in the middle of whatever it does; its disk stays."""
        if self._process is not None:
            self._process.kill()
            self._gone()
            # What ran inside is killed with it, and holds the disk for a moment longer.
            self._groups.await_emptiness()

    def run(
        self,
        *words: str,
        user: str | None = None,
        stdin: str = "",
        patience: float = _PATIENCE,
    ) -> Said:
        """Run a command on it, to its end, as root or as `user`."""
        command = [*self._inside(user), *words]
        done = subprocess.run(  # noqa: S603 - our own words
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
            start_new_session=True,  # so that no signal to a group of processes reaches these tests
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def must(self, *words: str, good: Sequence[int] = (0,), patience: float = _PATIENCE) -> str:
        """Run a command as root that must succeed; what it printed."""
        said = self.run(*words, patience=patience)
        if said.code not in good:
            raise AssertionError(f"`{' '.join(words)}` gave {said.code}: {said.err}{said.out}")
        return said.out

    def path(self, inside: str) -> Path:
        """A file of the appliance's as the host reaches it; no symbolic link may be on the way."""
        return Path(f"/proc/{self.leader}/root{inside}")

    def read(self, inside: str) -> str:
        """A file's text; "" where there is none."""
        try:
            return self.path(inside).read_text("utf-8")
        except FileNotFoundError:
            return ""

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Replace a file whole, owned by root, and make the folders above it."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.tmp")
        fresh.write_text(text, "utf-8")
        fresh.chmod(mode)
        fresh.replace(path)

    def remove(self, *inside: str) -> None:
        """Remove files and folders with all that is in them, where there are any."""
        self.must("rm", "-rf", "--", *inside)

    def show(self, unit: str, name: str) -> str:
        """One property of a unit, as systemd tells it."""
        return self.must("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def pid_of(self, unit: str) -> int:
        """The main process of a unit, as the appliance counts; 0 where it has none."""
        return int(self.show(unit, "MainPID"))

    def kill(self, number: signal.Signals, pid: int) -> None:
        """Send a signal to one of its processes. Raises ValueError where there is none."""
        if pid <= 0:
            raise ValueError("there is no such process to signal")
        self.must("kill", f"-{number.value}", str(pid))

    def drop_in(self, unit: str, text: str) -> None:
        """Change a unit as an operator does; "" takes the change away. It is not restarted."""
        path = f"/etc/systemd/system/{unit}.d/90-test.conf"
        if text:
            self.write(path, text)
        else:
            self.remove(path)
        self.must("systemctl", "daemon-reload")

    def cursor(self) -> str:
        """Where the journal ends now."""
        last = self.must("journalctl", "--quiet", "--lines=0", "--show-cursor")
        return last.partition("cursor: ")[2].strip()

    def journal(self, *options: str) -> list[dict[str, Any]]:
        """The journal's entries, the oldest first, by journalctl's options and matches."""
        command = ["journalctl", "--quiet", "--all", "--output=json", *options]
        return [json.loads(line) for line in self.must(*command).splitlines()]

    def journal_after(self, cursor: str, **fields: str) -> list[dict[str, Any]]:
        """The entries behind a cursor that have these fields.

        journalctl 252 leaves one out where a cursor and matches are given together.
        """
        entries = self.journal(f"--after-cursor={cursor}")
        return [it for it in entries if all(it.get(key) == fields[key] for key in fields)]

    def close(self) -> None:
        """Switch it off."""
        self.power_cut()

    def _boot(self) -> list[str]:
        container = ["systemd-nspawn", "--quiet", f"--directory={_ROOT}", "--machine=edge"]
        container += ["--register=no", "--keep-unit", "--console=pipe", "--link-journal=no"]
        container += ["--resolv-conf=off", "--timezone=off", "--kill-signal=SIGRTMIN+3"]
        # Its own network, which it may not change, as of the namespace that it is started in.
        container += ["--network-namespace-path=/proc/self/ns/net", "--private-users=no"]
        # systemd-nspawn shows the controllers of version 1 for reading alone.
        writable = "for it in memory pids; do mount -o remount,bind,rw /sys/fs/cgroup/$it; done"
        init = f"{writable if is_legacy() else ':'}; exec /lib/systemd/systemd"
        # Whatever runs inside ends with the first process, and that one with these tests.
        apart = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        shell = [*WITH_US, "sh", "-euc", f'{self._groups.entering}\nexec "$@"', "sh"]
        inside = self._holder.enter("--mount", "--net")
        return [*shell, *inside, *apart, *container, "/bin/sh", "-c", init]

    def _inside(self, user: str | None) -> list[str]:
        words = ["nsenter", f"--target={self.leader}", "--all", "--wdns=/"]
        words += ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        words += ["HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        # There is one clock for the appliance and this host: nobody inside may set it.
        words += ["setpriv", "--bounding-set=-sys_time,-sys_module,-sys_boot"]
        if user is not None:
            words += [f"--reuid={user}", "--regid=nogroup", "--init-groups"]
            words += ["--inh-caps=-all"]
        return words

    def _find_leader(self) -> int:
        """Its process 1 as the host counts, once that listens; 0 before."""
        if self._process is None or self._process.poll() is not None:
            console = self._console.read_text("utf-8", "replace")[-_CONSOLE_SHOWN:]
            raise OSError(f"the appliance does not boot; its console ends with:\n{console}")
        leader = self._process.pid
        for _ in range(2):  # unshare, systemd-nspawn, its systemd
            children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
            if not children:
                return 0
            leader = int(children[0])
        return leader if Path(f"/proc/{leader}/root/run/systemd/private").exists() else 0

    def _gone(self) -> int:
        if self._process is None:
            return 0
        return self._process.wait(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
