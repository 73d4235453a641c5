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
from edgepind.lab.simulation.ledger import Bounds
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
CORE: Mapping[str, Callable[[Rules], Rules]] = {
    "strict": lambda rules: _with_policy(rules, Policy.STRICT),
    "strict-closed": lambda rules: _closed(_with_policy(rules, Policy.STRICT)),
    "balanced": lambda rules: _with_policy(rules, Policy.BALANCED),
    "available": lambda rules: _with_policy(rules, Policy.AVAILABLE),
}
"""edgepind's own ways, and what each makes of the rules; `strict-closed` never opens the Edge."""
WAYS: tuple[str, ...] = (*SIMPLE, *CORE)

_TICKS = 3
"""Ticks that invariant 6 may take beside grace, hold-down and a restart."""


def _with_policy(rules: Rules, policy: Policy) -> Rules:
    return replace(rules, pins=replace(rules.pins, policy=policy))


def _closed(rules: Rules) -> Rules:
    return replace(rules, fail_open=replace(rules.fail_open, enabled=False))


def rules_of(way: str, rules: Rules) -> Rules:
    """Give the rules of one of edgepind's own ways."""
    return CORE[way](rules)


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


def bounds_of(way: str, rules: Rules) -> Bounds:
    """Give the lockout that invariant 6 allows this way; no bounds where it promises nothing."""
    if way not in CORE or (made := rules_of(way, rules)).pins.policy is Policy.STRICT:
        return Bounds()
    usual = made.fail_open.grace + made.pins.hold_down + _TICKS * made.interval
    return Bounds(usual, usual)
