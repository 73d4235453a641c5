"""What a pending pin has to serve as things stand, by the policy table and by what is seen now.

`core.admission` holds the table. Which of its rows is in force for a pin depends on what else is
served and on whose CA issued its leaf; this is the one place where those are put together.
"""

from edgepind.core.admission import Condition, Evidence, HoldDown, condition_for, hold_down
from edgepind.core.admission import evidence_for as evidence_of_origin
from edgepind.core.continuity import is_of_another, known_owners
from edgepind.core.live_leaves import pinned_beside
from edgepind.model.enums import Role
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import State


def other_ca(pin: Pin, state: State, rules: PinRules) -> bool:
    """Whether its leaf is under a CA organisation that no pinned leaf of the cloud had."""
    return is_of_another(pin.owners, known_owners(state, rules))


def evidence_for(pin: Pin, state: State, rules: PinRules) -> Evidence:
    """The evidence on which a pending pin may be accepted now."""
    beside, other = pinned_beside(pin.key, state), other_ca(pin, state, rules)
    return evidence_of_origin(pin.origin, beside=beside, other_ca=other)


def condition_now(pin: Pin, state: State, rules: PinRules) -> Condition:
    """The row that is in force for a pending pin."""
    beside, other = pinned_beside(pin.key, state), other_ca(pin, state, rules)
    return condition_for(pin.origin, rules, beside=beside, other_ca=other)


def need_of(pin: Pin, state: State, rules: PinRules) -> HoldDown | None:
    """What a pending pin must serve in all; None where it is never accepted as things stand."""
    beside, other = pinned_beside(pin.key, state), other_ca(pin, state, rules)
    return hold_down(pin.origin, rules, beside=beside, other_ca=other)


def remaining_hold_down(pin: Pin, state: State, rules: PinRules) -> float | None:
    """Seconds of age that `pin` has yet to serve; None if not pending, or never accepted."""
    need = need_of(pin, state, rules) if pin.role is Role.PENDING else None
    return None if need is None else max(0.0, need.age - pin.held)
