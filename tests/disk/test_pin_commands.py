"""The operator's word reaches the daemon once, in order, and nothing else does."""

import json
import os
from pathlib import Path

import pytest

from edgepind.host.durable_file import NotReplaced
from edgepind.model.enums import Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import PinAdd, PinRemove
from edgepind.operator.pin_commands import (
    MOST_WORDS,
    Words,
    read_words,
    remove_words,
    set_words_aside,
    write_word,
)

A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
SPOKEN = (PinAdd(A), PinAdd(B, Role.CURRENT), PinRemove(A), PinAdd(A, Role.BACKUP))


def test_words_are_heard_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    """Each comes back as it was, with its file; removed ones are heard no more."""
    paths = [write_word(tmp_path, word) for word in SPOKEN]
    heard = read_words(tmp_path)
    assert heard.words == SPOKEN
    assert list(heard.files) == paths
    assert remove_words(heard.files[:2]) is None
    assert read_words(tmp_path).words == SPOKEN[2:]
    assert remove_words(heard.files) is None
    assert read_words(tmp_path) == Words()


def test_what_is_said_after_a_look_comes_last(tmp_path: Path) -> None:
    """A word that is given while the daemon remembers the first is not lost and not reordered."""
    write_word(tmp_path, PinAdd(A))
    heard = read_words(tmp_path)
    write_word(tmp_path, PinAdd(B))
    remove_words(heard.files)
    write_word(tmp_path, PinRemove(A))
    assert read_words(tmp_path).words == (PinAdd(B), PinRemove(A))


def test_no_newer_word_goes_while_an_older_one_stays(tmp_path: Path) -> None:
    """Heard again by itself, the older one would undo what the newer has said."""
    first, second, third = (write_word(tmp_path, word) for word in SPOKEN[:3])
    assert isinstance(first, Path)
    assert isinstance(second, Path)
    assert isinstance(third, Path)
    second.unlink()
    second.mkdir()  # stands for what cannot be unlinked
    left = remove_words((first, second, third))
    assert left is not None
    assert left.files == (second, third)
    assert str(second) in left.error
    assert third.exists()
    assert not first.exists()


def test_what_is_known_is_not_heard_again_and_takes_no_other_words_turn(tmp_path: Path) -> None:
    """However many there are of such."""
    known = frozenset(write_word(tmp_path, PinAdd(A)) for _ in range(MOST_WORDS))
    new = write_word(tmp_path, PinRemove(A))
    paths = frozenset(path for path in known if isinstance(path, Path))
    heard = read_words(tmp_path, paths)
    assert (heard.words, heard.files) == ((PinRemove(A),), (new,))


def test_no_folder_is_no_word(tmp_path: Path) -> None:
    """Neither a missing folder of words, nor a missing state folder."""
    assert read_words(tmp_path) == Words()
    assert read_words(tmp_path / "missing") == Words()
    assert isinstance(write_word(tmp_path / "missing", PinAdd(A)), NotReplaced)


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    """A file in its place is an error that names it."""
    (tmp_path / "words").touch()
    assert str(tmp_path / "words") in (read_words(tmp_path).error or "")
    assert isinstance(write_word(tmp_path, PinAdd(A)), NotReplaced)


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Root is not led to write where somebody else wants it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "words").symlink_to("elsewhere")
    assert isinstance(write_word(tmp_path, PinAdd(A)), NotReplaced)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for somebody else")
def test_what_root_says_belongs_to_the_owner_of_the_state(tmp_path: Path) -> None:
    """The daemon's user can read and remove it; nobody else can."""
    os.chown(tmp_path, 12345, 23456)
    path = write_word(tmp_path, PinAdd(A))
    assert isinstance(path, Path)
    for entry, mode in ((path, 0o600), (path.parent, 0o700)):
        status = entry.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12345, 23456, mode)


@pytest.mark.parametrize(
    "value",
    [
        {"word": "add"},
        {"word": "add", "fingerprint": "null"},
        {"word": "add", "fingerprint": "AA:" * 19 + "AA"},
        {"word": "add", "fingerprint": str(A), "role": "retiring"},
        {"word": "add", "fingerprint": str(A), "role": ["backup"]},
        {"word": "remove", "fingerprint": str(A), "role": "backup"},
        {"word": "trust", "fingerprint": str(A)},
        {"fingerprint": str(A)},
        {"word": "add", "fingerprint": str(A), "force": True},
        ["add", str(A)],
        None,
    ],
)
def test_what_is_no_word_is_told_and_set_aside(tmp_path: Path, value: object) -> None:
    """It changes nothing, is kept for a person to look at, and is not found again."""
    path = write_word(tmp_path, PinAdd(B))
    assert isinstance(path, Path)
    bad = path.with_name("00000000-0123456789abcdef.json")
    bad.write_text(json.dumps(value))
    heard = read_words(tmp_path)
    assert heard.words == (PinAdd(B),)
    assert [malformed.path for malformed in heard.malformed] == [bad]
    assert heard.malformed[0].reason
    set_words_aside(heard.malformed)
    assert read_words(tmp_path).malformed == ()
    assert bad.with_name(f"{bad.name}.rejected").exists()


def test_odd_files_neither_hang_nor_hide_the_words(tmp_path: Path) -> None:
    """A FIFO, a folder, a link and a strange name are told; a temporary is not even seen."""
    write_word(tmp_path, PinAdd(A))
    folder = tmp_path / "words"
    os.mkfifo(folder / "00000000-0000000000000000.json")
    (folder / "00000000-0000000000000001.json").mkdir()
    (folder / "00000000-0000000000000002.json").symlink_to(folder)
    (folder / "hello.json").write_text("{}")
    (folder / ".00000001-0000000000000000.json.0000000000000000.tmp").touch()
    heard = read_words(tmp_path)
    assert heard.words == (PinAdd(A),)
    assert len(heard.malformed) == 4
    set_words_aside(heard.malformed)
    assert read_words(tmp_path).malformed == ()


def test_what_a_killed_command_left_goes_with_the_next(tmp_path: Path) -> None:
    """A half-written word is no word, and does not stay for ever."""
    write_word(tmp_path, PinAdd(A))
    stale = tmp_path / "words" / ".00000002-0000000000000000.json.0123456789abcdef.tmp"
    stale.write_text('{"word": "re')
    assert read_words(tmp_path).words == (PinAdd(A),)
    write_word(tmp_path, PinAdd(B))
    assert not stale.exists()
    assert read_words(tmp_path).words == (PinAdd(A), PinAdd(B))


def test_only_so_many_are_heard_at_once(tmp_path: Path) -> None:
    """The rest waits for its turn."""
    folder = tmp_path / "words"
    folder.mkdir(0o700)
    text = json.dumps({"word": "add", "fingerprint": str(A)})
    for number in range(MOST_WORDS + 6):
        (folder / f"{number:08d}-0123456789abcdef.json").write_text(text)
    first = read_words(tmp_path)
    assert len(first.words) == len(first.files) == MOST_WORDS
    remove_words(first.files)
    assert len(read_words(tmp_path).words) == 6
