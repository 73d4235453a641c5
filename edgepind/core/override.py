"""The operator's emergency word: validation off until a stated time, and never for ever.

The end is fixed in monotonic time when the file is first seen, so that setting the clock, either
way, neither lengthens nor cuts short what the operator asked for.
"""

from datetime import datetime
from typing import assert_never

from edgepind.core.sentences import span, told
from edgepind.core.tick import Tick
from edgepind.model.action import Action, OverrideNotRemoved, RemoveOverride
from edgepind.model.decision import Event
from edgepind.model.enums import EventName, Severity
from edgepind.model.observation import OverrideFile, OverrideRejected
from edgepind.model.replacing import replace
from edgepind.model.state import Guard, OverrideState


def note_override(guard: Guard, tick: Tick) -> tuple[Guard, tuple[Event, ...]]:
    """Take in the override file, or that it is gone."""
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
    """Ask for the removal of a file that is over."""
    there = tick.seen.override_looked_at and isinstance(tick.seen.override, OverrideFile)
    over = guard.override is not None and guard.override.told_over
    return (RemoveOverride(),) if there and over else ()


def learn_not_removed(guard: Guard, outcome: OverrideNotRemoved) -> tuple[Guard, tuple[Event, ...]]:
    """Tell, once an override, that its files stay where they are."""
    override = guard.override
    if override is not None and override.told_stuck:
        return guard, ()
    if override is not None:
        guard = replace(guard, override=replace(override, told_stuck=True))
    text = (
        f"An override that is over could not be removed: {outcome.error}; it is over all the "
        "same; remove the file."
    )
    return guard, (told(EventName.WRITE_FAILED, Severity.WARNING, text),)


def in_force(guard: Guard, tick: Tick) -> bool:
    """Whether an override counts now."""
    return guard.override is not None and not tick.reached(guard.override.ends)


def _gone(guard: Guard) -> tuple[Guard, tuple[Event, ...]]:
    events = (_over("its file was removed"),) if _is_untold(guard) else ()
    return replace(guard, override=None, override_problem=None), events


def _is_untold(guard: Guard) -> bool:
    """Whether there is an override whose end nobody was told of."""
    return guard.override is not None and not guard.override.told_over


def _refused(file: OverrideRejected) -> tuple[Event, ...]:
    text = (
        f"The override file {file.path} is no override: {file.reason}; use `edgepind override on "
        f"--for 1h --reason TEXT`, or empty the file and touch it."
    )
    return (Event(None, Severity.WARNING, text),)


def _present(guard: Guard, file: OverrideFile, tick: Tick) -> tuple[Guard, tuple[Event, ...]]:
    until = file.end
    known = guard.override
    if known is None or known.until != until:
        return _begin(guard, file, until, tick)
    if not tick.reached(known.ends):
        return guard, ()
    events = () if known.told_over else (_over("its time is over"),)
    return replace(guard, override=replace(known, told_over=True)), events


def _begin(
    guard: Guard, file: OverrideFile, until: datetime, tick: Tick
) -> tuple[Guard, tuple[Event, ...]]:
    """Reckon when an override ends that is seen for the first time.

    No later than the file's own age allows: where the clock stands before the time at which it
    was made, the override does not last longer than it was made for.
    """
    seconds = min(until - tick.now.wall, until - file.made_at).total_seconds()
    override = OverrideState(until, tick.after(seconds), file.reason, file.by)
    if seconds <= 0:
        events = (_over("one that is over took its place"),) if _is_untold(guard) else ()
        ended = replace(override, told_over=True)
        return replace(guard, override=ended, override_problem=None), events
    text = (
        f"{file.by} switched pinning validation off for {span(seconds)}, giving as reason: "
        f"{file.reason}; `edgepind override off` ends it early."
    )
    event = told(EventName.OVERRIDE_ON, Severity.WARNING, text)
    return replace(guard, override=override, override_problem=None), (event,)


def _over(why: str) -> Event:
    text = f"The override is over, because {why}; pinning validation is switched on again."
    return told(EventName.OVERRIDE_OFF, Severity.NOTICE, text)
