"""Namespaces that live as long as a process does, so that nothing is ever left behind.

A network or a mount that a test makes stands in no list of the host's: when the holder ends, and it
ends with the tests however they end, the kernel takes all of it away.
"""

import subprocess
from collections.abc import Sequence
from typing import Self

_PATIENCE = 30.0


class Holder:
    """A process that holds new namespaces: `--net`, `--mount` and their like, unshare(1).

    `script` is shell code that is run inside first; it must succeed.
    """

    def __init__(self, *namespaces: str, script: str = ":") -> None:
        command = [*WITH_US, "unshare", *namespaces, "sh", "-euc"]
        command.append(f"{script}\necho held\nexec sleep infinity")
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        said = self._process.stdout.readline() if self._process.stdout else ""
        if said != "held\n":
            self.close()
            raise OSError(f"no new namespaces {' '.join(namespaces)} could be made")

    @property
    def pid(self) -> int:
        """The process that holds them; /proc/PID/ns names them."""
        return self._process.pid

    def enter(self, *namespaces: str) -> list[str]:
        """The beginning of a command line that runs inside; `namespaces` as nsenter(1) has them."""
        return ["nsenter", f"--target={self.pid}", *namespaces]

    def run(self, namespace: str, *words: str) -> str:
        """Run a command inside, to its end; what it printed. Raises where it fails."""
        return run([*self.enter(namespace), *words])

    def close(self) -> None:
        """End the process, and with it what nobody else is in."""
        self._process.kill()
        self._process.wait(_PATIENCE)
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""The beginning of a command line of a process that must not outlive these tests."""


def run(words: Sequence[str], patience: float = _PATIENCE) -> str:
    """Run a command of the host's, to its end; what it printed. Raises where it fails."""
    done = subprocess.run(  # noqa: S603 - our own words
        words, capture_output=True, text=True, timeout=patience, check=False
    )
    if done.returncode != 0:
        raise OSError(f"`{' '.join(words)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
