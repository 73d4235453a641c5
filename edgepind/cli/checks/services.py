"""Checks of what runs here: the Edge's unit, the operator's commands, the helper, the daemon."""

import shutil
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import ceil, inf
from pathlib import Path
from typing import Any

from edgepind.cli.checks.fault import Fault, error, info, warning
from edgepind.cli.render import relation
from edgepind.cli.running_daemon import daemon_at_work
from edgepind.cli.stored_state import NotStored, StatusDocument, is_stale, read_status
from edgepind.core.diagnosis import GOOD
from edgepind.core.messages import halves, span
from edgepind.effects.helper_appliance import ROUND
from edgepind.effects.restart import restarter
from edgepind.effects.systemd import SystemdUnit
from edgepind.model.enums import Channel
from edgepind.model.observation import EdgeUnit, NoUnit, Unit, UnitState, UnitUnknown, cannot_start
from edgepind.settings.schema import EdgeSettings, Settings

_HELPERS = {
    "edgepind-apply@check.service": "RuntimeMaxUSec",
    "edgepind-close.service": "TimeoutStartUSec",
}
"""The units that run `restart_command`, and the property that ends them."""


async def check_edge_unit(settings: Settings) -> list[Fault]:
    """Ask systemd about the unit, and look for every configured command."""
    edge = settings.edge
    way = restarter(edge)
    try:
        unit = await way.unit()
    finally:
        way.close()
    slow = await check_start(edge)
    return [*_of_unit(unit, edge.unit), *slow, *_of_commands(edge), *_of_helper(edge)]


async def check_start(edge: EdgeSettings, bus_address: str | None = None) -> list[Fault]:
    """Compare the time that a start of the Edge is given with what systemd will let it have.

    `bus_address` None: the system bus.
    """
    if edge.restart_command:
        return list(_of_command_time(edge, await _limits_of_helper(bus_address)))
    unit = SystemdUnit(edge.unit, bus_address=bus_address)
    try:
        spans = await unit.spans("TimeoutStartUSec")
    finally:
        unit.close()
    return list(_of_start(edge, spans[0])) if spans else []


async def _limits_of_helper(bus_address: str | None) -> dict[str, float]:
    """How long systemd lets the helper's units run, in seconds, as far as it tells."""
    limits = {}
    for name, key in _HELPERS.items():
        unit = SystemdUnit(name, bus_address=bus_address)
        try:
            if spans := await unit.spans(key):
                limits[name] = spans[0]
        finally:
            unit.close()
    return limits


def _of_start(edge: EdgeSettings, allowed: float) -> Iterator[Fault]:
    """Judge what the unit's own settings allow for a start, in seconds."""
    if edge.start_timeout == allowed == inf:
        yield warning(
            "start-without-end",
            f"{edge.unit} has no TimeoutStartSec: a start that hangs is waited for without end",
            "Set edge.start_timeout, or TimeoutStartSec= in a drop-in of the unit.",
        )
    if allowed < edge.start_timeout < inf:
        yield warning(
            "start-timeout-cut",
            f"edge.start_timeout is {span(edge.start_timeout)}, and systemd ends a start of "
            f"{edge.unit} after {span(allowed)}",
            'Raise TimeoutStartSec= in a drop-in of the unit, or set edge.start_timeout = "auto".',
        )


def _of_command_time(edge: EdgeSettings, limits: Mapping[str, float]) -> Iterator[Fault]:
    """Judge whether the helper's units last as long as `restart_command` may."""
    needs = edge.command_deadline + ROUND
    for name, allowed in limits.items():
        if edge.helper and needs > allowed:
            file, key = f"{name.partition('@')[0]}{'@' * ('@' in name)}.service", _HELPERS[name]
            yield error(
                "start-timeout-cut",
                f"restart_command may take {span(edge.command_deadline)} (edge.start_timeout), "
                f"and systemd ends {file} after {span(allowed)}",
                f"Set {key.replace('USec', 'Sec')}={ceil(needs)} in a drop-in of {file}.",
            )


