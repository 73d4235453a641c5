"""Notifications to systemd: readiness, status, watchdog, reload, end (sd_notify(3)).

Outside systemd every call does nothing. None waits or raises.
"""

import os
import time
from contextlib import suppress

from sdnotify import SystemdNotifier

_MICROSECONDS = 1_000_000


class Notifier:
    """The notification socket of this service.

    `problem` is a sentence if systemd expects notifications and cannot be reached, else None;
    report it once. `pause` is the longest time between two calls of `alive`, in seconds; None
    without a watchdog.
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
        """The service is up, or a reload is over."""
        self._send("READY=1")

    def take_longer(self, seconds: float) -> None:
        """Ask for so much time from now on until `ready` (EXTEND_TIMEOUT_USEC, sd_notify(3))."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * _MICROSECONDS)}")

    def status(self, sentence: str) -> None:
        """The status line of `systemctl status`."""
        self._send("STATUS=" + " ".join(sentence.split()))

    def alive(self) -> None:
        """Feed the watchdog, if there is one."""
        if self.pause is not None:
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Settings are being reloaded; `ready` ends that."""
        # systemd compares with CLOCK_MONOTONIC, not with the boot clock of `edgepind.clock`.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """The service is stopping."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if self._notifier is not None:
            with suppress(OSError):
                # sdnotify encodes as Latin-1; systemd reads UTF-8.
                self._notifier.notify(state.encode("utf-8", "replace").decode("latin-1"))


def _half_of_watchdog() -> float | None:
    """Half of WatchdogSec=, as sd_watchdog_enabled(3) advises; None: not for this process."""
    pid = os.environ.get("WATCHDOG_PID", "")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if (pid and pid != str(os.getpid())) or not microseconds.isdecimal():
        return None
    return int(microseconds) / _MICROSECONDS / 2 or None
