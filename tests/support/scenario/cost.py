"""What a life of an imagined site has cost, and where one cost more than another.

Two lives of the same script, one of them with a cut: the script asks the same of both, at the
same true times. What the one with the cut may do worse is bounded by what it takes to start again.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from math import inf

from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.enums import Origin, Posture
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentRead, Leaf, UnitState
from edgepind.model.pin import accepted

Accepted = tuple[Fingerprint, Origin]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a cut may cost by its very place: restarts, and seconds by which one is put off."""

    restarts: int = 0
    delay: float = 0.0


@dataclass(slots=True)
class Toll:
    """What was accepted and written, and for how long the Edge was unguarded or cut off."""

    accepted: dict[Accepted, float] = field(default_factory=dict)
    """When each pin was first accepted on each evidence, in true seconds."""
    written: set[Fingerprint] = field(default_factory=set)
    """All that ever stood in an allowlist."""
    emptied: bool = False
    """Whether a document with pins gave way to one without."""
    openings: int = 0
    restarts: int = 0
    unguarded: float = 0.0
    """Seconds in which the Edge ran without pinning."""
    cut_off: float = 0.0
    """Seconds in which the Edge took nothing that the cloud served."""

    _posture: Posture = Posture.ENFORCING
    _had_pins: bool = False

    def copied(self) -> "Toll":
        """Give one of its own that goes on from here."""
        toll = copy(self)
        toll.accepted, toll.written = dict(self.accepted), set(self.written)
        return toll

    def is_within(self, other: "Toll") -> bool:
        """Whether nothing of it is more than of `other`, which was lived to its end."""
        return (
            all(self.accepted[key] >= other.accepted.get(key, inf) for key in self.accepted)
            and self.written <= other.written
            and self.emptied <= other.emptied
            and self.openings <= other.openings
            and self.restarts <= other.restarts
            and self.unguarded <= other.unguarded
            and self.cut_off <= other.cut_off
        )

    def note_step(self, world: ImaginedWorld) -> None:
        """Take in the world after one step of the daemon, before it can be killed."""
        for pin in accepted(world.state.pins):
            self.accepted.setdefault((pin.fingerprint, pin.origin), world.elapsed)
        posture = world.state.guard.posture
        self.openings += posture is Posture.OPEN and self._posture is not Posture.OPEN
        self._posture = posture
        document = world.edge.document
        if isinstance(document, DocumentRead):
            self.written |= set(document.accepted)
            self.emptied = self.emptied or (self._had_pins and not document.accepted)
            self._had_pins = bool(document.accepted)

    def note_time(self, world: ImaginedWorld, seconds: float) -> None:
        """Take in that the world is left as it is for so long."""
        edge, validator = world.edge, world.rules.restart.validator
        self.restarts = len(edge.restarts)
        if edge.state is UnitState.ACTIVE and edge.read_by_edge(validator) is None:
            self.unguarded += seconds
        leaves = [it for it in world.serves.values() if isinstance(it, Leaf)]
        if not any(edge.connects(it, validator, world.wall) for it in leaves):
            self.cut_off += seconds


def excess(toll: Toll, uncut: Toll, interval: float, allowed: Allowance) -> Iterator[str]:
    """Name each harm beyond that of the life without a cut; `interval` in seconds.

    A cut may cost a tick, and the start after it gives one more sighting, within an interval. What
    is announced is accepted as soon as the status endpoint is asked, which a start does at once.
    """
    for key, instant in toll.accepted.items():
        fingerprint, origin = key
        earliest = uncut.accepted.get(key)
        if earliest is None:
            yield f"{fingerprint.short} was accepted ({origin}), and not without a cut"
        elif origin is not Origin.ANNOUNCED and instant < earliest - interval:
            yield f"{fingerprint.short} was accepted ({origin}) {earliest - instant:.0f}s earlier"
    for fingerprint in toll.written - uncut.written:
        yield f"{fingerprint.short} stood in the document, and not without a cut"
    if toll.emptied and not uncut.emptied:
        yield "the allowlist was empty"
    if toll.openings > uncut.openings:
        yield f"the Edge was opened {toll.openings} times, not {uncut.openings}"
    slack = 2 * interval + allowed.delay
    if toll.unguarded > uncut.unguarded + slack:
        yield f"it ran unguarded for {toll.unguarded:.0f}s, not {uncut.unguarded:.0f}s"
    if toll.cut_off > uncut.cut_off + slack:
        yield f"it was cut off for {toll.cut_off:.0f}s, not {uncut.cut_off:.0f}s"
    if toll.restarts > uncut.restarts + allowed.restarts:
        yield f"{toll.restarts} restarts were made, not {uncut.restarts}"
