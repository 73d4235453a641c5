"""What the rows of the fault matrix share: a site each, mounts that go away, and a tracer."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edgepind.lab.mounts import Mounts
from edgepind.lab.small_site import Site, open_site
from edgepind.lab.syscall_faults import Tracer


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A site whose daemon the test starts, and which is gone when the test is over."""
    async with open_site(tmp_path) as made:
        yield made


@pytest.fixture
async def steady(site: Site) -> Site:
    """A site whose daemon runs, with the first pin in force and loaded well."""
    await site.daemon.start()
    await site.until_steady()
    return site


@pytest.fixture
def mounts() -> Iterator[Mounts]:
    """Give a way to mount; what was mounted is gone after the test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount: these faults of disks are NOT tried")
    made = Mounts()
    yield made
    made.unmount()


@pytest.fixture
def tracer() -> Tracer:
    """Give a tracer, where strace works."""
    found = Tracer.find()
    if found is None:
        pytest.skip("strace is missing or may not trace: faults at system calls are NOT tried")
    return found


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short name: the path of a socket may have a hundred octets only."""
    folder = Path(tempfile.mkdtemp(prefix="edgepind-faults-"))
    yield folder
    shutil.rmtree(folder)
