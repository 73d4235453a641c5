"""Where a finished log line goes: standard error, or the journal with standard error behind it.

Nothing here raises or, on the way to the journal, waits: a log that cannot be written must not
end the daemon that it tells of.
"""

import select
from collections.abc import Callable, Mapping
from typing import TextIO

from edgepind.telemetry.journal import Journal


class StderrSink:
    """Whole lines to a stream. `lost` counts those that could not be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def msg(self, line: str) -> None:
        """Write one line; wait for whoever reads it."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed
            self.lost += 1

    def offer(self, line: str) -> None:
        """Write one line if that can be done at once."""
        if self._has_room():
            self.msg(line)
        else:
            self.lost += 1

    def _has_room(self) -> bool:
        try:
            poll = select.poll()
            poll.register(self._stream.fileno(), select.POLLOUT)
            return any(event & select.POLLOUT for _, event in poll.poll(0))
        except (OSError, ValueError):
            return False

    debug = info = warning = error = critical = msg


class JournalSink:
    """Entries to the journal; what it does not take is offered to standard error instead.

    `as_line` writes an entry for that. The first of a row of such entries is preceded by a word
    on why it stands there, and the first that is delivered again by their number.
    """

    def __init__(
        self, journal: Journal, stderr: StderrSink, as_line: Callable[[Mapping[str, str]], str]
    ) -> None:
        self._journal = journal
        self._stderr = stderr
        self._as_line = as_line
        self._undelivered = 0

    def msg(self, **fields: str) -> None:
        """Deliver one entry."""
        if self._undelivered:
            self._report_gap()
        if self._journal.send(fields):
            return
        if not self._undelivered:
            self._stderr.offer(
                "edgepind: journald does not take log entries; they go to standard error until it "
                "does; see `systemctl status systemd-journald`"
            )
        self._undelivered += 1
        self._stderr.offer(self._as_line(fields))

    def _report_gap(self) -> None:
        said = (
            f"{self._undelivered} log entries could not be delivered to the journal and went to "
            "standard error instead."
        )
        note = {"MESSAGE": said, "PRIORITY": "4", "SYSLOG_IDENTIFIER": "edgepind"}
        if self._journal.send(note):
            self._undelivered = 0

    debug = info = warning = error = critical = msg
