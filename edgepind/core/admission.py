"""The policy table (CONTRACT section 6): on what evidence a fingerprint is accepted, and when.

A fingerprint enters the pin set by a row of this table or not at all (invariant 2). What a row
requires of a pending pin is counted in `core.hold_down`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgepind.model.enums import ExceptionPin, Origin, Policy, Role
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules


class Evidence(StrEnum):
    """On what evidence a fingerprint may be accepted."""

    OPERATOR = "added by an operator"
    BUNDLE = "named by a signed bundle"
    ANNOUNCEMENT = "announced over a connection whose leaf is pinned, with standing"
    DOCUMENT = "found in the pinning config, after the state was lost"
    UNANNOUNCED = "seen live with a public chain, unannounced"
    IN_TURN = "the same, in turn with a pinned leaf at one address"
    BOOTSTRAP = "seen live with a public chain, where no pin is known"
    EXCEPTION = "seen live, issued by a configured inspecting CA"
    INTERCEPTION = "seen live, with a chain that reaches no public root"


class Condition(StrEnum):
    """What must be served before the pin is accepted."""

    AT_ONCE = "at once"
    HOLD_DOWN = "after the hold-down, by age and sightings"
    SHORT_HOLD_DOWN = "after a tenth of the hold-down's age, and all of its sightings"
    LONG_HOLD_DOWN = "after four times the hold-down's age, and its sightings"
    SIGHTINGS = "after the sightings, as many in all as that for each address that answers"
    NEVER = "never"


_AGE_SHARE: Mapping[Condition, float] = {
    Condition.HOLD_DOWN: 1.0,
    Condition.SHORT_HOLD_DOWN: 0.1,
    Condition.LONG_HOLD_DOWN: 4.0,
    Condition.SIGHTINGS: 0.0,
    Condition.AT_ONCE: 0.0,
}

ADMISSION: Mapping[tuple[Evidence, Policy], Condition] = {
    (Evidence.OPERATOR, Policy.STRICT): Condition.AT_ONCE,
    (Evidence.OPERATOR, Policy.BALANCED): Condition.AT_ONCE,
    (Evidence.OPERATOR, Policy.AVAILABLE): Condition.AT_ONCE,
    (Evidence.BUNDLE, Policy.STRICT): Condition.AT_ONCE,
    (Evidence.BUNDLE, Policy.BALANCED): Condition.AT_ONCE,
    (Evidence.BUNDLE, Policy.AVAILABLE): Condition.AT_ONCE,
    (Evidence.ANNOUNCEMENT, Policy.STRICT): Condition.AT_ONCE,
    (Evidence.ANNOUNCEMENT, Policy.BALANCED): Condition.AT_ONCE,
    (Evidence.ANNOUNCEMENT, Policy.AVAILABLE): Condition.AT_ONCE,
    (Evidence.DOCUMENT, Policy.STRICT): Condition.AT_ONCE,
    (Evidence.DOCUMENT, Policy.BALANCED): Condition.AT_ONCE,
    (Evidence.DOCUMENT, Policy.AVAILABLE): Condition.AT_ONCE,
    (Evidence.UNANNOUNCED, Policy.STRICT): Condition.NEVER,
    (Evidence.UNANNOUNCED, Policy.BALANCED): Condition.HOLD_DOWN,
    (Evidence.UNANNOUNCED, Policy.AVAILABLE): Condition.SHORT_HOLD_DOWN,
    (Evidence.IN_TURN, Policy.STRICT): Condition.NEVER,
    (Evidence.IN_TURN, Policy.BALANCED): Condition.LONG_HOLD_DOWN,
    (Evidence.IN_TURN, Policy.AVAILABLE): Condition.HOLD_DOWN,
    (Evidence.BOOTSTRAP, Policy.STRICT): Condition.SIGHTINGS,
    (Evidence.BOOTSTRAP, Policy.BALANCED): Condition.SIGHTINGS,
    (Evidence.BOOTSTRAP, Policy.AVAILABLE): Condition.SIGHTINGS,
    (Evidence.EXCEPTION, Policy.STRICT): Condition.HOLD_DOWN,
    (Evidence.EXCEPTION, Policy.BALANCED): Condition.HOLD_DOWN,
    (Evidence.EXCEPTION, Policy.AVAILABLE): Condition.HOLD_DOWN,
    (Evidence.INTERCEPTION, Policy.STRICT): Condition.NEVER,
    (Evidence.INTERCEPTION, Policy.BALANCED): Condition.NEVER,
    (Evidence.INTERCEPTION, Policy.AVAILABLE): Condition.NEVER,
}

ORIGIN: Mapping[Evidence, Origin] = {
    Evidence.OPERATOR: Origin.OPERATOR,
    Evidence.BUNDLE: Origin.BUNDLE,
    Evidence.ANNOUNCEMENT: Origin.ANNOUNCED,
    Evidence.DOCUMENT: Origin.DOCUMENT,
    Evidence.UNANNOUNCED: Origin.OBSERVED,
    Evidence.BOOTSTRAP: Origin.BOOTSTRAP,
    Evidence.EXCEPTION: Origin.EXCEPTION,
}
"""The origin of a pin that was admitted on this evidence; interception admits none."""

EVIDENCE: Mapping[Origin, Evidence] = {origin: evidence for evidence, origin in ORIGIN.items()}


@dataclass(frozen=True, slots=True)
class HoldDown:
    """What a pending pin has to serve in all: seconds of age, and sightings."""

    age: float
    sightings: int
    everywhere: bool
    """True where that many are asked for of each address that answers, on the average."""


def condition(evidence: Evidence, policy: Policy) -> Condition:
    """The row of the table."""
    return ADMISSION[(evidence, policy)]


def condition_for(origin: Origin, rules: PinRules, *, in_turn: bool = False) -> Condition:
    """The row for pins of this origin; `exception_pin` may let a named CA's leaves in at once.

    `in_turn`: an address serves a pinned leaf as well (`core.live_leaves.pinned_in_turn`).
    """
    if origin is Origin.EXCEPTION and rules.exception_pin is ExceptionPin.CA:
        return Condition.AT_ONCE
    evidence = EVIDENCE[origin]
    if in_turn and evidence is Evidence.UNANNOUNCED:
        evidence = Evidence.IN_TURN
    return condition(evidence, rules.policy)


def hold_down(origin: Origin, rules: PinRules, *, in_turn: bool = False) -> HoldDown | None:
    """What a pending pin of this origin must serve in all; None where it is never accepted."""
    row = condition_for(origin, rules, in_turn=in_turn)
    if row is Condition.NEVER:
        return None
    return HoldDown(
        age=rules.hold_down * _AGE_SHARE[row],
        sightings=1 if row is Condition.AT_ONCE else rules.sightings,
        everywhere=row is Condition.SIGHTINGS,
    )


def remaining_hold_down(pin: Pin, rules: PinRules, *, in_turn: bool) -> float | None:
    """Seconds of age that `pin` has yet to serve; None if not pending, or never accepted."""
    need = hold_down(pin.origin, rules, in_turn=in_turn) if pin.role is Role.PENDING else None
    return None if need is None else max(0.0, need.age - pin.held)
