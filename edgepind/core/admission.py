"""The policy table (CONTRACT section 6): on what evidence a fingerprint is accepted, and when.

A fingerprint enters the pin set by a row of this table or not at all (invariant 2). What a row
requires of a pending pin is counted in `core.hold_down`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgepind.model.enums import ExceptionPin, Origin, Policy
from edgepind.model.rules import PinRules


class Evidence(StrEnum):
    """On what evidence a fingerprint may be accepted."""

    OPERATOR = "added by an operator"
    BUNDLE = "named by a signed bundle"
    ANNOUNCEMENT = "announced over a connection whose leaf is pinned, with standing"
    DOCUMENT = "found in the pinning config, after the state was lost"
    UNANNOUNCED = "seen live with a public chain, unannounced"
    BESIDE = "the same, while a pinned leaf is still served, at other addresses or in turn with it"
    CA_CHANGED = "seen live with a public chain, under a CA organisation that no pinned leaf had"
    CA_CHANGED_BESIDE = "the same under such a CA, while a pinned leaf is still served"
    BOOTSTRAP = "seen live with a public chain, where no pin is known"
    EXCEPTION = "seen live, issued by a configured inspecting CA"
    INTERCEPTION = "seen live, with a chain that reaches no public root"


class Condition(StrEnum):
    """What must be served before the pin is accepted."""

    AT_ONCE = "at once"
    HOLD_DOWN = "after the hold-down, by age and sightings"
    SHORT_HOLD_DOWN = "after a tenth of the hold-down's age, and all of its sightings"
    LONG_HOLD_DOWN = "after four times the hold-down's age, and its sightings"
    CA_HOLD_DOWN = "after the age of pins.ca_hold_down, and the sightings"
    LONG_CA_HOLD_DOWN = "after four times the age of pins.ca_hold_down, and the sightings"
    SIGHTINGS = "after the sightings, as many in all as that for each address that answers"
    NEVER = "never"


_CA_SHARE: Mapping[Condition, float] = {
    Condition.CA_HOLD_DOWN: 1.0,
    Condition.LONG_CA_HOLD_DOWN: 4.0,
}
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
    (Evidence.BESIDE, Policy.STRICT): Condition.NEVER,
    (Evidence.BESIDE, Policy.BALANCED): Condition.LONG_HOLD_DOWN,
    (Evidence.BESIDE, Policy.AVAILABLE): Condition.HOLD_DOWN,
    (Evidence.CA_CHANGED, Policy.STRICT): Condition.NEVER,
    (Evidence.CA_CHANGED, Policy.BALANCED): Condition.CA_HOLD_DOWN,
    (Evidence.CA_CHANGED, Policy.AVAILABLE): Condition.HOLD_DOWN,
    (Evidence.CA_CHANGED_BESIDE, Policy.STRICT): Condition.NEVER,
    (Evidence.CA_CHANGED_BESIDE, Policy.BALANCED): Condition.LONG_CA_HOLD_DOWN,
    (Evidence.CA_CHANGED_BESIDE, Policy.AVAILABLE): Condition.HOLD_DOWN,
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
    Evidence.CA_CHANGED: Origin.OBSERVED,
    Evidence.BOOTSTRAP: Origin.BOOTSTRAP,
    Evidence.EXCEPTION: Origin.EXCEPTION,
}
"""The origin of a pin that was admitted on this evidence; interception admits none."""

EVIDENCE: Mapping[Origin, Evidence] = {
    origin: evidence for evidence, origin in ORIGIN.items() if evidence is not Evidence.CA_CHANGED
}
"""The plain evidence of each origin, where nothing aggravates it."""

_OF_ANOTHER_CA: Mapping[Evidence, Evidence] = {Evidence.UNANNOUNCED: Evidence.CA_CHANGED}
_BESIDE_A_PINNED: Mapping[Evidence, Evidence] = {
    Evidence.UNANNOUNCED: Evidence.BESIDE,
    Evidence.CA_CHANGED: Evidence.CA_CHANGED_BESIDE,
}


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


def evidence_for(origin: Origin, *, beside: bool = False, other_ca: bool = False) -> Evidence:
    """On what evidence a pin of this origin may be accepted, as things stand.

    `beside`: a pinned leaf is still served as well (`core.live_leaves.pinned_beside`);
    `other_ca`: its leaf is under another CA organisation (`core.continuity.is_of_another`).
    """
    evidence = EVIDENCE[origin]
    if other_ca:
        evidence = _OF_ANOTHER_CA.get(evidence, evidence)
    return _BESIDE_A_PINNED.get(evidence, evidence) if beside else evidence


def condition_for(
    origin: Origin, rules: PinRules, *, beside: bool = False, other_ca: bool = False
) -> Condition:
    """The row for pins of this origin; `exception_pin` may let a named CA's leaves in at once.

    Under a `ca_hold_down` of "never" none of its rows lets anything in.
    """
    if origin is Origin.EXCEPTION and rules.exception_pin is ExceptionPin.CA:
        return Condition.AT_ONCE
    row = condition(evidence_for(origin, beside=beside, other_ca=other_ca), rules.policy)
    return Condition.NEVER if row in _CA_SHARE and rules.ca_hold_down is None else row


def hold_down(
    origin: Origin, rules: PinRules, *, beside: bool = False, other_ca: bool = False
) -> HoldDown | None:
    """What a pending pin of this origin must serve in all; None where it is never accepted."""
    row = condition_for(origin, rules, beside=beside, other_ca=other_ca)
    if row is Condition.NEVER:
        return None
    return HoldDown(
        age=_age(row, rules),
        sightings=1 if row is Condition.AT_ONCE else rules.sightings,
        everywhere=row is Condition.SIGHTINGS,
    )


def _age(row: Condition, rules: PinRules) -> float:
    if row in _CA_SHARE and rules.ca_hold_down is not None:
        return rules.ca_hold_down * _CA_SHARE[row]
    return rules.hold_down * _AGE_SHARE[row]
