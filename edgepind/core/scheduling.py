"""When the next tick is due, backoff, and when the status endpoint may be asked again.

The link is looked at once an interval whatever happens: a look costs little, and `edgepind status`
takes a daemon that has not written for three intervals for dead. Backoff is for what costs others:
requests to a status endpoint in trouble, failed writes, failed restarts.
"""

from dataclasses import replace
from typing import assert_never

from edgepind.core.diagnosis import GOOD
from edgepind.core.standing import NOT_BELIEVED
from edgepind.core.tick import Tick
from edgepind.model.enums import Channel, Role
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    Status,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
    StatusUnreachable,
)
from edgepind.model.pin import accepted
from edgepind.model.rules import Rules
from edgepind.model.state import State, StatusMemory

URGENT_SHARE = 6
"""While something waits to be confirmed, ticks come this many times as often."""
SETTLE_SHARE = 5
"""The restarted Edge is looked at this many times in `settle`."""
SHORTEST = 0.05
"""Seconds between two ticks at the least."""
JITTER = 0.05
"""An interval is off by up to this share, either way, so that sites do not march in step."""
FULL_LOOK_TICKS = 10
"""In a steady state every so many looks make every offer."""
STATUS_SHARE = 0.8
"""Urgent ticks do not ask the status endpoint more often than this share of the interval."""
UNPINNED_FOR_GOOD = 3
"""After so many answers in a row over an unpinned leaf, while the link is pinned, it is no chance.
"""
STATUS_BACKOFF_TICKS = 10
"""A status endpoint in trouble is asked at least once in this many intervals."""
RETRY_AFTER_CAP = 3600.0
"""Seconds for which `Retry-After` is obeyed at most (CONTRACT section 11)."""


def backoff(first: float, failures: int, cap: float) -> float:
    """Seconds to wait after `failures` failures in a row: `first`, doubling, up to `cap`."""
    return min(max(first, cap), first * 2.0 ** min(max(0, failures - 1), 32))


def ask_status(state: State, now: Monotonic, *, enabled: bool, prompted: bool) -> bool:
    """Whether this tick should ask the status endpoint; `prompted` overrides our own pace."""
    told, own = state.status.told_to_wait, state.status.not_before
    if not enabled or (told is not None and now < told):
        return False
    return prompted or own is None or now >= own


def full_look(state: State, rules: Rules) -> bool:
    """Whether the next look makes every offer that an Edge might make, and not its own alone.

    At the first look and at every tenth, while a leaf is in hold-down, and where something may be
    retired at that look. `observe.link` makes them also at an address whose leaf is new.
    """
    waits = any(pin.role is Role.PENDING for pin in state.pins)
    nearly = max(0.0, rules.pins.overlap - 2.0 * rules.interval)
    retires = any(pin.unseen > nearly for pin in accepted(state.pins))
    return state.ticks % FULL_LOOK_TICKS == 0 or waits or retires


def note_status(state: State, status: Status, tick: Tick) -> StatusMemory:
    """What is remembered of an answer, and when the endpoint may be asked again.

    Answers in a row that came over an unpinned leaf while the link is pinned are counted: the
    request does not reach what the looks do, and announcements go unheard.
    """
    heard = _heard(state, status, tick)
    apart = heard.channel is Channel.UNPINNED and state.finding in GOOD
    in_a_row = min(state.status.unpinned_in_a_row + 1, UNPINNED_FOR_GOOD) if apart else 0
    return replace(heard, unpinned_in_a_row=in_a_row)


