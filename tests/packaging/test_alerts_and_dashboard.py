"""Alert rules and dashboard ask for what the daemon tells, and say what they should."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edgepind.model.enums import Finding, Origin, PinKind, Posture, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic, Validity
from edgepind.model.pin import Pin
from edgepind.model.rules import Rules
from edgepind.model.state import AddressVerdict, ClockJudgement, Edge, Guard, State
from edgepind.telemetry.metrics import metrics_text

PACKAGING = Path(__file__).parents[2] / "packaging"
RULES = PACKAGING / "prometheus" / "edgepind.rules.yml"
SCENARIOS = PACKAGING / "prometheus" / "edgepind.rules.test.yml"
DASHBOARD = PACKAGING / "grafana" / "edgepind.json"

WALL = datetime(2026, 11, 24, tzinfo=UTC)
PIN = Fingerprint(bytes(32))
LEAF = Validity(WALL, WALL + timedelta(days=198))
EVERYTHING_IS_KNOWN = State(
    pins=(Pin(PIN, PinKind.CERTIFICATE, Role.CURRENT, Origin.OPERATOR, since=WALL, validity=LEAF),),
    guard=Guard(posture=Posture.OPEN, open_ends=Monotonic(100.0)),
    edge=Edge(active=True),
    finding=Finding.PINNED,
    addresses=(AddressVerdict("a", Finding.PINNED, PIN, not_after=WALL),),
    clock=ClockJudgement(error=0.0),
    last_good=WALL,
)

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not here; on Debian: apt-get install prometheus",
)


@pytest.fixture(scope="module")
def told() -> frozenset[str]:
    """The name of every metric that the daemon can write."""
    rules = Rules(host="acme.mypurecloud.com", earliest=WALL)
    text = metrics_text(EVERYTHING_IS_KNOWN, Moment(Monotonic(0.0), WALL), rules)
    return frozenset(family.name for family in text_string_to_metric_families(text))


def asked(expression: str) -> set[str]:
    """The names of the metrics in a query."""
    return set(re.findall(r"\b(?:edgepind|probe)_\w+", expression))


def queries() -> Iterator[str]:
    """Every query of the dashboard."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def dashboard() -> dict[str, Any]:
    """What Grafana would import."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return read


def promtool(*arguments: str | Path) -> None:
    """Run it, and show what it says where it is not content."""
    done = subprocess.run(  # noqa: S603 - our own words
        ["promtool", *arguments],  # noqa: S607 - wherever it is installed
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_every_alert_fires_when_it_should_and_a_healthy_site_is_quiet() -> None:
    """The scenarios beside the rules, by Prometheus' own judgement."""
    promtool("check", "rules", RULES)
    promtool("test", "rules", SCENARIOS)


def test_every_alert_has_a_scenario() -> None:
    """An alert that nobody saw firing is a hope."""
    alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text("utf-8")))
    assert alerts
    assert alerts == set(re.findall(r'alertname="(\w+)"', SCENARIOS.read_text("utf-8")))


@pytest.mark.parametrize("file", [RULES, SCENARIOS], ids=lambda file: file.name)
def test_alerts_ask_for_metrics_that_exist(file: Path, told: frozenset[str]) -> None:
    """Else they never fire, and nobody learns of it."""
    assert asked(file.read_text("utf-8")) <= told


def test_the_dashboard_asks_for_metrics_that_exist(told: frozenset[str]) -> None:
    """And for all of them but the count of failed writes, which is for the alert alone."""
    assert set().union(*map(asked, queries())) == told - {"edgepind_write_failures"}


@needs_promtool
def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """Each as the expression of a rule, which promtool reads as a query is read."""
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries())]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", file)


def test_the_dashboard_is_at_home_in_any_grafana() -> None:
    """It names no data source and no site of ours, and no panel twice."""
    read = dashboard()
    panels = read["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert all("$instance" in query for query in queries())
    assert all(panel["title"] and panel["description"] for panel in panels)
    assert {it["name"] for it in read["templating"]["list"]} == {"datasource", "instance"}
