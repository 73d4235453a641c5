"""`edgepind check` tries beforehand whether the pinning config can be replaced.

Each obstacle is a real one: a mount, a flag of chattr(1), a full or read-only disk. What is tried
leaves nothing behind, and the document as it was.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.mounts import Mounts
from tests.support.small_site import Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts: NOT tried")

Obstacle = Callable[[Path, Mounts], Any]


@pytest.fixture
def disk(site: Site, mounts: Mounts) -> Path:
    """A small disk of its own for the document, named by the settings."""
    folder = mounts.tmpfs(site.folder / "disk", "size=96k,nr_inodes=12,mode=755")
    document = folder / "pinning-config.json"
    document.write_bytes(site.document.read_bytes())
    document.chmod(0o600)
    site.write_settings({"edge": {"pinning_config": str(document)}})
    return document


def faults(answer: tuple[int, dict[str, Any]], name: str) -> list[dict[str, str]]:
    """The faults of this name."""
    return [it for it in answer[1]["faults"] if it["id"] == name]


def standing(document: Path) -> tuple[list[Path], bytes, int]:
    """What lies in the folder, what the document says, and when it was last changed."""
    names = sorted(document.parent.iterdir())
    return names, document.read_bytes(), document.stat().st_ctime_ns


def _flag(path: Path, flag: str) -> None:
    done = subprocess.run(  # noqa: S603 - the test's own file
        ["chattr", flag, str(path)],  # noqa: S607 - chattr of this host
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("no such flags on tmpfs here: that obstacle is NOT tried")


@contextmanager
def bound(document: Path, mounts: Mounts) -> Iterator[str]:
    """A file mounted over the document, from the same file system."""
    source = document.with_name("source")
    source.write_bytes(document.read_bytes())
    source.chmod(0o600)
    mounts.bind(source, document)
    yield "mount point"


@contextmanager
def bound_with_a_space(document: Path, mounts: Mounts) -> Iterator[str]:
    """The same, with another mount whose name the kernel has to escape."""
    other = document.with_name("an other")
    other.write_text("{}")
    mounts.bind(other, other)
    with bound(document, mounts) as word:
        yield word


@contextmanager
def immutable(document: Path, _: Mounts) -> Iterator[str]:
    """`chattr +i` on the file."""
    _flag(document, "+i")
    try:
        yield "immutable"
    finally:
        _flag(document, "-i")


@contextmanager
def immutable_folder(document: Path, _: Mounts) -> Iterator[str]:
    """`chattr +i` on its folder."""
    _flag(document.parent, "+i")
    try:
        yield "immutable"
    finally:
        _flag(document.parent, "-i")


@contextmanager
def append_only_folder(document: Path, _: Mounts) -> Iterator[str]:
    """`chattr +a` on its folder, in which files can be made and not renamed."""
    _flag(document.parent, "+a")
    try:
        yield "append-only"
    finally:
        _flag(document.parent, "-a")


@contextmanager
def read_only(document: Path, mounts: Mounts) -> Iterator[str]:
    """A disk for reading alone."""
    mounts.read_only(document.parent)
    yield "Read-only file system"


@contextmanager
def full_of_bytes(document: Path, _: Mounts) -> Iterator[str]:
    """Not one byte is left."""
    with document.with_name("ballast").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    yield "No space left on device"


@contextmanager
def full_of_inodes(document: Path, _: Mounts) -> Iterator[str]:
    """No file can be made any more."""
    try:
        for number in range(100):
            document.with_name(f"ballast{number}").touch()
    except OSError:
        pass
    yield "No space left on device"


@pytest.mark.parametrize(
    "obstacle",
    [
        bound,
        bound_with_a_space,
        immutable,
        immutable_folder,
        append_only_folder,
        read_only,
        full_of_bytes,
        full_of_inodes,
    ],
)
async def test_what_stands_in_the_way_is_named(
    obstacle: Obstacle, disk: Path, mounts: Mounts, read: Any
) -> None:
    """An error with what it is and a remedy, before a write is due; nothing is left of the try."""
    with obstacle(disk, mounts) as word:
        before = standing(disk)
        answer = await read("check")
        assert standing(disk) == before
    (fault,) = faults(answer, "pinning-config-write")
    assert (answer[0], fault["severity"]) == (1, "error")
    assert word in fault["what"]
    assert fault["remedy"] != "See the message."


async def test_a_free_way_is_no_fault(disk: Path, read: Any) -> None:
    """And the document is not touched, to its change time."""
    before = standing(disk)
    answer = await read("check")
    assert not faults(answer, "pinning-config-write")
    assert not faults(answer, "pinning-config-untried")
    assert standing(disk) == before


async def test_links_that_lead_astray_are_named(site: Site, read: Any) -> None:
    """One that leads nowhere, and one that another user may change."""
    kept = site.document.rename(site.folder / "kept")
    site.document.symlink_to(site.folder / "nowhere")
    (fault,) = faults(await read("check"), "pinning-config-link")
    assert "dangling" in fault["what"]
    site.document.unlink()
    site.document.symlink_to(kept)
    assert not faults(await read("check"), "pinning-config-link")
    os.lchown(site.document, 65534, 65534)
    (fault,) = faults(await read("check"), "pinning-config-link")
    assert "65534" in fault["what"]


async def test_a_user_without_rights_says_that_nothing_was_tried_or_why_it_fails(
    site: Site, ask: Any
) -> None:
    """In a folder that it may not write, the trial by this very process fails, and says so."""
    site.document.parent.chmod(0o555)
    os.chown(site.document.parent, 65534, 65534)
    answer = await ask("check", mortal=True)
    assert "pinning-config-write" in answer.output
    assert answer.code == 1
