"""Draining: the cloud takes the Edge out of service while its calls end, before a planned restart.

Theory of operation (CONTRACT section 8). The machine is kept in the state before each step is
taken, so that the debt "in service again" outlives crashes, restarts of the daemon and reboots:

- `IDLE`: nothing was asked of the cloud. An Edge that is out of service then was taken out by an
  operator, and is left as it is: it is restarted, and never put in service.
- `DRAINING`: it is to be out of service. The word is repeated until the cloud shows that it took
  it; the calls have ended when the cloud says so, or shows no call in several looks in a row.
  Somebody who puts it in service meanwhile ends the drain; the next begins after one `timeout`.
- `DRAINED`: the calls are over, or the time is. The restart may be made.
- `RESTORING`: it is to be in service again. The word is repeated until that was seen.

A restart that ends a lockout waits for none of this, nor does one of an Edge that does not run, nor
one that an operator ordered. Where the cloud cannot be asked, `ready_command` and `calls_command`
decide, if there are any, and else the time. Nothing here asks for a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from edgepind.core.messages import span
from edgepind.core.scheduling import backoff
from edgepind.core.state_machine import step
from edgepind.core.tick import Tick
from edgepind.model.action import Action, ServiceNotSet, ServiceSet, SetService
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.instants import Monotonic
from edgepind.model.observation import ServiceSeen, ServiceUnknown, Unit, UnitState
from edgepind.model.rules import Rules
from edgepind.model.state import (
    Debt,
    Drain,
    DrainPhase,
    Idle,
    Owed,
    Restart,
    RolledBack,
    RollingBack,
    Settling,
    State,
)


class DrainEvent(StrEnum):
    """What can happen to a drain."""

    BEGUN = "begun"
    CALLS_OVER = "calls_over"
    TIMED_OUT = "timed_out"
    TAKEN_BACK = "taken_back"
    """Somebody else put the Edge in service."""
    RESTARTED = "restarted"
    """The restart was made, is not owed any more, or cannot be made for too long."""
    SEEN_IN_SERVICE = "seen_in_service"


DRAIN_TABLE: Mapping[tuple[DrainPhase, DrainEvent], DrainPhase] = {
    (DrainPhase.IDLE, DrainEvent.BEGUN): DrainPhase.DRAINING,
    (DrainPhase.RESTORING, DrainEvent.BEGUN): DrainPhase.DRAINING,
    (DrainPhase.DRAINING, DrainEvent.CALLS_OVER): DrainPhase.DRAINED,
    (DrainPhase.DRAINING, DrainEvent.TIMED_OUT): DrainPhase.DRAINED,
    (DrainPhase.DRAINING, DrainEvent.TAKEN_BACK): DrainPhase.IDLE,
    (DrainPhase.DRAINED, DrainEvent.TAKEN_BACK): DrainPhase.IDLE,
    (DrainPhase.DRAINING, DrainEvent.RESTARTED): DrainPhase.RESTORING,
    (DrainPhase.DRAINED, DrainEvent.RESTARTED): DrainPhase.RESTORING,
    (DrainPhase.RESTORING, DrainEvent.SEEN_IN_SERVICE): DrainPhase.IDLE,
}

QUIET_LOOKS = 3
"""So many looks in a row without a call are the end of them, where the cloud does not say so."""
UNSEEN_LOOKS = 3
"""So many looks in a row without an answer leave it to the ways that the site has itself."""
MOST_INTERVALS = 5
"""A word that was not taken is repeated after so many intervals at most."""
_MOST_COUNTED = 8
_COMPLETE = "COMPLETE"
_STUCK = 3
"""After so many words or looks in vain it is told that the Edge cannot be put in service."""


@dataclass(frozen=True, slots=True)
class Draining:
    """What becomes of a restart that asks whether the calls are over; `holds`: it waits."""

    state: State
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    holds: bool = False


def asks_service(state: State, rules: Rules, now: Monotonic) -> bool:
    """Whether the next look asks the cloud about the Edge's service."""
    wait, restart = state.drain.look_not_before, state.edge.restart
    owed = isinstance(restart, Owed) and restart.plan is None
    needed = owed or state.drain.phase is not DrainPhase.IDLE
    return bool(rules.restart.drain_timeout) and needed and (wait is None or now >= wait)


def awaits_service(state: State, tick: Tick) -> bool:
    """Whether the next tick should come soon, because the cloud's answer may let something go on.

    A restart that is deferred for another reason is in no hurry.
    """
    restart = state.edge.restart
    deferred = isinstance(restart, Owed) and restart.deferral_told
    return not deferred and asks_service(state, tick.rules, tick.now.monotonic)


def note_service(state: State, tick: Tick) -> State:
    """Take in what the cloud says of the Edge's service."""
    drain, seen = state.drain, tick.seen.service
    match seen:
        case None:
            return state
        case ServiceUnknown(retry_after=wish):
            wait = None if wish is None else tick.after(wish)
            unseen = min(drain.unseen + 1, UNSEEN_LOOKS)
            drain = replace(drain, unseen=unseen, look_not_before=wait, quiet=0)
        case ServiceSeen():
            out = drain.seen_out or seen.in_service is False
            quiet = min(drain.quiet + 1, QUIET_LOOKS) if _is_quiet(seen) else 0
            drain = replace(drain, unseen=0, look_not_before=None, seen_out=out, quiet=quiet)
        case _:
            assert_never(seen)
    return replace(state, drain=drain)


