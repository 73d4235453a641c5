"""The pins of one tick, in the order in which evidence counts.

The operator first, then announcements, then what is seen: so a leaf that is announced and live
in the same tick is announced. Only then is asked what is current and what has had its time.
"""

from edgepind.core.activation import follow_the_live
from edgepind.core.admission import hold_down
from edgepind.core.announcements import note_announcement
from edgepind.core.diagnosis import Diagnosis, diagnose
from edgepind.core.hold_down import note_sightings
from edgepind.core.lockout import is_lockout
from edgepind.core.operator import obey
from edgepind.core.standing import earn_standing
from edgepind.core.tick import Tick
from edgepind.model.decision import Event
from edgepind.model.enums import Role
from edgepind.model.pin import Pin
from edgepind.model.replacing import replace
from edgepind.model.rules import PinRules
from edgepind.model.state import State


def accept_evidence(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Let in what the policy table lets in by this tick's evidence."""
    state, events = obey(state, tick.seen.words, tick)
    if tick.seen.status is not None:
        state, more = note_announcement(state, tick.seen.status, tick)
        events += more
    if tick.seen.link is not None:
        state, more = note_sightings(state, tick.seen.link, tick)
        events += more
    return state, events


def conclude(state: State, tick: Tick) -> Diagnosis | None:
    """Judge the link by the pins as they are accepted now; None where it was not looked at."""
    if tick.seen.link is None:
        return None
    diagnosis = diagnose(tick.seen.link, state.pins, tick, state.floor)
    return replace(diagnosis, lockout=is_lockout(state, tick.rules))


def settle_roles(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Make current what is live, and retire what has been gone for long enough."""
    link = tick.seen.link
    if link is None:
        return state, ()
    return follow_the_live(earn_standing(state, link, tick), link, tick)


def remaining_hold_down(pin: Pin, rules: PinRules) -> float | None:
    """Seconds of age that a pending pin has yet to serve; None for any other, or for never."""
    need = hold_down(pin.origin, rules) if pin.role is Role.PENDING else None
    return None if need is None else max(0.0, need.age - pin.held)
