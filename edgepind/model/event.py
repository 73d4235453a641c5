"""What is told to people: an event of the contract, or a reminder that one still lasts."""

from dataclasses import dataclass

from edgepind.model.enums import EventName, Finding, Posture, Severity
from edgepind.model.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class Event:
    """One line for the journal and the history.

    `message` is a whole sentence: what happened, to what, and what to do next. `name` is None
    for a reminder, which repeats a warning while a posture lasts and is no new event.
    """

    name: EventName | None
    severity: Severity
    message: str
    fingerprint: Fingerprint | None = None
    finding: Finding | None = None
    posture: Posture | None = None
