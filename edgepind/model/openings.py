"""The budget of openings: how long the Edge may be open in all (CONTRACT section 7).

An opening is charged by the time that it lasted, not as a whole one, so that a path that flaps
cannot use the budget up: in `fail_open.budget_window` the Edge is open for at most
`fail_open.budget` times `fail_open.limit`. One begins where at least `LEAST` of a limit is left, so
that the Edge is not restarted twice for a moment, and lasts as long as that allows. The helper of
root keeps the same account by itself (`helper.policy`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

from edgepind.model.instants import Monotonic
from edgepind.model.rules import FailOpenRules


@dataclass(frozen=True, slots=True)
class Opened:
    """A time in which the Edge was open. `ended` None: it goes on, or its end is not known."""

    began: Monotonic
    ended: Monotonic | None = None


LEAST = 0.5
"""The part of `fail_open.limit` that must be left in the budget for an opening to begin."""


def counted(openings: Iterable[Opened], rules: FailOpenRules, now: Monotonic) -> tuple[Opened, ...]:
    """Those of which the window still holds a part."""
    oldest = now - rules.budget_window
    return tuple(it for it in openings if _end(it, rules, now) > oldest)


def closed(openings: tuple[Opened, ...], now: Monotonic) -> tuple[Opened, ...]:
    """The openings with the last one ended `now`."""
    return (*openings[:-1], *(replace(it, ended=now) for it in openings[-1:]))


def spent(openings: Iterable[Opened], rules: FailOpenRules, now: Monotonic) -> float:
    """Seconds for which the Edge was open within the window."""
    oldest = now - rules.budget_window
    return sum(max(0.0, _end(it, rules, now) - max(it.began, oldest)) for it in openings)


def left(openings: Iterable[Opened], rules: FailOpenRules, now: Monotonic) -> float:
    """Seconds for which it may yet be open."""
    return max(0.0, rules.budget * rules.limit - spent(openings, rules, now))


def allows(openings: Iterable[Opened], rules: FailOpenRules, now: Monotonic) -> bool:
    """Whether an opening may begin."""
    enough = left(openings, rules, now) >= LEAST * rules.limit
    return rules.enabled and enough


def freed_at(openings: Iterable[Opened], rules: FailOpenRules, now: Monotonic) -> float:
    """To how many seconds being open must come down in the window, after an opening that failed.

    What ended at its limit, or by interception, does not begin anew before the window has let go of
    as much as an opening needs.
    """
    had = spent(openings, rules, now)
    return max(0.0, had - LEAST * rules.limit)


def freed_in(
    openings: Iterable[Opened], rules: FailOpenRules, now: Monotonic, at_most: float | None
) -> float:
    """Seconds until the window allows another opening; `at_most` as of `freed_at`, or None.

    Infinite where the budget is too small for any.
    """
    most = rules.budget * rules.limit - LEAST * rules.limit
    if most < 0.0:
        return inf
    over = spent(openings, rules, now) - min(most, inf if at_most is None else at_most)
    oldest, wait = now - rules.budget_window, 0.0
    for it in sorted(openings, key=lambda it: it.began):
        begins = max(it.began, oldest)
        part = min(over, _end(it, rules, now) - begins)
        if part > 0.0:
            over, wait = over - part, begins + part - oldest
    return wait


def _end(it: Opened, rules: FailOpenRules, now: Monotonic) -> float:
    """When it ended; one that nobody saw end lasted no longer than the limit."""
    return it.ended if it.ended is not None else min(now, it.began + rules.limit)
