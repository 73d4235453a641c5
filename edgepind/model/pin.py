"""One pin with its evidence, and sets of pins.

How a pin changes is decided in `core.decide`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from edgepind.model.enums import Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic, Validity


@dataclass(frozen=True, slots=True)
class Pin:
    """A fingerprint that is accepted or pending.

    `since` is the wall time at which it took its role. `sightings` counts observations, one an
    address and tick, in all; `seen_at` counts them by address since the last contradiction.
    `held` is the part of the hold-down served, in seconds of elapsed time; `unseen` is how long,
    in the same measure, it has not been live. `last_seen` is the reading at its last sighting
    within this run of the daemon. `proven` says that it was live after the Edge loaded it.
    `tenure` is how long, in seconds of watched time, it has been served at every address, and
    nothing else at any; `vouched` that one with standing named it (`core.standing`). `validity` is
    that of the leaf that was served with it; None: none was seen. `not_after` is when the bundle
    that named it lets it lapse; None: never.
    """

    fingerprint: Fingerprint
    kind: PinKind
    role: Role
    origin: Origin
    since: datetime
    sightings: int = 0
    seen_at: tuple[tuple[str, int], ...] = ()
    held: float = 0.0
    unseen: float = 0.0
    last_seen: Monotonic | None = None
    ever_live: bool = False
    proven: bool = False
    tenure: float = 0.0
    vouched: bool = False
    validity: Validity | None = None
    not_after: datetime | None = None

    @property
    def accepted(self) -> bool:
        """Whether the Edge should accept a connection that shows it."""
        return self.role is not Role.PENDING

    @property
    def key(self) -> tuple[PinKind, Fingerprint]:
        """What makes two pins the same."""
        return (self.kind, self.fingerprint)


_IN_ORDER = (Role.CURRENT, Role.BACKUP, Role.RETIRING)


def with_role(pins: Iterable[Pin], role: Role) -> tuple[Pin, ...]:
    """The pins that play `role`, in their order."""
    return tuple(pin for pin in pins if pin.role is role)


def accepted(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    """The allowlist in the order of the document: current, then backup, then retiring."""
    pins = tuple(pins)
    return tuple([pin for role in _IN_ORDER for pin in pins if pin.role is role])


PinKey = tuple[PinKind, Fingerprint]
"""`Pin.key`: what a leaf is compared with."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The pins that a connection to the status endpoint is judged by, from `core.standing`.

    `accepted` are all that the Edge accepts; `believed`, a part of them, those with standing:
    announcements are believed and tokens sent over their leaves only.
    """

    accepted: frozenset[PinKey] = frozenset()
    believed: frozenset[PinKey] = frozenset()
