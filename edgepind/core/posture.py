"""The posture: how the Edge validates pins now (CONTRACT section 7).

Theory of operation. The posture machine weighs a site without telephones against a link to a
stranger. `EVENTS` lists, for each posture and in order, what ends it; `POSTURE_TABLE` what follows.
An override is the first event of every other posture.

- `enforcing`: pins are validated. A lockout in `CONFIRMING_TICKS` looks in a row leads to `grace`.
  A lockout here is `is_opening_lockout`: the Edge, by what it has loaded, accepts nothing that the
  cloud serves, and the finding is `unannounced_rotation`. No other finding starts a grace.
- `grace`: pins are still validated. An accepted leaf at any address leads back to `enforcing`.
  After `fail_open.grace` seconds of observed lockout (time that nobody observed, or in which the
  cloud was silent, does not count) it becomes `open`, if fail-open is enabled, its budget of
  openings is not used up, and the restart budget allows two restarts, one to open and one to
  close; else `exhausted`. A restart budget that is used up for the moment is waited for.
- `open`: validation is off (fail-open). What ends it, in the order of `EVENTS`: an override; an
  accepted leaf at any address (then `enforcing`); an interception, `open_ends`, which is
  `fail_open.limit` seconds after it began, or fail-open being disabled (then `exhausted`).
- `exhausted`: pins are validated, and the site is locked out until an accepted leaf is served.
- `override`: an operator has validation off, until the override ends (`core.override`).

The machine runs until no event holds, so that an override that ends during a lockout continues as
the lockout requires. The time in `open` is all time, observed or not. It must never be that a
document with validation off is wanted in another posture than `open` and `override`, or in one of
these without an end; that interception leads to `open`; that an opening begins without a restart
left to close it. `core.desired` says what document follows from the posture, `core.restarts` when
the Edge loads it; `helper.closing` ends an opening where the daemon is dead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from edgepind.core.diagnosis import Diagnosis
from edgepind.core.messages import posture_changed, posture_lasts, span
from edgepind.core.override import in_force
from edgepind.core.state_machine import step
from edgepind.core.tick import Tick
from edgepind.model.decision import Event
from edgepind.model.enums import Finding, Posture
from edgepind.model.instants import Monotonic
from edgepind.model.state import Guard

CONFIRMING_TICKS = 2
"""A lockout is confirmed when this many ticks in a row have seen it."""
RESTARTS_TO_OPEN = 2
"""Restarts that the budget must allow for an opening: one opens the Edge and one closes it."""
REMIND_EVERY = 900.0
"""Seconds between two warnings that a posture continues."""


class PostureEvent(StrEnum):
    """What can happen to a posture."""

    LOCKOUT_CONFIRMED = "lockout_confirmed"
    LINK_ACCEPTED = "link_accepted"
    OPENING_ALLOWED = "opening_allowed"
    OPENING_REFUSED = "opening_refused"
    CLOSING_UNAFFORDABLE = "closing_unaffordable"
    INTERCEPTED = "intercepted"
    LIMIT_OVER = "limit_over"
    OPENING_REVOKED = "opening_revoked"
    OVERRIDE_ON = "override_on"
    OVERRIDE_OVER = "override_over"


POSTURE_TABLE: Mapping[tuple[Posture, PostureEvent], Posture] = {
    (Posture.ENFORCING, PostureEvent.LOCKOUT_CONFIRMED): Posture.GRACE,
    (Posture.ENFORCING, PostureEvent.OVERRIDE_ON): Posture.OVERRIDE,
    (Posture.GRACE, PostureEvent.LINK_ACCEPTED): Posture.ENFORCING,
    (Posture.GRACE, PostureEvent.OPENING_ALLOWED): Posture.OPEN,
    (Posture.GRACE, PostureEvent.OPENING_REFUSED): Posture.EXHAUSTED,
    (Posture.GRACE, PostureEvent.CLOSING_UNAFFORDABLE): Posture.EXHAUSTED,
    (Posture.GRACE, PostureEvent.OVERRIDE_ON): Posture.OVERRIDE,
    (Posture.OPEN, PostureEvent.LINK_ACCEPTED): Posture.ENFORCING,
    (Posture.OPEN, PostureEvent.INTERCEPTED): Posture.EXHAUSTED,
    (Posture.OPEN, PostureEvent.LIMIT_OVER): Posture.EXHAUSTED,
    (Posture.OPEN, PostureEvent.OPENING_REVOKED): Posture.EXHAUSTED,
    (Posture.OPEN, PostureEvent.OVERRIDE_ON): Posture.OVERRIDE,
    (Posture.EXHAUSTED, PostureEvent.LINK_ACCEPTED): Posture.ENFORCING,
    (Posture.EXHAUSTED, PostureEvent.OVERRIDE_ON): Posture.OVERRIDE,
    (Posture.OVERRIDE, PostureEvent.OVERRIDE_OVER): Posture.ENFORCING,
}

WHY: Mapping[PostureEvent, str] = {
    PostureEvent.CLOSING_UNAFFORDABLE: (
        "the grace is over and edge.restart_budget, being less than two, allows no restart to open "
        "the Edge and one to close it again"
    ),
    PostureEvent.LOCKOUT_CONFIRMED: "a lockout was seen in two ticks in a row",
    PostureEvent.LINK_ACCEPTED: "the cloud serves an accepted pin",
    PostureEvent.OPENING_ALLOWED: "the grace is over",
    PostureEvent.OPENING_REFUSED: "the grace is over and fail-open is off or its budget is used up",
    PostureEvent.INTERCEPTED: "the link is intercepted, and validation stays on under interception",
    PostureEvent.LIMIT_OVER: "fail_open.limit is over",
    PostureEvent.OPENING_REVOKED: "fail-open was switched off in the settings",
    PostureEvent.OVERRIDE_ON: "an operator asked for it",
    PostureEvent.OVERRIDE_OVER: "the operator's override is over",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the conditions depend on. `diagnosis` None: this tick did not look at the link.

    `in_hand`: how many restarts the budget allows now.
    """

    guard: Guard
    diagnosis: Diagnosis | None
    override: bool
    in_hand: int
    tick: Tick


