"""The metrics of `[metrics]`, as a text file for node_exporter's textfile collector.

Each posture, finding, role and kind of error always has its series, 0 where it does not apply, so
that an alert need not wait for a series to appear. What is unknown has no series. Metrics that
blackbox_exporter has too bear its names (`probe_success`, `probe_ssl_earliest_cert_expiry`).

Imported only if `metrics.textfile` is set.
"""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edgepind import __version__
from edgepind.core.desired import is_written
from edgepind.core.forecast import Sureness, forecast
from edgepind.core.posture import deadline
from edgepind.core.restarts import debt_of, restarts_in_window
from edgepind.host.durable_file import replace_volatile
from edgepind.model.enums import Finding, Posture, Role
from edgepind.model.instants import Moment
from edgepind.model.observation import HandshakeFault
from edgepind.model.pin import with_role
from edgepind.model.rules import Rules
from edgepind.model.state import AddressVerdict, Owing, State
from edgepind.telemetry.status_file import edge_loaded

_MODE = 0o644  # the collector is another user
_STATUS_ERRORS = ("rejected", "unreachable")


class Snapshot(Collector):
    """`state` at `now`, for prometheus_client to write; not registered."""

    def __init__(self, state: State, now: Moment, rules: Rules) -> None:
        self._state, self._now, self._rules = state, now, rules

    def collect(self) -> Iterator[Metric]:
        """Every metric that has a value, in the order of the file."""
        return (metric for metric in self._all() if metric.samples)

    def _all(self) -> Iterator[Metric]:
        yield from _daemon(self._state, self._now)
        yield from _guard(self._state, self._now, self._rules)
        yield from _link(self._state)
        yield from _rotation(self._state)
        yield from _status_endpoint(self._state)
        yield from _bundle(self._state)
        yield from _clock(self._state)
        yield from _edge(self._state, self._now, self._rules)


def metrics_text(state: State, now: Moment, rules: Rules) -> str:
    """The file for `state` at `now`."""
    return generate_latest(Snapshot(state, now, rules)).decode()


def write_metrics(path: Path, state: State, now: Moment, rules: Rules) -> str | None:
    """Replace the file whole. Returns a sentence where that failed. Synchronous."""
    return replace_volatile(path, metrics_text(state, now, rules).encode(), mode=_MODE)


def _daemon(state: State, now: Moment) -> Iterator[Metric]:
    yield _series("edgepind_build_info", "The version that runs.", "version", {__version__: 1})
    yield _figure(
        "edgepind_last_tick_timestamp_seconds",
        "When the daemon last wrote this file, in seconds since 1970.",
        now.wall.timestamp(),
    )
    yield _figure(
        "edgepind_last_good_tick_timestamp_seconds",
        "When every address that answered was last found pinned; absent before the first time.",
        None if state.last_good is None else state.last_good.timestamp(),
    )


def _guard(state: State, now: Moment, rules: Rules) -> Iterator[Metric]:
    guard = state.guard
    ends = deadline(guard, rules.fail_open.grace, now.monotonic)
    opening = max(0.0, rules.fail_open.limit - _left(guard.open_ends, now))
    yield _series(
        "edgepind_posture",
        "1 for how the Edge is guarded now.",
        "posture",
        {it: it is guard.posture for it in Posture},
    )
    yield _figure(
        "edgepind_posture_remaining_seconds",
        "How long the present posture lasts at the most; absent where it has no stated end.",
        None if ends is None else _left(ends, now),
    )
    yield _figure(
        "edgepind_fail_open_seconds",
        "For how long the Edge has been open without a person's word; 0 where it is not.",
        opening if guard.posture is Posture.OPEN else 0,
    )
    yield _figure(
        "edgepind_fail_open_openings_in_window",
        "Openings that count against the budget.",
        len(guard.openings),
    )
    yield _figure(
        "edgepind_fail_open_budget",
        "Openings allowed in the window; 0 where fail-open is off.",
        rules.fail_open.budget if rules.fail_open.enabled else 0,
    )
    yield _series(
        "edgepind_pins",
        "Pins that play each part.",
        "role",
        {it: sum(pin.role is it for pin in state.pins) for it in Role},
    )


def _link(state: State) -> Iterator[Metric]:
    yield _series(
        "edgepind_finding",
        "1 for what the last tick concluded about the link.",
        "finding",
        {it: it is state.finding for it in Finding},
    )
    yield _figure(
        "edgepind_lockout",
        "1 where the Edge, by what it has loaded, accepts nothing that the cloud serves.",
        state.lockout,
    )
    yield _figure(
        "edgepind_link_accepted",
        "1 where the pin set accepts something that the cloud serves.",
        state.link_accepted,
    )
    faults = [verdict.fault for verdict in state.addresses]
    nameless = state.finding is Finding.UNREACHABLE and not state.addresses
    yield _series(
        "edgepind_handshake_errors",
        "Addresses whose last handshake failed, by why; resolve: the name gave no address.",
        "kind",
        {
            it: nameless if it is HandshakeFault.RESOLVE else faults.count(it)
            for it in HandshakeFault
        },
    )
    yield _series(
        "probe_success",
        "1 where the address completed its last handshake.",
        "address",
        {it.address: it.fingerprint is not None for it in state.addresses},
    )
    yield _series(
        "probe_ssl_earliest_cert_expiry",
        "When the first certificate of the address's chain expires, in seconds since 1970.",
        "address",
        {it.address: end for it in state.addresses if (end := _expiry(it)) is not None},
    )


