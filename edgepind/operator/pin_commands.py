"""The operator's commands on pins, one small JSON file each in `STATE/words/`.

`{"word": "add", "fingerprint": "AA:...", "role": "backup"}` or `{"word": "remove",
"fingerprint": "AA:..."}`; `role` may be missing or null. Names count up, so that commands are read
in the order in which they were given, whatever the clock does. A file belongs to the owner of the
state folder: the daemon removes what root wrote. What follows from them is decided in `core`.
"""

import json
import os
import re
import secrets
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgepind.formats import RefusedJson, parse_json
from edgepind.host.bounded_read import NoFile, SmallFile, Unreadable, read_small_file
from edgepind.host.disk_thread import DiskThread
from edgepind.host.durable_file import NotReplaced, remove, replace
from edgepind.host.fs import CallFailed, calling, owner_in, sentence, sweep_folder
from edgepind.model.enums import Role
from edgepind.model.fingerprint import RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import PinAdd, PinRemove, PinWord

FOLDER = "words"
"""Under the state folder."""

MOST_WORDS = 64
"""At most so many are read at once; the rest wait for the next look."""

_NAME = re.compile(r"\d{8}-[0-9a-f]{16}\.json")
_LONGEST = 4096
_ROLES = (None, Role.CURRENT, Role.BACKUP)


