"""The policy table, row by row as CONTRACT section 6 prints it."""

import pytest

from edgepind.core.admission import (
    ORIGIN,
    Condition,
    Evidence,
    HoldDown,
    condition,
    condition_for,
    hold_down,
)
from edgepind.model.enums import ExceptionPin, Origin, Policy
from edgepind.model.rules import PinRules

_EXPECTED = {
    Evidence.OPERATOR: (Condition.AT_ONCE, Condition.AT_ONCE, Condition.AT_ONCE),
    Evidence.ANNOUNCEMENT: (Condition.AT_ONCE, Condition.AT_ONCE, Condition.AT_ONCE),
    Evidence.BUNDLE: (Condition.AT_ONCE, Condition.AT_ONCE, Condition.AT_ONCE),
    Evidence.DOCUMENT: (Condition.AT_ONCE, Condition.AT_ONCE, Condition.AT_ONCE),
    Evidence.UNANNOUNCED: (Condition.NEVER, Condition.HOLD_DOWN, Condition.SHORT_HOLD_DOWN),
    Evidence.IN_TURN: (Condition.NEVER, Condition.LONG_HOLD_DOWN, Condition.HOLD_DOWN),
    Evidence.BOOTSTRAP: (Condition.SIGHTINGS, Condition.SIGHTINGS, Condition.SIGHTINGS),
    Evidence.EXCEPTION: (Condition.HOLD_DOWN, Condition.HOLD_DOWN, Condition.HOLD_DOWN),
    Evidence.INTERCEPTION: (Condition.NEVER, Condition.NEVER, Condition.NEVER),
}


@pytest.mark.parametrize("evidence", Evidence)
def test_what_each_policy_asks_of_each_evidence(evidence: Evidence) -> None:
    """Under strict, balanced and available, in this order."""
    asked = tuple(condition(evidence, policy) for policy in Policy)
    assert asked == _EXPECTED[evidence]


@pytest.mark.parametrize(
    ("origin", "policy", "need"),
    [
        (Origin.OBSERVED, Policy.STRICT, None),
        (Origin.OBSERVED, Policy.BALANCED, HoldDown(900.0, 5, everywhere=False)),
        (Origin.OBSERVED, Policy.AVAILABLE, HoldDown(90.0, 5, everywhere=False)),
        (Origin.EXCEPTION, Policy.STRICT, HoldDown(900.0, 5, everywhere=False)),
        (Origin.EXCEPTION, Policy.BALANCED, HoldDown(900.0, 5, everywhere=False)),
        (Origin.EXCEPTION, Policy.AVAILABLE, HoldDown(900.0, 5, everywhere=False)),
        (Origin.BOOTSTRAP, Policy.STRICT, HoldDown(0.0, 5, everywhere=True)),
        (Origin.BOOTSTRAP, Policy.BALANCED, HoldDown(0.0, 5, everywhere=True)),
        (Origin.BOOTSTRAP, Policy.AVAILABLE, HoldDown(0.0, 5, everywhere=True)),
    ],
)
def test_what_a_pin_of_each_origin_has_to_serve(
    origin: Origin, policy: Policy, need: HoldDown | None
) -> None:
    """Its age, its sightings, and whether at every address that answers."""
    assert hold_down(origin, PinRules(policy=policy)) == need


def test_each_evidence_leaves_its_own_origin_and_interception_none() -> None:
    """What lets nothing in has no name for it."""
    assert ORIGIN == {
        Evidence.OPERATOR: Origin.OPERATOR,
        Evidence.BUNDLE: Origin.BUNDLE,
        Evidence.ANNOUNCEMENT: Origin.ANNOUNCED,
        Evidence.DOCUMENT: Origin.DOCUMENT,
        Evidence.UNANNOUNCED: Origin.OBSERVED,
        Evidence.BOOTSTRAP: Origin.BOOTSTRAP,
        Evidence.EXCEPTION: Origin.EXCEPTION,
    }


@pytest.mark.parametrize("policy", Policy)
def test_all_that_a_named_ca_issues_is_accepted_at_once_where_the_site_says_so(
    policy: Policy,
) -> None:
    """Nothing else is."""
    rules = PinRules(policy=policy, exception_pin=ExceptionPin.CA)
    assert hold_down(Origin.EXCEPTION, rules) == HoldDown(0.0, 1, everywhere=False)
    assert condition_for(Origin.EXCEPTION, rules) is Condition.AT_ONCE
    for origin in (Origin.OBSERVED, Origin.BOOTSTRAP):
        assert hold_down(origin, rules) == hold_down(origin, PinRules(policy=policy))
