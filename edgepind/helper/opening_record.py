"""Root's own record of when validation must be on again: what ends an opening without a daemon.

Written before `enabled: false` is, and removed once the Edge has loaded `enabled: true` again.
The end is a reading of the boot clock, which nobody can set; after a reboot it is moved as the
daemon's own state is: time away counts, as far as the wall clock tells of it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgepind import __version__
from edgepind.clock import Clock
from edgepind.formats.strict_json import RefusedJson, parse_json
from edgepind.host.bounded_read import NoFile, SmallFile, read_small_file
from edgepind.host.durable_file import NotRemoved, NotReplaced, remove, replace
from edgepind.model.instants import Monotonic
from edgepind.state.codec import Misfit, decode, encode, unmoved
from edgepind.state.envelope import Seal, rebase, seal_at

NAME = "opening.json"
"""The file's name in the helper's folder; the timer's condition looks for it."""

_LONGEST = 64 * 1024
_MODE = 0o600
_UNSTEPPED = 1.0
"""Seconds by which the wall clock may have been slewed against the boot clock, and not set."""


@dataclass(frozen=True, slots=True)
class Opening:
    """When it `ends`, and `why` it was let pass.

    `until` is the end that the override file names, None for an opening of the daemon's. After
    `failures` attempts to end it, another is made `not_before` an instant.
    """

    ends: Monotonic
    until: datetime | None
    why: str
    failures: int = 0
    not_before: Monotonic | None = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """There is a record, and it cannot be read."""


@dataclass(frozen=True, slots=True)
class _Page:
    saved: Seal
    opening: Opening


class OpeningRecord:
    """The record in `folder`, read and written at the time of `clock`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / NAME
        self._clock = clock

    def read(self) -> Opening | Damaged | None:
        """What is recorded, in this boot's time; None: nothing is open."""
        page = self._page()
        if not isinstance(page, _Page):
            return page
        return page.opening

    def is_of_another_boot(self) -> bool:
        """Whether its end was reckoned on another boot than this.

        It has to be written anew then: as long as the wall clock stands behind, every reading would
        move the end away again.
        """
        page = self._page()
        return isinstance(page, _Page) and page.saved.boot != self._clock.boot_id()

    def clock_was_set(self) -> bool:
        """Whether the wall clock's times since the record was made compare with nothing.

        Also after a reboot, and where no record can be read.
        """
        page = self._page()
        if not isinstance(page, _Page) or page.saved.boot != self._clock.boot_id():
            return True
        now = seal_at(self._clock.now(), self._clock.boot_id(), __version__)
        return abs((now.booted - page.saved.booted).total_seconds()) > _UNSTEPPED

    def write(self, opening: Opening) -> str | None:
        """Record it durably in place of what is recorded. A sentence, where that failed."""
        page = _Page(seal_at(self._clock.now(), self._clock.boot_id(), __version__), opening)
        content = f"{json.dumps(encode(page), indent=2)}\n".encode()
        done = replace(self._path, content, mode=_MODE)
        return done.error if isinstance(done, NotReplaced) else None

    def remove(self) -> str | None:
        """The Edge is closed. A sentence, where the record is still there."""
        done = remove(self._path)
        return done.error if isinstance(done, NotRemoved) else None

    def _page(self) -> _Page | Damaged | None:
        found = read_small_file(self._path, _LONGEST)
        if isinstance(found, NoFile):
            return None
        parsed = parse_json(found.content) if isinstance(found, SmallFile) else None
        if parsed is None or isinstance(parsed, RefusedJson) or not isinstance(parsed.value, dict):
            return Damaged()
        try:
            seal = decode(Seal, parsed.value.get("saved"), unmoved)
            return decode(
                _Page, parsed.value, rebase(seal, self._clock.now(), self._clock.boot_id())
            )
        except Misfit:
            return Damaged()
