"""What the tests of the privileged helper share: an appliance's files, and a socket to ask at."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.helper_grounds import Grounds, serving
from tests.support.helper_socket import HelperSocket


@pytest.fixture
def grounds() -> Iterator[Grounds]:
    """A folder with a short path: a socket's may have a hundred octets only."""
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        yield Grounds(Path(folder))


@pytest.fixture
async def helper(grounds: Grounds) -> AsyncIterator[HelperSocket]:
    """The helper's socket, with a real helper behind it for each connection."""
    async with serving(grounds) as served:
        yield served
