"""Tells the core's events to the log, each with the fields that CONTRACT section 10 names.

Whether something is worth telling is decided in `core`; how it looks is set up in `log_setup`.
"""

from collections.abc import Iterable

import structlog

from edgepind.model.decision import Event
from edgepind.model.enums import Finding, Posture, Severity
from edgepind.telemetry.log import MESSAGE_IDS, PRIORITIES

_METHODS = {
    Severity.CRIT: "critical",
    Severity.ERR: "error",
    Severity.WARNING: "warning",
    Severity.NOTICE: "info",
    Severity.INFO: "info",
}
"""The nearest of the levels that `log.level` can be set to."""


def tell(events: Iterable[Event], finding: Finding | None, posture: Posture | None) -> None:
    """Log each event; one that names no finding or posture of its own has these.

    A reminder (an event without a name) carries no EDGEPIND_EVENT and no MESSAGE_ID, so that
    nobody counts it as something that happened.
    """
    log = structlog.get_logger()
    for event in events:
        fields: dict[str, object] = {
            "PRIORITY": PRIORITIES[event.severity],
            "EDGEPIND_FINDING": event.finding or finding,
            "EDGEPIND_POSTURE": event.posture or posture,
            "EDGEPIND_FINGERPRINT": event.fingerprint,
        }
        if event.name is not None:
            fields |= {"MESSAGE_ID": MESSAGE_IDS[event.name], "EDGEPIND_EVENT": event.name}
        getattr(log, _METHODS[event.severity])(event.message, **fields)
