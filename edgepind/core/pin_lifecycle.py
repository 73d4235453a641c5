"""The life of a fingerprint, as one table (after RFC 5011, section 4).

A fingerprint is unknown, waits in hold-down, is accepted in one of three roles, and is in the
end retired, known and no longer accepted, or removed by an operator, and then never again without
one. Why an event happens is the business of `hold_down`,
`announcements`, `operator` and `activation`; this table only says what follows.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from edgepind.core.state_machine import step
from edgepind.model.enums import Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Pin
from edgepind.model.state import State

RETIRED_KEPT = 64
"""How many retired fingerprints are remembered, so that no announcement brings one back."""
REMOVED_KEPT = 64
"""How many removed ones are, so that nothing brings one back; only operators make it grow."""


class Stage(StrEnum):
    """How far a fingerprint has come. All but the first and the last two are roles of pins."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    BACKUP = "backup"
    CURRENT = "current"
    RETIRING = "retiring"
    RETIRED = "retired"
    REMOVED = "removed"


class PinEvent(StrEnum):
    """What can happen to a fingerprint."""

    SIGHTED = "sighted"
    """Seen live, not accepted, and the policy table gives it a hold-down."""
    CONTRADICTED = "contradicted"
    """Evidence against it: the hold-down starts again."""
    FORGOTTEN = "forgotten"
    """Not seen for as long as its hold-down would have been."""
    HELD_DOWN = "held_down"
    """Its hold-down is served."""
    BOOTSTRAPPED = "bootstrapped"
    """Its sightings are served, and no pin was known."""
    ANNOUNCED = "announced"
    """Named by the status endpoint over a channel with standing."""
    REPLACED = "replaced"
    """Another announcement, or another leaf, came in its place before it was ever live."""
    WENT_LIVE = "went_live"
    """It is what the cloud serves now."""
    SUPERSEDED = "superseded"
    """Another pin is what the cloud serves now."""
    SET_BEHIND = "set_behind"
    """Another pin was made current before this one was ever live."""
    NEXT_IN_LINE = "next_in_line"
    """The current pin was removed, and this is the one that is likeliest to be served."""
    OVERLAP_OVER = "overlap_over"
    """Formerly current, and not live for the whole overlap."""
    LAPSED = "lapsed"
    """Accepted on observation, never current, and not live for the whole overlap."""
    ADDED_BACKUP = "added_backup"
    """`pin add --role backup`."""
    ADDED_CURRENT = "added_current"
    """`pin add --role current`."""
    REMOVED = "removed"
    """`pin remove`."""


