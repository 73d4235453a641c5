"""From the whole settings to the part that the core decides by."""

from edgepind import RELEASED
from edgepind.model.rules import RestartRules, Rules
from edgepind.settings.schema import Settings


def rules_of(settings: Settings) -> Rules:
    """Pick out the rules; every duration is in seconds on both sides."""
    edge = settings.edge
    return Rules(
        host=settings.cloud.host,
        earliest=RELEASED,
        interval=settings.cloud.interval,
        max_clock_error=settings.clock.max_error,
        status_enabled=settings.status.enabled,
        pins=settings.pins,
        fail_open=settings.fail_open,
        restart=RestartRules(
            validator=edge.validator,
            ready_deadline=edge.ready_deadline,
            urgent_ready_deadline=edge.urgent_ready_deadline,
            health_deadline=edge.health_deadline,
            settle=edge.settle,
            budget=edge.restart_budget,
            window=edge.restart_window,
        ),
    )
