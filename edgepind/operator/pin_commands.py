"""The operator's commands on pins, one small JSON file each in `STATE/words/`.

`{"word": "add", "fingerprint": "AA:...", "role": "backup"}` or `{"word": "remove",
"fingerprint": "AA:..."}`; `role` may be missing or null. Names rise, so that commands are heard in
the order in which they were given, whatever the clock does. A file belongs to the owner of the
state folder: the daemon removes what root wrote. What they are worth is decided in `core`.
"""

import json
import os
import re
import secrets
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgepind.formats.strict_json import RefusedJson, parse_json
from edgepind.host.bounded_read import (
    NoFile,
    SmallFile,
    TooLarge,
    Unreadable,
    read_small_file,
)
from edgepind.host.durable_file import NotRemoved, NotReplaced, remove, replace
from edgepind.host.fs import CallFailed, calling, owner_in, sentence, sweep_folder
from edgepind.model.enums import Role
from edgepind.model.fingerprint import RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import OperatorWord, PinAdd, PinRemove

FOLDER = "words"
"""Under the state folder."""

MOST_WORDS = 64
"""At most so many are read at once; the rest wait for the next look."""

_NAME = re.compile(r"\d{8}-[0-9a-f]{16}\.json")
_LONGEST = 4096
_ROLES = (None, Role.CURRENT, Role.BACKUP)


@dataclass(frozen=True, slots=True)
class MalformedWord:
    """A file that is no word on a pin; `reason` is a clause for a person."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Words:
    """Words in the order in which they were given, and the file of each.

    `malformed` is what should be set aside; `error` says why the folder could not be looked into.
    """

    words: tuple[OperatorWord, ...] = ()
    files: tuple[Path, ...] = ()
    malformed: tuple[MalformedWord, ...] = ()
    error: str | None = None


def read_words(state: Path, known: AbstractSet[Path] = frozenset()) -> Words:
    """Read the words that wait under the state folder, less the files that are `known`.

    Never raises for what a disk can do.
    """
    folder = state / FOLDER
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.suffix == ".json")
    except FileNotFoundError:
        return Words()
    except OSError as error:
        return Words(error=sentence("read", folder, error.errno or 0))
    words: list[tuple[OperatorWord, Path]] = []
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


def _read(path: Path) -> OperatorWord | MalformedWord | None:
    """None where it is gone meanwhile."""
    if not _NAME.fullmatch(path.name):
        return MalformedWord(path, "its name is none that `edgepind pin` gives")
    match read_small_file(path, _LONGEST):
        case NoFile():
            return None
        case Unreadable(reason) | TooLarge(reason):
            return MalformedWord(path, reason)
        case SmallFile(content):
            word = parse_word(content)
            return MalformedWord(path, word) if isinstance(word, str) else word


def parse_word(content: bytes) -> OperatorWord | str:
    """Read one word; where it is none, a clause that says why."""
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


# --- writing --------------------------------------------------------------------------------

_FOLDER_MODE = 0o700


def write_word(state: Path, word: OperatorWord) -> Path | NotReplaced:
    """Leave one word under the state folder, making the folder for it; give its path."""
    value: dict[str, object] = {"word": "remove", "fingerprint": str(word.fingerprint)}
    if isinstance(word, PinAdd):
        value |= {"word": "add", "role": word.role}
    folder = state / FOLDER
    try:
        number = _make_folder(state, folder)
    except CallFailed as failure:
        return NotReplaced(str(failure), failure.errno)
    sweep_folder(folder)
    # The random part keeps two commands that run at the same time from one name.
    path = folder / f"{number:08d}-{secrets.token_hex(8)}.json"
    outcome = replace(path, f"{json.dumps(value, indent=2)}\n".encode())
    return outcome if isinstance(outcome, NotReplaced) else path


@dataclass(frozen=True, slots=True)
class WordsLeft:
    """Words that are still there, oldest first; `error` says why the first of them is."""

    files: tuple[Path, ...]
    error: str


def remove_words(paths: tuple[Path, ...]) -> WordsLeft | None:
    """Remove words that a saved state contains. None where all of them are gone.

    The oldest first, and none after one that stays: heard again, an older word alone would undo
    the newer.
    """
    for index, path in enumerate(paths):
        done = remove(path)
        if isinstance(done, NotRemoved):
            return WordsLeft(paths[index:], done.error)
    return None


def set_words_aside(malformed: tuple[MalformedWord, ...]) -> None:
    """Keep what is no word out of the way, as `NAME.rejected`; what stays is found again."""
    for word in malformed:
        with suppress(OSError):
            word.path.rename(word.path.with_name(f"{word.path.name}.rejected"))


def _make_folder(state: Path, folder: Path) -> int:
    """Make the folder where it is missing; give the number after the last one in it.

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
    with calling("read", folder):
        names = [entry.name for entry in folder.iterdir()]
    return max((int(name[:8]) for name in names if name[:8].isdecimal()), default=0) + 1
