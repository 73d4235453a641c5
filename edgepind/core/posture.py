"""The posture: how the Edge validates pins now (CONTRACT section 7).

Theory of operation. The posture machine weighs a site without telephones against a link to a
stranger. `EVENTS` lists, for each posture and in order, what ends it; `POSTURE_TABLE` what follows.
An override is the first event of every other posture.

- `enforcing`: pins are validated. A lockout in `CONFIRMING_TICKS` looks in a row leads to `grace`.
  A lockout here is `is_opening_lockout`: the Edge, by what it has loaded, accepts nothing that the
  cloud serves, and the finding is `unannounced_rotation`. No other finding starts a grace.
- `grace`: pins are still validated. An accepted leaf at any address leads back to `enforcing`.
  After `fail_open.grace` seconds of observed lockout (time that nobody observed, or in which the
  cloud was silent, does not count) it becomes `open`, if fail-open is enabled, its budget
  (`model.openings`) allows one, something can be lent or the last resort is allowed, and the
  restart budget allows two restarts, one to open and one to close; else `exhausted`. A restart
  budget that is used up for the moment is waited for.
- `open`: pins are validated, and some leaves beside them are on loan (`core.loans`); where that
  does not connect the Edge, validation is off as the last resort. Each look at which the Edge is
  still locked out, and a restart is in hand beside the one that closes it, may lend more or lead to
  the last resort. What ends it, in the order of `EVENTS`: an override; an accepted leaf at any
  address (then `enforcing`); nothing being served any more but what is intercepted or under another
  CA, `open_ends`, which is at most `fail_open.limit` seconds after it began, or fail-open being
  disabled (then `exhausted`).
- `exhausted`: pins are validated, and the site is locked out until an accepted leaf is served, or
  the window frees an opening (then `grace`).
- `override`: an operator has validation off, until the override ends (`core.override`).

The machine runs until no event holds, so that an override that ends during a lockout continues as
the lockout requires. The time in `open` is all time, observed or not. It must never be that a
document with validation off is wanted in another posture than `override` and the last resort of
`open`, or that anything is on loan in another than `open`; that one of these is without an end;
that interception leads to `open`; that an opening begins without a restart left to close it.
`core.desired` says what document follows from the posture, `core.restarts` when the Edge loads it;
`helper.closing` ends an opening where the daemon is dead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from edgepind.core.diagnosis import Diagnosis
from edgepind.core.loans import Offer, lend, told
from edgepind.core.messages import posture_changed, posture_lasts, span
from edgepind.core.override import in_force
from edgepind.core.state_machine import step
from edgepind.core.tick import Tick
from edgepind.model.decision import Event
from edgepind.model.enums import Finding, Posture
from edgepind.model.instants import Monotonic
from edgepind.model.openings import Opened, allows, closed, counted, freed_at, left, spent
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
    OPENING_FREED = "opening_freed"
    NOTHING_TO_LEND = "nothing_to_lend"
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
    (Posture.GRACE, PostureEvent.NOTHING_TO_LEND): Posture.EXHAUSTED,
    (Posture.GRACE, PostureEvent.OVERRIDE_ON): Posture.OVERRIDE,
    (Posture.OPEN, PostureEvent.LINK_ACCEPTED): Posture.ENFORCING,
    (Posture.OPEN, PostureEvent.INTERCEPTED): Posture.EXHAUSTED,
    (Posture.OPEN, PostureEvent.LIMIT_OVER): Posture.EXHAUSTED,
    (Posture.OPEN, PostureEvent.OPENING_REVOKED): Posture.EXHAUSTED,
    (Posture.OPEN, PostureEvent.NOTHING_TO_LEND): Posture.EXHAUSTED,
    (Posture.OPEN, PostureEvent.OVERRIDE_ON): Posture.OVERRIDE,
    (Posture.EXHAUSTED, PostureEvent.LINK_ACCEPTED): Posture.ENFORCING,
    (Posture.EXHAUSTED, PostureEvent.OPENING_FREED): Posture.GRACE,
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
    PostureEvent.OPENING_FREED: "fail_open.budget_window frees an opening",
    PostureEvent.NOTHING_TO_LEND: (
        "nothing that is served may be lent, and validation may not be switched off for it"
    ),
    PostureEvent.INTERCEPTED: (
        "what is served is intercepted or under another CA organisation, which opens nothing"
    ),
    PostureEvent.LIMIT_OVER: "fail_open.limit is over",
    PostureEvent.OPENING_REVOKED: "fail-open was switched off in the settings",
    PostureEvent.OVERRIDE_ON: "an operator asked for it",
    PostureEvent.OVERRIDE_OVER: "the operator's override is over",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the conditions depend on. `diagnosis` None: this tick did not look at the link.

    `in_hand`: how many restarts the budget allows now; `offered`: what could be lent.
    """

    guard: Guard
    diagnosis: Diagnosis | None
    override: bool
    in_hand: int
    offered: Offer
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
    return allows(it.guard.openings, it.tick.rules.fail_open, it.tick.now.monotonic)