def _is_quiet(seen: ServiceSeen) -> bool:
    """Whether no call is shown. While the cloud waits for calls, their number must be shown."""
    none_told = seen.conversations is None and seen.draining != "WAIT"
    return seen.in_service is False and (none_told or seen.conversations == 0)


# --- before the restart ---------------------------------------------------------------------


def drain_first(state: State, debt: Debt, tick: Tick, *, urgent: bool) -> Draining:
    """Whether a restart that is owed waits for the calls to end, and what that takes now."""
    runs = not isinstance(tick.seen.unit, Unit) or tick.seen.unit.state is UnitState.ACTIVE
    if not tick.rules.restart.drain_timeout or urgent or debt.go_ahead or not runs:
        return Draining(state)
    match state.drain.phase:
        case DrainPhase.IDLE | DrainPhase.RESTORING:
            return _begin(state, debt, tick)
        case DrainPhase.DRAINING:
            return _follow(state, tick)
        case DrainPhase.DRAINED:
            taken_back = isinstance(tick.seen.service, ServiceSeen) and tick.seen.service.in_service
            return _take_back(state, tick) if taken_back else Draining(state)
        case _:
            assert_never(state.drain.phase)


def _begin(state: State, debt: Debt, tick: Tick) -> Draining:
    drain, rules, seen = state.drain, tick.rules.restart, tick.seen.service
    since = debt.since if debt.due is None else debt.due
    base = since if drain.again is None else max(since, drain.again)
    if not tick.passed_or_unset(drain.again):
        return Draining(state, holds=True)
    if tick.passed_or_unset(Monotonic(base + rules.drain_timeout)):
        return Draining(state)
    idle = drain.phase is DrainPhase.IDLE
    match seen:
        case ServiceSeen(in_service=False, conversations=calls) if idle:
            return Draining(state, holds=bool(calls))  # an operator took it out of service
        case ServiceSeen(in_service=bool()):
            return _begun(state, tick)
        case ServiceUnknown() if rules.asks_ready and drain.unseen >= UNSEEN_LOOKS:
            return Draining(state)
        case _:
            return Draining(state, holds=True)


def _begun(state: State, tick: Tick) -> Draining:
    timeout = tick.rules.restart.drain_timeout
    phase = step(DRAIN_TABLE, state.drain.phase, DrainEvent.BEGUN)
    out = state.drain.phase is DrainPhase.RESTORING
    began = state.drain.began if out else tick.now.monotonic
    drain = _spoken(Drain(phase, since=tick.now.monotonic, began=began), tick)
    text = (
        "The Edge is taken out of service, so that its calls end by themselves before it is "
        f"restarted; that is waited for {span(timeout)} at most; `edgepind restart --now` does not "
        "wait."
    )
    event = Event(EventName.DRAIN_STARTED, Severity.NOTICE, text)
    out_of_service = SetService(in_service=False, wait=timeout)
    return Draining(replace(state, drain=drain), (out_of_service,), (event,), holds=True)


def _follow(state: State, tick: Tick) -> Draining:
    drain, seen = state.drain, tick.seen.service
    since = tick.now.monotonic if drain.since is None else drain.since
    timeout = tick.rules.restart.drain_timeout
    if tick.now.monotonic >= since + timeout:
        calls = seen.conversations if isinstance(seen, ServiceSeen) else None
        left = f"with {calls} calls up" if calls else "and it is not known that its calls are over"
        why = f"The time for the Edge's calls to end, {span(timeout)}, is over {left}"
        return _ended(state, DrainEvent.TIMED_OUT, why, tick)
    match seen:
        case ServiceSeen(in_service=True) if drain.seen_out:
            return _take_back(state, tick)
        case ServiceSeen(in_service=True) if tick.passed_or_unset(drain.not_before):
            again = _spoken(drain, tick)
            left_over = SetService(in_service=False, wait=since + timeout - tick.now.monotonic)
            return Draining(replace(state, drain=again), (left_over,), holds=True)
        case ServiceSeen(in_service=False, draining=word):
            if word == _COMPLETE or drain.quiet >= QUIET_LOOKS:
                why = f"The Edge's calls have ended after {span(tick.now.monotonic - since)}"
                return _ended(state, DrainEvent.CALLS_OVER, why, tick)
        case _:
            pass  # it is waited for an answer, or for the word to be taken
    return Draining(state, holds=True)


def _ended(state: State, event: DrainEvent, why: str, tick: Tick) -> Draining:
    phase = step(DRAIN_TABLE, state.drain.phase, event)
    drain = replace(state.drain, phase=phase, since=tick.now.monotonic)
    severity = Severity.NOTICE if event is DrainEvent.CALLS_OVER else Severity.WARNING
    told = Event(EventName.DRAIN_ENDED, severity, f"{why}; it is restarted now.")
    return Draining(replace(state, drain=drain), events=(told,))


