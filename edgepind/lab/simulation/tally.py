"""What is measured of one life under one way of keeping pins.

All minutes are of time in which the host is on.

`lockout`: the Edge meets the cloud, would be connected if it did not pin, and is not: it rejects
every honest leaf that it meets, or it was restarted and did not come up. `lockout_ca`: the same
while it meets a leaf with which the cloud has just changed its CA; not counted in `lockout`.
`refused`: an adversary or a proxy holds every address, and the Edge rejects him; no telephone
either, and rightly so.
`exposed`: an adversary is on the path and the Edge would accept a leaf of his; by three causes, of
which each minute has one: `exposed_override`, it does not pin because an operator wanted it so;
`exposed_other`, the leaf is of some public CA; `exposed_own`, of one that has the cloud's owner.
`attackable`: the same, were an adversary there; it does not pin, or has loaded an adversary's pin.
`open`: it does not pin (`enabled: false`); `last_resort`: the same, but for operators' overrides,
and `last_resorts` how often that began. `openings`: how often it was widened to what is not pinned.
`restarts`: those asked for by whoever keeps the pins, boots aside.
`adopted_own` and `adopted_other` count adversaries' leaves that became pins; `proxied` those of
proxies. `longest` is the longest lockout, in minutes of lockout from one good connection to the
next. `visits` counts lockouts that a person ended, and `permanent` tells of edgepind's own ways
whether any of them would have lasted without one: the same life is lived again with nobody to come;
`permanent_ca`, that it was the cloud's change of its CA.
"""

from dataclasses import dataclass, field

from edgepind.lab.simulation.adversaries import Kind


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something that edgepind's core should not do, with where to find it again."""

    world: str
    at: float
    what: str
    ca: bool = False
    """Whether the cloud had just changed its CA."""


@dataclass(slots=True)
class Tally:
    """The sums of one life: minutes, counts, and the longest lockout in minutes."""

    lockout: float = 0.0
    lockout_ca: float = 0.0
    refused: float = 0.0
    exposed_own: float = 0.0
    exposed_other: float = 0.0
    exposed_override: float = 0.0
    attackable: float = 0.0
    open: float = 0.0
    last_resort: float = 0.0
    last_resorts: int = 0
    openings: int = 0
    restarts: int = 0
    visits: int = 0
    permanent: bool = False
    permanent_ca: bool = False
    longest: float = 0.0
    proxied: int = 0
    adopted_own: int = 0
    adopted_other: int = 0
    adopted: dict[Kind, int] = field(default_factory=dict)
    exposed_by: dict[Kind, float] = field(default_factory=dict)
    decisions: int = 0
    """How often the real core was asked; 0 for other ways."""
    longest_calm: float = 0.0
    """The longest lockout in minutes while nothing was the matter but the pins."""
    oddities: list[Oddity] = field(default_factory=list)
    broken: list[Oddity] = field(default_factory=list)
    """Decisions that had to be dropped because they would have broken an invariant."""

    @property
    def exposed(self) -> float:
        """All minutes exposed, whatever the cause."""
        return self.exposed_own + self.exposed_other + self.exposed_override
