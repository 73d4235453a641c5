"""A file is replaced whole or left whole, with its owner, mode and attributes, or not touched."""

import os
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgepind.host.bounded_read import ABSENT, Stamp
from edgepind.host.durable_file import NotReplaced, Overtaken, Replaced, Unchanged, replace
from edgepind.host.fs import (
    Owner,
    UnknownOwner,
    claim,
    find_owner,
    open_folder,
    sweep,
    sweep_folder,
    temporary_name,
)
from tests.support.mounts import Mounts, NotMounted

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this to a file")


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {entry.name for entry in folder.iterdir()}


def identity(path: Path) -> tuple[int, int, int]:
    """What changes whenever a file is touched in any way."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def test_a_missing_file_is_made(tmp_path: Path) -> None:
    """The file has the content and the mode asked for, and nothing else lies in the folder."""
    path = tmp_path / "file"
    assert replace(path, b"content", mode=0o640) == Replaced(durable=True)
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(tmp_path) == {"file"}


def test_an_equal_file_is_not_touched(tmp_path: Path) -> None:
    """Equal bytes, owner and mode: neither the file nor its folder changes."""
    path = tmp_path / "file"
    replace(path, b"content", mode=0o600)
    before = identity(path), identity(tmp_path)
    assert replace(path, b"content", mode=0o600) == Unchanged()
    assert (identity(path), identity(tmp_path)) == before


@pytest.mark.parametrize("content", [b"", b"conten", b"content!", b"CONTENT"])
def test_any_other_content_is_replaced(tmp_path: Path, content: bytes) -> None:
    """Shorter, longer or just different: the old file is replaced, not written over."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    inode = path.stat().st_ino
    assert replace(path, content) == Replaced(durable=True)
    assert path.read_bytes() == content
    assert path.stat().st_ino != inode


def test_a_wrong_mode_is_set_right(tmp_path: Path) -> None:
    """The same bytes with another mode are not the same file."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    path.chmod(0o666)
    assert replace(path, b"content", mode=0o600) == Replaced(durable=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_umask_does_not_count(tmp_path: Path) -> None:
    """The mode is the one asked for, whatever the process masks."""
    old = os.umask(0o077)
    try:
        replace(tmp_path / "file", b"content", mode=0o644)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


@AS_ROOT
def test_the_owner_is_set(tmp_path: Path) -> None:
    """The new file belongs to the owner asked for, and so is right the second time."""
    path = tmp_path / "file"
    assert replace(path, b"content", owner=Owner(12345, 23456)) == Replaced(durable=True)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)
    assert replace(path, b"content", owner=Owner(12345, 23456)) == Unchanged()


@AS_ROOT
def test_root_writes_for_the_owner_of_the_folder(tmp_path: Path) -> None:
    """Where no owner is named, what root writes stays readable to whose folder it is."""
    os.chown(tmp_path, 12345, 23456)
    replace(tmp_path / "file", b"content")
    status = (tmp_path / "file").stat()
    assert (status.st_uid, status.st_gid) == (12345, 23456)


def test_an_owner_that_may_not_be_given_is_refused(tmp_path: Path) -> None:
    """An ordinary user cannot give files away: nothing is written, and the sentence says why."""
    if os.geteuid() == 0:
        pytest.skip("root may give files to anybody")
    outcome = replace(tmp_path / "file", b"content", owner=Owner(0, 0))
    assert isinstance(outcome, NotReplaced)
    assert "fchown" in outcome.error
    assert names(tmp_path) == set()


def test_extended_attributes_survive(tmp_path: Path) -> None:
    """What somebody attached to the old file is attached to the new one."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.edgepind.test", b"kept")
    except OSError:
        pytest.skip("this file system keeps no extended attributes of users")
    assert replace(path, b"new") == Replaced(durable=True)
    assert os.getxattr(path, "user.edgepind.test") == b"kept"