def _heard(state: State, status: Status, tick: Tick) -> StatusMemory:
    """What an answer says, and when the endpoint may be asked again.

    An answer over a channel without standing may be a stranger's: it delays the next request by an
    interval at most, and does not count as a failure of the endpoint.
    """
    memory, pace = state.status, tick.after(STATUS_SHARE * tick.rules.interval)
    match status:
        case StatusAnswer():
            return StatusMemory(
                ok=True,
                channel=status.channel,
                error=_doubt(status),
                announced_current=status.current,
                announced_next=status.next,
                rotates_at=status.rotates_at,
                not_before=pace,
                other_kind=memory.other_kind,
                ignored_told=_ignored(memory, status),
            )
        case StatusUnchanged():
            stands = _stands(memory, status)
            fresh = StatusMemory(other_kind=memory.other_kind, ignored_told=memory.ignored_told)
            return replace(
                memory if stands else fresh,
                ok=True,
                channel=status.channel,
                error=memory.error if stands else _unbelieved(status.channel),
                rejected=False,
                failures=0,
                not_before=pace,
                told_to_wait=None,
            )
        case StatusRejected() | StatusUnreachable():
            failures = memory.failures + (status.channel not in _STRANGE)
            error = status.reason if isinstance(status, StatusRejected) else status.error
            return replace(
                memory,
                ok=False,
                channel=status.channel,
                error=error,
                rejected=isinstance(status, StatusRejected),
                failures=failures,
                not_before=tick.after(_wait(status, failures, tick)),
                told_to_wait=_told_to_wait(status, tick),
            )
        case _:
            assert_never(status)


_STRANGE = frozenset({Channel.UNPINNED, Channel.WITHOUT_STANDING})
"""Channels over which nobody in particular is known to answer."""


def _stands(memory: StatusMemory, status: StatusUnchanged) -> bool:
    """Whether "unchanged" refers to what is remembered: a good answer over the same channel."""
    return memory.ok and memory.channel is status.channel


def _doubt(status: StatusAnswer) -> str | None:
    """What keeps a usable answer from being believed whole, in clauses; None: nothing."""
    whys = (_unbelieved(status.channel), *(it.reason for it in status.ignored))
    return "; ".join(filter(None, whys)) or None


def _ignored(memory: StatusMemory, status: StatusAnswer) -> tuple[str, ...]:
    """The fields that are told of as not understood, until they say something that is."""
    read = {"current": status.current, "next": status.next, "rotates_at": status.rotates_at}
    told = (*memory.ignored_told, *(it.field for it in status.ignored))
    return tuple(dict.fromkeys(it for it in told if read[it] is None))


def _unbelieved(channel: Channel) -> str | None:
    return NOT_BELIEVED if channel is Channel.WITHOUT_STANDING else None


def _wait(status: StatusRejected | StatusUnreachable, failures: int, tick: Tick) -> float:
    """Seconds until the next request, by our own backoff and what the server asks for.

    Over a strange channel there is no backoff; what is asked for counts for an interval at most.
    """
    interval, wish = tick.rules.interval, _wish(status)
    first = STATUS_SHARE * interval
    strange = status.channel in _STRANGE
    own = first if strange else backoff(first, failures, STATUS_BACKOFF_TICKS * interval)
    jittered = own * (1 - JITTER + 2 * JITTER * tick.seen.entropy)
    return jittered if wish is None else max(jittered, min(wish, interval))


def _told_to_wait(status: StatusRejected | StatusUnreachable, tick: Tick) -> Monotonic | None:
    """Until when nothing may be asked at all: only a server with standing can say so."""
    wish = _wish(status) if status.channel is Channel.PINNED else None
    return None if wish is None else tick.after(min(wish, RETRY_AFTER_CAP))


def _wish(status: StatusRejected | StatusUnreachable) -> float | None:
    """Seconds of its `Retry-After`, if it sent one."""
    wish = status.retry_after if isinstance(status, StatusUnreachable) else None
    return None if wish is None else max(0.0, wish)


def ask_again(memory: StatusMemory) -> StatusMemory:
    """Memory for when the link is good again: what kept answers away may be over, too.

    Only our own backoff ends; a `Retry-After` of a server with standing stands.
    """
    return memory if memory.ok else replace(memory, not_before=None, failures=0)


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
