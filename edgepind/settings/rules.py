"""From the whole settings to the part that the core decides by."""

from edgepind import RELEASED
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules, Rules
from edgepind.settings.schema import Settings


def rules_of(settings: Settings) -> Rules:
    """Pick out the rules; every duration is in seconds on both sides."""
    edge, pins, fail_open = settings.edge, settings.pins, settings.fail_open
    return Rules(
        host=settings.cloud.host,
        earliest=RELEASED,
        interval=settings.cloud.interval,
        max_clock_error=settings.clock.max_error,
        status_enabled=settings.status.enabled,
        pins=PinRules(
            kind=pins.kind,
            policy=pins.policy,
            bootstrap=pins.bootstrap,
            hold_down=pins.hold_down,
            sightings=pins.sightings,
            overlap=pins.overlap,
            issuers=pins.issuers,
        ),
        fail_open=FailOpenRules(
            enabled=fail_open.enabled,
            grace=fail_open.grace,
            limit=fail_open.limit,
            budget=fail_open.budget,
            budget_window=fail_open.budget_window,
        ),
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