def _lockout_confirmed(it: Situation) -> bool:
    return it.guard.lockout_ticks >= CONFIRMING_TICKS


def _link_accepted(it: Situation) -> bool:
    return it.diagnosis is not None and it.diagnosis.accepted


def _grace_over(it: Situation) -> bool:
    return is_opening_lockout(it.diagnosis) and (
        it.guard.grace_served >= it.tick.rules.fail_open.grace
    )


def _may_open(it: Situation) -> bool:
    rules = it.tick.rules.fail_open
    return rules.enabled and len(it.guard.openings) < rules.budget


def _can_close(it: Situation) -> bool:
    return it.tick.rules.restart.budget >= RESTARTS_TO_OPEN


def _intercepted(it: Situation) -> bool:
    return it.diagnosis is not None and it.diagnosis.finding is Finding.INTERCEPTION


EVENTS: Mapping[Posture, tuple[tuple[PostureEvent, Callable[[Situation], bool]], ...]] = {
    Posture.ENFORCING: (
        (PostureEvent.OVERRIDE_ON, lambda it: it.override),
        (PostureEvent.LOCKOUT_CONFIRMED, _lockout_confirmed),
    ),
    Posture.GRACE: (
        (PostureEvent.OVERRIDE_ON, lambda it: it.override),
        (PostureEvent.LINK_ACCEPTED, _link_accepted),
        (PostureEvent.OPENING_REFUSED, lambda it: _grace_over(it) and not _may_open(it)),
        (PostureEvent.CLOSING_UNAFFORDABLE, lambda it: _grace_over(it) and not _can_close(it)),
        (
            PostureEvent.OPENING_ALLOWED,
            lambda it: _grace_over(it) and it.in_hand >= RESTARTS_TO_OPEN,
        ),
    ),
    Posture.OPEN: (
        (PostureEvent.OVERRIDE_ON, lambda it: it.override),
        (PostureEvent.LINK_ACCEPTED, _link_accepted),
        (PostureEvent.INTERCEPTED, _intercepted),
        (PostureEvent.LIMIT_OVER, lambda it: it.tick.passed_or_unset(it.guard.open_ends)),
        (PostureEvent.OPENING_REVOKED, lambda it: not it.tick.rules.fail_open.enabled),
    ),
    Posture.EXHAUSTED: (
        (PostureEvent.OVERRIDE_ON, lambda it: it.override),
        (PostureEvent.LINK_ACCEPTED, _link_accepted),
    ),
    Posture.OVERRIDE: ((PostureEvent.OVERRIDE_OVER, lambda it: not it.override),),
}
"""What can end each posture, in order: the first condition that holds is the event."""


