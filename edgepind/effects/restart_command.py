"""The operator's `restart_command`, where it stands in place of a unit.

There is no unit to look at then: whether the Edge is well is the business of `health_command`.
"""

from edgepind.host.command import Exited, run_command
from edgepind.model.action import RestartDone, RestartFailed
from edgepind.model.document import Pinning
from edgepind.model.observation import NoUnit

DEADLINE = 120.0
"""Seconds for the whole restart, as for a job of systemd's."""


class RestartCommand:
    """Answers as a unit would, with a command: exit code 0 is a restart that is done."""

    def __init__(self, argv: tuple[str, ...], *, deadline: float = DEADLINE) -> None:
        self._argv = argv
        self._deadline = deadline

    async def unit(self) -> NoUnit:
        """Say that there is none."""
        return NoUnit()

    async def restart(self, loading: Pinning) -> RestartDone | RestartFailed:
        """Run the command to its end."""
        result = await run_command(self._argv, self._deadline)
        if isinstance(result, Exited) and result.code == 0:
            return RestartDone(loading)
        return RestartFailed(loading, f"restart_command {self._argv[0]}: {result}")

    def close(self) -> None:
        """Nothing is held open between calls."""