def _helps(it: Situation) -> bool:
    """Whether an opening would let the Edge accept anything more."""
    last_resort = it.tick.rules.fail_open.last_resort and not it.offered.barred
    return bool(it.offered.loans) or last_resort


def _lends_nothing(it: Situation) -> bool:
    """Whether an opening has come to let nothing in, as after a `pin remove`."""
    opens = it.guard.loans or it.guard.last_resort
    return it.diagnosis is not None and not opens and not _helps(it)


def _freed(it: Situation) -> bool:
    """Whether an opening that was refused before may be made now."""
    guard, rules = it.guard, it.tick.rules.fail_open
    had = spent(guard.openings, rules, it.tick.now.monotonic)
    return (
        is_opening_lockout(it.diagnosis)
        and (guard.freed_at is None or had <= guard.freed_at)
        and _may_open(it)
        and _helps(it)
        and _can_close(it)
    )


def _can_close(it: Situation) -> bool:
    return it.tick.rules.restart.budget >= RESTARTS_TO_OPEN


def _intercepted(it: Situation) -> bool:
    """Whether nothing is served but what no opening is for, and not only at some addresses."""
    found = it.diagnosis
    return found is not None and found.finding in _NOT_OPENED_FOR and not found.may_open


_NOT_OPENED_FOR = frozenset({Finding.INTERCEPTION, Finding.CA_CHANGED})

EVENTS: Mapping[Posture, tuple[tuple[PostureEvent, Callable[[Situation], bool]], ...]] = {
    Posture.ENFORCING: (
        (PostureEvent.OVERRIDE_ON, lambda it: it.override),
        (PostureEvent.LOCKOUT_CONFIRMED, _lockout_confirmed),
    ),
    Posture.GRACE: (
        (PostureEvent.OVERRIDE_ON, lambda it: it.override),
        (PostureEvent.LINK_ACCEPTED, _link_accepted),
        (PostureEvent.OPENING_REFUSED, lambda it: _grace_over(it) and not _may_open(it)),
        (PostureEvent.NOTHING_TO_LEND, lambda it: _grace_over(it) and not _helps(it)),
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
        (PostureEvent.NOTHING_TO_LEND, _lends_nothing),
    ),
    Posture.EXHAUSTED: (
        (PostureEvent.OVERRIDE_ON, lambda it: it.override),
        (PostureEvent.LINK_ACCEPTED, _link_accepted),
        (PostureEvent.OPENING_FREED, _freed),
    ),
    Posture.OVERRIDE: ((PostureEvent.OVERRIDE_OVER, lambda it: not it.override),),
}
"""What can end each posture, in order: the first condition that holds is the event."""


