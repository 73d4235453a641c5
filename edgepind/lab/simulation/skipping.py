"""Steady time is skipped, not ticked, and to the same end.

Where a tick told nothing and did nothing, and left the state as it found it but for instants and
spans that grew by the time that passed and for sightings, the next would do just so while it sees
the same, until the first limit that the core counts towards. So the state is carried forward by as
many ticks as surely lie before that. A test holds that a life that is skipped through and one that
is ticked through end the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from math import ceil, inf
from typing import Any

from edgepind.core.admission import hold_down, remaining_hold_down
from edgepind.core.live_leaves import answering, pinned_in_turn
from edgepind.core.scheduling import STATUS_BACKOFF_TICKS, STATUS_SHARE, backoff
from edgepind.model.instants import Monotonic
from edgepind.model.pin import Pin
from edgepind.model.rules import Rules
from edgepind.model.state import Guard, Idle, Owing, Settling, State, StatusMemory

_MARGIN = 1
"""The tick before a limit is made all the same: it may be a shorter one."""
_COUNTS = frozenset({"ticks", "sightings", "seen_at"})
"""What grows by whole numbers, evenly, as long as ticks see the same."""
_SATURATED = 5
"""After so many failures in a row, the status endpoint is asked at its slowest pace."""
_UNREGARDED: dict[type, frozenset[str]] = {
    # A sentence that counts down, and when it was last told that a posture lasts.
    State: frozenset({"reason"}),
    Guard: frozenset({"reminded"}),
    # It is asked at a pace of its own, which is reckoned apart.
    StatusMemory: frozenset({"not_before", "failures"}),
}


class _Uneven(Exception):  # noqa: N818 - it names what was found
    """Two states differ by more than even growth."""


@dataclass(frozen=True, slots=True)
class _Tick:
    state: State
    at: float
    growth: Any


class Steadiness:
    """Watches ticks, and says by how many the state may be carried forward."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._last: _Tick | None = None
        self._steady = False
        self._asked = False
        """Whether the status endpoint was asked within these ticks."""

    def begin(self, state: State, at: float) -> None:
        """Begin anew from here: something was done or told, or time was skipped."""
        self._last, self._steady, self._asked = _Tick(state, at, None), False, False

    def forget(self) -> None:
        """Begin anew: the world has changed, and the next tick sees another one."""
        if self._last is not None:
            self.begin(self._last.state, self._last.at)

    def note(self, state: State, at: float) -> None:
        """Take in a quiet tick."""
        before, self._last, self._steady = self._last, _Tick(state, at, None), False
        if before is None:
            return
        self._asked |= state.status.not_before != before.state.status.not_before
        try:
            growth = (at - before.at, _growth(before.state, state))
        except _Uneven:
            return
        self._last = _Tick(state, at, growth)
        self._steady = _is_even(*growth)

    def seconds(self, room: float) -> float:
        """How far the state may be carried by ticks that fall within the next `room` seconds."""
        if self._last is None or not self._steady:
            return 0.0
        state, (delay, growth) = self._last.state, self._last.growth
        limit = min(_limits(state, growth, self._rules), default=inf)
        if not self._asked and self._rules.status_enabled:
            limit = min(limit, _until_asked(state))
        ticks = min(ceil(room / delay) - 1, limit // delay - _MARGIN)
        return float(delay * max(0.0, ticks))

    def carry(self, state: State, seconds: float) -> State:
        """Give the state after so many seconds more, which `seconds` gave, and begin there."""
        if self._last is None or self._last.state is not state:
            raise ValueError("this is not the state that was last seen to be steady")
        at, (delay, growth) = self._last.at, self._last.growth
        ticks = round(seconds / delay)
        grown: State = _grown(state, growth, ticks)
        carried = replace(grown, status=self._asked_later(state, delay, ticks))
        self.begin(carried, at + seconds)
        return carried

    def _asked_later(self, state: State, delay: float, ticks: int) -> StatusMemory:
        """What is remembered of the status endpoint, which was asked at its own pace meanwhile."""
        status, interval = state.status, self._rules.interval
        if status.not_before is None or state.last is None:
            return status
        now, due, failures = state.last.monotonic, status.not_before, status.failures
        while (turn := max(1, ceil((due - now) / delay))) <= ticks:
            failures += failures > 0
            pace = backoff(STATUS_SHARE * interval, failures, STATUS_BACKOFF_TICKS * interval)
            period = ceil(pace / delay)
            slowest = not failures or failures >= _SATURATED
            again = (ticks - turn) // period if slowest else 0
            failures += again if failures else 0
            passed = turn + again * period
            now, ticks = Monotonic(now + passed * delay), ticks - passed
            due = Monotonic(now + pace)
        return replace(status, not_before=due, failures=failures)


def _until_asked(state: State) -> float:
    """Seconds until the status endpoint is asked again."""
    if state.last is None or state.status.not_before is None:
        return 0.0
    return state.status.not_before - state.last.monotonic


def _growth(before: Any, after: Any) -> Any:
    """By what `after` exceeds `before`; None where they are the same. Raises _Uneven."""
    if before is after:
        return None
    kind = type(before)
    pairs: list[tuple[str | int, Any, Any]]
    if kind is type(after) and is_dataclass(kind):
        pairs = [(it, getattr(before, it), getattr(after, it)) for it in _regarded(kind)]
    elif kind is type(after) is tuple and len(before) == len(after):
        pairs = [*zip(range(len(before)), before, after, strict=True)]
    elif before == after:
        return None
    elif kind is type(after) and kind in {int, float, datetime}:
        return after - before
    else:
        raise _Uneven
    grown = [(name, _growth(was, it)) for name, was, it in pairs if was is not it]
    return tuple([(name, it) for name, it in grown if it is not None]) or None


@cache
def _regarded(kind: Any) -> tuple[str, ...]:
    """The fields of a data class whose growth counts."""
    left_out = _UNREGARDED.get(kind, frozenset())
    return tuple(it.name for it in fields(kind) if it.name not in left_out)


def _is_even(delay: float, growth: Any) -> bool:
    """Whether what grew within `delay` did so as it does at every tick, and the next is as far."""
    due = dict(growth or ()).get("next_tick")
    return due == delay and all(_is_even_in(delay, name, it) for name, it in growth)


def _is_even_in(delay: float, name: str, growth: Any) -> bool:
    if isinstance(growth, tuple):
        parts = ((name if isinstance(part, int) else part, it) for part, it in growth)
        return all(_is_even_in(delay, part, it) for part, it in parts)
    if isinstance(growth, int):
        return name in _COUNTS
    return bool(growth == (timedelta(seconds=delay) if isinstance(growth, timedelta) else delay))


def _grown(value: Any, growth: Any, times: int) -> Any:
    if growth is None:
        return value
    if isinstance(growth, int | float | timedelta):
        return value + growth * times
    if isinstance(value, tuple):
        items = list(value)
        for place, it in growth:
            items[place] = _grown(items[place], it, times)
        return tuple(items)
    return replace(value, **{name: _grown(getattr(value, name), it, times) for name, it in growth})


def _limits(state: State, growth: Any, rules: Rules) -> Iterator[float]:
    """Seconds until each limit that the core counts towards, as `growth` says it does."""
    now = state.last.monotonic if state.last else 0.0
    yield from (instant - now for instant in _instants(state, rules) if instant >= now)
    grows = dict(growth)
    if "grace_served" in dict(grows.get("guard") or ()):
        yield rules.fail_open.grace - state.guard.grace_served
    restart, grown = state.edge.restart, dict(dict(grows.get("edge") or ()).get("restart") or ())
    if isinstance(restart, Settling) and "settled" in grown:
        yield rules.restart.settle - restart.settled
    for place, counts in grows.get("pins") or ():
        pin, delay = state.pins[place], grows["next_tick"]
        yield from _pin_limits(pin, dict(counts), rules, delay, len(answering(state)))


def _instants(state: State, rules: Rules) -> Iterator[float]:
    guard, edge = state.guard, state.edge
    overdue = edge.starting.since + rules.restart.start_timeout if edge.starting else None
    single = (guard.open_ends, edge.write_not_before, state.status.told_to_wait, overdue)
    yield from (instant for instant in single if instant is not None)
    if guard.override is not None:
        yield guard.override.ends
    yield from (it + rules.fail_open.budget_window for it in guard.openings)
    if isinstance(edge.restart, Owing):
        yield from (it + rules.restart.window for it in edge.restarts)
    if isinstance(edge.restart, Settling):
        yield edge.restart.since + rules.restart.health_deadline
    if not isinstance(edge.restart, Idle):
        debt = edge.restart.debt
        yield debt.since + rules.restart.ready_deadline
        yield debt.since + rules.restart.urgent_ready_deadline
        if debt.not_before is not None:
            yield debt.not_before
    yield from _times_of_bundles(state)
    for it in state.served:
        if it.silent_since is not None:
            yield it.silent_since + rules.pins.overlap
    for pin in state.pins:
        left = remaining_hold_down(pin, rules.pins, in_turn=pinned_in_turn(state))
        if left and pin.last_seen is not None:
            yield pin.last_seen + left


def _times_of_bundles(state: State) -> Iterator[float]:
    """When a pin that a bundle named comes in, and when it may lapse."""
    begins = [it.not_before for it in state.bundle.waiting]
    times = [it for it in (*begins, *(pin.not_after for pin in state.pins)) if it is not None]
    if state.last is not None:
        last = state.last
        yield from (last.monotonic + (it - last.wall).total_seconds() for it in times)


def _pin_limits(
    pin: Pin, grows: dict[str, Any], rules: Rules, delay: float, answers: int
) -> Iterator[float]:
    """`answers`: how many addresses answer; a first pin is sighted so much the more often."""
    overlap = rules.pins.overlap if pin.accepted else rules.pins.hold_down
    if "unseen" in grows and pin.unseen <= overlap:  # forgotten when it is more
        yield overlap - pin.unseen
    if "tenure" in grows:
        yield overlap - pin.tenure
    need = None if pin.accepted else hold_down(pin.origin, rules.pins)
    if need is None:
        return
    lacking = need.sightings * (answers if need.everywhere else 1) - pin.sightings
    if "sightings" in grows and lacking > 0:
        yield delay * ceil(lacking / grows["sightings"])
