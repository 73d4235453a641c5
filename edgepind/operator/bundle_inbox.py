"""Bundles that wait to be decided: files in `STATE/bundles/`, and what `bundle.url` gave.

Any `*.json` or `*.jws` there is a bundle; `edgepind bundle apply` puts one in. Each is verified
here and handed in at every look until the stored state has settled it: accepted it, or refused it
for good. Only then is its file removed, so that a daemon that is killed reads it again. A file that
is none yet and has just changed may still be being copied, and is read at the next look.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from edgepind.bundle.jws import LONGEST
from edgepind.bundle.keys import BundleKeys
from edgepind.bundle.verify import verified
from edgepind.host import durable_file
from edgepind.host.bounded_read import NoFile, SmallFile, TooLarge, read_small_file
from edgepind.host.disk_thread import DiskThread
from edgepind.host.durable_file import NotReplaced
from edgepind.host.fs import CallFailed, sentence
from edgepind.model.bundle import NO_SERIAL, BundleWord, KeptSerial, RefusedBundle, SignedBundle
from edgepind.model.state import State
from edgepind.operator.pin_commands import make_folder

FOLDER = "bundles"
"""Under the state folder."""

MOST = 16
"""At most so many are read at once; the rest wait for the next look."""

_SUFFIXES = frozenset({".json", ".jws"})
_COPYING = 2.0
"""Seconds after its last change in which a file that is no bundle may still be being written."""


@dataclass(frozen=True, slots=True)
class BundlesRead:
    """What the folder holds; `error` says why it could not be looked into, a sentence."""

    words: tuple[tuple[Path, BundleWord], ...] = ()
    error: str | None = None


def read_folder(state: Path, keys: BundleKeys, wall: datetime) -> BundlesRead:
    """Read and verify what is in the folder. Never raises for what a disk can do."""
    folder = state / FOLDER
    try:
        paths = sorted(it for it in folder.iterdir() if it.suffix in _SUFFIXES)
    except FileNotFoundError:
        return BundlesRead()
    except OSError as error:
        return BundlesRead(error=sentence("read", folder, error.errno or 0))
    return BundlesRead(tuple(_words(paths[:MOST], keys, wall)))


def _words(
    paths: list[Path], keys: BundleKeys, wall: datetime
) -> Iterator[tuple[Path, BundleWord]]:
    for path in paths:
        match read_small_file(path, LONGEST):
            case NoFile():
                continue
            case SmallFile(content) as file:
                word = verified(content, keys.keys, "folder")
                recent = abs((wall - file.modified).total_seconds()) < _COPYING
                if isinstance(word, SignedBundle) or not recent:
                    yield path, word
            case TooLarge():
                yield path, _unread(path, f"it is longer than {LONGEST // 1024} KiB")
            case bad:
                yield path, _unread(path, bad.error)


def _unread(path: Path, why: str) -> RefusedBundle:
    return RefusedBundle(f"file {path.name}", "folder", why, f"remove {path}, or mend it")


Keep = Callable[[KeptSerial], Awaitable[KeptSerial | str]]
"""Has root's helper remember a serial and gives the highest; a sentence, where that failed."""


@dataclass(slots=True)
class BundleInbox:
    """The bundles of one daemon under one set of settings, read in the thread of their disk."""

    state: Path
    keys: BundleKeys
    disk: DiskThread
    keep: Keep
    wall: Callable[[], datetime]
    error: str | None = None
    """Why bundles could not be read, or have to wait, a sentence; None: nothing is wrong."""
    unheard: str | None = None
    """Why `bundle.url` gave nothing when it was last asked."""
    _offered: tuple[BundleWord, ...] = ()
    _from_url: str = ""
    _files: dict[Path, BundleWord] = field(default_factory=dict)
    _kept: KeptSerial | None = None

    def offer(self, content: bytes) -> None:
        """Take what `bundle.url` gave; it is decided at the next look."""
        word = verified(content, self.keys.keys, "url")
        self._offered, self._from_url = (word,), word.digest

    def refused_url(self, state: State) -> bool:
        """Whether what `bundle.url` gave last was refused, so that all of it is asked for again."""
        return self._from_url in state.bundle.refused

    async def read(self, state: State) -> tuple[BundleWord, ...]:
        """Every bundle that is not settled yet; none while the helper's serial is not known."""
        found = await self.disk.run(read_folder, self.state, self.keys, self.wall())
        self.error, self._files = found.error, dict(found.words)
        words = (*self._files.values(), *self._offered)
        signed = any(isinstance(it, SignedBundle) for it in words)
        kept = await self._keep_up(state.bundle.accepted) if signed else NO_SERIAL
        if isinstance(kept, str):
            self.error = kept
            return tuple(it for it in words if isinstance(it, RefusedBundle))
        return tuple(replace(it, kept=kept) if isinstance(it, SignedBundle) else it for it in words)

    async def _keep_up(self, own: KeptSerial) -> KeptSerial | str:
        """The highest serial that root's helper remembers, which is at least that of the state."""
        if self._kept is None or self._kept.serial < own.serial:
            kept = await self.keep(own)
            if isinstance(kept, str):
                return kept
            self._kept = kept
        return self._kept

    async def give_up(self, state: State) -> str | None:
        """Remove what the stored `state` has settled, and have the helper remember its serial.

        A sentence, where one of them fails; each is tried again at the next look.
        """
        self._offered = tuple(it for it in self._offered if not _is_settled(it, state))
        own = state.bundle.accepted
        kept = await self._keep_up(own) if own.serial else NO_SERIAL
        done = [path for path, word in self._files.items() if _is_settled(word, state)]
        stays = await self.disk.run(_remove_all, done) if done else None
        return kept if isinstance(kept, str) else stays


def _is_settled(word: BundleWord, state: State) -> bool:
    memory = state.bundle
    if word.digest in memory.refused:
        return True
    return isinstance(word, SignedBundle) and word.bundle.serial <= memory.accepted.serial


def _remove_all(paths: list[Path]) -> str | None:
    errors = [error for path in paths if (error := durable_file.remove(path))]
    return errors[0] if errors else None


def put_bundle(state: Path, content: bytes) -> Path | NotReplaced:
    """Put one into the folder under `state`, which is made for it; give its path."""
    folder = state / FOLDER
    try:
        make_folder(state, folder)
    except CallFailed as failure:
        return NotReplaced(str(failure), failure.errno)
    path = folder / f"{secrets.token_hex(8)}.json"
    outcome = durable_file.replace(path, content)
    return outcome if isinstance(outcome, NotReplaced) else path
