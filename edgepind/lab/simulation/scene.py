"""What the world is like between two changes: all that any way of keeping pins may notice."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import HandshakeFault, Leaf, Status


@dataclass(frozen=True, slots=True)
class OperatorOverride:
    """Validation is switched off for some work, since `begin` and for `stated` seconds."""

    begin: float
    stated: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Nothing of this changes from `begin` until `end` (seconds since the life began)."""

    begin: float
    end: float
    boot: int
    """Which boot of the host this is; 0: it is off."""
    ahead: float
    """Seconds by which the host's clock is ahead."""
    clock_known: bool
    """Whether chrony says so."""
    shown: Mapping[str, Leaf | HandshakeFault]
    """What the daemon meets at each address, in their order."""
    wider_at: frozenset[str]
    """Addresses with which the Edge's cipher list has nothing in common."""
    words: Mapping[str, Status]
    """What the status endpoint says to whoever asks it at this address."""
    honest: tuple[Fingerprint, ...]
    """The cloud's own leaves that the Edge meets, and could accept if it did not pin."""
    held: bool
    """Whether somebody answers the Edge, and nowhere the cloud itself."""
    attackers: tuple[Fingerprint, ...]
    """Leaves that an adversary on the path has, and that an Edge that did not pin would accept."""
    restart_fails: bool
    override: OperatorOverride | None
    view_ends: float
    """When anything of what the daemon can notice changes next."""
    calm: int
    """Which stretch of calm this is: the cloud answers steadily with one leaf at all addresses (or
    one a region), the clock is right, restarts do not fail nor did lately, nobody is on the path
    but perhaps a stranger at one address. 0: not so."""
    sound: bool = True
    """Whether host, clock, uplink and restarts are well; adversaries there may be."""
    changes_ca: bool = False
    """Whether the Edge meets a leaf with which the cloud has changed its CA."""
    turns: Mapping[str, tuple[Leaf, ...]] = field(default_factory=dict)
    """Addresses that serve these leaves in turn; the first of them stands in `shown`, too."""
    beside: Mapping[str, Leaf] = field(default_factory=dict)
    """What an address serves to another kind of key than edgepind's looks offer first."""
    beyond: Mapping[str, Leaf | HandshakeFault] = field(default_factory=dict)
    """What whoever dials them still meets at addresses that the name service gives no more."""

    @property
    def view(self) -> tuple[object, ...]:
        """All that the daemon can notice."""
        return (
            self.boot,
            self.ahead,
            self.clock_known,
            self.shown,
            self.turns,
            self.beside,
            self.beyond,
            self.wider_at,
            self.words,
            self.override,
        )
