"""The metrics of `[metrics]`, as a text file for node_exporter's textfile collector.

Format: prometheus.io, "Exposition formats", text-based. Each posture, finding and role has its
series at all times, 0 where it is not so: an alert never waits for a series to appear.
"""

from collections.abc import Iterator
from pathlib import Path

from edgepind import __version__
from edgepind.core.restarts import OWING, restarts_in_window
from edgepind.effects.durable_file import NotReplaced, replace
from edgepind.model.moment import Moment
from edgepind.model.rules import Rules
from edgepind.model.state import State
from edgepind.model.words import Finding, Posture, Role
from edgepind.telemetry.status_file import edge_loaded

_MODE = 0o644  # the collector is another user
_Sample = tuple[str, float]
"""Labels as they are written (`{role="current"}`, or nothing), and the value."""


def metrics_text(state: State, now: Moment, rules: Rules) -> str:
    """Write down `state` as it stands at `now`."""
    return "".join(_metrics(state, now, rules))


def write_metrics(path: Path, state: State, now: Moment, rules: Rules) -> str | None:
    """Replace the file whole. Returns a sentence where that failed. Synchronous."""
    outcome = replace(path, metrics_text(state, now, rules).encode(), mode=_MODE)
    return outcome.error if isinstance(outcome, NotReplaced) else None


def _metrics(state: State, now: Moment, rules: Rules) -> Iterator[str]:
    edge = state.edge
    restarts = restarts_in_window(edge, now.monotonic, rules.restart.window)
    yield _gauge("build_info", "The version that runs.", (_labelled("version", __version__), 1))
    yield _gauge(
        "last_tick_timestamp_seconds",
        "When the daemon last wrote this file, in seconds since 1970.",
        ("", now.wall.timestamp()),
    )
    yield _gauge(
        "posture",
        "1 for how the Edge is guarded now.",
        *((_labelled("posture", it), it is state.guard.posture) for it in Posture),
    )
    yield _gauge(
        "finding",
        "1 for what the last tick concluded about the link.",
        *((_labelled("finding", it), it is state.finding) for it in Finding),
    )
    yield _gauge(
        "lockout", "1 where nothing that the cloud serves is accepted.", ("", state.lockout)
    )
    yield _gauge(
        "pins",
        "Pins that play each part.",
        *((_labelled("role", it), sum(pin.role is it for pin in state.pins)) for it in Role),
    )
    yield _gauge(
        "status_endpoint_ok",
        "1 where the status endpoint gave a usable answer last.",
        ("", state.status.ok),
    )
    yield _gauge(
        "clock_trusted", "0 where the host's clock is known wrong.", ("", state.clock.trusted)
    )
    if state.clock.error is not None:
        yield _gauge(
            "clock_error_seconds",
            "Seconds by which the host's clock is ahead; absent where nobody knows.",
            ("", state.clock.error),
        )
    yield _gauge(
        "edge_loaded",
        "1 where the Edge has loaded what is written.",
        ("", edge_loaded(state, rules)),
    )
    yield _gauge(
        "edge_restart_owed", "1 where the Edge has yet to be restarted.", ("", edge.phase in OWING)
    )
    yield _gauge(
        "edge_restarts_in_window", "Restarts that count against the budget.", ("", len(restarts))
    )
    yield _gauge(
        "edge_restart_budget", "Restarts allowed in the window.", ("", rules.restart.budget)
    )


def _gauge(name: str, text: str, *samples: _Sample) -> str:
    full = f"edgepind_{name}"
    lines = [f"# HELP {full} {text}", f"# TYPE {full} gauge"]
    lines += [f"{full}{labels} {float(value)!r}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labelled(label: str, word: str) -> str:
    return f'{{{label}="{word}"}}'
