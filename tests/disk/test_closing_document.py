"""The document that closes the Edge again lies ready beside the one that opens it."""

import os
import stat
from pathlib import Path

import pytest

from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.model.action import DocumentWritten, WriteFailed
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentRead
from tests.support.mounts import Mounts, NotMounted

A, B, C = (Fingerprint(bytes([octet]) * 32) for octet in (0xAA, 0xBB, 0xCC))
ON = Pinning(enabled=True, current=A, accepted=(A, B))
OFF = Pinning(enabled=False, current=A, accepted=(A, B))
ME = f"{os.geteuid()}:{os.getegid()}"
CLOSING = ".pinning-config.json.closing"
SOME = '{"edgeId": "e-1", "certificatePinning": {"note": 1.50}}'


@pytest.fixture
def path(tmp_path: Path, mounts: Mounts) -> Path:
    """Where the document lies, on a small disk of its own."""
    try:
        disk = mounts.tmpfs(tmp_path / "disk", "size=64k,nr_inodes=10")
    except NotMounted as reason:
        pytest.skip(f"mounting is not permitted here: {reason}")
    path = disk / "pinning-config.json"
    path.write_text(SOME)
    path.chmod(0o640)
    return path


@pytest.fixture
def keeper(path: Path) -> DocumentKeeper:
    """Give a keeper of that document."""
    return DocumentKeeper(path, ME, 0o640)


def fill(path: Path) -> Path:
    """Leave not one byte."""
    ballast = path.with_name("ballast")
    with ballast.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    return ballast


def fill_inodes(path: Path) -> Path:
    """Leave no file to be made, but space in those that are there."""
    try:
        for number in range(100):
            path.with_name(f"ballast{number}").touch()
    except OSError:
        pass
    return path.with_name("ballast0")


def found(keeper: DocumentKeeper) -> DocumentRead:
    """What stands at the path."""
    document = keeper.read().document
    assert isinstance(document, DocumentRead), document
    return document


def written(outcome: DocumentWritten | WriteFailed) -> DocumentWritten:
    """It was written."""
    assert isinstance(outcome, DocumentWritten), outcome
    return outcome


def refused(outcome: DocumentWritten | WriteFailed) -> str:
    """It was not."""
    assert isinstance(outcome, WriteFailed), outcome
    return outcome.error


# --- closing needs no space -----------------------------------------------------------------


@pytest.mark.parametrize("filling", [fill, fill_inodes])
def test_a_full_disk_does_not_keep_the_edge_open(
    path: Path, keeper: DocumentKeeper, filling: object
) -> None:
    """The end of an opening on a disk without a byte left: what was laid out is put in place."""
    written(keeper.restore(ON))
    written(keeper.restore(OFF))
    assert callable(filling)
    ballast = filling(path)
    closed = written(keeper.restore(ON))
    assert closed.pinning == ON
    assert closed.changed
    assert "No space left" in (closed.instead or "")
    document = found(keeper)
    assert (document.enabled, document.accepted, document.digest) == (True, (A, B), closed.digest)
    assert document.attributes_right
    assert '"note": 1.50' in path.read_text()
    assert not path.with_name(CLOSING).exists()
    ballast.unlink()
    assert written(keeper.restore(ON)) == DocumentWritten(ON, closed.digest, changed=False)


def test_what_stands_there_then_is_told_as_it_is(path: Path, keeper: DocumentKeeper) -> None:
    """A pin that was accepted meanwhile is missing, and the outcome does not claim it."""
    written(keeper.restore(OFF))
    fill(path)
    more = Pinning(enabled=True, current=A, accepted=(A, B, C))
    closed = written(keeper.restore(more))
    assert closed.pinning == ON
    assert found(keeper).accepted == (A, B)
    fill(path)  # the open document has left its own space behind
    assert "No space left" in refused(keeper.restore(more)), "there is nothing left to rename"


@pytest.mark.parametrize(
    "wanted",
    [
        Pinning(enabled=True, current=A, accepted=(A,)),
        Pinning(enabled=True, current=B, accepted=(B, A)),
        Pinning(enabled=False, current=A, accepted=(A, B, C)),
    ],
)
def test_it_is_put_in_place_only_where_it_is_wanted(
    path: Path, keeper: DocumentKeeper, wanted: Pinning
) -> None:
    """No pin that was removed, no other current pin, and no closing that nobody asked for."""
    written(keeper.restore(OFF))
    fill(path)
    refused(keeper.restore(wanted))
    assert found(keeper).enabled is False
    assert path.with_name(CLOSING).exists()


def test_a_disk_that_takes_no_rename_is_told(
    path: Path, keeper: DocumentKeeper, mounts: Mounts
) -> None:
    """Read-only: the document stays, and the sentence is that of the write that was wanted."""
    written(keeper.restore(OFF))
    mounts.read_only(path.parent)
    assert "Read-only" in refused(keeper.restore(ON))
    assert found(keeper).enabled is False


