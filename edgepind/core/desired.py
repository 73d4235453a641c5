"""What the pinning document should say, and what is asked for when it says something else.

Theory of operation. Level-triggered: what is `desired` is compared with what is on disk at each
tick, so a crash between two steps, a hand or a software update are all the same case. `desired`
follows from the pin set and the posture (`wanted`) or, while a restart is rolled back, from the
last good document less what is not accepted any more (`rollback_target`). A document that says
something else is written, one that is missing or damaged is restored, under backoff where that
fails; one that cannot be read, or is damaged with no good copy to restore, is left as it is. While
it was never read (`awaits_document`), it is not known what it pins: nothing is accepted beside it
but an operator's word. Never written: an empty allowlist, and `enabled: false` in a posture that
enforces (invariants 1 and 4).
"""

from dataclasses import replace
from typing import assert_never

from edgepind.core.lockout import accepts_live
from edgepind.core.scheduling import backoff
from edgepind.core.tick import Tick
from edgepind.model.action import (
    Action,
    DocumentWritten,
    RestoreDocument,
    WriteDocument,
    WriteFailed,
)
from edgepind.model.decision import Event
from edgepind.model.document import Pinning
from edgepind.model.enums import EventName, Posture, Severity
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
)
from edgepind.model.pin import accepted
from edgepind.model.rules import Rules
from edgepind.model.state import Edge, Idle, Owed, RolledBack, RollingBack, Settling, State

WRITE_BACKOFF_CAP = 900.0
"""Seconds between two attempts at most, where a write keeps failing."""

VALIDATION_OFF = frozenset({Posture.OPEN, Posture.OVERRIDE})
"""The postures in which the document says `enabled: false` (invariant 4)."""


def wanted(state: State) -> Pinning | None:
    """What the pins and the posture ask for; None before the first pin."""
    fingerprints = tuple(dict.fromkeys(pin.fingerprint for pin in accepted(state.pins)))
    if not fingerprints:
        return None
    return Pinning(state.guard.posture not in VALIDATION_OFF, fingerprints[0], fingerprints)


def rollback_target(state: State) -> Pinning | None:
    """The document that was last loaded well, less what is not accepted any more.

    None where none is known, nothing of it is accepted still, or it is what is wanted anyway, with
    the attributes that the document had then. It never switches validation off in a posture that
    enforces it.
    """
    good, now_wanted = state.edge.good, wanted(state)
    if good is None or now_wanted is None:
        return None
    still = tuple(it for it in good.accepted if it in now_wanted.accepted)
    if not still:
        return None
    enabled = good.enabled or now_wanted.enabled
    target = Pinning(enabled, still[0], still)
    same = target == now_wanted and not state.edge.attributes_changed
    return None if same else target


def way_back(state: State, rules: Rules) -> Pinning | None:
    """What may be put back after a failure: never what accepts nothing of what is live."""
    target = rollback_target(state)
    return target if target is not None and accepts_live(target, state, rules) else None


def desired(state: State) -> Pinning | None:
    """What the document should say now: what is wanted or, after a failure, what was good."""
    match state.edge.restart:
        case RollingBack() | RolledBack():
            return rollback_target(state) or wanted(state)
        case Idle() | Owed() | Settling():
            return wanted(state)
        case _:
            assert_never(state.edge.restart)


def is_written(state: State) -> bool:
    """Whether the document on disk is the one that is wanted; before the first pin any is."""
    edge, goal = state.edge, desired(state)
    if edge.document_problem is not None or edge.write_failures:
        return False
    return goal is None or edge.on_disk == goal


# --- asking for what is missing -------------------------------------------------------------


def awaits_document(state: State, tick: Tick) -> bool:
    """Whether a document is there whose pins are not known, because it could not be read yet."""
    document = tick.seen.document
    unread = isinstance(document, DocumentRejected | DocumentUnreadable)
    if document is None:
        unread = state.edge.document_problem is not None
    return unread and (state.edge.written is None or state.resumed_after_damage)


