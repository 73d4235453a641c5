"""`edgepind check`: every fault by a name that stays, with its remedy."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest

from edgepind.cli.checks.services import check_start
from edgepind.settings.schema import EdgeSettings
from tests.support.small_site import HOST, Site
from tests.support.systemd_stand_in import NoMessageBusError, SystemdStandIn, message_bus

UNIT = "purecloud-edge.service"
QUIET = {"clock-unsynchronised"}
"""What may be told of a good site: it depends on the host of the tests."""


def ids(answer: tuple[int, dict[str, Any]], *severities: str) -> set[str]:
    """The names of the faults of these severities; of all where none is named."""
    faults = answer[1]["faults"]
    return {it["id"] for it in faults if not severities or it["severity"] in severities}


async def test_a_good_site_has_no_fault(steady: Site, read: Any, ask: Any) -> None:
    """0, and nothing but what explains."""
    answer = await read("check")
    assert answer[0] == 0
    assert ids(answer) <= QUIET
    if not ids(answer):
        told = await ask("check")
        assert (told.code, told.output.count("\n")) == (0, 1)
        assert "error" not in told.output
        assert "warning" not in told.output
    assert steady.daemon.running


async def test_a_fresh_site_has_no_fault_either(site: Site, read: Any) -> None:
    """Before the daemon has ever run there is nothing to blame, and nothing is made."""
    answer = await read("check")
    assert answer[0] == 0
    assert ids(answer, "error", "warning") == set()
    assert {"no-pin", "daemon-not-started", "link-unannounced-rotation"} <= ids(answer)
    assert not site.state.exists()
    assert not site.runtime.exists()


async def test_every_fault_has_its_four_members(site: Site, read: Any, ask: Any) -> None:
    """Each is an object of id, severity, what and remedy; a person sees the same."""
    site.write_settings({"edge": {"restart_command": ["/nowhere/restart"]}})
    code, checked = await read("check")
    assert code == 1
    assert checked.keys() == {"faults"}
    for fault in checked["faults"]:
        assert fault.keys() == {"id", "severity", "what", "remedy"}
        assert fault["severity"] in {"error", "warning", "info"}
        assert fault["remedy"][-1] in ".`" or fault["remedy"]
    answer = await ask("check")
    lines = answer.output.splitlines()
    [line] = [it for it in lines if it.startswith("error command-missing")]
    assert "edge.restart_command" in line
    assert "/nowhere/restart" in line


async def test_settings_that_are_refused_are_listed(site: Site, read: Any) -> None:
    """2, every fault of the file in the same shape."""
    site.write_settings({"pins": {"policy": "lax"}, "cloud": {"port": 0}})
    code, checked = await read("check")
    assert code == 2
    assert [it["id"] for it in checked["faults"]] == ["settings", "settings"]
    assert any("pins.policy" in it["what"] for it in checked["faults"])


PINNING = {"enabled": True, "algorithm": "SHA256"}


@pytest.mark.parametrize(
    ("document", "expected", "code"),
    [
        ("{", {"pinning-config-rejected"}, 1),
        ("[]", {"pinning-config-rejected"}, 1),
        (None, {"pinning-config-missing"}, 1),
        ({"certificatePinning": {**PINNING, "fingerprint": "null"}}, {"pin-refused"}, 1),
        ({"certificatePinning": {**PINNING, "fingerprint": "11" * 20}}, {"pin-refused"}, 1),
        ({"tlsSettings": {"strictValidation": False}}, {"strict-validation-off"}, 1),
        ({"tlsSettings": {"cipherSuites": ["ROT13"]}}, {"tls-settings"}, 1),
        ({"tlsSettings": {"minVersion": "SSLv3"}}, {"tls-settings"}, 1),
        ({"certificatePinning": {"allowRotation": False}}, {"allow-rotation-off"}, 0),
    ],
)
async def test_faults_of_the_document(
    site: Site, read: Any, document: object, expected: set[str], code: int
) -> None:
    """Shape, pins and `tlsSettings` are each told by name."""
    if document is None:
        site.document.unlink()
    else:
        text = document if isinstance(document, str) else json.dumps(document)
        site.document.write_text(text)
    answer = await read("check")
    assert expected <= ids(answer)
    assert answer[0] == code


async def test_validation_that_is_off_is_told(site: Site, read: Any) -> None:
    """A document with pins and `enabled: false` guards nothing."""
    current = str(site.cloud.status.current)
    pinning = {**PINNING, "enabled": False, "fingerprint": current, "fingerprints": [current]}
    site.document.write_text(json.dumps({"certificatePinning": pinning}))
    answer = await read("check")
    assert (answer[0], ids(answer, "warning")) == (1, {"pinning-off"})


async def test_owner_and_mode_are_held_against_the_settings(site: Site, read: Any) -> None:
    """A mode that is not the settings', a user that this host does not know."""
    site.document.chmod(0o644)
    answer = await read("check")
    assert (answer[0], ids(answer, "warning")) == (1, {"pinning-config-mode"})
    site.write_settings({"edge": {"owner": "no-such-user:nobody"}})
    assert "pinning-config-owner" in ids(await read("check"), "error")


