"""The part of the settings that the core decides by, in plain numbers.

Made from the settings once, whenever they change; durations are seconds.
"""

from dataclasses import dataclass
from datetime import datetime
from math import inf

from edgepind.model.enums import Bootstrap, ExceptionPin, PinKind, Policy, Validator
from edgepind.model.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class PinRules:
    """`[pins]`: how pins are learned and retired."""

    kind: PinKind = PinKind.CERTIFICATE
    policy: Policy = Policy.BALANCED
    bootstrap: Bootstrap = Bootstrap.CORROBORATED
    hold_down: float = 900.0
    sightings: int = 5
    overlap: float = 86_400.0
    issuers: frozenset[Fingerprint] = frozenset()
    exception_pin: ExceptionPin = ExceptionPin.LEAF


@dataclass(frozen=True, slots=True)
class FailOpenRules:
    """`[fail_open]`: when, for how long and how often validation may be switched off."""

    enabled: bool = True
    grace: float = 300.0
    limit: float = 14_400.0
    budget: int = 3
    budget_window: float = 86_400.0


@dataclass(frozen=True, slots=True)
class RestartRules:
    """What limits the restarts of the Edge."""

    validator: Validator = Validator.ALLOWLIST
    ready_deadline: float = 1800.0
    urgent_ready_deadline: float = 30.0
    health_deadline: float = 120.0
    settle: float = 10.0
    budget: int = 4
    window: float = 3600.0
    start_timeout: float = inf
    """Without an end: a start lasts as long as systemd lets it, by the unit's own settings."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that `decide` uses."""

    host: str
    """The cloud's name, for sentences that a person reads."""
    earliest: datetime
    """The day of this release: a clock before it is known to be wrong."""
    interval: float = 60.0
    max_clock_error: float = 60.0
    status_enabled: bool = True
    pins: PinRules = PinRules()
    fail_open: FailOpenRules = FailOpenRules()
    restart: RestartRules = RestartRules()
