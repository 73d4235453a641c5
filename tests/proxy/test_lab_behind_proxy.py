"""The lab's chapters with the daemon behind a real proxy: they end as they do without one."""

import pytest

from edgepind.lab.chapter import Chapter
from edgepind.lab.chapters import STORY
from edgepind.lab.story import play
from edgepind.lab.timers import Pace
from edgepind.lab.view import Nobody
from tests.support.real_proxies import squid

_PLAYED = [it for it in STORY if it.name in {"announced", "inspecting-proxy"}]


@pytest.mark.parametrize("chapter", _PLAYED, ids=lambda it: it.name)
async def test_a_chapter_behind_squid_ends_as_without_it(chapter: Chapter) -> None:
    """Everything that it promises holds, and the daemon's way was the proxy."""
    async with squid() as proxy:
        result = await play(chapter, Pace(), Nobody(), proxy.url)
        assert [f"{it.what}: {it.detail}" for it in result.checks if not it.met] == []
        assert "CONNECT 127.0.0." in proxy.asked()
