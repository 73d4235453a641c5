"""What an outsider can see and do at a small site, in the words that tests of the contract use.

Only files, processes, signals and log lines: nothing of the program's inside.
"""

import json
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from edgepind.lab.cloud import StatusPage
from edgepind.lab.http1 import Request, Response
from edgepind.model.fingerprint import Fingerprint
from tests.support.small_site import Site


class WatchedPage(StatusPage):
    """A status page that keeps every request that came to it."""

    __slots__ = ("requests",)

    def __init__(self, current: Fingerprint) -> None:
        super().__init__(current)
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Response:
        """Answer as any status page does, and remember who asked."""
        self.requests.append(request)
        return super().answer(request)


def install_pins(site: Site, *pins: object, **others: object) -> None:
    """Write the pinning config as an installer would: pinning on, the first pin current."""
    texts = [str(pin) for pin in pins]
    owned = {"enabled": True, "algorithm": "SHA256", "fingerprint": texts[0], "fingerprints": texts}
    site.document.write_text(json.dumps({"certificatePinning": {**owned, **others}}, indent=2))


def install_current(site: Site) -> Fingerprint:
    """Pin what the cloud serves now; the daemon then has nothing to learn and nothing to do."""
    current = site.cloud.status.current
    install_pins(site, current)
    return current


def roles(site: Site) -> dict[str, str]:
    """Each pin of the status file and its role."""
    return {pin["fingerprint"]: pin["role"] for pin in site.daemon.status().get("pins", [])}


def told(site: Site, event: str) -> list[dict[str, Any]]:
    """Every log record of that event so far, oldest first."""
    site.daemon.follow()
    return [it for it in site.daemon.events if it.get("EDGEPIND_EVENT") == event]


def postures(site: Site) -> list[str]:
    """The postures that were entered so far, in order."""
    return [it["EDGEPIND_POSTURE"] for it in told(site, "posture_changed")]


def poke(site: Site, number: signal.Signals = signal.SIGUSR1) -> None:
    """Send the running daemon a signal."""
    pid = site.daemon.pid
    if pid is None:
        raise RuntimeError("no daemon runs")
    os.kill(pid, number)


async def one_tick(site: Site) -> dict[str, Any]:
    """Make a daemon look whose interval is long; return the status file that came of it."""
    before = site.daemon.status().get("ticks", 0)
    poke(site)
    await site.until(lambda: site.daemon.status().get("ticks", 0) > before, "a prompted tick")
    return site.daemon.status()


async def until_status(site: Site, **wanted: object) -> dict[str, Any]:
    """Wait until the status file shows all of these; return it."""

    def shows() -> bool:
        status = site.daemon.status()
        return bool(status) and all(status[key] == value for key, value in wanted.items())

    await site.until(shows, f"the status file to show {wanted}")
    return site.daemon.status()


async def pass_ticks(site: Site, count: int) -> None:
    """Let the daemon look so many times more, beginning with a look that has not begun yet."""
    goal = site.daemon.status().get("ticks", 0) + count + 1
    await site.until(lambda: site.daemon.status().get("ticks", 0) >= goal, f"{count} more ticks")


def status_reply(
    body: bytes | Mapping[str, object] | Sequence[object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What the status endpoint is to answer from now on."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, octets)
