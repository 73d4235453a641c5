"""What every rule is given: this tick's observations, the moment, and the clock's judgement."""

from dataclasses import dataclass

from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import Leaf, Link, Observations, Served
from edgepind.model.rules import Rules
from edgepind.model.state import ClockJudgement

GAP_TICKS = 3
"""Ticks further apart than this many intervals leave a gap, in which nothing was observed."""
LONGEST_LOOK = 600.0
"""Seconds that a look lasts at most; in a longer one the host was suspended."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One call of `decide`. `elapsed`: seconds since the last one in this run, 0 after a start."""

    seen: Observations
    now: Moment
    elapsed: float
    clock: ClockJudgement

    @property
    def rules(self) -> Rules:
        """The settings in force."""
        return self.seen.rules

    @property
    def observed(self) -> float:
        """`elapsed`, where it is short enough to count as observed; else 0."""
        return self.watched(self.elapsed)

    def watched(self, seconds: float) -> float:
        """`seconds` until now, where they are no gap; else 0. This look itself is no gap."""
        looking = min(self.seen.took, LONGEST_LOOK)
        return seconds if seconds - looking <= GAP_TICKS * self.rules.interval else 0.0

    def after(self, seconds: float) -> Monotonic:
        """The instant `seconds` from now."""
        return Monotonic(self.now.monotonic + seconds)

    def passed_or_unset(self, instant: Monotonic | None) -> bool:
        """Whether `instant` is over; one that is not set is."""
        return instant is None or self.now.monotonic >= instant


def leaves_in(link: Link | None) -> tuple[Leaf, ...]:
    """Every leaf that an Edge could be served, as far as this look shows them."""
    found = served(link) if link is not None else ()
    return tuple(leaf for _, it in found for leaf in (it.leaf, *it.others))


def shown(link: Link) -> tuple[tuple[str, Served], ...]:
    """The addresses that showed a leaf to any look, also to one wider than the Edge's settings."""
    return tuple(
        (seen.address, seen.result) for seen in link.addresses if isinstance(seen.result, Served)
    )


def served(link: Link) -> tuple[tuple[str, Served], ...]:
    """The addresses that showed a leaf to an offer of the Edge's, with what they served.

    What only a wider look sees no Edge is served: it is told, and is no evidence of anything.
    """
    return tuple((address, it) for address, it in shown(link) if not it.wider_only)
