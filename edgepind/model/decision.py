"""What one call of `decide` yields."""

from dataclasses import dataclass

from edgepind.model.action import Action
from edgepind.model.decision import Event
from edgepind.model.state import State


@dataclass(frozen=True, slots=True)
class Decision:
    """The next state, what to do in order, what to tell, and when to look again.

    `delay` is seconds until the next tick, counted from this one. `heard` False: the operator's
    words were not taken in, and have to be given again.
    """

    state: State
    actions: tuple[Action, ...]
    events: tuple[Event, ...]
    delay: float
    heard: bool = True