async def test_folders_that_others_may_write_are_told(steady: Site, read: Any) -> None:
    """Whoever may write the state folder steers edgepind."""
    steady.state.chmod(0o777)
    steady.runtime.chmod(0o775)
    answer = await read("check")
    assert ids(answer, "error") == {"state-folder-mode", "runtime-folder-mode"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"edge": {"health_command": ["no-such-program"]}}, {"command-missing"}),
        ({"edge": {"helper": "/nowhere/apply.sock"}}, {"helper-missing"}),
        ({"status": {"current": ".a | ("}}, {"jq-program"}),
        ({"cloud": {"public_roots": "/nowhere/roots.pem"}}, {"roots-unusable"}),
        ({"cloud": {"system_roots": "/nowhere/roots.pem"}}, {"roots-unusable"}),
        ({"interception": {"exceptions": ["/nowhere/ca.pem"]}}, {"roots-unusable"}),
        (
            {
                "status.oauth": {
                    "token_url": "https://login.test/token",
                    "client_id": "edge",
                    "client_secret_file": "/nowhere/secret",
                }
            },
            {"oauth-secret"},
        ),
    ],
)
async def test_what_the_settings_name_is_looked_for(
    site: Site, read: Any, settings: Mapping[str, Any], expected: set[str]
) -> None:
    """Programs, sockets, roots and secrets that are not there are errors by name."""
    site.write_settings(settings)
    answer = await read("check")
    assert (answer[0], ids(answer, "error")) == (1, expected)


async def test_the_link_is_probed(site: Site, read: Any) -> None:
    """Interception and silence are errors, each under the name of its finding."""
    site.cloud.serve(site.trust.corporate.leaf([HOST]))
    assert "link-interception" in ids(await read("check"), "error")
    await site.cloud.close()
    assert "link-unreachable" in ids(await read("check"), "error")


async def test_overrides_are_told(site: Site, read: Any) -> None:
    """One that stands, and a file that is none."""
    site.state.mkdir()
    override = site.state / "override"
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    override.write_text(json.dumps({"until": until, "reason": "why", "by": "ann"}))
    assert "override-present" in ids(await read("check"), "warning")
    override.write_text("[]")
    assert "override-malformed" in ids(await read("check"), "warning")


async def test_a_daemon_that_is_gone_is_told(steady: Site, read: Any) -> None:
    """It has run here and runs no more."""
    await steady.daemon.stop()
    answer = await read("check")
    assert (answer[0], ids(answer, "warning")) == (1, {"daemon-stopped"})


async def test_what_may_not_be_read_is_a_fault_among_others(steady: Site, ask: Any) -> None:
    """One closed file does not end the check."""
    (steady.state / "lock").chmod(0)
    steady.write_settings({"edge": {"health_command": ["no-such-program"]}})
    answer = await ask("check", "--json", mortal=True)
    found = {it["id"] for it in json.loads(answer.output)["faults"]}
    assert answer.code == 1
    assert {"not-permitted", "command-missing"} <= found


async def test_the_unit_is_asked_for(site: Site, edgepind: Any) -> None:
    """Absent, masked, failed, stopped, unknown: each by its name; an active one is no fault."""
    site.write_settings({"edge": {"restart_command": [], "unit": UNIT}})
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        try:
            async with message_bus(Path(folder, "bus")) as address:
                await _ask_for_units(site, edgepind, address)
        except NoMessageBusError as error:
            pytest.skip(f"NOT TESTED, the Edge's unit over D-Bus: {error}")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone has a document that others may not read")
