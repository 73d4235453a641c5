"""The two questions that the operator's commands answer: may the Edge restart, and is it well.

Both only ask. What follows from an answer, and how long to wait for a better one, is decided in
`core`.
"""

from edgepind.host.command import Exited, run_command
from edgepind.model.observation import Health

DEADLINE = 10.0
"""Seconds for an answer; a command that cannot give one has not agreed."""


async def objection_to_restart(
    ready_command: tuple[str, ...], *, deadline: float = DEADLINE
) -> str | None:
    """Why a restart would disturb somebody now; None where `ready_command` agrees or is not set."""
    if not ready_command:
        return None
    result = await run_command(ready_command, deadline)
    agreed = isinstance(result, Exited) and result.code == 0
    return None if agreed else f"{ready_command[0]}: {result}"


async def ask_health(health_command: tuple[str, ...], *, deadline: float = DEADLINE) -> Health:
    """Ask whether the restarted Edge is well: exit code 0, or no `health_command` is set."""
    if not health_command:
        return Health(well=True)
    result = await run_command(health_command, deadline)
    well = isinstance(result, Exited) and result.code == 0
    return Health(well, f"{health_command[0]}: {result}")