def _of_unit(unit: EdgeUnit, name: str) -> Iterator[Fault]:
    match unit:
        case Unit(state) if sentence := cannot_start(state, name):
            yield error(f"unit-{state}", *halves(sentence))
        case Unit(UnitState.FAILED):
            remedy = f"See `systemctl status {name}` and `journalctl -u {name}`."
            yield error("unit-failed", f"{name} has failed", remedy)
        case Unit(UnitState.INACTIVE):
            remedy = (
                f"Start it with `systemctl start {name}`; edgepind does not start a stopped unit."
            )
            yield warning("unit-inactive", f"{name} is stopped", remedy)
        case Unit(UnitState.ACTIVATING | UnitState.DEACTIVATING as state):
            yield info("unit-in-between", f"{name} is {state}", "Run the check again in a moment.")
        case Unit() | NoUnit():
            pass
        case UnitUnknown(sentence):
            remedy = "Make sure that systemd and D-Bus are running, or set edge.restart_command."
            yield warning("unit-unknown", sentence, remedy)


def _of_commands(edge: EdgeSettings) -> Iterator[Fault]:
    commands = {
        "restart_command": edge.restart_command,
        "ready_command": edge.ready_command,
        "health_command": edge.health_command,
    }
    for key, command in commands.items():
        if command and shutil.which(command[0]) is None:
            yield error(
                "command-missing",
                f"edge.{key}: {command[0]} is missing or not executable",
                f"Correct edge.{key}, or make the program executable.",
            )


def _of_helper(edge: EdgeSettings) -> Iterator[Fault]:
    if edge.helper in {"", "auto"}:
        return
    socket = Path(edge.helper)
    if not socket.exists() or not stat.S_ISSOCK(socket.stat().st_mode):
        remedy = "Start it with `systemctl start edgepind-apply.socket`, or correct edge.helper."
        yield error("helper-missing", f"the socket {socket} does not exist", remedy)


# --- the daemon -----------------------------------------------------------------------------


async def check_daemon(settings: Settings) -> list[Fault]:
    """Check the lock and the status file of the daemon."""
    running = daemon_at_work(settings.paths.state) is not None
    document = read_status(settings.paths.runtime)
    start = "Start it with `systemctl start edgepind`"
    if isinstance(document, NotStored):
        if not running:
            return [info("daemon-not-started", "edgepind has not run here yet", f"{start}.")]
        what = "edgepind is running and has not written a status"
        return [warning("daemon-without-status", what, "See `journalctl -u edgepind`.")]
    now = datetime.now(UTC)
    last = f"last wrote its status {relation(document['written_at'], now)}"
    if not running:
        what, remedy = f"edgepind is not running; it {last}", f"{start}: no rotation is followed."
        return [warning("daemon-stopped", what, remedy)]
    if is_stale(document, now, settings.cloud.interval):
        remedy = "Run `systemctl restart edgepind`; `journalctl -u edgepind` tells why."
        return [error("daemon-hung", f"edgepind is running but {last}", remedy)]
    return list(_of_status(document))


def _of_status(document: StatusDocument) -> Iterator[Fault]:
    if document["dry_run"]:
        remedy = "Start it without --dry-run to have rotations followed."
        yield info("daemon-dry-run", "edgepind runs with --dry-run and changes nothing", remedy)
    if document["edge"]["restart_owed"]:
        remedy = "Run `edgepind explain`: it names what the restart waits for."
        yield warning("restart-owed", "the Edge is owed a restart", remedy)
    yield from _of_endpoint(document["status_endpoint"])
    unpinned = document["status_endpoint"]["channel"] == Channel.UNPINNED
    if unpinned and document["finding"] in GOOD:
        what = "the status endpoint shows a leaf that is not pinned, while the link is pinned"
        remedy = (
            "Announcements go unheard: see `edgepind probe` of its host for what it serves, and "
            "correct status.url or edge.tls."
        )
        yield warning("status-channel-unpinned", what, remedy)


def _of_endpoint(endpoint: Mapping[str, Any]) -> Iterator[Fault]:
    problem = endpoint["error"]
    if problem is not None and endpoint["ok"]:
        remedy = "`edgepind pin add` the pin of that leaf if you know it, or let it earn standing."
        yield warning("status-endpoint", f"the status endpoint is not believed: {problem}", remedy)
    elif problem is not None:
        remedy = "Correct its settings, or switch it off; live handshakes are judged either way."
        yield warning(
            "status-endpoint", f"the status endpoint gives no usable answer: {problem}", remedy
        )
