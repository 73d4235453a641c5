"""What the lab's own tests share: a cloud that listens, and the CAs around it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgepind.lab.cloud import Cloud
from edgepind.lab.trust import Trust

HOST = "acme.cloud.test"


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """All CAs of the closed world, with both trust stores on disk."""
    return Trust(tmp_path)


@pytest.fixture
async def cloud(trust: Trust) -> AsyncIterator[Cloud]:
    """A cloud at three addresses, without OAuth."""
    opened = await Cloud.open(HOST, trust.issue(HOST))
    yield opened
    await opened.close()
