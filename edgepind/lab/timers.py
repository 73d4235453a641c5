"""The lab's short timers, and the settings file that is made of them.

At speed 1 a minute of the defaults lasts about a quarter of a second, so that a whole rotation
with its hold-down and overlap fits in a few seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

Value = str | int | bool | list[str] | timedelta
Table = Mapping[str, Value]

INTERVAL = 0.25
LEAST_AGE = 2.5
SIGHTINGS = 5
OVERLAP = 2.5
GRACE = 1.25
LIMIT = 30.0
SETTLE = 0.3


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the story is told: every duration is divided by `speed`."""

    speed: float = 1.0

    def seconds(self, duration: float) -> float:
        """The duration as it passes here."""
        return duration / self.speed


def span(seconds: float) -> timedelta:
    """A duration in a settings table, which `as_toml` puts to the story's pace."""
    return timedelta(seconds=seconds)


TIMERS: Mapping[str, Table] = {
    "cloud": {"interval": span(INTERVAL), "timeout": "2s"},
    "edge": {
        "ready_deadline": span(10),
        "urgent_ready_deadline": span(2),
        "health_deadline": span(2 * SETTLE),
        "settle": span(SETTLE),
        "restart_window": span(60),
    },
    "pins": {"hold_down": span(LEAST_AGE), "sightings": SIGHTINGS, "overlap": span(OVERLAP)},
    "fail_open": {"grace": span(GRACE), "limit": span(LIMIT), "budget_window": span(120)},
}


def merged(*layers: Mapping[str, Table]) -> dict[str, dict[str, Value]]:
    """Later tables over earlier ones, key by key."""
    result: dict[str, dict[str, Value]] = {}
    for layer in layers:
        for name, table in layer.items():
            result.setdefault(name, {}).update(table)
    return result


def as_toml(tables: Mapping[str, Table], pace: Pace) -> str:
    """Write tables as TOML, durations put to the pace."""
    blocks = []
    for name, table in tables.items():
        lines = [f"{key} = {_toml(value, pace)}" for key, value in table.items()]
        blocks.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def _toml(value: Value, pace: Pace) -> str:
    if isinstance(value, timedelta):
        value = f"{max(1, round(pace.seconds(value.total_seconds()) * 1000))}ms"
    return json.dumps(value)  # JSON's text, numbers, booleans and lists of text are TOML's too
