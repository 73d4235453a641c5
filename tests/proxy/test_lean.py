"""A site without a proxy pays nothing for those that have one."""

import subprocess
import sys

_LOOK = """
import asyncio, sys
import edgepind.daemon
from edgepind.clock import SystemClock
from edgepind.model.document import EdgeTls
from edgepind.observe.link import LinkObserver
from edgepind.observe.resolve import Resolver
from edgepind.observe.status_endpoint import StatusEndpoint
from edgepind.settings.load import judge

settings = judge({"cloud": {"host": "acme.test", "addresses": ["127.0.0.1:9"]}}, {})
link = asyncio.run(LinkObserver.from_settings(settings, SystemClock()).observe(EdgeTls()))
assert link.addresses[0].address == "127.0.0.1:9", link
StatusEndpoint(settings, Resolver(), SystemClock().now)
print(*sorted(it for it in sys.modules if "tunnel" in it or "proxy_" in it))
"""


def test_nothing_of_a_tunnel_is_loaded_without_the_setting() -> None:
    """Neither by the daemon's own modules nor by a look."""
    seen = subprocess.run(  # noqa: S603  our own words
        [sys.executable, "-c", _LOOK], check=True, capture_output=True, text=True, timeout=120
    )
    assert seen.stdout.strip() == ""
