"""A short soak: the long one is `make soak`, and its figures are in packaging/doc/endurance.md."""

from pathlib import Path

import pytest

from tests.tools.soak.soak import soak


@pytest.mark.timeout(300)
async def test_a_troubled_world_leaves_nothing_behind(tmp_path: Path) -> None:
    """After some hundred ticks of troubles the daemon is pinned again, and holds what it held."""
    memory = tmp_path / "memory"
    memory.mkdir()
    result = await soak(tmp_path, memory, ticks=600, seed=7)
    before, after = result.calm
    assert after.held.tasks <= before.held.tasks
    assert after.held.threads <= before.held.threads
    assert after.descriptors <= before.descriptors
    assert sum(result.happened.values()) > 3, "nothing happened, so nothing was shown"
