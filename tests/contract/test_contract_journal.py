"""Section 10: what is told, in which fields, how loud, and how seldom."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edgepind.lab.timers import Table
from tests.support.blackbox import install_current, pass_ticks, told, until_status
from tests.support.small_site import Site

CATALOGUE = Path(__file__).parents[2] / "systemd" / "edgepind.catalog"
EVENTS = (
    "started",
    "stopping",
    "reloaded",
    "reload_rejected",
    "pin_pending",
    "pin_prepared",
    "pin_activated",
    "pin_retired",
    "pin_refused",
    "finding_changed",
    "posture_changed",
    "config_written",
    "config_repaired",
    "config_rejected",
    "restart_requested",
    "restart_succeeded",
    "restart_failed",
    "restart_deferred",
    "rolled_back",
    "status_rejected",
    "status_unreachable",
    "attributes_changed",
    "bundle_applied",
    "bundle_rejected",
    "override_on",
    "override_off",
    "state_damaged",
    "write_failed",
    "invariant_violated",
)
FIELDS = {
    "__REALTIME_TIMESTAMP",
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "MESSAGE_ID",
    "EDGEPIND_EVENT",
    "EDGEPIND_FINDING",
    "EDGEPIND_POSTURE",
    "EDGEPIND_FINGERPRINT",
}


def entries() -> dict[str, str]:
    """The catalogue: the text of each entry by its MESSAGE_ID."""
    parts = re.split(r"^-- ([0-9a-f]{32})\n", CATALOGUE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def ids() -> dict[str, str]:
    """Each event's MESSAGE_ID, as the program has it."""
    from edgepind.telemetry.log import MESSAGE_IDS  # noqa: PLC0415  the one look inside

    return {str(name): number for name, number in MESSAGE_IDS.items()}


def test_every_event_of_the_contract_has_an_id_of_its_own() -> None:
    """Those of the list and no other; 128 bits in hex, none twice."""
    assert sorted(ids()) == sorted(EVENTS)
    assert len(set(ids().values())) == len(EVENTS)
    assert all(re.fullmatch(r"[0-9a-f]{32}", it) for it in ids().values())


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_explained_by_the_catalogue(event: str) -> None:
    """`journalctl -x` shows a subject, an explanation and a remedy."""
    text = entries()[ids()[event]]
    head, _, body = text.partition("\n\n")
    assert "Subject: " in head
    assert len(body.split()) >= 15, "what happened, and what to do"


async def test_json_lines_bear_the_journals_field_names(site: Site) -> None:
    """One object a line; a sentence; the event, its id and all that applies, as text."""
    await site.daemon.start()
    await site.until_steady()
    assert await site.daemon.stop() == 0
    lines = [json.loads(line) for line in site.daemon.log.read_text().splitlines()]
    assert lines
    for line in lines:
        assert line.keys() <= FIELDS, line.keys() - FIELDS
        assert all(isinstance(value, str) for value in line.values())
        assert len(line["MESSAGE"].split()) >= 5
        assert line["MESSAGE"].endswith(".")
        assert line["EDGEPIND_EVENT"] in EVENTS
        assert line["MESSAGE_ID"] == ids()[line["EDGEPIND_EVENT"]]
        assert line["EDGEPIND_POSTURE"] == "enforcing"
        assert line["PRIORITY"] in {"4", "5", "6"}
    site.daemon.follow()
    for name in ("pin_pending", "pin_prepared", "pin_activated"):
        [event] = told(site, name)
        assert event["EDGEPIND_FINGERPRINT"] == str(site.cloud.status.current)
    assert [it["EDGEPIND_FINDING"] for it in told(site, "finding_changed")][-1] == "pinned"


@pytest.mark.parametrize(
    ("log", "wanted", "unwanted"),
    [
        ({"format": "console"}, r"^\S+ notice: edgepind .* watches .*\[started\]$", r"^\{"),
        ({"format": "json", "level": "warning"}, "unannounced_rotation", "started"),
    ],
)
async def test_format_and_level_are_as_they_are_set(
    site: Site, log: Table, wanted: str, unwanted: str
) -> None:
    """A console for people, JSON for programs; what is less than the level is not told."""
    install_current(site)
    site.write_settings({"log": log, "fail_open": {"grace": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(site.issue(), site.cloud.addresses[:1])
    await until_status(site, finding="unannounced_rotation")
    assert await site.daemon.stop() == 0
    said = site.daemon.log.read_text()
    assert re.search(wanted, said, re.MULTILINE), said
    assert not re.search(unwanted, said, re.MULTILINE), said
    assert "\x1b" not in said


async def test_a_lasting_trouble_is_told_once(site: Site) -> None:
    """A hold-down, an endpoint in trouble, an address that is gone: no line a tick."""
    install_current(site)
    site.write_settings({"cloud": {"interval": "60ms"}, "pins": {"hold_down": "1h"}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    site.cloud.serve(site.issue(), site.cloud.addresses[:1])
    site.cloud.status.scripted = None
    await site.cloud.listeners[2].close()
    await until_status(site, finding="unannounced_rotation")
    await pass_ticks(site, 5)
    lines = site.daemon.log.read_text().count("\n")
    await pass_ticks(site, 15)
    assert site.daemon.log.read_text().count("\n") == lines


async def test_the_metrics_are_written_where_they_are_wanted(site: Site) -> None:
    """`metrics.textfile`: figures that Prometheus reads, replaced whole."""
    install_current(site)
    textfile = site.folder / "edgepind.prom"
    site.write_settings({"metrics": {"textfile": str(textfile)}})
    await site.daemon.start()
    await until_status(site, finding="pinned")
    await site.until(
        lambda: textfile.exists() and 'edgepind_finding{finding="pinned"} 1.0' in _text(textfile),
        "the figures",
    )
    assert 'edgepind_posture{posture="enforcing"} 1.0' in _text(textfile)


def _text(path: Path) -> str:
    return path.read_text()


async def test_errors_on_standard_error_are_no_part_of_the_answer(site: Site, ask: Any) -> None:
    """A tick by hand prints its lines on standard error and nothing on standard output."""
    install_current(site)
    answer = await ask("run", "--once")
    assert (answer.code, answer.output) == (0, "")
    assert all(json.loads(line)["EDGEPIND_EVENT"] for line in answer.errors.splitlines())
