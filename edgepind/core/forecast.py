"""When the next rotation is due: a span, and how sure it is.

Theory of operation. Three kinds of evidence, the best that there is decides:

- *announced*: the status endpoint named a time over a channel with standing, and the rotation that
  it named has not been seen yet. The span is that instant.
- *cadence*: at `ENOUGH` past rotations or more it was seen how much of the leaf's validity was left
  when its successor came. A cloud renews by a rule, mostly so many days before the end, so the same
  share of the present leaf's validity is due again, and a margin on both sides.
- *dates*: nothing but the leaf's own end is known. ACME clients renew with a third of the validity
  left (the advice of Let's Encrypt; RFC 9773, section 4.1, has the CA suggest such a window), and
  ACM 60 to 45 days before the end, which is less than a third of 198 days. So the span is the last
  third.

No leaf is served beyond its end, so no span is. `note_rotation` keeps the last `KEPT` rotations; it
counts neither a way back to a leaf that retires nor one that a wrong clock dates. A forecast is no
evidence: nothing is accepted, refused or retired by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from edgepind.core.tick import Tick
from edgepind.model.enums import Channel, Role
from edgepind.model.instants import Validity
from edgepind.model.pin import Pin, with_role
from edgepind.model.state import Rotation, State

KEPT = 6
"""Rotations that are remembered: two years of them at ACM's present pace."""
ENOUGH = 2
"""Rotations that make a cadence; one may have come early by chance."""
LAST_SHARE = 1 / 3
"""The part of a leaf's validity in which its successor comes, where no cadence is known."""
MARGIN = 0.05
"""The part of the validity by which a cadence may be off, before and after."""


class Sureness(StrEnum):
    """What a forecast rests on, the surest first."""

    ANNOUNCED = "announced"
    CADENCE = "cadence"
    DATES = "dates"


SURENESS_TEXT: Mapping[Sureness, str] = {
    Sureness.ANNOUNCED: "sure: the cloud has announced it",
    Sureness.CADENCE: "likely: by the rotations that were seen",
    Sureness.DATES: "not sure: by the end of the present leaf alone",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """The next rotation is due from `begins` to `ends`, both by the wall clock."""

    begins: datetime
    ends: datetime
    sureness: Sureness


def forecast(state: State) -> Forecast | None:
    """The next rotation; None where the dates of the current pin's leaf are not known."""
    current = next(iter(with_role(state.pins, Role.CURRENT)), None)
    if current is None:
        return None
    if (announced := _announced(state, current)) is not None:
        return Forecast(announced, announced, Sureness.ANNOUNCED)
    if current.validity is None:
        return None
    shares = sorted(_share_left(it) for it in state.rotations)
    if len(shares) < ENOUGH:
        return _before_the_end(current.validity, LAST_SHARE, 0.0, Sureness.DATES)
    return _before_the_end(
        current.validity, shares[-1] + MARGIN, shares[0] - MARGIN, Sureness.CADENCE
    )


def note_rotation(before: Pin, after: Pin, state: State, tick: Tick) -> State:
    """Remember that the current pin changed from `before` to `after`, as it stood until then.

    Not if it goes back, if the leaf is the same under another kind of pin, or if either is unknown.
    """
    old = before.validity
    goes_back = after.role is Role.RETIRING
    if old is None or old == after.validity or goes_back or not tick.clock.trusted:
        return state
    rotation = Rotation(tick.now.wall, old)
    return replace(state, rotations=(*state.rotations, rotation)[-KEPT:])


def _announced(state: State, current: Pin) -> datetime | None:
    """When the announced rotation is planned, where it is believed and still to come."""
    status = state.status
    when = status.rotates_at
    believed = status.ok and status.channel is Channel.PINNED
    return when if believed and when is not None and when > current.since else None


def _share_left(rotation: Rotation) -> float:
    """The part of the validity that was left when the successor came, from 0 to 1."""
    validity = rotation.validity
    lifetime = validity.not_after - validity.not_before
    if lifetime <= timedelta(0):
        return 0.0
    return min(1.0, max(0.0, (validity.not_after - rotation.at) / lifetime))


def _before_the_end(validity: Validity, most: float, least: float, sureness: Sureness) -> Forecast:
    """The span in which from `most` to `least` of the validity is left, as parts of it."""
    lifetime = validity.not_after - validity.not_before
    begins = validity.not_after - min(1.0, most) * lifetime
    return Forecast(begins, validity.not_after - max(0.0, least) * lifetime, sureness)
