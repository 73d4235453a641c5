"""Standing: which accepted pins are also believed (CONTRACT section 12).

Theory of operation. To accept a pin lets the Edge connect. To believe it lets the status endpoint
act: over a connection whose leaf is a pin with standing, announcements count, `Retry-After` is
obeyed and a token may be sent. A leaf that was merely observed for long enough may be that of a
man in the middle, so the two are separate. `STANDING` says by origin when a pin has standing:

- at once: pins of an operator or a signed bundle, the first pin, and what a believed channel
  announced.
- earned: observed pins, and those found in a document after the state was lost. Either the pin is
  vouched for (a believed channel names it, or it was the document's current one), or it is served
  alone at every address for `pins.overlap` seconds of observed time (`tenure`). Another leaf at any
  address sets the tenure to zero; an address that is silent and served another leaf before pauses
  it, so that refusing connections to the real cloud earns nothing.
- never: pins of an inspecting CA.

It must never be that a pin gains standing by its own announcements: what vouches for it has
standing itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from edgepind.core.live_leaves import keys_of, live_at
from edgepind.core.tick import Tick, served
from edgepind.model.enums import Origin
from edgepind.model.observation import Link
from edgepind.model.pin import Pin, Trust
from edgepind.model.state import State


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
    Origin.BUNDLE: Standing.AT_ONCE,
    Origin.ANNOUNCED: Standing.AT_ONCE,
    Origin.DOCUMENT: Standing.EARNED,
    Origin.OBSERVED: Standing.EARNED,
    Origin.EXCEPTION: Standing.NEVER,
}
"""Announcements count only over a pin with standing, so what they name has standing at once."""


NOT_BELIEVED = (
    "the pin of the leaf that answers has no standing, so its announcements are not believed; "
    "`edgepind explain` with that pin shows why, and what would give it standing"
)
"""The error that is shown of an answer over a channel without standing."""


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
    """The keys of the accepted pins, and of those with standing."""
    pins = tuple(pins)
    return Trust(
        accepted=frozenset(pin.key for pin in pins if pin.accepted),
        believed=frozenset(pin.key for pin in pins if has_standing(pin, overlap)),
    )


def earn_standing(state: State, link: Link, tick: Tick) -> State:
    """Update the tenure of each pin that has yet to earn its standing by what `link` shows."""
    pins = tuple(
        replace(pin, tenure=_tenure(pin, state, link, tick)) if _earns(pin, tick) else pin
        for pin in state.pins
    )
    return replace(state, pins=pins)


def _earns(pin: Pin, tick: Tick) -> bool:
    earning = pin.accepted and STANDING[pin.origin] is Standing.EARNED
    return earning and not has_standing(pin, tick.rules.pins.overlap)


def _tenure(pin: Pin, state: State, link: Link, tick: Tick) -> float:
    """Seconds of tenure after this look: 0 where another leaf is live.

    An address that is silent counts with the leaf that it served last, so that blocking an
    address earns nothing.
    """
    answering = dict(served(link))
    others = [
        it for it in state.served if any(pin.key not in keys_of(leaf) for leaf in live_at(it))
    ]
    if any(it.address in answering for it in others):
        return 0.0
    contradicted = bool(others)
    watched = bool(answering) and tick.clock.trusted and not contradicted
    return pin.tenure + tick.observed if watched else pin.tenure
