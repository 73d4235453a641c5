"""Does what one request asks, as far as the policy allows."""

from pathlib import Path

from edgepind.clock import Clock
from edgepind.effects.helper_protocol import (
    Answer,
    Apply,
    AskUnit,
    KeepSerial,
    PutBack,
    ReadDocument,
    Rehearse,
    Rehearsed,
    Request,
    RequestRefused,
    Restart,
    Restore,
)
from edgepind.helper.edge_unit import document_of, restart_edge, set_timer, unit_of_edge
from edgepind.helper.policy import HelperPolicy
from edgepind.helper.records import SerialRecord, turn
from edgepind.model.action import (
    DocumentOutcome,
    RestartDone,
    RestartOutcome,
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
    """Do it and give the answer; `folder` holds the helper's records.

    `timer` is the unit that ends an opening; None: nothing does so on this host.
    """
    edge = settings.edge
    match request:
        case ReadDocument(looks_only):
            return document_of(edge, clock, looks_only=looks_only).read()
        case Apply() | PutBack() | Restore():
            return _write(request, settings, folder, clock, timer)
        case Rehearse():
            return Rehearsed(document_of(edge, clock, looks_only=True).rehearse())
        case AskUnit():
            return unit_of_edge(edge)
        case KeepSerial(serial):
            with turn(folder) as mine:
                record = SerialRecord(folder, clock)
                return record.keep(serial) if mine else RequestRefused(_NOT_NOW)
        case Restart(loading):
            with turn(folder) as mine:
                policy = HelperPolicy(settings, folder, clock)
                problem = policy.objection_to_restart() if mine else _NOT_NOW
                return (
                    RestartRefused(problem) if problem else _restart(loading, policy, edge, clock)
                )


def _write(
    request: Apply | PutBack | Restore,
    settings: Settings,
    folder: Path,
    clock: Clock,
    timer: str | None,
) -> DocumentOutcome:
    document = document_of(settings.edge, clock)
    write = document.put_back if isinstance(request, PutBack) else document.restore
    if request.pinning is None:
        return document.restore(None)
    if request.pinning.enabled:
        return write(request.pinning)
    with turn(folder) as mine:
        policy = HelperPolicy(settings, folder, clock)
        problem = _objection_to_opening(policy, timer) if mine else _NOT_NOW
        return WriteFailed(problem) if problem else write(request.pinning)


def _objection_to_opening(policy: HelperPolicy, timer: str | None) -> str | None:
    """None once the end of the opening is recorded, and the timer that brings it runs."""
    objection = policy.objection_to_opening()
    if objection is not None or timer is None:
        return objection
    unarmed = set_timer(timer, runs=True)
    return unarmed and (
        f"the privileged helper keeps validation on, for nothing would end it: {unarmed}"
    )


def _restart(
    loading: Pinning, policy: HelperPolicy, edge: EdgeSettings, clock: Clock
) -> RestartOutcome:
    outcome = restart_edge(edge, loading)
    if isinstance(outcome, RestartRefused):
        policy.restart_not_made()
    if isinstance(outcome, RestartDone) and _closes(outcome, edge, clock):
        policy.record.remove()  # one that stays finds the Edge closed at its end
    return outcome


def _closes(outcome: RestartDone, edge: EdgeSettings, clock: Clock) -> bool:
    """Whether the Edge has read a document with validation on; the daemon is not asked."""
    match document_of(edge, clock, looks_only=True).read().document:
        case DocumentRead(enabled=True, digest=digest):
            return digest == outcome.read
        case _:
            return False