def amend_document(state: State, tick: Tick) -> tuple[State, tuple[Action, ...], tuple[Event, ...]]:
    """Ask for the document to be put right, where it is not what it should be."""
    goal, edge, document = desired(state), state.edge, tick.seen.document
    if document is None:
        return state, _follow_up(goal, edge, tick), ()
    problem = _problem(document)
    events: tuple[Event, ...] = ()
    if problem is not None and problem != edge.document_problem:
        events = (_rejected(document, problem),)
    edge = replace(edge, document_problem=problem, on_disk=_on_disk(document, edge.on_disk))
    if isinstance(document, DocumentRead):
        if goal is not None and _says(document, goal, edge):
            edge = replace(_well_written(edge), written=goal)
            return replace(state, edge=edge), (), events
        edge = _take_what_closes(edge, document, goal)
        action: Action | None = _write(goal, edge) if goal is not None else None
    else:
        action = _restoration(document, None if awaits_document(state, tick) else goal)
    due = action is not None and tick.passed_or_unset(edge.write_not_before)
    return replace(state, edge=edge), (action,) if due and action else (), events


def _restoration(document: Document, goal: Pinning | None) -> Action | None:
    """What is asked for where there is no document that could be edited."""
    match document:
        case DocumentMissing() | DocumentRejected(restorable=True):
            return RestoreDocument(goal)
        case _:
            return None


def _take_what_closes(edge: Edge, document: DocumentRead, goal: Pinning | None) -> Edge:
    """Where what is wanted cannot be written, take a document that closes the Edge as written.

    A daemon that was killed after it wrote that does not know that it did.
    """
    found = edge.on_disk
    if goal is None or not edge.write_failures or not document.exact or document.current is None:
        return edge
    if found is None or not found.enabled or document.refused:
        return edge
    return replace(edge, written=found) if found.lacks_only_pins_of(goal) else edge


def _on_disk(document: Document, before: Pinning | None) -> Pinning | None:
    """What an Edge would read; a document that cannot be looked at says what it said before."""
    match document:
        case DocumentUnreadable():
            return before
        case DocumentRead(accepted=(_, *_), named=order):
            return Pinning(document.enabled is True, order[0], order)
        case _:
            return None


def _well_written(edge: Edge) -> Edge:
    return replace(edge, write_failures=0, write_not_before=None, write_error=None)


def _follow_up(goal: Pinning | None, edge: Edge, tick: Tick) -> tuple[Action, ...]:
    """Between two looks at the document: write where what was written is not wanted any more."""
    missing = goal is not None and (goal != edge.written or _gives_back(edge))
    due = missing and tick.passed_or_unset(edge.write_not_before) and edge.document_problem is None
    return (_write(goal, edge),) if due and goal is not None else ()


def _write(goal: Pinning, edge: Edge) -> WriteDocument:
    return WriteDocument(goal, as_before=_gives_back(edge))


def _goes_back(edge: Edge) -> bool:
    return isinstance(edge.restart, RollingBack | RolledBack)


def _gives_back(edge: Edge) -> bool:
    """Whether the way back leads over owner, mode and access list as well."""
    return _goes_back(edge) and edge.attributes_changed


def _says(document: DocumentRead, goal: Pinning, edge: Edge) -> bool:
    attributes = not _gives_back(edge) if _goes_back(edge) else document.attributes_right
    return (
        document.exact
        and attributes
        and document.enabled == goal.enabled
        and document.current == goal.current
        and document.accepted == goal.accepted
    )


def _problem(document: object) -> str | None:
    match document:
        case DocumentRejected(reason=reason, restorable=True):
            return reason
        case DocumentRejected(reason=reason):
            return f"{reason}; correct it, or move it away if nothing in it is needed"
        case DocumentUnreadable(error=error):
            return error
        case _:
            return None


