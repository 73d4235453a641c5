"""The ways of keeping pins that are compared, by name."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from edgepind.lab.sim_observations import EPOCH, spki
from edgepind.lab.simulation.certificates import HONEST_CA
from edgepind.lab.simulation.hand_kept import (
    CaOnly,
    NeverUpdated,
    Rfc5011,
    ShellLoop,
    TrustOnFirstUse,
)
from edgepind.lab.simulation.keeper import Keeper
from edgepind.lab.simulation.world import World
from edgepind.model.enums import PinKind, Policy, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.rules import Rules

RULES = Rules(host="the cloud", earliest=EPOCH - timedelta(days=30))
"""edgepind's defaults."""

SIMPLE: Mapping[str, Callable[[World], Keeper]] = {
    "ca-only": CaOnly,
    "never-updated": NeverUpdated,
    "shell-loop": ShellLoop,
    "first-use": TrustOnFirstUse,
    "rfc5011": Rfc5011,
}
CORE: Mapping[str, Policy] = {policy.value: policy for policy in Policy}
WAYS: tuple[str, ...] = (*SIMPLE, *CORE)

_TICKS = 3
"""Ticks that invariant 6 may take beside grace, hold-down and a restart."""


def rules_of(way: str, rules: Rules) -> Rules:
    """Give the rules of one of edgepind's own ways."""
    return replace(rules, pins=replace(rules.pins, policy=CORE[way]))


def simulated(rules: Rules) -> Rules:
    """Fit settings to imagined worlds: their calendar, their CA, and what their Edge reads.

    Whatever `issuers` are set, they are the honest CA there, and not the compromised one.
    """
    issuers = frozenset({spki(HONEST_CA)}) if rules.pins.issuers else frozenset[Fingerprint]()
    return replace(
        rules,
        earliest=RULES.earliest,
        pins=replace(rules.pins, kind=PinKind.CERTIFICATE, issuers=issuers),
        restart=replace(rules.restart, validator=Validator.ALLOWLIST),
    )


def longest_calm(way: str, rules: Rules) -> float | None:
    """Seconds of lockout that invariant 6 allows this way; None where it promises nothing."""
    if CORE.get(way) not in {Policy.BALANCED, Policy.AVAILABLE}:
        return None
    return rules.fail_open.grace + rules.pins.hold_down + _TICKS * rules.interval
