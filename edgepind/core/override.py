"""The override: an operator switches validation off until a stated time (CONTRACT section 7).

Theory of operation. The operator's command is a file; its presence and its end are observed at
each tick. `Guard.override` is what is known of it:

- None: there is no file, or it is invalid (`override_problem` says why; validation stays on).
- in force (`in_force`): its end is still to come. The posture machine goes to `override`.
- over: its end has passed. It is kept in mind with `told_over` until the file is gone, and its
  removal is requested at each tick that finds the file.

A file with another `until` is a new override. An empty file counts for `BY_HAND` from its
modification time. The end is fixed on the monotonic clock when the file is first seen, no later
than the file's own age allows, so setting the clock neither lengthens nor shortens an override; a
reboot re-anchors it with all stored instants. It must never be that an override has no end, that an
invalid file switches validation off, or that a file that cannot be removed extends it.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from edgepind.core.messages import span
from edgepind.core.tick import Tick
from edgepind.model.action import Action, OverrideNotRemoved, RemoveOverride
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.observation import OverrideFile, OverrideRejected
from edgepind.model.state import Guard, OverrideState


def note_override(guard: Guard, tick: Tick) -> tuple[Guard, tuple[Event, ...]]:
    """Update what is known of the override by the file that was found, or its absence."""
    if not tick.seen.override_looked_at:
        return guard, ()
    match tick.seen.override:
        case None:
            return _gone(guard)
        case OverrideRejected() as file:
            gone, events = _gone(guard)
            refused = _refused(file) if guard.override_problem != file.reason else ()
            return replace(gone, override_problem=file.reason), (*events, *refused)
        case OverrideFile() as file:
            return _present(guard, file, tick)
        case _:
            assert_never(tick.seen.override)


def removal(guard: Guard, tick: Tick) -> tuple[Action, ...]:
    """Request the removal of a file whose override is over."""
    there = tick.seen.override_looked_at and isinstance(tick.seen.override, OverrideFile)
    over = guard.override is not None and guard.override.told_over
    return (RemoveOverride(),) if there and over else ()


def learn_not_removed(guard: Guard, outcome: OverrideNotRemoved) -> tuple[Guard, tuple[Event, ...]]:
    """Report once for each override that its file could not be removed."""
    override = guard.override
    if override is not None and override.told_stuck:
        return guard, ()
    if override is not None:
        guard = replace(guard, override=replace(override, told_stuck=True))
    text = (
        f"The file of an override that is over could not be removed: {outcome.error}; validation "
        "is on again nevertheless; remove the file."
    )
    return guard, (Event(EventName.WRITE_FAILED, Severity.WARNING, text),)


def in_force(guard: Guard, tick: Tick) -> bool:
    """Whether an override counts now."""
    return guard.override is not None and not tick.passed_or_unset(guard.override.ends)


def _gone(guard: Guard) -> tuple[Guard, tuple[Event, ...]]:
    events = (_over("its file was removed"),) if _is_untold(guard) else ()
    return replace(guard, override=None, override_problem=None), events


def _is_untold(guard: Guard) -> bool:
    """Whether there is an override whose end has not been reported."""
    return guard.override is not None and not guard.override.told_over


def _refused(file: OverrideRejected) -> tuple[Event, ...]:
    text = (
        f"The override file {file.path} is invalid and has no effect: {file.reason}; use "
        "`edgepind override on --for 1h --reason TEXT`, or empty the file and touch it."
    )
    return (Event(None, Severity.WARNING, text),)


def _present(guard: Guard, file: OverrideFile, tick: Tick) -> tuple[Guard, tuple[Event, ...]]:
    until = file.end
    known = guard.override
    if known is None or known.until != until:
        return _begin(guard, file, until, tick)
    if not tick.passed_or_unset(known.ends):
        return guard, ()
    events = () if known.told_over else (_over("its time is over"),)
    return replace(guard, override=replace(known, told_over=True)), events


def _begin(
    guard: Guard, file: OverrideFile, until: datetime, tick: Tick
) -> tuple[Guard, tuple[Event, ...]]:
    """Fix the end of an override that is seen for the first time.

    Where the clock is behind the time at which the file was made, the override lasts no longer
    than it was made for.
    """
    seconds = min(until - tick.now.wall, until - file.made_at).total_seconds()
    override = OverrideState(until, tick.after(seconds), file.reason, file.by)
    if seconds <= 0:
        events = (_over("an expired one replaced it"),) if _is_untold(guard) else ()
        ended = replace(override, told_over=True)
        return replace(guard, override=ended, override_problem=None), events
    text = (
        f"{file.by} switched pinning validation off for {span(seconds)}, giving as reason: "
        f"{file.reason}; `edgepind override off` ends it early."
    )
    event = Event(EventName.OVERRIDE_ON, Severity.WARNING, text)
    return replace(guard, override=override, override_problem=None), (event,)


def _over(why: str) -> Event:
    text = f"The override is over, because {why}; pinning validation is switched on again."
    return Event(EventName.OVERRIDE_OFF, Severity.NOTICE, text)
