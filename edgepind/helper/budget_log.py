"""When something was done, kept where only root reads and writes: what a budget is counted by.

Instants are readings of the boot clock, which nobody can set; after a reboot they are moved as
the daemon's own state is, and never made older by a clock that stands behind.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from edgepind import __version__
from edgepind.clock import Clock
from edgepind.formats.strict_json import RefusedJson, parse_json
from edgepind.host.bounded_read import NoFile, SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced, replace
from edgepind.model.instants import Monotonic
from edgepind.state.codec import Misfit, decode, encode, unmoved
from edgepind.state.envelope import Seal, rebase, seal_at

_LONGEST = 256 * 1024
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class _Page:
    saved: Seal
    instants: tuple[Monotonic, ...]


class BudgetLog:
    """The instants in the file at `path`, the oldest first.

    A damaged file counts as an empty one: nobody but root writes there, so damage is the disk's
    doing, and it may cost one budget more but must not keep the Edge locked out.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._now, self._boot = clock.now(), clock.boot_id()
        self._instants = self._read()

    @property
    def now(self) -> Monotonic:
        """The reading that a new entry gets."""
        return self._now.monotonic

    def within(self, seconds: float) -> tuple[Monotonic, ...]:
        """The entries that are younger than `seconds`."""
        return tuple(it for it in self._instants if it > self.now - seconds)

    def add(self, keep: float) -> str | None:
        """Enter the present instant durably, dropping what is older than `keep` seconds.

        A sentence, where the disk does not take it: then it must not be acted upon.
        """
        return self._write((*self.within(keep), self.now))

    def take_back(self) -> str | None:
        """Remove the last entry: what it stood for was not done."""
        return self._write(self._instants[:-1])

    def _read(self) -> tuple[Monotonic, ...]:
        found = read_small_file(self._path, _LONGEST)
        if isinstance(found, NoFile):
            return ()
        parsed = parse_json(found.content) if isinstance(found, SmallFile) else None
        if parsed is None or isinstance(parsed, RefusedJson):
            return ()
        try:
            page = decode(_Page, parsed.value, unmoved)
        except Misfit:
            return ()
        move = rebase(page.saved, self._now, self._boot)
        return tuple(sorted(map(move, page.instants)))

    def _write(self, instants: tuple[Monotonic, ...]) -> str | None:
        page = _Page(seal_at(self._now, self._boot, __version__), instants)
        content = f"{json.dumps(encode(page), indent=2)}\n".encode()
        done = replace(self._path, content, mode=_MODE)
        if isinstance(done, NotReplaced):
            return done.error
        self._instants = instants
        return None
