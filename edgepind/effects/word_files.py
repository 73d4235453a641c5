"""Writes the operator's word on pins for the daemon to read, and removes what it has read.

Names rise, so that words are heard in the order in which they were given, whatever the clock
does. A file belongs to the owner of the state folder: the daemon removes what root wrote.
"""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgepind.host.durable_file import NotReplaced, replace
from edgepind.host.file_calls import CallFailed, calling
from edgepind.host.file_names import NotRemoved, remove
from edgepind.host.file_owner import owner_in
from edgepind.host.temporaries import sweep_folder
from edgepind.model.observation import OperatorWord, PinAdd
from edgepind.observe.operator_words import FOLDER, MalformedWord

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
