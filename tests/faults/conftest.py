"""What the rows of the fault matrix share beside what all tests do."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short name: the path of a socket may have a hundred octets only."""
    folder = Path(tempfile.mkdtemp(prefix="edgepind-faults-"))
    yield folder
    shutil.rmtree(folder)