async def test_a_document_that_the_units_user_cannot_read_is_an_error(
    site: Site, edgepind: Any
) -> None:
    """By mode, and by the folders above: else the Edge's next start tells it."""
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        try:
            async with message_bus(Path(folder, "bus")) as address:
                systemd = SystemdStandIn(UNIT, runs_as="41234:41235")
                async with systemd.serving(address):
                    await _ask_for_the_reader(site, edgepind, address, Path(folder))
        except NoMessageBusError as error:
            pytest.skip(f"NOT TESTED, the Edge's unit over D-Bus: {error}")


async def _ask_for_the_reader(site: Site, edgepind: Any, address: str, folder: Path) -> None:
    async def told() -> list[str]:
        answer = await edgepind(
            *("check", "--json", "--config", site.settings),
            environ={"DBUS_SYSTEM_BUS_ADDRESS": address},
        )
        faults = json.loads(answer.output)["faults"]
        return [it["what"] for it in faults if it["id"] == "edge-cannot-read"]

    document = site.document.rename(folder / "pinning-config.json")
    where = str(document)
    site.write_settings(
        {"edge": {"restart_command": [], "unit": UNIT, "owner": "auto", "pinning_config": where}}
    )
    os.chmod(folder, 0o711)  # noqa: PTH101, S103 - others may pass, as in /etc
    [what] = await told()
    assert str(document) in what
    os.chown(document, 0, 41235)
    document.chmod(0o640)
    assert await told() == []
    os.chmod(folder, 0o700)  # noqa: PTH101 - likewise
    [what] = await told()
    assert str(folder) in what


async def _ask_for_units(site: Site, edgepind: Any, address: str) -> None:
    systemd = SystemdStandIn(UNIT)

    async def told() -> set[str]:
        answer = await edgepind(
            *("check", "--json", "--config", site.settings),
            environ={"DBUS_SYSTEM_BUS_ADDRESS": address},
        )
        faults = json.loads(answer.output)["faults"]
        return {it["id"] for it in faults if it["id"].startswith("unit-")}

    assert await told() == {"unit-unknown"}
    async with systemd.serving(address):
        assert await told() == set()
        for load_state, active_state, expected in (
            ("loaded", "failed", "unit-failed"),
            ("loaded", "inactive", "unit-inactive"),
            ("loaded", "activating", "unit-in-between"),
            ("masked", "inactive", "unit-masked"),
            ("not-found", "inactive", "unit-absent"),
        ):
            systemd.load_state, systemd.active_state = load_state, active_state
            assert await told() == {expected}


@pytest.mark.parametrize(
    ("start", "own", "told"),
    [
        (90_000_000, inf, []),
        (2**64 - 1, inf, ["start-without-end"]),
        (2**64 - 1, 600.0, []),
        (300_000_000, 150.0, []),
        (90_000_000, 600.0, ["start-timeout-cut"]),
    ],
)
async def test_the_time_of_a_start_is_compared_with_the_units(
    start: int, own: float, told: list[str]
) -> None:
    """What the unit's own settings cut, or never end, is told beforehand."""
    edge = replace(EdgeSettings(), unit=UNIT, start_timeout=own)
    assert await _told_of_start(edge, UNIT, {"TimeoutStartUSec": start}) == told


@pytest.mark.parametrize(
    ("own", "helper", "told"),
    [
        (inf, "auto", []),
        (600.0, "auto", ["start-timeout-cut"]),
        (600.0, "", []),
        (60.0, "auto", []),
    ],
)
async def test_a_restart_command_that_the_helper_cannot_outlive_is_told(
    own: float, helper: str, told: list[str]
) -> None:
    """A helper's unit ends with what it waits for, unless it has the time."""
    edge = replace(EdgeSettings(), restart_command=("/bin/true",), helper=helper, start_timeout=own)
    limits = {"RuntimeMaxUSec": 360_000_000}
    assert await _told_of_start(edge, "edgepind-apply@check.service", limits) == told


async def _told_of_start(edge: EdgeSettings, unit: str, spans: dict[str, int]) -> list[str]:
    """The faults by their ids, with a systemd that knows this one unit."""
    with tempfile.TemporaryDirectory(prefix="edgepind-") as folder:
        try:
            async with (
                message_bus(Path(folder, "bus")) as address,
                SystemdStandIn(unit, spans=spans).serving(address),
            ):
                return [it.id for it in await check_start(edge, address)]
        except NoMessageBusError as error:
            pytest.skip(f"NOT TESTED, the Edge's unit over D-Bus: {error}")