def test_an_access_list_does_not_change_the_mode(tmp_path: Path) -> None:
    """A copied access list rewrites the mode (acl(5)); the mode asked for has the last word."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    # version 2; rw for the owner, for user 12345 and in the mask; nothing for the others
    entries = [(1, 6, -1), (2, 6, 12345), (4, 0, -1), (16, 6, -1), (32, 0, -1)]
    acl = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + (who % 2**32).to_bytes(4, "little")
        for tag, bits, who in entries
    )
    try:
        os.setxattr(path, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system keeps no access lists")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert replace(path, b"new", mode=0o600) == Replaced(durable=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert replace(path, b"new", mode=0o600) == Unchanged()


def test_a_link_is_refused_unless_it_shall_be_followed(tmp_path: Path) -> None:
    """By default neither the link nor its target changes."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    outcome = replace(link, b"new")
    assert isinstance(outcome, NotReplaced)
    assert str(link) in outcome.error
    assert "symbolic link" in outcome.error
    assert target.read_bytes() == b"old"
    assert link.is_symlink()


def test_the_target_of_a_link_is_replaced_where_it_lies(tmp_path: Path) -> None:
    """The link stays a link, the target is replaced in its own folder."""
    target, link = tmp_path / "there" / "target", tmp_path / "here" / "link"
    target.parent.mkdir()
    link.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to("../there/target")
    assert replace(link, b"new", follow=True) == Replaced(durable=True)
    assert target.read_bytes() == b"new"
    assert link.is_symlink()
    assert names(link.parent) == {"link"}
    assert names(target.parent) == {"target"}


def test_a_dangling_link_gets_its_target(tmp_path: Path) -> None:
    """A link whose target is missing leads to where it is made."""
    (tmp_path / "link").symlink_to("target")
    assert replace(tmp_path / "link", b"new", follow=True) == Replaced(durable=True)
    assert (tmp_path / "target").read_bytes() == b"new"


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    """A link to itself leads nowhere, and does not hang."""
    (tmp_path / "link").symlink_to("link")
    assert isinstance(replace(tmp_path / "link", b"new", follow=True), NotReplaced)


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    """A folder or a FIFO is named as such and stays; nothing waits for a FIFO's other end."""
    path = tmp_path / "file"
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    outcome = replace(path, b"new")
    assert isinstance(outcome, NotReplaced)
    assert f"{path} is a {'FIFO' if kind == 'fifo' else kind}" in outcome.error
    assert names(tmp_path) == {"file"}


def test_a_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    """No folder is made on the way."""
    outcome = replace(tmp_path / "missing" / "file", b"new")
    assert isinstance(outcome, NotReplaced)
    assert str(tmp_path / "missing") in outcome.error
    assert "create its folder" in outcome.error
    assert not (tmp_path / "missing").exists()


def test_what_the_caller_has_not_read_is_not_replaced(tmp_path: Path) -> None:
    """Something else replaced the file since: it stays as that left it."""
    path = tmp_path / "file"
    path.write_bytes(b"read")
    stamp = Stamp.of(path.stat())
    path.unlink()
    path.write_bytes(b"newer")
    assert replace(path, b"new", expecting=stamp) == Overtaken()
    assert replace(path, b"new", expecting=ABSENT) == Overtaken()
    assert path.read_bytes() == b"newer"
    assert replace(path, b"new", expecting=Stamp.of(path.stat())) == Replaced(durable=True)
    path.unlink()
    assert replace(path, b"new", expecting=stamp) == Overtaken()
    assert replace(path, b"new", expecting=ABSENT) == Replaced(durable=True)


def test_stale_temporaries_go_and_those_in_use_stay(tmp_path: Path) -> None:
    """A killed writer's temporary is removed; one that a writer holds, and others' files, stay."""
    path = tmp_path / "file"
    stale, used = tmp_path / temporary_name("file"), tmp_path / temporary_name("file")
    other = tmp_path / temporary_name("other")
    for entry in (stale, used, other):
        entry.write_bytes(b"half")
    descriptor = os.open(used, os.O_RDWR)
    try:
        with open_folder(tmp_path) as folder:
            assert claim(folder, used.name, descriptor)
        sweep(path)
        assert names(tmp_path) == {used.name, other.name}
    finally:
        os.close(descriptor)
    replace(path, b"new")
    assert names(tmp_path) == {"file", other.name}


