"""Which states of the Edge's unit forbid a restart, and what to say of each.

A unit that an operator stopped is not started (CONTRACT section 8).
"""

from edgepind.model.action import RestartFailed, RestartRefused
from edgepind.model.document import Pinning
from edgepind.model.observation import Unit, UnitState, cannot_start


def no_restart(name: str, unit: Unit, loading: Pinning) -> RestartFailed | RestartRefused | None:
    """Why a unit in this state is not to be restarted; None where it may be.

    A failed unit may: nobody stopped it, and a rollback has to bring it up again.
    """
    if error := cannot_start(unit.state, name):
        return RestartFailed(loading, error)
    if unit.state in {UnitState.INACTIVE, UnitState.DEACTIVATING}:
        error = f"{name} is stopped and stays so; started, it will load the new document"
        return RestartRefused(error)
    return None
