"""The word to systemd: readiness, status, watchdog, reload, end (sd_notify(3)).

Outside systemd every call does nothing. None ever waits or raises: a service manager that does
not listen is no reason to stop guarding the Edge.
"""

import os
import time
from contextlib import suppress

from sdnotify import SystemdNotifier

_MICROSECONDS = 1_000_000


class Notifier:
    """One service's line to its manager.

    `problem` is a sentence where systemd expects notifications and cannot be reached, else None:
    say it once. `pause` is how long to wait at most between two calls of `alive`, in seconds;
    None where no watchdog counts them.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self.pause = _half_of_watchdog()
        self._notifier: SystemdNotifier | None = None
        address = os.environ.get("NOTIFY_SOCKET")
        if not address:
            return
        try:
            # By itself sdnotify swallows every error; asked to, it raises each.
            self._notifier = SystemdNotifier(debug=True)
            self._notifier.socket.settimeout(0)
        except OSError as error:
            self.problem = (
                f"systemd's notification socket {address} cannot be used ({error}): systemd will "
                "not learn that edgepind is ready; check NotifyAccess= and the unit's sandbox."
            )

    def ready(self) -> None:
        """Say that the service is up, or that a reload is over."""
        self._send("READY=1")

    def status(self, sentence: str) -> None:
        """Say how things stand, for `systemctl status`."""
        self._send("STATUS=" + " ".join(sentence.split()))

    def alive(self) -> None:
        """Say to the watchdog, if there is one, that the tick loop goes round."""
        if self.pause is not None:
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that settings are being reloaded; `ready` ends that."""
        # systemd compares with CLOCK_MONOTONIC, which the program's own clock does not show.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if self._notifier is not None:
            with suppress(OSError):
                # sdnotify encodes as Latin-1; systemd reads UTF-8.
                self._notifier.notify(state.encode("utf-8", "replace").decode("latin-1"))


def _half_of_watchdog() -> float | None:
    """Half of what systemd waits for, as sd_watchdog_enabled(3) advises; None: not for us."""
    pid = os.environ.get("WATCHDOG_PID", "")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if (pid and pid != str(os.getpid())) or not microseconds.isdecimal():
        return None
    return int(microseconds) / _MICROSECONDS / 2 or None