def test_a_key_that_was_added_meanwhile_is_kept_aside(path: Path, keeper: DocumentKeeper) -> None:
    """Closing comes first; what somebody edited in the open document is told and not lost."""
    written(keeper.restore(OFF))
    path.write_text(path.read_text().replace("e-1", "e-2"))
    fill(path)
    closed = written(keeper.restore(ON))
    assert '"e-1"' in path.read_text()
    assert '"e-2"' in Path(closed.set_aside or "").read_text()


# --- opening needs it -----------------------------------------------------------------------


def test_it_has_the_owner_and_mode_of_the_document(path: Path, keeper: DocumentKeeper) -> None:
    """And what is attached to it: the Edge must be able to read it after a rename."""
    os.setxattr(path, "trusted.edgepind.test", b"kept")
    written(keeper.restore(OFF))
    closing = path.with_name(CLOSING)
    assert stat.S_IMODE(closing.stat().st_mode) == 0o640
    assert os.getxattr(closing, "trusted.edgepind.test") == b"kept"


@pytest.mark.parametrize("opening", ["restore", "set_enabled"])
def test_without_room_for_it_nothing_is_opened(
    path: Path, keeper: DocumentKeeper, opening: str
) -> None:
    """What could not be ended must not begin."""
    written(keeper.restore(ON))
    before = path.read_bytes()
    path.with_name(CLOSING).mkdir()
    match opening:
        case "restore":
            error = refused(keeper.restore(OFF))
        case _:
            error = refused(keeper.set_enabled(enabled=False))
    assert CLOSING in error
    assert path.read_bytes() == before


def test_what_is_open_is_not_written_again_without_it(path: Path, keeper: DocumentKeeper) -> None:
    """A pin that is accepted during an opening belongs into both documents."""
    written(keeper.restore(OFF))
    more = Pinning(enabled=False, current=A, accepted=(A, B, C))
    written(keeper.restore(more))
    fill(path)
    assert written(keeper.close()).pinning == Pinning(enabled=True, current=A, accepted=(A, B, C))


def test_it_goes_once_the_edge_is_closed(path: Path, keeper: DocumentKeeper) -> None:
    """None lies there that fits to nothing."""
    written(keeper.restore(OFF))
    assert path.with_name(CLOSING).exists()
    written(keeper.restore(ON))
    assert not path.with_name(CLOSING).exists()


def test_before_the_first_pin_there_is_nothing_to_close_to(
    path: Path, keeper: DocumentKeeper
) -> None:
    """An override may come before any pin."""
    written(keeper.set_enabled(enabled=False))
    assert not path.with_name(CLOSING).exists()
    assert written(keeper.close()) == DocumentWritten(None, found(keeper).digest, changed=False)
    assert found(keeper).enabled is False


def test_an_override_closes_to_the_pins_of_the_document(path: Path, keeper: DocumentKeeper) -> None:
    """With what can be read of them: `null` is never a pin."""
    path.write_text(
        f'{{"certificatePinning": {{"enabled": true, "fingerprint": "null", '
        f'"fingerprints": ["{B}"]}}}}'
    )
    written(keeper.set_enabled(enabled=False))
    fill(path)
    closed = written(keeper.close())
    assert closed.pinning == Pinning(enabled=True, current=B, accepted=(B,))
    assert found(keeper).current == B


# --- closing, whoever does it ---------------------------------------------------------------


def test_closing_keeps_what_was_edited_meanwhile(path: Path, keeper: DocumentKeeper) -> None:
    """Where there is space it is an ordinary edit of the document as it stands."""
    written(keeper.restore(OFF))
    path.write_text(path.read_text().replace("e-1", "e-2"))
    closed = written(keeper.close())
    assert closed == DocumentWritten(ON, closed.digest)
    assert '"e-2"' in path.read_text()
    assert written(keeper.close()) == DocumentWritten(ON, closed.digest, changed=False)


@pytest.mark.parametrize("broken", ["{", None])
def test_closing_mends_a_document_that_is_broken_or_gone(
    path: Path, keeper: DocumentKeeper, broken: str | None
) -> None:
    """With the pins of the one that was laid ready, and the keys of the last good one."""
    written(keeper.restore(OFF))
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
    assert written(keeper.close()).pinning == ON
    assert '"note": 1.50' in path.read_text()


def test_closing_a_document_that_cannot_be_read_fails(path: Path, keeper: DocumentKeeper) -> None:
    """Nothing is moved away that may be another's."""
    written(keeper.restore(OFF))
    path.unlink()
    path.mkdir()
    assert str(path) in refused(keeper.close())
