"""The document on disk: one whole document at every instant, the operator's keys never lost."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.model.action import DocumentWritten, WriteFailed
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
)

A, B = Fingerprint(b"\xaa" * 32), Fingerprint(b"\xbb" * 32)
ONE = Pinning(enabled=True, current=A, accepted=(A,))
TWO = Pinning(enabled=True, current=A, accepted=(A, B))
ME = f"{os.geteuid()}:{os.getegid()}"
START = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
COPY = ".pinning-config.json.last-good"


class Minutes:
    """Wall time that goes on by a minute at each look."""

    def __init__(self) -> None:
        self.wall = START - timedelta(minutes=1)

    def __call__(self) -> datetime:
        """Look."""
        self.wall += timedelta(minutes=1)
        return self.wall


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the document lies, in a folder of its own."""
    folder = tmp_path / "security"
    folder.mkdir()
    return folder / "pinning-config.json"


@pytest.fixture
def keeper(path: Path) -> DocumentKeeper:
    """Give a keeper of that document."""
    return DocumentKeeper(path, ME, 0o600, now=Minutes())


def put(path: Path, content: str) -> None:
    """Replace the document as a careful person would, so that its inode changes."""
    other = path.with_name("other")
    other.write_text(content)
    other.chmod(0o600)
    other.replace(path)


def written(outcome: DocumentWritten | WriteFailed) -> DocumentWritten:
    """It was written."""
    assert isinstance(outcome, DocumentWritten), outcome
    return outcome


def read(document: Document) -> DocumentRead:
    """It was read."""
    assert isinstance(document, DocumentRead), document
    return document


def asides(path: Path) -> list[str]:
    """What was set aside, by name."""
    return sorted(entry.name for entry in path.parent.glob("*.rejected-*"))


def test_a_missing_document_is_made(path: Path, keeper: DocumentKeeper) -> None:
    """A new document holds just the owned keys, with the owner and mode of the settings."""
    assert keeper.read().document == DocumentMissing()
    outcome = written(keeper.restore(TWO))
    assert (outcome.pinning, outcome.changed, outcome.set_aside) == (TWO, True, None)
    found = read(keeper.read().document)
    assert (found.enabled, found.current, found.accepted) == (True, A, (A, B))
    assert found.exact
    assert found.attributes_right
    assert found.digest == outcome.digest
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(json.loads(path.read_text())) == ["certificatePinning"]


def test_a_document_that_says_it_already_is_not_touched(path: Path, keeper: DocumentKeeper) -> None:
    """No rewrite that would change nothing: not the file, not its folder."""
    first = written(keeper.restore(TWO))
    before = path.stat().st_ino, path.parent.stat().st_mtime_ns
    second = written(keeper.restore(TWO))
    keeper.read()
    assert not second.changed
    assert second.digest == first.digest
    assert (path.stat().st_ino, path.parent.stat().st_mtime_ns) == before


def test_a_steady_look_changes_nothing_on_disk(path: Path, keeper: DocumentKeeper) -> None:
    """The first look keeps a copy; the next thousand touch nothing."""
    put(path, '{"a": 1}')
    first = keeper.read()
    before = [(entry.name, entry.stat().st_ctime_ns) for entry in sorted(path.parent.iterdir())]
    assert all(keeper.read() == first for _ in range(1000))
    after = [(entry.name, entry.stat().st_ctime_ns) for entry in sorted(path.parent.iterdir())]
    assert after == before


