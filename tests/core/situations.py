"""Situations in few words, for trying one rule of the core at a time."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH, fingerprint
from edgepind.model.document import Pinning
from edgepind.model.enums import Finding, Origin, PinKind, Role
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import Document, DocumentRead, EdgeUnit, Observations
from edgepind.model.pin import Pin
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules, Rules
from edgepind.model.state import (
    AddressVerdict,
    ClockJudgement,
    Debt,
    Edge,
    Idle,
    Owed,
    Restart,
    RolledBack,
    RollingBack,
    Settling,
    State,
)

A, B, C = fingerprint("a"), fingerprint("b"), fingerprint("c")
NOW = Monotonic(100_000.0)
"""The instant at which every tick here is, unless it says otherwise."""


IN_EACH_PHASE: tuple[Restart, ...] = (
    Idle(),
    Owed(Debt(NOW)),
    Settling(Debt(NOW), since=NOW),
    RollingBack(Debt(NOW)),
    RolledBack(Debt(NOW)),
)
"""A restart in each of its phases."""


def rules(
    pins: PinRules = PinRules(),
    fail_open: FailOpenRules = FailOpenRules(),
    restart: RestartRules = RestartRules(),
) -> Rules:
    """Give the settings' defaults but for these."""
    return Rules(
        "acme.test", EPOCH - timedelta(days=1), pins=pins, fail_open=fail_open, restart=restart
    )


RULES = rules()


def tick(
    seen: Observations | None = None,
    *,
    elapsed: float = 10.0,
    at: float = NOW,
    wall: datetime = EPOCH,
    trusted: bool = True,
) -> Tick:
    """One call of `decide` that saw just this, ten seconds after the last."""
    clock = ClockJudgement(trusted=trusted)
    return Tick(seen or Observations(RULES), Moment(Monotonic(at), wall), elapsed, clock)


def pin(name: str, role: Role = Role.BACKUP, origin: Origin = Origin.OPERATOR) -> Pin:
    """The pin of the imagined certificate called `name`."""
    return Pin(fingerprint(name), PinKind.CERTIFICATE, role, origin, EPOCH)


def state_of(pins: Iterable[Pin] = (), edge: Edge | None = None) -> State:
    """A state with these pins and this Edge."""
    return replace(State(), pins=tuple(pins), edge=edge or Edge())


def pinning(*names: str, enabled: bool = True) -> Pinning:
    """What a document says that accepts these, the first of them current."""
    accepted = tuple(fingerprint(name) for name in names)
    return Pinning(enabled, accepted[0], accepted)


def document(it: Pinning, modified: datetime = EPOCH) -> DocumentRead:
    """The document that says it."""
    return DocumentRead(it.enabled, it.current, it.accepted, "digest", modified)


def found(it: Document | None, unit: EdgeUnit | None = None) -> Tick:
    """A tick that found this document and this unit."""
    return tick(Observations(RULES, document=it, unit=unit))


ON_A, ON_BA = pinning("a"), pinning("b", "a")
"""What is pinned in most situations of the document: one, and one with its backup."""

CURRENT, BACKUP = pin("a", Role.CURRENT), pin("b")
PENDING = pin("b", Role.PENDING, Origin.OBSERVED)
NEW_LEAF = AddressVerdict("1", Finding.UNANNOUNCED_ROTATION, B)
OLD_LEAF = AddressVerdict("2", Finding.PINNED, A)
"""The pins and addresses of the site that is explained."""