def _take_back(state: State, tick: Tick) -> Draining:
    timeout = tick.rules.restart.drain_timeout
    phase = step(DRAIN_TABLE, state.drain.phase, DrainEvent.TAKEN_BACK)
    text = (
        "Somebody has put the Edge in service again while its calls were to end; the restart "
        f"waits, and they are to end again in {span(timeout)}; `edgepind restart --now` does not "
        "wait."
    )
    told = Event(EventName.DRAIN_ENDED, Severity.WARNING, text)
    drain = Drain(phase, again=tick.after(timeout))
    return Draining(replace(state, drain=drain), events=(told,), holds=True)


def _spoken(drain: Drain, tick: Tick) -> Drain:
    """The drain with one more word given to the cloud."""
    attempts = min(drain.attempts + 1, _MOST_COUNTED)
    return replace(drain, attempts=attempts, not_before=_pace(tick, attempts))


def _pace(tick: Tick, attempts: int) -> Monotonic:
    """When a word may be repeated to the cloud."""
    interval = tick.rules.interval
    return tick.after(backoff(interval, attempts, MOST_INTERVALS * interval))


# --- after the restart ----------------------------------------------------------------------


def settle_service(
    state: State, tick: Tick, *, alone: bool
) -> tuple[State, tuple[Action, ...], tuple[Event, ...]]:
    """Put the Edge in service again once the restart is over, and until that was seen.

    The word is given `alone`: behind an action that fails it would not be.
    """
    state, events = _leave(state, tick)
    drain, seen = state.drain, tick.seen.service
    if drain.phase is not DrainPhase.RESTORING or not isinstance(seen, ServiceSeen):
        return state, (), events
    if seen.in_service:
        return _restored(state, events, tick)
    if not alone or not tick.passed_or_unset(drain.not_before):
        return state, (), events
    return replace(state, drain=_spoken(drain, tick)), (SetService(in_service=True),), events


def _leave(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    drain = state.drain
    if drain.phase not in {DrainPhase.DRAINING, DrainPhase.DRAINED}:
        return state, ()
    overdue = _is_overdue(drain, tick)
    if not _is_over(state.edge.restart) and not overdue:
        return state, ()
    was_draining = drain.phase is DrainPhase.DRAINING
    again = tick.after(tick.rules.restart.drain_timeout) if overdue else None
    phase = step(DRAIN_TABLE, drain.phase, DrainEvent.RESTARTED)
    state = replace(state, drain=Drain(phase, began=drain.began, again=again))
    if not was_draining:
        return state, ()
    text = "The Edge's calls need not end any more: it is put in service again."
    return state, (Event(EventName.DRAIN_ENDED, Severity.NOTICE, text),)


def _is_over(restart: Restart) -> bool:
    """Whether the restart was made, or is not to be made soon."""
    match restart:
        case Idle() | RolledBack():
            return True
        case Settling(wait_told=told):
            return told
        case Owed() | RollingBack():
            return False
        case _:
            assert_never(restart)


def _is_overdue(drain: Drain, tick: Tick) -> bool:
    """Whether the restart has not been made for longer than its waits allow."""
    rules = tick.rules.restart
    draining = drain.phase is DrainPhase.DRAINING
    longest = 2 * rules.drain_timeout if draining else rules.ready_deadline + rules.health_deadline
    return drain.since is None or tick.now.monotonic >= drain.since + longest


def _restored(
    state: State, events: tuple[Event, ...], tick: Tick
) -> tuple[State, tuple[Action, ...], tuple[Event, ...]]:
    drain = state.drain
    phase = step(DRAIN_TABLE, drain.phase, DrainEvent.SEEN_IN_SERVICE)
    lasted = "" if drain.began is None else f" after {span(tick.now.monotonic - drain.began)}"
    told = Event(EventName.IN_SERVICE, Severity.NOTICE, f"The Edge is in service again{lasted}.")
    return replace(state, drain=Drain(phase, again=drain.again)), (), (*events, told)


def learn_service(
    state: State, outcome: ServiceSet | ServiceNotSet, tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    """Take in whether the cloud took the word."""
    drain = state.drain
    if isinstance(outcome, ServiceSet):
        return replace(state, drain=replace(drain, error=None)), ()
    events = (_refused(outcome),) if drain.error is None else ()
    drain = replace(drain, error=outcome.error)
    if outcome.retry_after is not None:
        wait = tick.after(outcome.retry_after)
        drain = replace(drain, not_before=wait, look_not_before=wait)
    return replace(state, drain=drain), events


def _refused(outcome: ServiceNotSet) -> Event:
    what = "put in service again" if outcome.in_service else "taken out of service"
    text = (
        f"The Edge could not be {what} by the cloud's API: {outcome.error}; it is tried again; if "
        "that lasts, do it by hand in the cloud's own administration."
    )
    return Event(None, Severity.WARNING, text)


def is_stuck(drain: Drain) -> bool:
    """Whether the Edge has stayed out of service, because of edgepind, for several attempts."""
    return drain.phase is DrainPhase.RESTORING and max(drain.attempts, drain.unseen) >= _STUCK