def test_one_changed_digit_is_seen_though_the_times_lie(path: Path, keeper: DocumentKeeper) -> None:
    """Written in place in the same length, the modification time put back: read all the same."""
    written(keeper.restore(ONE))
    keeper.read()
    status = path.stat()
    path.write_text(path.read_text().replace(str(A), str(B)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert read(keeper.read().document).current == B


def test_keys_of_others_survive(path: Path, keeper: DocumentKeeper) -> None:
    """A document that something replaced is read again before it is written."""
    put(path, '{"a": 1.0, "certificatePinning": {"x": 2.50}, "tlsSettings": {"minVersion": "1.2"}}')
    assert keeper.read().tls.min_version == "1.2"
    put(path, '{"b": 1e1, "certificatePinning": {"y": 0.10}}')
    written(keeper.restore(ONE))
    text = path.read_text()
    assert text.startswith('{"b": 1e1, "certificatePinning": {"y": 0.10, "enabled": true, ')
    assert "1.0" not in text


def test_owner_and_mode_are_watched_and_mended(path: Path, keeper: DocumentKeeper) -> None:
    """The wrong mode is told, and mended without a change of the bytes."""
    written(keeper.restore(ONE))
    path.chmod(0o644)
    assert not read(keeper.read().document).attributes_right
    assert not written(keeper.restore(ONE)).changed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(keeper.read().document).attributes_right


def test_an_unknown_owner_is_told_and_nothing_is_written(path: Path) -> None:
    """The sentence names the settings' key."""
    keeper = DocumentKeeper(path, "no-such-user:root", 0o600)
    outcome = keeper.restore(ONE)
    assert isinstance(outcome, WriteFailed)
    assert "no-such-user" in outcome.error
    assert "edge.owner" in outcome.error
    assert not path.exists()
    put(path, "{}")
    assert not read(keeper.read().document).attributes_right


@pytest.mark.parametrize("broken", ["", "{", "[]", "\x00" * 64, '{"certificatePinning": 0}'])
def test_a_broken_document_is_set_aside_and_the_last_good_one_restored(
    path: Path, keeper: DocumentKeeper, broken: str
) -> None:
    """What the operator had put in is back, the owned keys say what they should."""
    put(path, '{"a": [1.50, 2], "certificatePinning": {"x": 1}}')
    keeper.read()
    put(path, broken)
    assert isinstance(keeper.read().document, DocumentRejected)
    outcome = written(keeper.restore(TWO))
    assert outcome.set_aside == f"{path}.rejected-20270102T030405Z"
    assert Path(outcome.set_aside).read_text() == broken
    assert path.read_text().startswith('{"a": [1.50, 2], "certificatePinning": {"x": 1, ')
    assert read(keeper.read().document).accepted == (A, B)


def test_the_copy_survives_the_daemon(path: Path, keeper: DocumentKeeper) -> None:
    """Another process that finds a broken document restores what the first one had seen."""
    put(path, '{"a": 1}')
    keeper.read()
    put(path, "broken")
    another = DocumentKeeper(path, ME, 0o600)
    written(another.restore(ONE))
    assert json.loads(path.read_text())["a"] == 1


def test_a_deleted_document_comes_back_with_its_keys(path: Path, keeper: DocumentKeeper) -> None:
    """Nothing is set aside, for there is nothing."""
    put(path, '{"a": 1}')
    written(keeper.restore(ONE))
    path.unlink()
    assert written(keeper.restore(TWO)).set_aside is None
    assert json.loads(path.read_text())["a"] == 1


def test_a_broken_copy_is_no_good_one(path: Path, keeper: DocumentKeeper) -> None:
    """What was never good is all that there is, and is left."""
    put(path, "broken")
    (path.parent / COPY).write_text("broken too")
    assert isinstance(keeper.restore(ONE), WriteFailed)
    assert path.read_text() == "broken"
    assert asides(path) == []


def test_before_the_first_pin_the_last_good_one_comes_back_as_it_was(
    path: Path, keeper: DocumentKeeper
) -> None:
    """No pin key is written before there is a pin; byte for byte as it was seen."""
    put(path, '{"certificatePinning" : {"enabled":false} }')
    keeper.read()
    put(path, "broken")
    outcome = written(keeper.restore(None))
    assert outcome.set_aside is not None
    assert outcome.pinning is None
    assert path.read_text() == '{"certificatePinning" : {"enabled":false} }'
    assert not written(keeper.restore(None)).changed


def test_before_the_first_pin_and_with_no_last_good_one_nothing_is_done(
    path: Path, keeper: DocumentKeeper
) -> None:
    """Neither for a broken document nor for a missing one."""
    assert not written(keeper.restore(None)).changed
    assert not path.exists()
    put(path, "broken")
    assert not written(keeper.restore(None)).changed
    assert path.read_text() == "broken"
    assert asides(path) == []


def test_at_most_ten_are_kept_and_the_oldest_go(path: Path, keeper: DocumentKeeper) -> None:
    """Each has a name of its own, and the newest is there."""
    written(keeper.restore(ONE))
    for number in range(13):
        put(path, f"broken {number}")
        written(keeper.restore(ONE))
    kept = asides(path)
    assert len(kept) == 10
    contents = [(path.parent / name).read_text() for name in kept]
    assert contents == [f"broken {number}" for number in range(3, 13)]


def test_two_in_one_second_have_two_names(path: Path) -> None:
    """A clock that stands still, or runs backwards, costs no evidence."""
    keeper = DocumentKeeper(path, ME, 0o600, now=lambda: START)
    written(keeper.restore(ONE))
    for number in range(12):
        put(path, f"broken {number}")
        written(keeper.restore(ONE))
    assert len(asides(path)) == 10
    newest = path.with_name(f"{path.name}.rejected-20270102T030405Z-12")
    assert newest.read_text() == "broken 11"


def test_what_could_not_be_restored_is_set_aside_once(path: Path) -> None:
    """A restoration that fails again and again leaves one name, not ten."""
    failing = DocumentKeeper(path, ME, 0o600, now=Minutes())
    written(failing.restore(ONE))
    put(path, "broken")
    other = path.with_name(f"{path.name}.rejected-20270101T000000Z")
    other.hardlink_to(path)
    written(failing.restore(ONE))
    assert asides(path) == [other.name]


def test_a_huge_document_is_rejected_and_set_aside(path: Path, keeper: DocumentKeeper) -> None:
    """More than a mebibyte is read no further, and survives under its other name."""
    written(keeper.restore(ONE))
    put(path, '{"a": "' + "x" * 2**20 + '"}')
    rejected = keeper.read().document
    assert isinstance(rejected, DocumentRejected)
    assert "longer" in rejected.reason
    outcome = written(keeper.restore(ONE))
    assert outcome.set_aside is not None
    assert Path(outcome.set_aside).stat().st_size > 2**20


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_told_and_left(path: Path, keeper: DocumentKeeper, kind: str) -> None:
    """Looking never hangs, and nothing is moved away that edgepind did not make."""
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    document = keeper.read().document
    assert isinstance(document, DocumentUnreadable)
    assert str(path) in document.error
    assert isinstance(keeper.restore(ONE), WriteFailed)
    assert not path.is_file()


def test_a_missing_folder_is_told_with_the_remedy(tmp_path: Path) -> None:
    """The folder belongs to the Edge: it is not made."""
    keeper = DocumentKeeper(tmp_path / "missing" / "pinning-config.json", ME, 0o600)
    assert keeper.read().document == DocumentMissing()
    outcome = keeper.restore(ONE)
    assert isinstance(outcome, WriteFailed)
    assert "create its folder" in outcome.error


def test_a_link_leads_to_the_document_and_stays(path: Path, tmp_path: Path) -> None:
    """The target is replaced, set aside and copied where it lies."""
    link = tmp_path / "link.json"
    link.symlink_to(path)
    keeper = DocumentKeeper(link, ME, 0o600, now=Minutes())
    put(path, '{"a": 1}')
    keeper.read()
    put(path, "broken")
    outcome = written(keeper.restore(ONE))
    assert outcome.set_aside == f"{path}.rejected-20270102T030405Z"
    assert link.is_symlink()
    assert json.loads(path.read_text())["a"] == 1
    assert {entry.name for entry in tmp_path.iterdir()} == {"link.json", "security"}


def test_who_only_looks_leaves_nothing_behind(path: Path) -> None:
    """A dry run and `check` read the document and make no copy of it."""
    put(path, "{}")
    read(DocumentKeeper(path, ME, 0o600, looks_only=True).read().document)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_something_that_never_stops_writing_is_named(path: Path, keeper: DocumentKeeper) -> None:
    """A document that is replaced at every look is not fought over: the sentence says so."""
    put(path, '{"a": 0}')
    replacer = (
        "import os, sys\n"
        "path, n = sys.argv[1], 0\n"
        "print(flush=True)\n"
        "while os.getppid() == int(sys.argv[2]):\n"
        "    n += 1\n"
        "    with open(path + '.other', 'w') as other: other.write('{\"a\": %d}' % n)\n"
        "    os.rename(path + '.other', path)\n"
    )
    command = [sys.executable, "-c", replacer, str(path), str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: S603 - ours
        assert writer.stdout
        writer.stdout.readline()
        outcomes = [keeper.restore(ONE if n % 2 else TWO) for n in range(20)]
        writer.kill()
    failures = [outcome for outcome in outcomes if isinstance(outcome, WriteFailed)]
    assert all("something else" in failure.error for failure in failures)
    json.loads(path.read_text())


def test_the_document_needs_no_network_and_no_cryptography() -> None:
    """A helper with root's rights can import it and nothing that talks to strangers."""
    script = (
        "import sys, edgepind.effects.pinning_document\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(loaded & {'httpx', 'ssl', 'jq', 'cryptography', 'asyncio', 'socket'}))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
