"""The operator's emergency word: validation off until a stated time, and never for ever.

The end is fixed in monotonic time when the file is first seen, so that setting the clock, either
way, neither lengthens nor cuts short what the operator asked for.
"""

from dataclasses import replace
from datetime import timedelta

from edgepind.core.sentences import span, told
from edgepind.core.tick import Tick
from edgepind.model.action import Action, RemoveOverride
from edgepind.model.event import Event
from edgepind.model.observation import OverrideFile, OverrideRejected
from edgepind.model.state import Guard, OverrideState
from edgepind.model.words import EventName, Severity

BY_HAND = timedelta(hours=1)
"""How long an empty file counts, from its modification time (CONTRACT section 7)."""


def note_override(guard: Guard, tick: Tick) -> tuple[Guard, tuple[Action, ...], tuple[Event, ...]]:
    """Take in the override file, or that it is gone; ask for the removal of one that is over."""
    if not tick.seen.override_looked_at:
        return guard, (), ()
    match tick.seen.override:
        case None:
            return _gone(guard, tick)
        case OverrideRejected() as file:
            guard, _, events = _gone(guard, tick)
            guard, refused = _refuse(guard, file)
            return guard, (), (*events, *refused)
        case OverrideFile() as file:
            return _present(guard, file, tick)


def in_force(guard: Guard, tick: Tick) -> bool:
    """Whether an override counts now."""
    return guard.override is not None and not tick.reached(guard.override.ends)


def _gone(guard: Guard, tick: Tick) -> tuple[Guard, tuple[Action, ...], tuple[Event, ...]]:
    event = (_over("its file was removed"),) if in_force(guard, tick) else ()
    if guard.override is None and guard.override_problem is None:
        return guard, (), ()
    return replace(guard, override=None, override_problem=None), (), event


def _refuse(guard: Guard, file: OverrideRejected) -> tuple[Guard, tuple[Event, ...]]:
    if guard.override_problem == file.reason:
        return guard, ()
    text = (
        f"The override file {file.path} is no override: {file.reason}; use `edgepind override on "
        f"--for 1h --reason TEXT`, or empty the file and touch it."
    )
    return replace(guard, override_problem=file.reason), (Event(None, Severity.WARNING, text),)


def _present(
    guard: Guard, file: OverrideFile, tick: Tick
) -> tuple[Guard, tuple[Action, ...], tuple[Event, ...]]:
    until = file.until or file.made_at + BY_HAND
    known = guard.override
    if known is not None and known.until == until:
        if not tick.reached(known.ends):
            return guard, (), ()
        ended = replace(guard, override=replace(known, told_over=True))
        events = () if known.told_over else (_over("its time is over"),)
        return ended, (RemoveOverride(),), events
    seconds = (until - tick.now.wall).total_seconds()
    if file.until is None:
        seconds = min(seconds, BY_HAND.total_seconds())
    if seconds <= 0:
        return replace(guard, override=None), (RemoveOverride(),), ()
    override = OverrideState(until, tick.after(seconds), file.reason, file.by)
    text = (
        f"{file.by} switched pinning validation off for {span(seconds)}, giving as reason: "
        f"{file.reason}; `edgepind override off` ends it early."
    )
    event = told(EventName.OVERRIDE_ON, Severity.WARNING, text)
    return replace(guard, override=override, override_problem=None), (), (event,)


def _over(why: str) -> Event:
    text = f"The override is over, because {why}; pinning validation is switched on again."
    return told(EventName.OVERRIDE_OFF, Severity.NOTICE, text)
