"""What one call of `decide` yields: the next state, actions, and events to tell."""

from dataclasses import dataclass

from edgepind.model.action import Action
from edgepind.model.enums import EventName, Finding, Posture, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.state import State


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the contract, or a reminder: one entry of journal and history.

    `message` is a whole sentence: what happened, to what, and what to do next. `name` is None
    for a reminder, which repeats a warning while a posture lasts and is not an event.
    """

    name: EventName | None
    severity: Severity
    message: str
    fingerprint: Fingerprint | None = None
    finding: Finding | None = None
    posture: Posture | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The next state, what to do in order, what to tell, and when to look again.

    `delay` is seconds until the next tick, counted from this one. `heard` False: the operator's
    commands were not processed, and have to be observed again.
    """

    state: State
    actions: tuple[Action, ...]
    events: tuple[Event, ...]
    delay: float
    heard: bool = True