def guard_on(
    guard: Guard, diagnosis: Diagnosis | None, before: Diagnosis | None, in_hand: int, tick: Tick
) -> tuple[Guard, tuple[Event, ...]]:
    """Run the machine for one tick.

    `before` is what the previous tick concluded; `in_hand` how many restarts the budget allows now.
    """
    guard = _keep_time(guard, diagnosis, before, tick)
    override = in_force(guard, tick)
    events: list[Event] = []
    while (event := _next_event(Situation(guard, diagnosis, override, in_hand, tick))) is not None:
        posture = step(POSTURE_TABLE, guard.posture, event)
        events.append(posture_changed(posture, guard.posture, WHY[event]))
        guard = _enter(guard, posture, tick)
    if events:
        return guard, tuple(events)
    return _remind(guard, tick)


def is_rotated_away(diagnosis: Diagnosis | None) -> bool:
    """Whether no leaf that the cloud serves is accepted, and the finding permits an opening."""
    return (
        diagnosis is not None
        and not diagnosis.accepted
        and diagnosis.finding is Finding.UNANNOUNCED_ROTATION
    )


def is_opening_lockout(diagnosis: Diagnosis | None) -> bool:
    """Whether the Edge is locked out by such leaves, so that a grace runs."""
    return diagnosis is not None and diagnosis.lockout and is_rotated_away(diagnosis)


def deadline(guard: Guard, grace: float, now: Monotonic) -> Monotonic | None:
    """When the present posture ends at the latest; None where it has no fixed end.

    A grace that is served and waits for the restart budget has none.
    """
    match guard.posture:
        case Posture.GRACE:
            left = grace - guard.grace_served
            return Monotonic(now + left) if left > 0.0 else None
        case Posture.OPEN:
            return guard.open_ends
        case Posture.OVERRIDE:
            return guard.override.ends if guard.override else None
        case Posture.ENFORCING | Posture.EXHAUSTED:
            return None
        case _:
            assert_never(guard.posture)


def _next_event(situation: Situation) -> PostureEvent | None:
    candidates = EVENTS[situation.guard.posture]
    return next((event for event, holds in candidates if holds(situation)), None)


def _keep_time(
    guard: Guard, diagnosis: Diagnosis | None, before: Diagnosis | None, tick: Tick
) -> Guard:
    oldest = tick.now.monotonic - tick.rules.fail_open.budget_window
    openings = tuple(instant for instant in guard.openings if instant > oldest)
    guard = replace(guard, openings=openings)
    if diagnosis is None:
        return guard
    lockout = is_opening_lockout(diagnosis)
    ticks = min(guard.lockout_ticks + 1, CONFIRMING_TICKS) if lockout else 0
    watched = tick.observed if lockout and is_opening_lockout(before) else 0.0
    served = guard.grace_served + watched if guard.posture is Posture.GRACE else 0.0
    return replace(guard, lockout_ticks=ticks, grace_served=served)


def _enter(guard: Guard, posture: Posture, tick: Tick) -> Guard:
    now = tick.now.monotonic
    opening = posture is Posture.OPEN
    return replace(
        guard,
        posture=posture,
        since=tick.now.wall,
        lockout_ticks=0 if posture is Posture.ENFORCING else guard.lockout_ticks,
        grace_served=0.0,
        openings=(*guard.openings, now) if opening else guard.openings,
        open_ends=tick.after(tick.rules.fail_open.limit) if opening else None,
        reminded=None if posture is Posture.ENFORCING else now,
    )


def _remind(guard: Guard, tick: Tick) -> tuple[Guard, tuple[Event, ...]]:
    now = tick.now.monotonic
    if guard.posture is Posture.ENFORCING or guard.reminded is None:
        return guard, ()
    if now - guard.reminded < REMIND_EVERY:
        return guard, ()
    ends = deadline(guard, tick.rules.fail_open.grace, now)
    remaining = f" for at most {span(ends - now)}" if ends is not None else ""
    return replace(guard, reminded=now), (posture_lasts(guard.posture, remaining),)
