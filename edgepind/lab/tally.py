"""What an Edge stand-in went through, counted from its own log.

Locked out is the time from a rejected connection to the next accepted one; an Edge that does
not start with the document it was given is locked out likewise. A dial that reaches nobody
counts as neither. An attacker's pin counts as accepted where the Edge was told to accept it,
or accepted a connection that showed it while pinning was on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Tally:
    """The sums of one chapter. Times are readings of `time.monotonic()`, in seconds.

    `attackers` are leaves that no Edge should ever trust, as plain lower-case hex.
    `carried` counts connections that reached an attacker with pinning off.
    """

    attackers: set[str] = field(default_factory=set)
    accepted: int = 0
    rejected: int = 0
    unreachable: int = 0
    carried: int = 0
    attackers_accepted: set[str] = field(default_factory=set)
    why: dict[str, int] = field(default_factory=dict)
    last_accepted: float | None = None
    _locked_since: float | None = None
    _locked_before: float = 0.0

    @property
    def locked_out_now(self) -> bool:
        """Whether the last dial that counts was a rejected one."""
        return self._locked_since is not None

    def locked_out(self, now: float) -> float:
        """Seconds locked out until `now`."""
        running = 0.0 if self._locked_since is None else now - self._locked_since
        return self._locked_before + max(0.0, running)

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one line of the Edge's log."""
        match record["kind"]:
            case "started":
                self.told(record["pins"] or ())
            case "start_failed":
                self._lock(record["t"])
            case "dial":
                self._dialled(record)
            case other:
                raise ValueError(f"an Edge stand-in logs no {other!r}")

    def told(self, pins: object) -> None:
        """Note what stood in an allowlist (plain hex), whether loaded or not."""
        if isinstance(pins, list | tuple | set | frozenset):
            self.attackers_accepted |= self.attackers.intersection(pins)

    def _dialled(self, record: Mapping[str, Any]) -> None:
        match record["why"]:
            case None:
                self.accepted += 1
                self.last_accepted = record["t"]
                self._unlock(record["t"])
                self._met(record["leaf"], pinning=record["pinning"])
            case "network":
                self.unreachable += 1
            case why:
                self.rejected += 1
                self.why[why] = self.why.get(why, 0) + 1
                self._lock(record["t"])

    def _met(self, leaf: str, *, pinning: bool) -> None:
        if leaf in self.attackers:
            self.carried += not pinning
            if pinning:
                self.attackers_accepted.add(leaf)

    def _lock(self, instant: float) -> None:
        if self._locked_since is None:
            self._locked_since = instant

    def _unlock(self, instant: float) -> None:
        if self._locked_since is not None:
            self._locked_before += instant - self._locked_since
            self._locked_since = None
