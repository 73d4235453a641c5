"""A floor under time: what the wall clock shows at least, whoever sets it (CONTRACT section 11).

Theory of operation. A certificate that has expired is good again for a host whose clock is set
back. So the last time that there was reason to believe is kept, as the wall time at which this boot
began by it (`State.began`), and elapsed time is added to it: a step backwards shows at once, and
after a restart of the daemon. After a reboot the floor is what it was when the state was stored
last. It moves like this:

- A *witness* sets it, upwards and downwards: chrony or the kernel, synchronised and no more
  uncertain than the error that is borne, or the `Date` of a pinned channel once that is known to
  run as elapsed time does. One that stands still, or was heard once, is none.
- Without a witness the wall clock raises it, while something pinned is served that is in time by
  it. A clock that was set years ahead shows nothing in time, and raises nothing.
- No pinned leaf with standing is served before it was made: `not_before` of those that were seen
  bounds the time as well, where there is no witness.

A clock without a witness that stands below the floor, by more than `clock.max_error`, is not
trusted. What is in time by both clocks can still be judged (`diagnosis.may_judge`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from edgepind.core.diagnosis import judge_clock, pin_of
from edgepind.core.standing import has_standing
from edgepind.core.tick import leaves_in
from edgepind.model.instants import Moment
from edgepind.model.observation import ClockReading, ClockSource, Observations
from edgepind.model.pin import accepted
from edgepind.model.rules import Rules
from edgepind.model.state import ClockJudgement, State

JITTER = timedelta(seconds=5)
"""The floor is moved by more than this or not at all: a `Date` counts whole seconds."""
_FARTHEST = 1e9
"""Seconds; a witness that says more of the clock is none."""
_RANK = (ClockSource.CHRONY, ClockSource.KERNEL, ClockSource.DATE_HEADER)


@dataclass(frozen=True, slots=True)
class Judged:
    """The clock as it is judged now, when this boot began by what is believed, and the floor."""

    clock: ClockJudgement
    began: datetime | None
    floor: datetime | None


def judge_time(state: State, seen: Observations, now: Moment) -> Judged:
    """Judge the clock by this tick's witnesses and by the floor, and move the floor."""
    if seen.clock is None:
        return Judged(state.clock, state.began, floor_at(state, seen.rules, now))
    began = _began(now)
    floor = floor_at(state, seen.rules, now)
    clock = judge_readings(seen.clock, floor, seen.rules, now)
    witness = _witness(seen.clock, seen.rules)
    if witness is not None:
        told = _moved(state.began, began - timedelta(seconds=witness.ahead))
        return Judged(clock, told, _since(told, now))
    known = state.began
    if clock.trusted and (known is None or (began > known and _shows_pinned(state, seen, now))):
        known = _moved(known, began)
    return Judged(clock, known, floor)


def judge_readings(
    readings: tuple[ClockReading, ...], floor: datetime | None, rules: Rules, now: Moment
) -> ClockJudgement:
    """Judge the clock by its witnesses or, where there is none, by the floor."""
    clock = judge_clock(readings, rules, now)
    if floor is None or not clock.trusted or _witness(readings, rules) is not None:
        return clock
    below = (floor - now.wall).total_seconds()
    if below <= rules.max_clock_error:
        return clock
    return ClockJudgement(trusted=False, error=-below)


def floor_at(state: State, rules: Rules, now: Moment) -> datetime | None:
    """The earliest that it can be at `now`, where there is no witness; None: nothing is known."""
    made = (
        pin.validity.not_before
        for pin in state.pins
        if pin.validity is not None and has_standing(pin, rules.pins.overlap)
    )
    known = state.floor if state.began is None else _since(state.began, now)
    return max((*made, *(() if known is None else (known,))), default=None)


def _witness(readings: Iterable[ClockReading], rules: Rules) -> ClockReading | None:
    """The best that may set the floor."""
    good = (it for it in readings if _is_good(it, rules) and abs(it.ahead) < _FARTHEST)
    return min(good, key=lambda it: _RANK.index(it.source), default=None)


def _is_good(reading: ClockReading, rules: Rules) -> bool:
    return reading.steady and reading.uncertainty <= rules.max_clock_error


def _shows_pinned(state: State, seen: Observations, now: Moment) -> bool:
    """Whether something pinned is served that is in time by the wall clock."""
    pins = tuple(accepted(state.pins))
    return any(
        leaf.validity.holds_at(now.wall) and pin_of(leaf, pins) is not None
        for leaf in leaves_in(seen.link)
    )


def _moved(began: datetime | None, to: datetime) -> datetime:
    return to if began is None or abs(to - began) > JITTER else began


def _began(now: Moment) -> datetime:
    return now.wall - timedelta(seconds=now.monotonic)


def _since(began: datetime, now: Moment) -> datetime:
    return began + timedelta(seconds=now.monotonic)
