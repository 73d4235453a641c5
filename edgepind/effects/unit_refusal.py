"""Which states of the Edge's unit forbid a restart, and what to say of each.

A unit that an operator stopped is not started (CONTRACT section 8).
"""

from edgepind.model.document import Pinning
from edgepind.model.observation import Unit, UnitState
from edgepind.model.outcome import RestartFailed, RestartRefused


def no_restart(name: str, unit: Unit, loading: Pinning) -> RestartFailed | RestartRefused | None:
    """Why a unit in this state is not to be restarted; None where it may be.

    A failed unit may: nobody stopped it, and a rollback has to bring it up again.
    """
    match unit.state:
        case UnitState.ABSENT:
            error = f"systemd knows no unit {name}; correct `edge.unit` in the settings"
            return RestartFailed(loading, error)
        case UnitState.MASKED:
            error = f"{name} is masked; `systemctl unmask {name}` lets it start again"
            return RestartFailed(loading, error)
        case UnitState.INACTIVE | UnitState.DEACTIVATING:
            error = f"{name} is stopped and stays so; started, it will load the new document"
            return RestartRefused(error)
        case UnitState.ACTIVE | UnitState.ACTIVATING | UnitState.FAILED:
            return None
