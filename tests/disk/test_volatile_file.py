"""What is written anew at every tick: whole at every instant, and no trace of the writing."""

import stat
from pathlib import Path

from edgepind.host.durable_file import replace_volatile
from edgepind.host.fs import temporary_name


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Who has it open goes on reading what he opened; the mode is as asked for."""
    path = tmp_path / "status.json"
    assert replace_volatile(path, b"old", mode=0o644) is None
    with path.open("rb") as reader:
        assert replace_volatile(path, b"new", mode=0o644) is None
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    """Nobody leads the daemon to write elsewhere."""
    target, path = tmp_path / "target", tmp_path / "status.json"
    target.write_bytes(b"mine")
    path.symlink_to(target)
    assert replace_volatile(path, b"new", mode=0o644) is None
    assert target.read_bytes() == b"mine"
    assert not path.is_symlink()


def test_what_a_killed_writer_left_goes_with_the_first_write(tmp_path: Path) -> None:
    """Only what is named as our temporaries are."""
    path = tmp_path / "status.json"
    (tmp_path / temporary_name(path.name)).write_bytes(b"half")
    (tmp_path / "other").write_bytes(b"")
    assert replace_volatile(path, b"new", mode=0o644) is None
    assert {entry.name for entry in tmp_path.iterdir()} == {"status.json", "other"}


def test_a_path_that_cannot_be_replaced_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    """A folder stands there: it stays, and the sentence says where."""
    path = tmp_path / "status.json"
    (path / "inside").mkdir(parents=True)
    problem = replace_volatile(path, b"new", mode=0o644)
    assert problem is not None
    assert str(path) in problem
    assert list(tmp_path.iterdir()) == [path]
