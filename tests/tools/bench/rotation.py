"""From the moment the cloud's leaf changes to the Edge connected: announced, and not.

The timers keep the proportions of the defaults to an interval that is short. What is reported is
what comes on top of them, in intervals. An Edge stand-in dials fifty times a second and notes
when; files are looked at two hundred times a second: nothing here is known better than that.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edgepind.lab.cloud import Cloud
from edgepind.lab.json_lines import JsonLines
from edgepind.lab.pki import Credential
from edgepind.lab.site import Premises
from edgepind.lab.supervisor import Dialling
from edgepind.lab.timers import span
from edgepind.lab.trust import Trust
from tests.support.small_site import HOST, Site
from tests.tools.bench.figures import Figure

_DIALS = 50.0
_LOOK_AGAIN = 0.005
_PATIENCE = 60.0
# The defaults, in intervals of a minute.
_GRACE = 5
_HOLD_DOWN = 15
_SETTLE = 1 / 6


@dataclass(slots=True)
class Place:
    """A daemon, the Edge stand-in that it keeps, and their cloud at one address."""

    interval: float
    cloud: Cloud
    trust: Trust
    premises: Premises
    site: Site
    _dials: list[dict[str, Any]] = field(default_factory=list)
    _lines: JsonLines = field(init=False)

    def __post_init__(self) -> None:
        """Read the Edge's log from its beginning."""
        self._lines = JsonLines(self.premises.edge.log)

    async def after(
        self, began: float, **milestones: Callable[[], bool | float | None]
    ) -> dict[str, float]:
        """Seconds from `began` until each held; one may say itself at which `time.monotonic()`.

        Every one must come in the end.
        """
        came: dict[str, float] = {}
        while len(came) < len(milestones):
            for name, holds in milestones.items():
                if name not in came and (held := holds()):
                    came[name] = (time.monotonic() if held is True else held) - began
            if time.monotonic() - began > _PATIENCE:
                missing = ", ".join(sorted(milestones.keys() - came.keys()))
                raise TimeoutError(f"{missing} never came: {self.site.daemon.status()}")
            await asyncio.sleep(_LOOK_AGAIN)
        return came

    def connected(self, new: Credential, *, pinning: bool) -> float | None:
        """When the Edge was first connected to the new leaf, with its pinning on or off."""
        self._dials += [it for it in self._lines.fresh() if it.get("kind") == "dial"]
        wanted = (new.fingerprint.octets.hex(), None, pinning)
        met = (it["t"] for it in self._dials if (it["leaf"], it["why"], it["pinning"]) == wanted)
        return next(met, None)

    def at_rest(self, finding: str = "pinned") -> bool:
        """Whether the daemon says that all is well and nothing is owed."""
        status = self.site.daemon.status()
        edge = status.get("edge", {})
        rests = edge.get("loaded") and not edge.get("restart_owed")
        return bool(rests) and (status["posture"], status["finding"]) == ("enforcing", finding)


async def rotation(folder: Path, interval: float) -> list[Figure]:
    """Let the cloud change its leaf twice: first announced, then without a word."""
    async with _place(folder, interval) as place:
        await place.after(time.monotonic(), rest=place.at_rest)
        announced = await _announced(place)
        await place.after(time.monotonic(), rest=place.at_rest)
        silent = await _unannounced(place)

    def intervals(key: str, what: str, seconds: float, timer: float = 0) -> Figure:
        return Figure(key, what, seconds / interval - timer, "intervals")

    change = "leaf changed"
    return [
        intervals("announced_prepared", "announced to next pin loaded", announced["prepared"]),
        intervals(
            "announced_connected", f"{change}, announced, to Edge connected", announced["connected"]
        ),
        intervals(
            "announced_written", f"{change}, announced, to document in order", announced["written"]
        ),
        intervals(
            "open_written", f"{change}, to document open, beyond grace", silent["opened"], _GRACE
        ),
        intervals(
            "open_connected", f"{change}, to Edge connected, beyond grace", silent["let_in"], _GRACE
        ),
        intervals(
            "accepted_written",
            f"{change}, to new pin written, beyond hold-down",
            silent["written"],
            _HOLD_DOWN,
        ),
        intervals(
            "accepted_connected",
            f"{change}, to Edge connected by it, beyond hold-down",
            silent["connected"],
            _HOLD_DOWN,
        ),
    ]


async def _announced(place: Place) -> dict[str, float]:
    new = place.trust.issue(HOST)
    place.cloud.announce(new, datetime.now(UTC) + timedelta(hours=1))

    def prepared() -> bool:
        place.premises.observe()
        return new.fingerprint.octets.hex() in (place.premises.loaded or ())

    came = await place.after(time.monotonic(), prepared=prepared)
    await place.after(time.monotonic(), rest=place.at_rest)
    began = time.monotonic()
    place.cloud.rotate(new)
    return came | await place.after(
        began,
        written=lambda: place.premises.pinning().get("fingerprint") == str(new.fingerprint),
        connected=lambda: place.connected(new, pinning=True),
    )


async def _unannounced(place: Place) -> dict[str, float]:
    new = place.trust.issue(HOST)
    began = time.monotonic()
    place.cloud.serve(new)  # and its status page goes on about the old one
    return await place.after(
        began,
        opened=lambda: not place.premises.pinning().get("enabled"),
        let_in=lambda: place.connected(new, pinning=False),
        written=lambda: _enforces(place.premises.pinning(), new),
        connected=lambda: place.connected(new, pinning=True),
    )


def _enforces(pinning: Mapping[str, Any], new: Credential) -> bool:
    return bool(pinning.get("enabled")) and pinning.get("fingerprint") == str(new.fingerprint)


@asynccontextmanager
async def _place(folder: Path, interval: float) -> AsyncIterator[Place]:
    trust = Trust(folder)
    credential = trust.issue(HOST)
    cloud = await Cloud.open(HOST, credential, ["127.0.0.1"])
    dialling = Dialling(HOST, cloud.addresses, trust.public_roots, _DIALS)
    premises = Premises(folder, dialling, frozenset())
    site = Site(folder, cloud, trust)
    site.write_settings(
        {
            "cloud": {"interval": span(interval)},
            "edge": {
                "pinning_config": str(premises.document),
                "owner": f"{os.geteuid()}:{os.getegid()}",
                "restart_command": [str(premises.edge.restart_script)],
                "health_command": [str(premises.edge.health_script)],
                "settle": span(_SETTLE * interval),
            },
            "pins": {"hold_down": span(_HOLD_DOWN * interval), "sightings": 5, "overlap": "1h"},
            "fail_open": {"grace": span(_GRACE * interval)},
        }
    )
    try:
        await premises.open(credential.fingerprint)
        await site.daemon.start()
        yield Place(interval, cloud, trust, premises, site)
    finally:
        await site.daemon.stop()
        await premises.close()
        await cloud.close()