@dataclass(frozen=True, slots=True)
class MalformedWord:
    """A file that is not a command on a pin; `reason` is a clause for a person."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Words:
    """Commands in the order in which they were given, and the file of each.

    `malformed` is what should be set aside; `error` says why the folder could not be looked into.
    """

    words: tuple[PinWord, ...] = ()
    files: tuple[Path, ...] = ()
    malformed: tuple[MalformedWord, ...] = ()
    error: str | None = None


def read_words(state: Path, known: AbstractSet[Path] = frozenset()) -> Words:
    """Read the commands under the state folder, less the files that are `known`.

    Never raises for what a disk can do.
    """
    folder = state / FOLDER
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.suffix == ".json")
    except FileNotFoundError:
        return Words()
    except OSError as error:
        return Words(error=sentence("read", folder, error.errno or 0))
    words: list[tuple[PinWord, Path]] = []
    malformed: list[MalformedWord] = []
    for name in names:
        if folder / name in known:
            continue
        match _read(folder / name):
            case None:
                continue
            case MalformedWord() as bad:
                malformed.append(bad)
            case word:
                words.append((word, folder / name))
        if MOST_WORDS in (len(words), len(malformed)):
            break
    return Words(
        tuple(word for word, _ in words), tuple(path for _, path in words), tuple(malformed)
    )


def _read(path: Path) -> PinWord | MalformedWord | None:
    """None where it has gone meanwhile."""
    if not _NAME.fullmatch(path.name):
        return MalformedWord(path, "its name is not one that `edgepind pin` gives")
    match read_small_file(path, _LONGEST):
        case NoFile():
            return None
        case Unreadable(reason):
            return MalformedWord(path, reason)
        case SmallFile(content):
            word = parse_word(content)
            return MalformedWord(path, word) if isinstance(word, str) else word


def parse_word(content: bytes) -> PinWord | str:
    """Read one command; where it is not one, a clause that says why."""
    parsed = parse_json(content)
    if isinstance(parsed, RefusedJson):
        return parsed.reason
    value = parsed.value
    if not isinstance(value, dict) or not value.keys() <= {"word", "fingerprint", "role"}:
        return "it is not an object of `word`, `fingerprint` and `role`"
    fingerprint = parse_fingerprint(value.get("fingerprint"))
    if isinstance(fingerprint, RefusedFingerprint):
        return str(fingerprint)
    role = value.get("role")
    match value.get("word"):
        case "add" if role in _ROLES:
            return PinAdd(fingerprint, role and Role(role))
        case "remove" if role is None:
            return PinRemove(fingerprint)
        case _:
            return "its `word` is neither add nor remove, or its `role` does not fit"


class Inbox:
    """The commands under `state`, read and removed in the thread of its disk.

    A command is removed only once a saved state contains it: until then its file stays, and a
    daemon that is killed reads it again. Within one run it is read once.
    """

    def __init__(self, state: Path, disk: DiskThread) -> None:
        self._state = state
        self._disk = disk
        self._heard: tuple[Path, ...] = ()
        self._taken_in: tuple[Path, ...] = ()
        self._rejected: tuple[Path, ...] = ()

    async def read(self) -> Words:
        """Read the commands that were not read in this run, in their order."""
        known = frozenset((*self._heard, *self._taken_in, *self._rejected))
        words = await self._disk.run(read_words, self._state, known)
        self._heard += words.files
        return words

    def take_in(self) -> None:
        """Note that the state in memory contains what was read."""
        self._taken_in, self._heard = (*self._taken_in, *self._heard), ()

    def hear_again(self) -> None:
        """Note that no decision came of what was read: the next look reads it again."""
        self._heard = ()

    async def give_up(self) -> str | None:
        """Remove what was taken in, since a saved state contains it. A sentence, where one stays.

        It is tried again the next time.
        """
        if not self._taken_in:
            return None
        left = await self._disk.run(remove_words, self._taken_in)
        self._taken_in = left.files if left else ()
        return left.error if left else None

    async def reject(self, malformed: tuple[MalformedWord, ...]) -> None:
        """Set malformed files aside; where that fails, they are not read again in this run."""
        self._rejected += tuple(word.path for word in malformed)
        await self._disk.run(set_words_aside, malformed)


# --- writing --------------------------------------------------------------------------------

_FOLDER_MODE = 0o700


def write_word(state: Path, word: PinWord) -> Path | NotReplaced:
    """Write one command under the state folder, making the folder for it; give its path."""
    value: dict[str, object] = {"word": "remove", "fingerprint": str(word.fingerprint)}
    if isinstance(word, PinAdd):
        value |= {"word": "add", "role": word.role}
    folder = state / FOLDER
    try:
        make_folder(state, folder)
        with calling("read", folder):
            number = _next_number(folder)
    except CallFailed as failure:
        return NotReplaced(str(failure), failure.errno)
    sweep_folder(folder)
    # The random part keeps two commands that run at the same time from one name.
    path = folder / f"{number:08d}-{secrets.token_hex(8)}.json"
    outcome = replace(path, f"{json.dumps(value, indent=2)}\n".encode())
    return outcome if isinstance(outcome, NotReplaced) else path


@dataclass(frozen=True, slots=True)
class WordsLeft:
    """Commands that are still there, oldest first; `error` says why the first of them is."""

    files: tuple[Path, ...]
    error: str


def remove_words(paths: tuple[Path, ...]) -> WordsLeft | None:
    """Remove commands that a saved state contains. None where all of them are gone.

    The oldest first, and none after one that stays: read again, an older command alone would undo
    the newer.
    """
    for index, path in enumerate(paths):
        if error := remove(path):
            return WordsLeft(paths[index:], error)
    return None


def set_words_aside(malformed: tuple[MalformedWord, ...]) -> None:
    """Move malformed files out of the way, as `NAME.rejected`; what stays is found again."""
    for word in malformed:
        with suppress(OSError):
            word.path.rename(word.path.with_name(f"{word.path.name}.rejected"))


def make_folder(state: Path, folder: Path) -> None:
    """Make a folder under `state` where it is missing, its owner that of `state`.

    Raises CallFailed; also for a symbolic link, which somebody less trusted than root may have
    put there.
    """
    with calling("stat", state):
        owner = owner_in(state.stat())
    with calling("mkdir", folder), suppress(FileExistsError):
        folder.mkdir(_FOLDER_MODE)
    with calling("open", folder):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder, flags)
    try:
        with calling("fchown", folder):
            if not owner.owns(os.fstat(descriptor)):
                os.fchown(descriptor, owner.uid, owner.gid)
    finally:
        os.close(descriptor)


def _next_number(folder: Path) -> int:
    """The number after the last one in the folder."""
    names = [entry.name for entry in folder.iterdir()]
    return max((int(name[:8]) for name in names if name[:8].isdecimal()), default=0) + 1
