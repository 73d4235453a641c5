"""Reads the operator's word on pins: one small JSON file each in `STATE/words/`.

`{"word": "add", "fingerprint": "AA:...", "role": "backup"}` or `{"word": "remove",
"fingerprint": "AA:..."}`; `role` may be missing or null. How they are written and removed is
`effects.word_files`' business, what they are worth is decided in `core`.
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from edgepind.host.bounded_read import (
    NoFile,
    SmallFile,
    TooLarge,
    Unreadable,
    read_small_file,
)
from edgepind.host.file_trouble import sentence
from edgepind.model.enums import Role
from edgepind.model.fingerprint import RefusedFingerprint, parse_fingerprint
from edgepind.model.observation import OperatorWord, PinAdd, PinRemove
from edgepind.observe.strict_json import RefusedJson, parse_json

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
