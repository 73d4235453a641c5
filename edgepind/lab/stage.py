"""What a chapter can do and see: tell, wait for what must happen, and hold what must hold.

A chapter never sleeps to be sure: it waits for events, for the status file, for the Edges' own
logs, each with a deadline. Only the cloud's own timetable and a stay of a given length pass time.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from edgepind.lab.pki import Credential
from edgepind.lab.timers import INTERVAL
from edgepind.lab.wait import until
from edgepind.lab.world import World
from edgepind.model.fingerprint import Fingerprint

_PATIENCE = 20.0


class Unmet(Exception):  # noqa: N818  # a chapter that did not go as it must is a result
    """Something that a chapter waited for did not happen."""


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation in a sentence, and whether it was met."""

    what: str
    met: bool
    detail: str = ""


@dataclass(slots=True, eq=False)
class Stage:
    """A world with a narrator. `told` is called with each sentence of the story."""

    world: World
    told: Callable[[str], None]
    checks: list[Check] = field(default_factory=list)
    _first_event: int = 0

    def say(self, sentence: str) -> None:
        """Tell what happens now."""
        self.told(sentence)

    def mark(self) -> None:
        """Let everything that is counted or searched begin here."""
        self.world.observe()
        for site in self.world.sites():
            site.mark()
        self._first_event = len(self.world.daemon.events)

    # --- expectations ---------------------------------------------------------------------

    def expect(self, what: str, met: object, detail: object = "") -> None:
        """Hold that something is so now; the story goes on either way."""
        self.checks.append(Check(what, bool(met), "" if met else str(detail)))

    async def until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait for something that must happen. Raises Unmet, which ends the chapter."""
        await self._wait(what, condition)
        self.checks.append(Check(what, met=True))

    async def ticks(self, count: int) -> None:
        """Let the daemon look that many times more."""
        goal = self.status().get("ticks", 0) + count
        await self._wait(
            f"the daemon looks {count} times more", lambda: self.status().get("ticks", 0) >= goal
        )

    async def stay(self, seconds: float) -> None:
        """Let the world stay as it is for so long (at speed 1), with a daemon that looks on."""
        ends = time.monotonic() + self.world.pace.seconds(seconds)
        await self.ticks(round(seconds / INTERVAL / 2))
        await asyncio.sleep(max(0.0, ends - time.monotonic()))

    async def _wait(self, what: str, condition: Callable[[], object]) -> None:
        daemon = self.world.daemon

        def over() -> object:
            self.world.observe()
            return condition() or not daemon.running

        await until(over, self.patience)
        if not condition():
            late = f"not within {self.patience:.0f} s"
            detail = late if daemon.running else "the daemon has ended"
            self.checks.append(Check(what, met=False, detail=detail))
            raise Unmet(what)

    @property
    def patience(self) -> float:
        """How long anything may take, in seconds: long enough for a machine under load."""
        return max(_PATIENCE, self.world.pace.seconds(_PATIENCE))

    # --- what can be seen -----------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """The daemon's status file."""
        return self.world.daemon.status()

    def events(self, name: str, fingerprint: Fingerprint | None = None) -> list[dict[str, Any]]:
        """The events of that name since `mark`, about that fingerprint if one is given."""
        return [
            event
            for event in self.world.daemon.events[self._first_event :]
            if event.get("EDGEPIND_EVENT") == name
            and (fingerprint is None or event.get("EDGEPIND_FINGERPRINT") == str(fingerprint))
        ]

    def postures(self) -> list[str]:
        """The postures entered since `mark`, in order."""
        return [str(event.get("EDGEPIND_POSTURE")) for event in self.events("posture_changed")]

    def in_posture(self, *postures: str) -> bool:
        """Whether the status file says one of these."""
        return self.status().get("posture") in postures

    def at_rest(self) -> bool:
        """Whether the daemon calls everything well: link, status endpoint and Edge."""
        status = self.status()
        edge = status.get("edge", {})
        return bool(
            status.get("posture") == "enforcing"
            and status.get("finding") in {"pinned", "rotating"}
            and status["status_endpoint"]["ok"]
            and edge.get("loaded")
            and not edge.get("restart_owed")
        )

    def edge_loaded(self, *pins: Fingerprint) -> bool:
        """Whether the Edge itself was started with just these pins."""
        told = frozenset(pin.octets.hex() for pin in pins)
        return self.world.kept.loaded == told and self.world.kept.edge.running

    def edge_accepts(self, pin: Fingerprint) -> bool:
        """Whether the Edge itself was started with pinning on and this pin among others."""
        loaded = self.world.kept.loaded
        return loaded is not None and pin.octets.hex() in loaded and self.world.kept.edge.running

    def edge_open(self) -> bool:
        """Whether the Edge itself was started with pinning off."""
        return self.world.kept.loaded is None

    def roles(self) -> dict[str, str]:
        """Each pin in the status file and its role."""
        return {pin["fingerprint"]: pin["role"] for pin in self.status().get("pins", [])}

    def in_allowlist(self, pin: Fingerprint) -> bool:
        """Whether the document accepts this pin."""
        return str(pin) in self.world.kept.pins()

    def accepted_since(self, instant: float) -> bool:
        """Whether the Edge kept by edgepind was connected after that `time.monotonic()`."""
        last = self.world.kept.tally.last_accepted
        return last is not None and last > instant

    # --- what the cloud does --------------------------------------------------------------

    def announce(self, credential: Credential, notice: float) -> float:
        """Announce a rotation so many seconds ahead (at speed 1); return when it will come."""
        ahead = self.world.pace.seconds(notice)
        self.world.cloud.announce(credential, datetime.now(UTC) + timedelta(seconds=ahead))
        return time.monotonic() + ahead

    async def timetable(self, instant: float) -> None:
        """The cloud waits for nobody: sleep until it acts."""
        await asyncio.sleep(max(0.0, instant - time.monotonic()))

    # --- expectations that many chapters share --------------------------------------------

    def expect_no_rejection(self) -> None:
        """Hold that the Edge kept by edgepind was not refused once."""
        tally = self.world.kept.tally
        self.expect("not one connection was rejected", tally.rejected == 0, tally.why)

    def expect_restarts(self, most: int) -> None:
        """Hold that the Edge was restarted at most so often."""
        restarts = self.world.kept.restarts
        self.expect(f"at most {most} restarts", restarts <= most, f"{restarts} restarts")
