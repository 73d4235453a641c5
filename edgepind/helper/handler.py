"""Does what one request asks, as far as the rights go.

With the very code that a daemon run as root uses: only who decides is another.
"""

from pathlib import Path

from edgepind.clock import Clock
from edgepind.effects.helper_answers import Answer
from edgepind.effects.helper_requests import Apply, AskUnit, ReadDocument, Request, Restart, Restore
from edgepind.effects.pinning_document import DocumentKeeper
from edgepind.helper.policy import HelperPolicy
from edgepind.helper.turn import turn
from edgepind.helper.unit_work import restart_edge, start_timer, unit_of_edge
from edgepind.model.action import (
    DocumentWritten,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.document import Pinning
from edgepind.model.observation import DocumentRead
from edgepind.settings.schema import EdgeSettings, Settings

_NOT_NOW = "systemd is closing the Edge at this moment; it is tried again"


def fulfil(
    request: Request, settings: Settings, folder: Path, clock: Clock, timer: str | None = None
) -> Answer:
    """Do it and give the answer; `folder` is where the helper remembers what it did.

    `timer` is the unit that ends an opening; None: on this host there is nothing that does.
    """
    edge = settings.edge
    match request:
        case ReadDocument(looks_only):
            return _keeper(edge, clock, looks_only=looks_only).read()
        case Apply(pinning) | Restore(pinning):
            if pinning is None or pinning.enabled:
                return _keeper(edge, clock).restore(pinning)
            with turn(folder) as mine:
                rights = HelperPolicy(settings, folder, clock)
                return _open(pinning, rights, _keeper(edge, clock), timer, mine=mine)
        case AskUnit():
            return unit_of_edge(edge)
        case Restart(loading):
            with turn(folder) as mine:
                return _restart(loading, HelperPolicy(settings, folder, clock), edge, mine=mine)


def _keeper(edge: EdgeSettings, clock: Clock, *, looks_only: bool = False) -> DocumentKeeper:
    return DocumentKeeper(
        edge.pinning_config,
        edge.owner,
        edge.mode,
        looks_only=looks_only,
        now=lambda: clock.now().wall,
    )


def _open(
    pinning: Pinning, rights: HelperPolicy, keeper: DocumentKeeper, timer: str | None, *, mine: bool
) -> DocumentWritten | WriteFailed:
    """Switch validation off, once its end is recorded and systemd looks after that."""
    if not mine:
        return WriteFailed(_NOT_NOW)
    objection = rights.objection_to_opening()
    if objection is None and timer is not None:
        unarmed = start_timer(timer)
        objection = unarmed and (
            f"the privileged helper keeps validation on, for nothing would end it: {unarmed}"
        )
    return keeper.restore(pinning) if objection is None else WriteFailed(objection)


def _restart(
    loading: Pinning, rights: HelperPolicy, edge: EdgeSettings, *, mine: bool
) -> RestartDone | RestartFailed | RestartRefused:
    objection = rights.objection_to_restart() if mine else _NOT_NOW
    if objection is not None:
        return RestartRefused(objection)
    outcome = restart_edge(edge, loading)
    if isinstance(outcome, RestartRefused):
        rights.restart_not_made()
    if isinstance(outcome, RestartDone) and _closes(outcome, edge):
        rights.record.remove()  # one that stays finds the Edge closed at its end
    return outcome


def _closes(outcome: RestartDone, edge: EdgeSettings) -> bool:
    """Whether the Edge has read a document with validation on, whatever the daemon says it did."""
    keeper = DocumentKeeper(edge.pinning_config, edge.owner, edge.mode, looks_only=True)
    document = keeper.read().document
    return (
        isinstance(document, DocumentRead)
        and document.enabled is True
        and document.digest == outcome.read
    )
