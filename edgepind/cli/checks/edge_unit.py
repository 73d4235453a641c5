"""The Edge's unit, the operator's commands, and the helper's socket."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from edgepind.cli.checks.fault import Fault, error, info, warning
from edgepind.effects.local_appliance import restarter
from edgepind.model.observation import EdgeUnit, NoUnit, Unit, UnitState, UnitUnknown
from edgepind.settings.schema import EdgeSettings, Settings


async def check_edge_unit(settings: Settings) -> list[Fault]:
    """Ask systemd about the unit, and look for every command that is configured."""
    edge = settings.edge
    way = restarter(edge)
    try:
        unit = await way.unit()
    finally:
        way.close()
    return [*_of_unit(unit, edge.unit), *_of_commands(edge), *_of_helper(edge)]


def _of_unit(unit: EdgeUnit, name: str) -> Iterator[Fault]:
    match unit:
        case Unit(UnitState.ABSENT):
            yield error("unit-absent", f"systemd knows no unit {name}", "Correct edge.unit.")
        case Unit(UnitState.MASKED):
            remedy = f"`systemctl unmask {name}` lets it start again."
            yield error("unit-masked", f"{name} is masked", remedy)
        case Unit(UnitState.FAILED):
            remedy = f"See `systemctl status {name}` and `journalctl -u {name}`."
            yield error("unit-failed", f"{name} has failed", remedy)
        case Unit(UnitState.INACTIVE):
            remedy = f"Start it with `systemctl start {name}`; edgepind never does."
            yield warning("unit-inactive", f"{name} is stopped", remedy)
        case Unit(UnitState.ACTIVATING | UnitState.DEACTIVATING as state):
            yield info("unit-in-between", f"{name} is {state}", "Look again in a moment.")
        case Unit() | NoUnit():
            pass
        case UnitUnknown(sentence):
            remedy = "See that systemd and D-Bus run, or set edge.restart_command."
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
                f"edge.{key}: {command[0]} is not there or cannot be run",
                f"Correct edge.{key}, or make the program executable.",
            )


def _of_helper(edge: EdgeSettings) -> Iterator[Fault]:
    if edge.helper in {"", "auto"}:
        return
    socket = Path(edge.helper)
    if not socket.exists() or not stat.S_ISSOCK(socket.stat().st_mode):
        remedy = "Start it with `systemctl start edgepind-apply.socket`, or correct edge.helper."
        yield error("helper-missing", f"there is no socket {socket}", remedy)