PIN_TABLE: Mapping[tuple[Stage, PinEvent], Stage] = {
    (Stage.UNKNOWN, PinEvent.SIGHTED): Stage.PENDING,
    (Stage.UNKNOWN, PinEvent.ANNOUNCED): Stage.BACKUP,
    (Stage.UNKNOWN, PinEvent.ADDED_BACKUP): Stage.BACKUP,
    (Stage.UNKNOWN, PinEvent.ADDED_CURRENT): Stage.CURRENT,
    (Stage.PENDING, PinEvent.CONTRADICTED): Stage.PENDING,
    (Stage.PENDING, PinEvent.FORGOTTEN): Stage.UNKNOWN,
    (Stage.PENDING, PinEvent.HELD_DOWN): Stage.BACKUP,
    (Stage.PENDING, PinEvent.BOOTSTRAPPED): Stage.CURRENT,
    (Stage.PENDING, PinEvent.ANNOUNCED): Stage.BACKUP,
    (Stage.PENDING, PinEvent.ADDED_BACKUP): Stage.BACKUP,
    (Stage.PENDING, PinEvent.ADDED_CURRENT): Stage.CURRENT,
    (Stage.PENDING, PinEvent.REMOVED): Stage.REMOVED,
    (Stage.BACKUP, PinEvent.ANNOUNCED): Stage.BACKUP,
    (Stage.BACKUP, PinEvent.REPLACED): Stage.UNKNOWN,
    (Stage.BACKUP, PinEvent.WENT_LIVE): Stage.CURRENT,
    (Stage.BACKUP, PinEvent.NEXT_IN_LINE): Stage.CURRENT,
    (Stage.BACKUP, PinEvent.LAPSED): Stage.RETIRED,
    (Stage.BACKUP, PinEvent.ADDED_BACKUP): Stage.BACKUP,
    (Stage.BACKUP, PinEvent.ADDED_CURRENT): Stage.CURRENT,
    (Stage.BACKUP, PinEvent.REMOVED): Stage.REMOVED,
    (Stage.CURRENT, PinEvent.SUPERSEDED): Stage.RETIRING,
    (Stage.CURRENT, PinEvent.SET_BEHIND): Stage.BACKUP,
    (Stage.CURRENT, PinEvent.ADDED_CURRENT): Stage.CURRENT,
    (Stage.CURRENT, PinEvent.REMOVED): Stage.REMOVED,
    (Stage.RETIRING, PinEvent.WENT_LIVE): Stage.CURRENT,
    (Stage.RETIRING, PinEvent.NEXT_IN_LINE): Stage.CURRENT,
    (Stage.RETIRING, PinEvent.OVERLAP_OVER): Stage.RETIRED,
    (Stage.RETIRING, PinEvent.ADDED_BACKUP): Stage.BACKUP,
    (Stage.RETIRING, PinEvent.ADDED_CURRENT): Stage.CURRENT,
    (Stage.RETIRING, PinEvent.REMOVED): Stage.REMOVED,
    (Stage.RETIRED, PinEvent.SIGHTED): Stage.PENDING,
    (Stage.RETIRED, PinEvent.ADDED_BACKUP): Stage.BACKUP,
    (Stage.RETIRED, PinEvent.ADDED_CURRENT): Stage.CURRENT,
    (Stage.REMOVED, PinEvent.ADDED_BACKUP): Stage.BACKUP,
    (Stage.REMOVED, PinEvent.ADDED_CURRENT): Stage.CURRENT,
}
"""All of it. That (RETIRED, ANNOUNCED) is missing is the defence against replay; that REMOVED is
left by an operator's word alone makes that word final."""


def move(pin: Pin, event: PinEvent, wall: datetime) -> Pin:
    """`pin` in the role that `event` gives it, for events after which it is still a pin.

    Raises IllegalTransitionError for a pair that is not in the table.
    """
    role = Role(step(PIN_TABLE, Stage(pin.role), event))
    return pin if role is pin.role else replace(pin, role=role, since=wall)


def enter(pin: Pin, event: PinEvent, state: State) -> Pin:
    """`pin`, new to the set, in the role that `event` gives one of its stage.

    Raises IllegalTransitionError where nothing but another event lets it in.
    """
    stage = Stage.UNKNOWN
    if pin.fingerprint in state.removed:
        stage = Stage.REMOVED
    elif pin.fingerprint in state.retired:
        stage = Stage.RETIRED
    return replace(pin, role=Role(step(PIN_TABLE, stage, event)))


def leave(
    pins: tuple[Pin, ...], retired: tuple[Fingerprint, ...], pin: Pin, event: PinEvent
) -> tuple[tuple[Pin, ...], tuple[Fingerprint, ...]]:
    """The pins without `pin`, and the retired with it where `event` retires it."""
    rest = tuple(other for other in pins if other.key != pin.key)
    if step(PIN_TABLE, Stage(pin.role), event) is not Stage.RETIRED:
        return rest, retired
    kept = (*(other for other in retired if other != pin.fingerprint), pin.fingerprint)
    return rest, kept[-RETIRED_KEPT:]


def bar(state: State, fingerprint: Fingerprint) -> State:
    """The state in which `fingerprint` is let in by an operator alone, and refused audibly."""
    removed = tuple(it for it in state.removed if it != fingerprint)
    told = tuple(it for it in state.refusals_told if it != fingerprint)
    return replace(state, removed=(*removed, fingerprint)[-REMOVED_KEPT:], refusals_told=told)


def put(pins: tuple[Pin, ...], pin: Pin) -> tuple[Pin, ...]:
    """The pins with `pin` in the place of the one with its key, or at the end."""
    if any(other.key == pin.key for other in pins):
        return tuple(pin if other.key == pin.key else other for other in pins)
    return (*pins, pin)