def _rotation(state: State) -> Iterator[Metric]:
    current = next(iter(with_role(state.pins, Role.CURRENT)), None)
    validity = current.validity if current else None
    due = forecast(state)
    yield _figure(
        "edgepind_leaf_expiry_timestamp_seconds",
        "When the leaf of the current pin expires, in seconds since 1970; absent where unknown.",
        None if validity is None else validity.not_after.timestamp(),
    )
    yield _figure(
        "edgepind_rotation_forecast_from_timestamp_seconds",
        "When the next rotation is due at the earliest; absent where unknown.",
        None if due is None else due.begins.timestamp(),
    )
    yield _figure(
        "edgepind_rotation_forecast_to_timestamp_seconds",
        "When the next rotation is due at the latest; absent where unknown.",
        None if due is None else due.ends.timestamp(),
    )
    yield _series(
        "edgepind_rotation_forecast",
        "1 for what the forecast rests on.",
        "sureness",
        {it: due is not None and it is due.sureness for it in Sureness},
    )


def _status_endpoint(state: State) -> Iterator[Metric]:
    status = state.status
    failed = status.error is not None and not status.ok
    kind = _STATUS_ERRORS[0] if status.rejected else _STATUS_ERRORS[1]
    yield _figure(
        "edgepind_status_endpoint_ok",
        "1 where the status endpoint gave a usable answer last.",
        status.ok,
    )
    yield _series(
        "edgepind_status_endpoint_errors",
        "1 for what was wrong with the status endpoint's last answer.",
        "kind",
        {it: failed and it == kind for it in _STATUS_ERRORS},
    )


def _bundle(state: State) -> Iterator[Metric]:
    memory = state.bundle
    yield _figure(
        "edgepind_bundle_serial",
        "The serial of the signed bundle that was accepted last; absent where none was.",
        memory.accepted.serial or None,
    )
    yield _figure(
        "edgepind_bundle_expiry_timestamp_seconds",
        "When that bundle expires, in seconds since 1970.",
        None if memory.expires is None else memory.expires.timestamp(),
    )


def _clock(state: State) -> Iterator[Metric]:
    yield _figure(
        "edgepind_clock_trusted", "0 where the host's clock is known wrong.", state.clock.trusted
    )
    yield _figure(
        "edgepind_clock_error_seconds",
        "Seconds by which the host's clock is ahead; absent where unknown.",
        state.clock.error,
    )


def _edge(state: State, now: Moment, rules: Rules) -> Iterator[Metric]:
    edge = state.edge
    yield _figure(
        "edgepind_edge_active", "1 where the Edge runs; absent where unknown.", edge.active
    )
    yield _figure(
        "edgepind_edge_loaded",
        "1 where the Edge has loaded what is written.",
        edge_loaded(state, rules),
    )
    yield _figure(
        "edgepind_edge_restart_owed",
        "1 where the Edge has yet to be restarted.",
        isinstance(edge.restart, Owing),
    )
    yield _figure(
        "edgepind_edge_restart_failures",
        "Restarts in a row after which the Edge was not well.",
        debt_of(edge.restart, now.monotonic).failures,
    )
    yield _figure(
        "edgepind_edge_restarts_in_window",
        "Restarts that count against the budget.",
        len(restarts_in_window(edge, now.monotonic, rules.restart.window)),
    )
    yield _figure(
        "edgepind_edge_restart_budget", "Restarts allowed in the window.", rules.restart.budget
    )
    yield _figure(
        "edgepind_document_written",
        "1 where the pinning config on disk is the one that is wanted.",
        is_written(state),
    )
    yield _figure(
        "edgepind_write_failures",
        "Writes of the pinning config in a row that failed.",
        edge.write_failures,
    )


def _left(ends: float | None, now: Moment) -> float:
    return 0.0 if ends is None else max(0.0, ends - now.monotonic)


def _expiry(verdict: AddressVerdict) -> float | None:
    return None if verdict.not_after is None else verdict.not_after.timestamp()


def _figure(name: str, text: str, value: float | None) -> Metric:
    return _series(name, text, "", {} if value is None else {"": value})


def _series(name: str, text: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label] if label else [])
    for word, value in values.items():
        family.add_metric([str(word)] if label else [], float(value))
    return family
