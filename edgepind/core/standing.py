"""Which pins are believed, and not only accepted (CONTRACT section 12).

An accepted pin serves the Edge. Only one with standing makes a channel to the status endpoint
whose announcements count, whose patience is obeyed and over which a token may go: a leaf that was
merely observed for long enough may be a stranger's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Pin
from edgepind.model.words import Origin, PinKind


class Standing(StrEnum):
    """When a pin of some origin has standing."""

    AT_ONCE = "at once"
    EARNED = "after the overlap, uncontradicted at every address, or once it is named by standing"
    NEVER = "never"


STANDING: Mapping[Origin, Standing] = {
    Origin.OPERATOR: Standing.AT_ONCE,
    Origin.BOOTSTRAP: Standing.AT_ONCE,
    Origin.ANNOUNCED: Standing.AT_ONCE,
    Origin.DOCUMENT: Standing.EARNED,
    Origin.OBSERVED: Standing.EARNED,
    Origin.EXCEPTION: Standing.NEVER,
}
"""An announcement is only heard over a pin with standing, so what it names has standing, too."""


def has_standing(pin: Pin, overlap: float) -> bool:
    """Whether `pin` is accepted and its channel believed; `overlap` as in `[pins]`, in seconds."""
    if not pin.accepted:
        return False
    match STANDING[pin.origin]:
        case Standing.AT_ONCE:
            return True
        case Standing.EARNED:
            return pin.vouched or pin.tenure >= overlap
        case Standing.NEVER:
            return False


@dataclass(frozen=True, slots=True)
class Trust:
    """The pins as a connection to the status endpoint is held against them, by `Pin.key`.

    `believed` are those with standing; `accepted` all that the Edge accepts.
    """

    accepted: frozenset[tuple[PinKind, Fingerprint]] = frozenset()
    believed: frozenset[tuple[PinKind, Fingerprint]] = frozenset()


def trust_in(pins: Iterable[Pin], overlap: float) -> Trust:
    """Sort the accepted pins by what their channel is worth."""
    pins = tuple(pins)
    return Trust(
        accepted=frozenset(pin.key for pin in pins if pin.accepted),
        believed=frozenset(pin.key for pin in pins if has_standing(pin, overlap)),
    )
