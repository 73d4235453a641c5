"""The metrics: the daemon's knowledge as figures, read back by the library's own parser."""

import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edgepind import __version__
from edgepind.core.forecast import Sureness
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel, Finding, Origin, PinKind, Posture, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic, Validity
from edgepind.model.observation import ClockSource, HandshakeFault
from edgepind.model.pin import Pin
from edgepind.model.rules import FailOpenRules, Rules
from edgepind.model.state import (
    AddressVerdict,
    ClockJudgement,
    Debt,
    Edge,
    Guard,
    OverrideState,
    Owed,
    State,
    StatusMemory,
)
from edgepind.telemetry.metrics import metrics_text, write_metrics

WALL = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NOW = Moment(Monotonic(100_000.0), WALL)
RULES = Rules(host="acme.mypurecloud.com", earliest=datetime(2026, 11, 23, tzinfo=UTC))
OLD, NEW = Fingerprint(bytes([1] * 32)), Fingerprint(bytes([2] * 32))
BOTH = Pinning(enabled=True, current=OLD, accepted=(OLD, NEW))
END = datetime(2027, 1, 30, tzinfo=UTC)
STATE = State(
    pins=(
        Pin(OLD, PinKind.CERTIFICATE, Role.CURRENT, Origin.OPERATOR, WALL, sightings=3),
        Pin(NEW, PinKind.CERTIFICATE, Role.PENDING, Origin.OBSERVED, WALL),
    ),
    edge=Edge(
        written=BOTH,
        loaded=BOTH,
        active=True,
        restarts=(Monotonic(100.0), Monotonic(99_000.0)),
    ),
    finding=Finding.PINNED,
    addresses=(
        AddressVerdict("127.0.0.1:8443", Finding.PINNED, OLD, not_after=END),
        AddressVerdict(
            "[::1]:8443", Finding.UNREACHABLE, error="late", fault=HandshakeFault.TIMEOUT
        ),
    ),
    status=StatusMemory(ok=True, channel=Channel.PINNED),
    clock=ClockJudgement(trusted=True, error=0.0021, source=ClockSource.CHRONY),
    last_good=datetime(2026, 11, 24, 8, 59, tzinfo=UTC),
    ticks=42,
)


def figures(state: State, rules: Rules = RULES) -> dict[tuple[str, str], float]:
    """By name, less our prefix, and by the value of the label ("" where there is none)."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(metrics_text(state, NOW, rules)):
        assert family.type == "gauge"
        assert family.documentation
        assert family.samples, f"{family.name} has a heading and nothing under it"
        for sample in family.samples:
            assert len(sample.labels) <= 1
            word = next(iter(sample.labels.values()), "")
            found[sample.name.removeprefix("edgepind_"), word] = sample.value
    return found


def test_metrics_tell_what_the_status_tells() -> None:
    """Posture, finding, pins, restarts and clock, each under a name of its own."""
    read = figures(STATE)
    assert read["build_info", __version__] == 1
    assert read["last_tick_timestamp_seconds", ""] == WALL.timestamp()
    assert read["last_good_tick_timestamp_seconds", ""] == WALL.timestamp() - 60
    assert {it: read["posture", it] for it in Posture} == {
        it: float(it is Posture.ENFORCING) for it in Posture
    }
    assert sum(read["finding", it] for it in Finding) == read["finding", Finding.PINNED] == 1
    assert (read["pins", "current"], read["pins", "pending"]) == (1, 1)
    assert (read["pins", "backup"], read["pins", "retiring"]) == (0, 0)
    assert read["edge_restarts_in_window", ""] == 1
    assert read["edge_restart_budget", ""] == 4
    assert read["edge_loaded", ""] == 1
    assert read["edge_active", ""] == 1
    assert read["edge_restart_owed", ""] == 0
    assert read["clock_error_seconds", ""] == pytest.approx(0.0021)
    assert read["lockout", ""] == 0
    assert read["fail_open_seconds", ""] == 0


def test_addresses_bear_the_names_that_blackbox_exporter_uses() -> None:
    """So that dashboards and alerts on expiry work on both; no expiry where no leaf was seen."""
    read = figures(STATE)
    assert read["probe_success", "127.0.0.1:8443"] == 1
    assert read["probe_success", "[::1]:8443"] == 0
    assert read["probe_ssl_earliest_cert_expiry", "127.0.0.1:8443"] == END.timestamp()
    assert ("probe_ssl_earliest_cert_expiry", "[::1]:8443") not in read


def test_handshakes_that_failed_are_counted_by_kind() -> None:
    """Every kind has its series, also where nothing of it happened."""
    read = figures(STATE)
    assert {it: read["handshake_errors", it] for it in HandshakeFault} == {
        it: float(it is HandshakeFault.TIMEOUT) for it in HandshakeFault
    }


def test_a_name_without_an_address_is_an_error_of_resolving() -> None:
    """There is no address then that could bear the error."""
    state = replace(STATE, finding=Finding.UNREACHABLE, addresses=())
    assert figures(state)["handshake_errors", "resolve"] == 1


def test_the_next_rotation_is_told_as_a_span_and_with_what_it_rests_on() -> None:
    """And when the leaf ends, which is another thing."""
    life = Validity(WALL - timedelta(days=100), WALL + timedelta(days=98))
    dated = replace(STATE.pins[0], validity=life)
    read = figures(replace(STATE, pins=(dated, STATE.pins[1])))
    assert read["leaf_expiry_timestamp_seconds", ""] == life.not_after.timestamp()
    begins = read["rotation_forecast_from_timestamp_seconds", ""]
    ends = read["rotation_forecast_to_timestamp_seconds", ""]
    assert (ends - begins, ends) == (66 * 86_400, life.not_after.timestamp())
    rests_on = {it: read["rotation_forecast", it] for it in Sureness}
    assert rests_on == {Sureness.ANNOUNCED: 0, Sureness.CADENCE: 0, Sureness.DATES: 1}
    assert sum(figures(STATE)["rotation_forecast", it] for it in Sureness) == 0


@pytest.mark.parametrize("kind", ["rejected", "unreachable"])
def test_the_status_endpoint_fails_in_two_ways(kind: str) -> None:
    """An answer that cannot be used is not the same as none."""
    status = StatusMemory(ok=False, error="it is no JSON", rejected=kind == "rejected")
    read = figures(replace(STATE, status=status))
    assert read["status_endpoint_ok", ""] == 0
    assert sum(read["status_endpoint_errors", it] for it in ("rejected", "unreachable")) == 1
    assert read["status_endpoint_errors", kind] == 1


def test_a_status_endpoint_that_was_never_asked_has_no_error() -> None:
    """As where `status.enabled` is false."""
    read = figures(replace(STATE, status=StatusMemory()))
    assert sum(read["status_endpoint_errors", it] for it in ("rejected", "unreachable")) == 0


def test_an_open_edge_says_since_when_and_for_how_long_yet() -> None:
    """Both by the monotonic clock: a corrected wall clock does not change them."""
    guard = Guard(
        posture=Posture.OPEN, openings=(Monotonic(99_100.0),), open_ends=Monotonic(113_500.0)
    )
    read = figures(replace(STATE, guard=guard))
    assert read["fail_open_seconds", ""] == 900
    assert read["posture_remaining_seconds", ""] == 13_500
    assert read["fail_open_openings_in_window", ""] == 1


def test_an_override_is_no_failing_open() -> None:
    """A person's word has its own posture and its own end."""
    override = OverrideState(until=WALL, ends=Monotonic(100_060.0), reason="r", by="b")
    read = figures(replace(STATE, guard=Guard(posture=Posture.OVERRIDE, override=override)))
    assert read["fail_open_seconds", ""] == 0
    assert read["posture_remaining_seconds", ""] == 60