def test_a_sweeper_takes_no_file_from_a_writer(tmp_path: Path) -> None:
    """Not between the making of a temporary and its lock either: several commands run at once."""
    written = threading.Event()

    def sweeps() -> None:
        while not written.is_set():
            sweep_folder(tmp_path)

    with ThreadPoolExecutor(2) as sweepers:
        for _ in range(2):
            sweepers.submit(sweeps)
        try:
            outcomes = [replace(tmp_path / f"{it}", b"whole") for it in range(2_000)]
        finally:
            written.set()
    assert [it for it in outcomes if not isinstance(it, Replaced)] == []
    assert {it.read_bytes() for it in tmp_path.iterdir()} == {b"whole"}
    assert len(list(tmp_path.iterdir())) == len(outcomes)


def test_owners_are_found_by_name_and_by_number() -> None:
    """A name that this host does not know is a value that names it."""
    assert find_owner("root:root") == Owner(0, 0)
    assert find_owner("root") == Owner(0, 0)
    assert find_owner("12345:23456") == Owner(12345, 23456)
    for unknown in (
        "no-such-user:root",
        "root:no-such-group",
        "",
        ":",
        "root:",
        "-1:0",
        "4294967295:0",
    ):
        refusal = find_owner(unknown)
        assert isinstance(refusal, UnknownOwner), unknown
        assert "edge.owner" in refusal.error


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, mounts: Mounts) -> None:
    """Neither the last byte nor the last inode of a disk costs the old content."""
    for options, filler in (("size=64k", 3), ("nr_inodes=3", 1)):
        disk = mount_tmpfs(mounts, tmp_path / options, options)
        path = disk / "file"
        assert replace(path, b"old") == Replaced(durable=True)
        for number in range(filler):
            (disk / f"filler{number}").write_bytes(bytes(16_000 if filler > 1 else 1))
        outcome = replace(path, bytes(40_000))
        assert isinstance(outcome, NotReplaced), options
        assert "No space left" in outcome.error
        assert "free space" in outcome.error
        assert path.read_bytes() == b"old"
        assert not [name for name in names(disk) if name.endswith(".tmp")]


def test_a_read_only_disk_leaves_the_old_file(tmp_path: Path, mounts: Mounts) -> None:
    """The sentence names the state of the disk; an equal rewrite needs no disk."""
    disk = mount_tmpfs(mounts, tmp_path / "disk", "size=64k")
    replace(disk / "file", b"old")
    mounts.read_only(disk)
    outcome = replace(disk / "file", b"new")
    assert isinstance(outcome, NotReplaced)
    assert "Read-only file system" in outcome.error
    assert replace(disk / "file", b"old") == Unchanged()


def test_a_bound_file_is_never_written_in_place(tmp_path: Path, mounts: Mounts) -> None:
    """A file that is a mount point cannot be renamed over: refused, with what to mount instead."""
    source, point = tmp_path / "source", tmp_path / "point"
    for path in (source, point):
        path.write_bytes(b"old")
    try:
        mounts.bind(source, point)
    except NotMounted as reason:
        pytest.skip(f"mounting is not permitted here: {reason}")
    outcome = replace(point, b"new")
    assert isinstance(outcome, NotReplaced)
    assert "rename" in outcome.error
    assert "mount its folder" in outcome.error
    assert source.read_bytes() == b"old"
    assert names(tmp_path) == {"source", "point"}


@AS_ROOT
def test_an_immutable_file_stays(tmp_path: Path) -> None:
    """What `chattr +i` protects is left alone, and lsattr is named as the way to see it."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    flagged = subprocess.run(["chattr", "+i", str(path)], capture_output=True, check=False)  # noqa: S603, S607 - the test's own file
    if flagged.returncode != 0:
        pytest.skip("this file system knows no immutable files")
    try:
        outcome = replace(path, b"new")
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)  # noqa: S603, S607 - as above
    assert isinstance(outcome, NotReplaced)
    assert "lsattr" in outcome.error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"file"}


def mount_tmpfs(mounts: Mounts, point: Path, options: str) -> Path:
    """Mount, or skip the test where that is not permitted."""
    try:
        return mounts.tmpfs(point, options)
    except NotMounted as reason:
        pytest.skip(f"mounting is not permitted here: {reason}")
