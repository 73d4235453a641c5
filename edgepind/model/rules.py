"""The part of the settings that the core decides by, in plain numbers.

Made from the settings once, whenever they change; durations are seconds.
"""

from dataclasses import dataclass
from datetime import datetime
from math import inf

from edgepind.model.enums import Bootstrap, Cas, ExceptionPin, PinKind, Policy, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.maintenance import Window


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
    ca_hold_down: float | None = 14_400.0
    """None: a leaf under another CA organisation is never adopted on its own evidence."""
    cas: Cas | tuple[str, ...] = Cas.LEARNED
    """Names of organisations, as `model.organisation` writes them, where the operator named any."""


@dataclass(frozen=True, slots=True)
class FailOpenRules:
    """`[fail_open]`: when, for how long and how often the Edge may be opened, and how far."""

    enabled: bool = True
    loans: int = 4
    """Leaves that one opening may lend."""
    last_resort: bool = True
    """Whether validation may be switched off where lending does not connect the Edge."""
    grace: float = 60.0
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
    maintenance: tuple[Window, ...] = ()
    """The windows for which planned restarts wait; none: they wait for none."""
    maintenance_deadline: float = 604_800.0
    asks_ready: bool = False
    """Whether a command of the site's says when a restart disturbs nobody; it may take its time."""
    drain_timeout: float = 0.0
    """How long the Edge's calls may take to end, once the cloud was asked; 0.0: it is not asked."""


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
