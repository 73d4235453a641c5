"""Keeps the daemon's state in `STATE/state.json`, with the generation before it beside it.

Nothing on the disk stops the daemon: a damaged file is set aside and reported, and the generation
before it is tried. Synchronous, to be called off the event loop.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from edgepind import __version__
from edgepind.host.bounded_read import NoFile, SmallFile, Stamp, Unreadable, read_small_file
from edgepind.host.durable_file import NotReplaced, Replaced, give_second_name, replace
from edgepind.host.fs import sweep_folder
from edgepind.host.quarantine import move_aside
from edgepind.model.instants import Moment
from edgepind.model.state import State
from edgepind.state.codec import encode
from edgepind.state.envelope import Broken, Opened, Seal, open_state, seal_at, seal_state

LONGEST = 4 * 1024 * 1024
"""Octets of a state file; it has a few thousand."""
_MODE = 0o600
_CLOCK_WAS_SET = timedelta(seconds=60)
"""Beyond this, ages computed from the old seal would be wrong after a reboot: seal anew."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The state as it was saved, its instants moved to this boot."""

    state: State


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nothing was ever saved here."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """What was saved could not be used; `reason` is a sentence.

    `recovered` is the generation before it, None where that is unusable as well. `set_aside` is
    where the damaged file lies now, None where there was none or it could not be moved.
    """

    recovered: State | None
    reason: str
    set_aside: Path | None


class StateStore:
    """The state under one folder, which must exist. One process at a time: see `state.lock`.

    `cloud` is the host whose pins it keeps: the state of another is not used. "": any host.
    """

    def __init__(self, directory: Path, cloud: str = "") -> None:
        self.cloud = cloud
        self._path = directory / "state.json"
        self._previous = directory / "state.json.previous"
        # The file as it was last read or written well, and what it says.
        self._stamp: Stamp | None = None
        self._says: tuple[object, Seal, str] | None = None

    def load(self, now: Moment, boot: str) -> Loaded | Fresh | Damaged:
        """Read what was saved, at `now` on the boot called `boot` ("": not known)."""
        sweep_folder(self._path.parent)
        found = _open(self._path, now, boot, self.cloud)
        if isinstance(found, Opened):
            self._stamp = self._look()
            if boot and found.seal.boot == boot:  # else the instants moved: save them anew
                self._says = (encode(found.state), found.seal, self.cloud)
            return Loaded(found.state)
        previous = _open(self._previous, now, boot, self.cloud)
        if found is None and previous is None:
            return Fresh()
        return self._damaged(found, previous, now)

    def save(self, state: State, now: Moment, boot: str) -> str | None:
        """Replace the file whole, unless it says already what is kept of `state`.

        It is also written where it is not the file that was written last, on another boot, and
        after the wall clock was set. A sentence, where it could not be written durably.
        """
        kept, seal = encode(state), seal_at(now, boot, __version__)
        if self._is_said(kept, seal):
            return None
        if self._stamp is not None and self._stamp == self._look():
            # Where this fails for the disk, the replacement reports it.
            give_second_name(self._path, self._previous)
        outcome = replace(self._path, seal_state(state, seal, self.cloud), mode=_MODE)
        if isinstance(outcome, NotReplaced):
            return outcome.error
        self._stamp, self._says = self._look(), None
        if outcome == Replaced(durable=False):
            return f"the disk does not confirm that {self._path} will last; see `dmesg`"
        self._says = (kept, seal, self.cloud)
        return None

    def _damaged(
        self, found: Opened | Broken | None, previous: Opened | Broken | None, now: Moment
    ) -> Damaged:
        recovered = previous.state if isinstance(previous, Opened) else None
        if isinstance(previous, Broken):
            move_aside(self._previous, "damaged", now.wall)
        if not isinstance(found, Broken):
            return Damaged(recovered, f"{self._path} is missing, and there is one before it", None)
        aside = move_aside(self._path, "damaged", now.wall)
        if isinstance(aside, NotReplaced):
            return Damaged(recovered, f"{found.reason}; it was not set aside: {aside.error}", None)
        return Damaged(recovered, found.reason, aside)

    def _is_said(self, kept: object, seal: Seal) -> bool:
        if self._says is None or self._stamp is None or self._stamp != self._look():
            return False
        said, old, cloud = self._says
        clock_was_set = abs(old.booted - seal.booted) > _CLOCK_WAS_SET
        same = (said, cloud, old.boot) == (kept, self.cloud, seal.boot)
        return same and not clock_was_set

    def _look(self) -> Stamp | None:
        try:
            return Stamp.of(self._path.stat(follow_symlinks=False))
        except OSError:
            return None


def _open(path: Path, now: Moment, boot: str, cloud: str) -> Opened | Broken | None:
    """None where there is no file; else `reason` is a whole sentence."""
    match read_small_file(path, LONGEST):
        case NoFile():
            return None
        case Unreadable(reason):
            return Broken(reason)
        case SmallFile(content):
            opened = open_state(content, now, boot, cloud)
            if isinstance(opened, Broken):
                return Broken(f"{path} cannot be used: {opened.reason}")
            return opened
