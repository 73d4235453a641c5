"""The daemon at work on a pinning config that it cannot write: it says why, and lives on.

Each fault is brought about under a running daemon, a rotation is announced so that a write is due,
and the fault is taken away again: the announced pin must then be written and loaded by itself.
"""

import os
import stat
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from edgepind.lab.pki import Credential
from tests.faults.events import announce, told
from tests.faults.seen import Sightings
from tests.support.blackbox import pass_ticks
from tests.support.mounts import Mounts
from tests.support.small_site import Site

Fault = Callable[[Path, Mounts], AbstractContextManager[None]]


@pytest.fixture
def disk(site: Site, mounts: Mounts) -> Path:
    """A small disk of its own for the document, which the site's path leads to by a link."""
    folder = mounts.tmpfs(site.folder / "disk", "size=96k,nr_inodes=12,mode=755")
    (folder / "pinning-config.json").write_bytes(site.document.read_bytes())
    (folder / "pinning-config.json").chmod(0o600)
    site.document.unlink()
    site.document.symlink_to(folder / "pinning-config.json")
    return folder


@asynccontextmanager
async def healed_afterwards(site: Site) -> AsyncIterator[Credential]:
    """Announce a pin; behind the block, in which no write is possible, it must get there."""
    fresh = announce(site)
    yield fresh
    await site.until(
        lambda: str(fresh.fingerprint) in site.pinning()["fingerprints"], "the announced pin"
    )
    await site.until(lambda: site.daemon.status()["edge"]["loaded"], "the Edge has loaded it")


@contextmanager
def full_of_bytes(document: Path, _mounts: Mounts) -> Iterator[None]:
    """Leave not one byte."""
    ballast = document.with_name("ballast")
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    yield
    ballast.unlink()


@contextmanager
def full_of_inodes(document: Path, _mounts: Mounts) -> Iterator[None]:
    """Leave no file to be made."""
    made: list[Path] = []
    try:
        while True:
            made.append(document.with_name(f"ballast{len(made)}"))
            made[-1].touch()
    except OSError:
        made.pop()
    yield
    for path in made:
        path.unlink()


@contextmanager
def read_only(document: Path, _mounts: Mounts) -> Iterator[None]:
    """Remount the disk for reading alone."""
    point = str(document.parent)
    subprocess.run(["mount", "-o", "remount,ro", point], check=True)  # noqa: S603, S607 - ours
    yield
    subprocess.run(["mount", "-o", "remount,rw", point], check=True)  # noqa: S603, S607 - ours


@contextmanager
def bound(document: Path, mounts: Mounts) -> Iterator[None]:
    """Mount a file over the document, as container hosts do with single files."""
    source = document.with_name("source")
    source.write_bytes(document.read_bytes())
    source.chmod(0o600)
    with ExitStack() as undone:
        mounts.bind(source, document)
        mounts.points.remove(document)
        command = ["umount", "--lazy", str(document)]  # the daemon may just read it
        undone.callback(subprocess.run, command, check=True)
        yield


@contextmanager
def immutable(document: Path, _mounts: Mounts) -> Iterator[None]:
    """Protect the document against everybody, as `chattr +i` does; tmpfs knows it since 6.6."""
    flagged = subprocess.run(  # noqa: S603 - the test's own file
        ["chattr", "+i", str(document)],  # noqa: S607 - chattr of this host
        capture_output=True,
        check=False,
    )
    if flagged.returncode != 0:
        pytest.skip("no immutable files on tmpfs here: that fault is NOT tried")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(document)], check=True)  # noqa: S603, S607 - as above


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("writer-full-bytes", full_of_bytes),
        ("writer-full-inodes", full_of_inodes),
        ("writer-read-only", read_only),
        ("writer-bound", bound),
        ("writer-immutable", immutable),
    ],
)
async def test_a_disk_that_takes_no_document(
    row: str, fault: Fault, site: Site, disk: Path, mounts: Mounts, seen: Sightings
) -> None:
    """The old document stays whole and in force, it is told once, and the end of it heals all."""
    document = disk / "pinning-config.json"
    await site.daemon.start()
    await site.until_steady()
    before = document.read_bytes()
    async with healed_afterwards(site) as fresh:
        with fault(document, mounts):
            await site.until_event("write_failed")
            await pass_ticks(site, 3)
            assert document.read_bytes() == before
            status = site.daemon.status()
            assert not status["edge"]["written"]
            assert "document-unwritten" in {it["id"] for it in status["problems"]}
            assert (await site.daemon.command("status")).code == 1
            assert site.events().count("write_failed") == 1
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    state = "the old document whole and in force; healed by itself"
    seen.at(row, site, state, told(site, "write_failed"), accepted)
    assert site.document.is_symlink()


def a_fifo(path: Path) -> None:
    """Make a FIFO at the path."""
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    """Make a folder at the path."""
    path.mkdir()


def a_device(path: Path) -> None:
    """Make the device of zeros without end at the path."""
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def a_link_to_itself(path: Path) -> None:
    """Make a symbolic link that leads nowhere."""
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("row", "make"),
    [
        ("writer-fifo", a_fifo),
        ("writer-folder", a_folder),
        ("writer-device", a_device),
        ("writer-link-circle", a_link_to_itself),
    ],
)
async def test_a_document_that_is_no_file(
    row: str, make: Callable[[Path], None], steady: Site, seen: Sightings
) -> None:
    """What stands there is told by its kind and left alone; nothing hangs on it."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a device: this fault is NOT tried")
    site = steady
    site.document.rename(kept := site.folder / "kept")
    make(site.document)
    async with healed_afterwards(site) as fresh:
        await pass_ticks(site, 3)
        kind = site.document.lstat().st_mode
        assert not stat.S_ISREG(kind)
        site.document.rmdir() if stat.S_ISDIR(kind) else site.document.unlink()
        kept.rename(site.document)
    accepted = {str(site.cloud.status.current), str(fresh.fingerprint)}
    seen.at(row, site, "left as it is; healed by itself", told(site, "config_rejected"), accepted)