def _rejected(document: object, problem: str) -> Event:
    if isinstance(document, DocumentUnreadable):
        text = f"The pinning config cannot be read: {problem}; until then it is left as it is."
    elif isinstance(document, DocumentRejected) and not document.restorable:
        text = (
            "The pinning config cannot be used, and is left as it is because there is no good copy "
            f"of it: {problem}."
        )
    else:
        text = (
            f"The pinning config cannot be used: {problem}; the last good one is restored, and "
            "what was found is kept beside it for you to look at."
        )
    return Event(EventName.CONFIG_REJECTED, Severity.ERR, text)


# --- learning what became of it -------------------------------------------------------------


def learn_write(
    state: State, outcome: DocumentWritten | WriteFailed, tick: Tick
) -> tuple[State, tuple[Event, ...]]:
    """Take in that the document was written, or was not."""
    edge = state.edge
    if isinstance(outcome, WriteFailed):
        failures = edge.write_failures + 1
        wait = backoff(tick.rules.interval, failures, WRITE_BACKOFF_CAP)
        edge = replace(
            edge,
            write_failures=failures,
            write_not_before=tick.after(wait),
            write_error=outcome.error,
        )
        text = f"The pinning config could not be written: {outcome.error}"
        event = Event(EventName.WRITE_FAILED, Severity.ERR, text)
        return replace(state, edge=edge), (event,) if failures == 1 else ()
    if outcome.instead is not None:
        # It closes the Edge, and may lack a pin: see `core.restarts`.
        state, events = learn_write(state, WriteFailed(outcome.instead), tick)
        edge = replace(
            state.edge, written=outcome.pinning, digest=outcome.digest, on_disk=outcome.pinning
        )
        return replace(state, edge=edge), (*events, *_written(outcome, repaired=False))
    repaired = outcome.pinning is not None and outcome.pinning == edge.written
    as_it_was = outcome.pinning is None  # the next look shows whether it can be read now
    edge = replace(
        _well_written(edge),
        written=outcome.pinning or edge.written,
        on_disk=outcome.pinning or edge.on_disk,
        digest=outcome.digest,
        document_problem=edge.document_problem if as_it_was else None,
        attributes_changed=not _goes_back(edge)
        and (edge.attributes_changed or outcome.attributes is not None),
    )
    return replace(state, edge=edge), _written(outcome, repaired=repaired)


def _written(outcome: DocumentWritten, *, repaired: bool) -> tuple[Event, ...]:
    return (*_said(outcome, repaired=repaired), *_given(outcome))


def _given(outcome: DocumentWritten) -> tuple[Event, ...]:
    if outcome.attributes is None:
        return ()
    text = (
        f"Owner, mode or access list of the pinning config are changed ({outcome.attributes}); "
        "`edgepind check` tells whether the Edge's user can read it; if this is not what you want, "
        "set edge.owner and edge.mode."
    )
    return (Event(EventName.ATTRIBUTES_CHANGED, Severity.WARNING, text),)


def _said(outcome: DocumentWritten, *, repaired: bool) -> tuple[Event, ...]:
    if not outcome.changed or outcome.pinning is None:
        return ()
    aside = f"; what was found is kept as {outcome.set_aside}" if outcome.set_aside else ""
    doubt = "" if outcome.durable else "; the disk did not confirm it: see to the disk"
    says = (
        f"enabled {str(outcome.pinning.enabled).lower()}, "
        f"{len(outcome.pinning.accepted)} accepted, current {outcome.pinning.current.short}"
    )
    if outcome.instead is not None:
        text = (
            "The prepared document that switches validation on is written in its place "
            f"({says}){aside}{doubt}; what was wanted is tried again."
        )
        return (Event(EventName.CONFIG_WRITTEN, Severity.NOTICE, text),)
    if repaired or outcome.set_aside:
        text = (
            f"The pinning config was changed by something else and is repaired ({says}){aside}"
            f"{doubt}; find out what changed it."
        )
        return (Event(EventName.CONFIG_REPAIRED, Severity.WARNING, text),)
    text = f"The pinning config is written ({says}){doubt}."
    return (Event(EventName.CONFIG_WRITTEN, Severity.NOTICE, text),)
