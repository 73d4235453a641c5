"""Elapsed time and wall time, as distinct types. Only `edgepind.clock` reads them."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

Monotonic = NewType("Monotonic", float)
"""Seconds of CLOCK_BOOTTIME: counts suspend, starts anew at each boot, cannot be set."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of both clocks: time-outs use the first, certificates and files the second."""

    monotonic: Monotonic
    wall: datetime

    def __post_init__(self) -> None:
        """Raise ValueError for a wall time without a zone: that is a programming error."""
        if self.wall.tzinfo is None:
            message = "a wall time needs its zone"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when something holds, both ends included (RFC 5280, section 4.1.2.5)."""

    not_before: datetime
    not_after: datetime

    def holds_at(self, wall: datetime) -> bool:
        """Whether `wall` lies inside."""
        return self.not_before <= wall <= self.not_after
