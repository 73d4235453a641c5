"""Which pins are believed, and not only accepted (CONTRACT section 12).

An accepted pin serves the Edge. Only one with standing makes a channel to the status endpoint
whose announcements count, whose patience is obeyed and over which a token may go: a leaf that was
merely observed for long enough may be a stranger's.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import assert_never

from edgepind.core.tick import Tick, served
from edgepind.model.enums import Origin, PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Link
from edgepind.model.pin import Pin, Trust
from edgepind.model.replacing import replace
from edgepind.model.state import LastServed, State


class Standing(StrEnum):
    """When a pin of some origin has standing."""

    AT_ONCE = "at once"
    EARNED = (
        "after the overlap, served alone at every address, or once it is named by one with standing"
    )
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


NOT_BELIEVED = (
    "the pin of the leaf that answers has no standing, so that nothing which is announced there is "
    "believed; `edgepind explain` with that pin says why, and when it will be"
)
"""What a person is told of an answer that was heard and not believed."""


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
        case never:
            assert_never(never)


def trust_in(pins: Iterable[Pin], overlap: float) -> Trust:
    """Sort the accepted pins by what their channel is worth."""
    pins = tuple(pins)
    return Trust(
        accepted=frozenset(pin.key for pin in pins if pin.accepted),
        believed=frozenset(pin.key for pin in pins if has_standing(pin, overlap)),
    )


def earn_standing(state: State, link: Link, tick: Tick) -> State:
    """Carry the tenure of each pin that has yet to earn its standing on by what `link` shows."""
    pins = tuple(
        replace(pin, tenure=_tenure(pin, state, link, tick)) if _earns(pin, tick) else pin
        for pin in state.pins
    )
    return replace(state, pins=pins)


def _earns(pin: Pin, tick: Tick) -> bool:
    earning = pin.accepted and STANDING[pin.origin] is Standing.EARNED
    return earning and not has_standing(pin, tick.rules.pins.overlap)


def _tenure(pin: Pin, state: State, link: Link, tick: Tick) -> float:
    """Seconds of tenure: none left where another leaf is live, and none won by who silences one.

    An address that fell silent still speaks for what it served last, so that nobody earns
    anything by having the others refuse.
    """
    answering = dict(served(link))
    if any(it.leaf.value(pin.kind) != pin.fingerprint for it in answering.values()):
        return 0.0
    silent = (it for it in state.served if it.address not in answering)
    contradicted = any(_value(it, pin.kind) != pin.fingerprint for it in silent)
    watched = bool(answering) and tick.clock.trusted and not contradicted
    return pin.tenure + tick.observed if watched else pin.tenure


def _value(it: LastServed, kind: PinKind) -> Fingerprint:
    return it.certificate if kind is PinKind.CERTIFICATE else it.spki