def test_where_fail_open_is_off_there_is_no_budget() -> None:
    """An alert on a spent budget then says what is true: nothing is left."""
    rules = replace(RULES, fail_open=FailOpenRules(enabled=False))
    assert figures(STATE, rules)["fail_open_budget", ""] == 0


def test_a_restart_that_is_owed_is_told() -> None:
    """With how often it failed, and what the Edge accepts meanwhile."""
    edge = replace(STATE.edge, restart=Owed(Debt(NOW.monotonic, failures=2)))
    read = figures(replace(STATE, edge=edge, lockout=True, link_accepted=True))
    assert read["edge_restart_owed", ""] == 1
    assert read["edge_restart_failures", ""] == 2
    assert (read["lockout", ""], read["link_accepted", ""]) == (1, 1)


@pytest.mark.parametrize(
    "name",
    [
        "clock_error_seconds",
        "edge_active",
        "last_good_tick_timestamp_seconds",
        "leaf_expiry_timestamp_seconds",
        "rotation_forecast_from_timestamp_seconds",
        "rotation_forecast_to_timestamp_seconds",
        "posture_remaining_seconds",
    ],
)
def test_what_nobody_knows_has_no_series(name: str) -> None:
    """A zero would be a claim."""
    assert (name, "") not in figures(State())


def test_the_collector_finds_one_whole_file(tmp_path: Path) -> None:
    """Nothing else in its folder ends in .prom, and another user can read it."""
    path = tmp_path / "edgepind.prom"
    assert write_metrics(path, STATE, NOW, RULES) is None
    assert path.read_text() == metrics_text(STATE, NOW, RULES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]
    assert write_metrics(tmp_path / "gone" / "x.prom", STATE, NOW, RULES) is not None


def test_the_library_costs_the_daemon_little() -> None:
    """Less than 1.5 MiB of the 40 that it may take, and nothing where no figures are wanted."""
    script = (
        "import edgepind.daemon, resource, sys\n"
        "def resident():\n"
        "    return int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()\n"
        "assert 'prometheus_client' not in sys.modules\n"
        "before = resident()\n"
        "import edgepind.telemetry.metrics\n"
        "print(resident() - before)\n"
    )
    found = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert int(found.stdout) < 1.5 * 2**20