def guard_on(
    guard: Guard,
    diagnosis: Diagnosis | None,
    before: Diagnosis | None,
    in_hand: int,
    offered: Offer,
    tick: Tick,
) -> tuple[Guard, tuple[Event, ...]]:
    """Run the machine for one tick.

    `before` is what the previous tick concluded; `in_hand` how many restarts the budget allows now;
    `offered` what could be lent to the Edge.
    """
    had = guard
    guard = _keep_time(guard, diagnosis, before, tick)
    override = in_force(guard, tick)
    events: list[Event] = []
    situation = Situation(guard, diagnosis, override, in_hand, offered, tick)
    while (event := _next_event(situation)) is not None:
        posture = step(POSTURE_TABLE, guard.posture, event)
        events.append(posture_changed(posture, guard.posture, WHY[event]))
        guard = _enter(guard, posture, offered, tick)
        situation = replace(situation, guard=guard)
    if _must_widen(situation):
        guard = lend(guard, offered, tick)
    events += told(had, guard)
    return (guard, tuple(events)) if events else _remind(guard, tick)


def _must_widen(it: Situation) -> bool:
    """Whether an opening that is under way connects nothing, and more than it lends could."""
    confirmed = it.guard.lockout_ticks >= CONFIRMING_TICKS and is_opening_lockout(it.diagnosis)
    return (
        it.guard.posture is Posture.OPEN
        and not it.guard.last_resort
        and confirmed
        and it.in_hand >= RESTARTS_TO_OPEN
        and _helps(it)
        and not (it.offered.suffices and it.offered.loans == it.guard.loans)
    )


def is_rotated_away(diagnosis: Diagnosis | None) -> bool:
    """Whether half of the looks or more are not accepted, and what is served permits an opening."""
    return diagnosis is not None and not diagnosis.accepted and diagnosis.may_open


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
    openings = counted(guard.openings, tick.rules.fail_open, tick.now.monotonic)
    guard = replace(guard, openings=openings)
    if diagnosis is None:
        return guard
    lockout = is_opening_lockout(diagnosis)
    ticks = min(guard.lockout_ticks + 1, CONFIRMING_TICKS) if lockout else 0
    watched = tick.observed if lockout and is_opening_lockout(before) else 0.0
    served = guard.grace_served + watched if guard.posture is Posture.GRACE else 0.0
    return replace(guard, lockout_ticks=ticks, grace_served=served)


def _enter(guard: Guard, posture: Posture, offered: Offer, tick: Tick) -> Guard:
    now, rules = tick.now.monotonic, tick.rules.fail_open
    opening, closing = posture is Posture.OPEN, guard.posture is Posture.OPEN
    lasts = min(rules.limit, left(guard.openings, rules, now))
    openings = closed(guard.openings, now) if closing else guard.openings
    fails = closing and posture is Posture.EXHAUSTED
    guard = replace(
        guard,
        posture=posture,
        since=tick.now.wall,
        lockout_ticks=0 if posture is Posture.ENFORCING else guard.lockout_ticks,
        grace_served=0.0,
        openings=(*openings, Opened(now)) if opening else openings,
        open_ends=tick.after(lasts) if opening else None,
        loans=(),
        loan_leads=False,
        last_resort=False,
        freed_at=freed_at(openings, rules, now) if fails else None,
        reminded=None if posture is Posture.ENFORCING else now,
    )
    return lend(guard, offered, tick) if opening else guard


def _remind(guard: Guard, tick: Tick) -> tuple[Guard, tuple[Event, ...]]:
    now = tick.now.monotonic
    if guard.posture is Posture.ENFORCING or guard.reminded is None:
        return guard, ()
    if now - guard.reminded < REMIND_EVERY:
        return guard, ()
    ends = deadline(guard, tick.rules.fail_open.grace, now)
    remaining = f" for at most {span(ends - now)}" if ends is not None else ""
    return replace(guard, reminded=now), (posture_lasts(guard.posture, remaining),)
