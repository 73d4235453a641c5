"""The pins that a command can compare with, from the best source that this user may read.

The daemon's state comes first, then what it last showed, then the pinning config itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from edgepind.cli.memory import NoMemory, read_state
from edgepind.cli.status_document import NoStatus, read_status
from edgepind.clock import Clock
from edgepind.effects.appliance import DocumentReading
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint
from edgepind.model.observation import DocumentRead
from edgepind.model.pin import Pin, accepted
from edgepind.model.words import Origin, PinKind, Role
from edgepind.observe.rfc3339 import parse_rfc3339
from edgepind.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class PinsAtHand:
    """Pins, and where they were read (a clause); `floor` as in the daemon's state."""

    pins: tuple[Pin, ...] = ()
    source: str = "nowhere"
    floor: datetime | None = None


def pins_at_hand(settings: Settings, reading: DocumentReading, clock: Clock) -> PinsAtHand:
    """The pins of the first source that can be read and holds an accepted one."""
    sources: tuple[Callable[[], PinsAtHand], ...] = (
        lambda: _from_state(settings, clock),
        lambda: _from_status(settings),
        lambda: _from_document(settings, reading, clock),
    )
    for source in sources:
        try:
            found = source()
        except PermissionError:
            continue  # the next source says the same, if it may be read
        if accepted(found.pins):
            return found
    return PinsAtHand()


def _from_state(settings: Settings, clock: Clock) -> PinsAtHand:
    state = read_state(settings.paths.state, clock)
    if isinstance(state, NoMemory):
        return PinsAtHand()
    return PinsAtHand(state.pins, "the daemon's state", state.floor)


def _from_status(settings: Settings) -> PinsAtHand:
    document = read_status(settings.paths.runtime)
    if isinstance(document, NoStatus):
        return PinsAtHand()
    return PinsAtHand(tuple(_shown(document["pins"])), "the daemon's status")


def _shown(pins: list[dict[str, str]]) -> Iterator[Pin]:
    for pin in pins:
        fingerprint, since = parse_fingerprint(pin["fingerprint"]), parse_rfc3339(pin["since"])
        if isinstance(fingerprint, Fingerprint) and since is not None:
            kind, role, origin = PinKind(pin["kind"]), Role(pin["role"]), Origin(pin["origin"])
            yield Pin(fingerprint, kind, role, origin, since)


def _from_document(settings: Settings, reading: DocumentReading, clock: Clock) -> PinsAtHand:
    document = reading.document
    if not isinstance(document, DocumentRead):
        return PinsAtHand()
    kind, since = settings.pins.kind, clock.now().wall
    roles = {document.current: Role.CURRENT}
    pins = (
        Pin(it, kind, roles.get(it, Role.BACKUP), Origin.DOCUMENT, since)
        for it in document.accepted
    )
    return PinsAtHand(tuple(pins), "the pinning config")
