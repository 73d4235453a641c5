"""What the tests of the daemon share: a site of their own each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgepind.lab.small_site import Site, open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A site whose daemon the test starts, and which is gone when the test is over."""
    async with open_site(tmp_path) as made:
        yield made
