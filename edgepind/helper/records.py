"""What root's helper remembers, in a folder that only root reads and writes, and the lock on it.

Two budgets are counted by instants (`BudgetLog`), `OpeningRecord` holds when validation must be on
again, and `SerialRecord` the highest serial of a signed bundle. Instants are readings of the boot
clock, which nobody can set; after a reboot they are moved as the daemon's state is: the time
switched off counts, as the wall clock measures it.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from edgepind import __version__
from edgepind.clock import Clock
from edgepind.effects.helper_protocol import RequestRefused
from edgepind.formats import RefusedJson, parse_json
from edgepind.host.bounded_read import NoFile, SmallFile, read_small_file
from edgepind.host.durable_file import NotReplaced, remove, replace
from edgepind.model.bundle import NO_SERIAL, KeptSerial
from edgepind.model.instants import Moment, Monotonic
from edgepind.state.codec import Misfit, decode, encode, unmoved
from edgepind.state.envelope import Seal, rebase, seal_at

FOLDER = Path("/var/lib/edgepind-apply")
"""The installed helper's folder: `StateDirectory=` of its units. Absent: it is not installed."""

TIMER = "edgepind-close.timer"
"""Runs `edgepind-apply close` again and again while the end of an opening is recorded."""

NAME = "opening.json"
"""The opening's file in that folder; the timer's condition looks for it."""

_LONGEST = 256 * 1024
_CLOCKS_APART = 86_400.0
"""Seconds by which this host's clock may be behind that of the workstation that made a bundle."""
_UNSTEPPED = 1.0
"""Seconds by which the wall clock may have been slewed against the boot clock, and not set."""


@contextmanager
def turn(folder: Path) -> Iterator[bool]:
    """Whether this process alone may open, restart or close the Edge within the block.

    A lock on the folder (flock(2)), which needs no disk space and is released however its holder
    ends; it is never waited for. Raises OSError where there is no such folder, or it is not this
    user's.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Damaged:
    """There is a record, and it cannot be read."""


@dataclass(frozen=True, slots=True)
class _Instants:
    saved: Seal
    instants: tuple[Monotonic, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """When it `ends`, and `why` it was allowed.

    `until` is the end that the override file names, None for an opening of the daemon's. After
    `failures` attempts to end it, another is made `not_before` an instant.
    """

    ends: Monotonic
    until: datetime | None
    why: str
    failures: int = 0
    not_before: Monotonic | None = None


@dataclass(frozen=True, slots=True)
class _Recorded:
    saved: Seal
    opening: Opening


@dataclass(frozen=True, slots=True)
class _Serial:
    saved: Seal
    highest: KeptSerial


_Page = TypeVar("_Page", _Instants, _Recorded, _Serial)


def _read(path: Path, kind: type[_Page], now: Moment, boot: str) -> _Page | Damaged | None:
    """The record in this boot's time; None where there is none."""
    found = read_small_file(path, _LONGEST)
    if isinstance(found, NoFile):
        return None
    parsed = parse_json(found.content) if isinstance(found, SmallFile) else None
    if parsed is None or isinstance(parsed, RefusedJson) or not isinstance(parsed.value, dict):
        return Damaged()
    try:
        seal = decode(Seal, parsed.value.get("saved"), unmoved)
        return decode(kind, parsed.value, rebase(seal, now, boot))
    except Misfit:
        return Damaged()


def _write(path: Path, page: _Instants | _Recorded | _Serial) -> str | None:
    """Durably. A sentence, where that failed."""
    done = replace(path, f"{json.dumps(encode(page), indent=2)}\n".encode(), mode=0o600)
    return done.error if isinstance(done, NotReplaced) else None


class BudgetLog:
    """The instants in the file at `path`, the oldest first: what a budget is counted by.

    A damaged file counts as an empty one: nobody but root writes there, so damage is the disk's
    doing, and it may cost one budget more but must not keep the Edge locked out.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        moment, boot = clock.now(), clock.boot_id()
        self._seal, self.now = seal_at(moment, boot, __version__), moment.monotonic
        page = _read(path, _Instants, moment, boot)
        self._instants = tuple(sorted(page.instants)) if isinstance(page, _Instants) else ()

    def within(self, seconds: float) -> tuple[Monotonic, ...]:
        """The entries that are younger than `seconds`."""
        return tuple(it for it in self._instants if it > self.now - seconds)

    def add(self, keep: float) -> str | None:
        """Enter the present instant durably, dropping what is older than `keep` seconds.

        A sentence, where the disk does not take it: then it must not be acted upon.
        """
        return self._replace((*self.within(keep), self.now))

    def take_back(self) -> str | None:
        """Remove the last entry: what it stood for was not done."""
        return self._replace(self._instants[:-1])

    def _replace(self, instants: tuple[Monotonic, ...]) -> str | None:
        problem = _write(self._path, _Instants(self._seal, instants))
        if problem is None:
            self._instants = instants
        return problem


class OpeningRecord:
    """When the opening ends that is recorded in `folder`, read and written at the time of `clock`.

    Written before `enabled: false` is, and removed once the Edge has loaded `enabled: true` again:
    so an opening ends without the daemon as well.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / NAME
        self._clock = clock

    def read(self) -> Opening | Damaged | None:
        """What is recorded, in this boot's time; None: nothing is open."""
        page = self._page()
        return page.opening if isinstance(page, _Recorded) else page

    def is_of_another_boot(self) -> bool:
        """Whether its end was computed on another boot than this.

        It has to be written anew then: as long as the wall clock stands behind, every reading would
        move the end away again.
        """
        page = self._page()
        return isinstance(page, _Recorded) and page.saved.boot != self._clock.boot_id()

    def clock_was_set(self) -> bool:
        """Whether wall times of before and after the record was made cannot be compared.

        Also after a reboot, and where no record can be read.
        """
        page = self._page()
        if not isinstance(page, _Recorded) or page.saved.boot != self._clock.boot_id():
            return True
        return abs((self._seal().booted - page.saved.booted).total_seconds()) > _UNSTEPPED

    def write(self, opening: Opening) -> str | None:
        """Record it durably in place of what is recorded. A sentence, where that failed."""
        return _write(self._path, _Recorded(self._seal(), opening))

    def remove(self) -> str | None:
        """The Edge is closed. A sentence, where the record is still there."""
        return remove(self._path)

    def _seal(self) -> Seal:
        return seal_at(self._clock.now(), self._clock.boot_id(), __version__)

    def _page(self) -> _Recorded | Damaged | None:
        return _read(self._path, _Recorded, self._clock.now(), self._clock.boot_id())


class SerialRecord:
    """The highest serial of a signed bundle that the daemon has accepted, recorded in `folder`.

    It only grows, so that a lost state does not let an old bundle back. What the daemon claims is
    bounded by the time, as a bundle's own serial is: a compromised one cannot bar all that follow.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / "bundle.json"
        self._clock = clock

    def keep(self, serial: KeptSerial) -> KeptSerial | RequestRefused:
        """Record it where it is higher, and give the highest."""
        moment, boot = self._clock.now(), self._clock.boot_id()
        page = _read(self._path, _Serial, moment, boot)
        known = page.highest if isinstance(page, _Serial) else NO_SERIAL
        if serial.serial <= known.serial:
            return known
        if serial.serial > (moment.wall.timestamp() + _CLOCKS_APART) * 1_000_000:
            return RequestRefused(f"the serial {serial.serial} is above the time in microseconds")
        problem = _write(self._path, _Serial(seal_at(moment, boot, __version__), serial))
        return RequestRefused(problem) if problem else serial
