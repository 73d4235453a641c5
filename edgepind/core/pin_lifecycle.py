"""The life of a fingerprint, as one table (after RFC 5011, section 4).

Theory of operation. `PIN_TABLE` maps a stage and an event to the next stage; a pair that it lacks
cannot happen and raises. Why an event happens is decided elsewhere:

- `unknown`: never seen, or forgotten.
- `pending`: seen live and in hold-down, not accepted (`core.hold_down`).
- `backup`, `current`, `retiring`: accepted. `current` is what the cloud serves; a backup is
  prepared for a rotation; what was current retires (`core.activation`, `core.announcements`).
- `retired`: no longer accepted, and remembered: a new hold-down or an operator brings it back, an
  announcement does not, for it may be an old answer that is replayed.
- `removed`: an operator or a bundle removed it (`core.pin_commands`, `core.bundles`), and only
  these bring it back.

`move` is for a pin that stays one, `enter` for a fingerprint that becomes one, `leave` for a pin
that ceases to be one. There is exactly one current pin as soon as any is accepted, and no
fingerprint that was removed so is in the pin set: `core.invariants` holds both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from edgepind.core.messages import pin_refused
from edgepind.core.state_machine import step
from edgepind.core.tick import leaves_in
from edgepind.model.decision import Event
from edgepind.model.enums import Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf, Link
from edgepind.model.pin import Pin
from edgepind.model.state import State

RETIRED_KEPT = 64
"""How many retired fingerprints are remembered; no announcement brings one of them back."""
REFUSALS_KEPT = 16
"""How many reported refusals are remembered, so that each is reported once."""
REMOVED_KEPT = 64
"""How many removed fingerprints are remembered; only operators and bundles make the list grow."""


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
    """Its sightings are served, and no pin was accepted."""
    ANNOUNCED = "announced"
    """Named by the status endpoint over a channel with standing."""
    REPLACED = "replaced"
    """Another announcement or another leaf replaced it before it was ever live."""
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
    """`pin add --role backup`, or named so by a bundle."""
    ADDED_CURRENT = "added_current"
    """`pin add --role current`, or named so by a bundle."""
    REMOVED = "removed"
    """`pin remove`, or revoked by a bundle."""


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
"""All transitions. (RETIRED, ANNOUNCED) is missing on purpose, against replay; REMOVED is left by
the operator's word alone."""


def move(pin: Pin, event: PinEvent, wall: datetime) -> Pin:
    """`pin` in the role that `event` gives it, for events after which it is still a pin.

    Raises IllegalTransitionError for a pair that is not in the table.
    """
    role = Role(step(PIN_TABLE, Stage(pin.role), event))
    return pin if role is pin.role else replace(pin, role=role, since=wall)


def enter(pin: Pin, event: PinEvent, state: State) -> Pin:
    """`pin`, new to the set, in the role that `event` gives one of its stage.

    Raises IllegalTransitionError where the event does not admit a fingerprint of that stage.
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


def mark_removed(state: State, fingerprint: Fingerprint) -> State:
    """`state` with `fingerprint` removed: refused from now on, and the refusal reported anew.

    A bundle that names it from a later time on does not bring it back.
    """
    removed = tuple(it for it in state.removed if it != fingerprint)
    reported = tuple(it for it in state.refusals_told if it != fingerprint)
    waiting = tuple(it for it in state.bundle.waiting if it.fingerprint != fingerprint)
    return replace(
        state,
        removed=(*removed, fingerprint)[-REMOVED_KEPT:],
        refusals_told=reported,
        bundle=replace(state.bundle, waiting=waiting),
    )


def put(pins: tuple[Pin, ...], pin: Pin) -> tuple[Pin, ...]:
    """The pins with `pin` replacing the one with its key, or appended."""
    if any(other.key == pin.key for other in pins):
        return tuple(pin if other.key == pin.key else other for other in pins)
    return (*pins, pin)


def report_refusals(
    state: State, refused: Iterable[tuple[Fingerprint, str]]
) -> tuple[State, tuple[Event, ...]]:
    """Report each refused fingerprint, with the reason, unless that was done before."""
    events = []
    for fingerprint, why in refused:
        if fingerprint not in state.refusals_told:
            reported = (*state.refusals_told, fingerprint)[-REFUSALS_KEPT:]
            state = replace(state, refusals_told=reported)
            events.append(pin_refused(fingerprint, why))
    return state, tuple(events)


def is_removed(leaf: Leaf, state: State) -> bool:
    """Whether an operator removed a pin of this leaf, of either kind.

    `pins.kind` may be changed later, and a leaf that was removed by one hash must not come back by
    the other.
    """
    return leaf.certificate in state.removed or leaf.spki in state.removed


def is_removed_hash(fingerprint: Fingerprint, link: Link | None, state: State) -> bool:
    """Whether an operator removed it, or the other hash of a leaf in `link` that has it."""
    return fingerprint in state.removed or any(
        fingerprint in {leaf.certificate, leaf.spki} and is_removed(leaf, state)
        for leaf in leaves_in(link)
    )
