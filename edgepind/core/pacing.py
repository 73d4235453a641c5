"""When to look again: the table of paces, backoff, and how the status endpoint is spared.

The link is looked at once an interval whatever happens, for a look costs little and `status`
calls a daemon dead that has not written for three. What is spaced out is what others have to
pay for: requests to a status endpoint in trouble, failed writes, failed restarts.
"""

from typing import assert_never

from edgepind.core.tick import Tick
from edgepind.model.moment import Monotonic
from edgepind.model.observation import (
    Status,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
    StatusUnreachable,
)
from edgepind.model.replacing import replace
from edgepind.model.state import State, StatusMemory

URGENT_SHARE = 6
"""While something waits to be confirmed, ticks come this many times as often."""
SETTLE_SHARE = 5
"""The restarted Edge is looked at this many times in `settle`."""
SHORTEST = 0.05
"""Seconds between two ticks at the least."""
JITTER = 0.05
"""An interval is off by up to this share, either way, so that sites do not march in step."""
STATUS_SHARE = 0.8
"""Urgent ticks do not ask the status endpoint more often than this share of the interval."""
STATUS_BACKOFF_TICKS = 10
"""A status endpoint in trouble is asked at least once in this many intervals."""
RETRY_AFTER_CAP = 3600.0
"""Seconds for which `Retry-After` is obeyed at most (CONTRACT section 11)."""


def backoff(first: float, failures: int, cap: float) -> float:
    """Seconds to wait after `failures` failures in a row: `first`, doubling, up to `cap`."""
    return min(max(first, cap), first * 2.0 ** min(max(0, failures - 1), 32))


def ask_status(state: State, now: Monotonic, *, enabled: bool, prompted: bool) -> bool:
    """Whether this tick should ask the status endpoint. A prompt overtakes all but the server."""
    told, own = state.status.told_to_wait, state.status.not_before
    if not enabled or (told is not None and now < told):
        return False
    return prompted or own is None or now >= own


def note_status(state: State, status: Status, tick: Tick) -> StatusMemory:
    """What is remembered of an answer, and when the endpoint may be asked again."""
    interval, memory = tick.rules.interval, state.status
    pace = tick.after(STATUS_SHARE * interval)
    match status:
        case StatusAnswer():
            return StatusMemory(
                ok=True,
                channel=status.channel,
                announced_current=status.current,
                announced_next=status.next,
                rotates_at=status.rotates_at,
                not_before=pace,
                other_kind=memory.other_kind,
            )
        case StatusUnchanged():
            return replace(
                memory,
                ok=True,
                channel=status.channel,
                error=None,
                rejected=False,
                failures=0,
                not_before=pace,
                told_to_wait=None,
            )
        case StatusRejected() | StatusUnreachable():
            failures = memory.failures + 1
            wait = backoff(STATUS_SHARE * interval, failures, STATUS_BACKOFF_TICKS * interval)
            error = status.reason if isinstance(status, StatusRejected) else status.error
            return replace(
                memory,
                ok=False,
                channel=status.channel,
                error=error,
                rejected=isinstance(status, StatusRejected),
                failures=failures,
                not_before=tick.after(wait * (1 - JITTER + 2 * JITTER * tick.seen.entropy)),
                told_to_wait=_told_to_wait(status, tick),
            )
        case _:
            assert_never(status)


def ask_again(memory: StatusMemory) -> StatusMemory:
    """Memory for when the link is back: what kept the endpoint from answering may be over, too.

    Only our own patience ends with it; what the server told us to wait stands.
    """
    return memory if memory.ok else replace(memory, not_before=None)


def _told_to_wait(status: StatusRejected | StatusUnreachable, tick: Tick) -> Monotonic | None:
    if isinstance(status, StatusUnreachable) and status.retry_after is not None:
        return tick.after(min(max(0.0, status.retry_after), RETRY_AFTER_CAP))
    return None


def next_delay(
    tick: Tick, *, urgent: bool, settling: bool, deadlines: tuple[Monotonic | None, ...]
) -> float:
    """Seconds until the next tick: the shortest of the paces that apply, and of the deadlines."""
    rules = tick.rules
    steady = rules.interval * (1 - JITTER + 2 * JITTER * tick.seen.entropy)
    paces = [steady]
    if urgent:
        paces.append(rules.interval / URGENT_SHARE)
    if settling:
        paces.append(rules.restart.settle / SETTLE_SHARE)
    paces += [
        instant - tick.now.monotonic
        for instant in deadlines
        if instant is not None and instant > tick.now.monotonic
    ]
    return max(SHORTEST, min(paces))
