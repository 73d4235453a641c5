"""What the document should say, and what follows from finding that it says something else."""

from dataclasses import replace

import pytest

from edgepind.core.desired import (
    amend_document,
    awaits_document,
    desired,
    learn_write,
    rollback_target,
    wanted,
)
from edgepind.model.action import DocumentWritten, RestoreDocument, WriteDocument, WriteFailed
from edgepind.model.enums import (
    EventName,
    PinKind,
    Posture,
    Role,
    Severity,
)
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
)
from edgepind.model.state import Edge, Guard, Restart, RolledBack, RollingBack, State
from tests.core.situations import (
    IN_EACH_PHASE,
    NOW,
    ON_A,
    ON_BA,
    A,
    B,
    document,
    found,
    pin,
    pinning,
    state_of,
    tick,
)

CURRENT = pin("a", Role.CURRENT)
BOTH = (pin("b", Role.CURRENT), pin("a"))


# --- what is wanted -----------------------------------------------------------------------------


def test_the_accepted_pins_are_wanted_and_the_posture_says_whether_they_count() -> None:
    """Current first; a pending one is not, and one that stands in both kinds stands once."""
    twin = replace(pin("a", Role.RETIRING), kind=PinKind.SPKI)
    state = state_of([pin("c", Role.PENDING), pin("a"), twin, pin("b", Role.CURRENT)])
    assert wanted(state) == ON_BA
    assert wanted(state_of([pin("c", Role.PENDING)])) is None
    for posture in Posture:
        enabled = posture not in {Posture.OPEN, Posture.OVERRIDE}
        it = wanted(replace(state, guard=Guard(posture)))
        assert it == replace(ON_BA, enabled=enabled)


def test_the_way_back_is_the_good_document_as_far_as_it_is_accepted() -> None:
    """Never one that is wanted anyway, and never one that lets go where pinning is enforced."""
    good = pinning("a", "c")
    assert rollback_target(state_of(BOTH, Edge(good=good))) == ON_A
    assert rollback_target(state_of(BOTH, Edge(good=ON_BA))) is None
    assert rollback_target(state_of(BOTH)) is None
    assert rollback_target(state_of([], Edge(good=ON_A))) is None
    assert rollback_target(state_of(BOTH, Edge(good=pinning("c")))) is None
    off = pinning("a", enabled=False)
    assert rollback_target(state_of(BOTH, Edge(good=off))) == ON_A
    opened = replace(state_of(BOTH, Edge(good=off)), guard=Guard(Posture.OPEN))
    assert rollback_target(opened) == off
    closed = replace(state_of(BOTH, Edge(good=ON_A)), guard=Guard(Posture.OPEN))
    assert rollback_target(closed) == ON_A


@pytest.mark.parametrize("restart", IN_EACH_PHASE)
def test_the_way_back_is_desired_while_it_is_gone(restart: Restart) -> None:
    """What is wanted, in every other phase or where there is none."""
    back = isinstance(restart, RollingBack | RolledBack)
    assert desired(state_of(BOTH, Edge(restart=restart, good=ON_A))) == (ON_A if back else ON_BA)
    assert desired(state_of(BOTH, Edge(restart=restart))) == ON_BA


# --- what is asked for --------------------------------------------------------------------------


def test_a_document_that_says_what_it_should_is_left_alone() -> None:
    """And whatever was the matter with writing it is over."""
    edge = Edge(write_failures=2, write_not_before=NOW, document_problem="no JSON")
    after, actions, events = amend_document(state_of(BOTH, edge), found(document(ON_BA)))
    assert after.edge == Edge(written=ON_BA, on_disk=ON_BA)
    assert (actions, events) == ((), ())


@pytest.mark.parametrize(
    "it",
    [
        document(ON_A),
        document(pinning("a", "b")),
        document(pinning("b", "a", enabled=False)),
        document(pinning("b", "a", "c")),
        replace(document(ON_BA), enabled=None),
        replace(document(ON_BA), current=None),
        replace(document(ON_BA), exact=False),
        replace(document(ON_BA), attributes_right=False),
    ],
)
def test_a_document_that_says_anything_else_is_written(it: DocumentRead) -> None:
    """Order, spelling, owner and mode included; and nothing counts as written by finding it."""
    after, actions, events = amend_document(state_of(BOTH), found(it))
    assert actions == (WriteDocument(ON_BA),)
    assert (replace(after.edge, on_disk=None), events) == (Edge(), ())


def test_before_the_first_pin_nothing_is_written() -> None:
    """A document that cannot be used is restored all the same, as it was."""
    assert amend_document(State(), found(document(ON_A)))[1] == ()
    assert amend_document(State(), found(None))[1] == ()
    assert amend_document(State(), found(DocumentMissing()))[1] == (RestoreDocument(None),)


def test_a_document_that_is_no_use_is_restored_and_told_once_a_problem() -> None:
    """One that cannot be read is left alone, and that is told too."""
    rejected = found(DocumentRejected("no JSON"))
    after, actions, (event,) = amend_document(state_of(BOTH, Edge(written=ON_A)), rejected)
    assert actions == (RestoreDocument(ON_BA),)
    assert after.edge.document_problem == "no JSON"
    assert (event.name, event.severity) == (EventName.CONFIG_REJECTED, Severity.ERR)
    assert "cannot be used: no JSON" in event.message
    assert amend_document(after, rejected)[2] == ()
    unreadable = found(DocumentUnreadable("EIO"))
    after, actions, (event,) = amend_document(after, unreadable)
    assert actions == ()
    assert after.edge.document_problem == "EIO"
    assert "cannot be read: EIO" in event.message
    missing = amend_document(after, found(DocumentMissing()))
    assert missing[0].edge.document_problem is None
    assert missing[1:] == ((RestoreDocument(ON_BA),), ())


def test_what_could_not_be_written_is_tried_again_when_its_time_has_come() -> None:
    """Not before; whether the document was looked at or not."""
    for it in (document(ON_A), DocumentMissing(), None):
        later = Edge(written=ON_A, write_not_before=Monotonic(NOW + 1))
        assert amend_document(state_of(BOTH, later), found(it))[1] == ()
        due = Edge(written=ON_A, write_not_before=NOW)
        assert len(amend_document(state_of(BOTH, due), found(it))[1]) == 1


def test_between_two_looks_only_what_is_not_written_is_written() -> None:
    """The state is left as it is."""
    stale = state_of(BOTH, Edge(written=ON_A))
    assert amend_document(stale, found(None)) == (stale, (WriteDocument(ON_BA),), ())
    fresh = state_of(BOTH, Edge(written=ON_BA))
    assert amend_document(fresh, found(None)) == (fresh, (), ())


# --- what became of it --------------------------------------------------------------------------


def test_a_write_that_failed_is_told_once_and_tried_ever_more_rarely() -> None:
    """Up to every quarter of an hour."""
    once, (event,) = learn_write(state_of(), WriteFailed("ENOSPC"), tick())
    soon, later = Monotonic(NOW + 60), Monotonic(NOW + 120)
    assert once.edge == Edge(write_failures=1, write_not_before=soon, write_error="ENOSPC")
    assert (event.name, event.severity) == (EventName.WRITE_FAILED, Severity.ERR)
    assert "could not be written: ENOSPC" in event.message
    twice, events = learn_write(once, WriteFailed("ENOSPC"), tick())
    assert twice.edge == Edge(write_failures=2, write_not_before=later, write_error="ENOSPC")
    assert events == ()
    often, _ = learn_write(state_of((), Edge(write_failures=9)), WriteFailed("x"), tick())
    assert often.edge.write_not_before == NOW + 900


TROUBLED = Edge(
    written=ON_A,
    write_failures=2,
    write_not_before=NOW,
    write_error="ENOSPC",
    document_problem="no JSON",
    digest="old",
)


def test_a_document_that_is_written_ends_the_trouble_and_is_told() -> None:
    """What it says now, and that nothing is to do."""
    after, (event,) = learn_write(state_of((), TROUBLED), DocumentWritten(ON_BA, "new"), tick())
    assert after.edge == Edge(written=ON_BA, on_disk=ON_BA, digest="new")
    assert (event.name, event.severity) == (EventName.CONFIG_WRITTEN, Severity.NOTICE)
    assert f"(enabled true, 2 accepted, current {B.short})" in event.message


def test_a_document_that_had_to_be_put_right_is_told_as_such() -> None:
    """Because it said what it should say once already, or because it was set aside."""
    again = DocumentWritten(ON_A, "new")
    _, (event,) = learn_write(state_of((), TROUBLED), again, tick())
    assert (event.name, event.severity) == (EventName.CONFIG_REPAIRED, Severity.WARNING)
    says = f"(enabled true, 1 accepted, current {A.short})"
    assert f"is repaired {says}; find out what changed it." in event.message
    aside = DocumentWritten(ON_BA, "new", set_aside="/etc/x.rejected")
    _, (event,) = learn_write(state_of((), TROUBLED), aside, tick())
    assert event.name is EventName.CONFIG_REPAIRED
    assert "; what was found is kept as /etc/x.rejected; find out" in event.message


def test_a_disk_that_did_not_confirm_is_told() -> None:
    """With both sentences."""
    for it, name in ((ON_A, EventName.CONFIG_REPAIRED), (ON_BA, EventName.CONFIG_WRITTEN)):
        outcome = DocumentWritten(it, "new", durable=False)
        _, (event,) = learn_write(state_of((), TROUBLED), outcome, tick())
        assert event.name is name
        assert "; the disk did not confirm it: see to the disk" in event.message
        _, (event,) = learn_write(state_of((), TROUBLED), replace(outcome, durable=True), tick())
        assert "the disk" not in event.message


def test_what_needed_no_change_is_not_told() -> None:
    """And the problem with the document is there until something was put into it."""
    same = DocumentWritten(ON_BA, "new", changed=False)
    after, events = learn_write(state_of((), TROUBLED), same, tick())
    assert (after.edge, events) == (Edge(written=ON_BA, on_disk=ON_BA, digest="new"), ())
    for changed in (True, False):
        as_it_was = DocumentWritten(None, "new", changed=changed)
        after, events = learn_write(state_of((), TROUBLED), as_it_was, tick())
        assert events == ()
        assert after.edge == Edge(written=ON_A, digest="new", document_problem="no JSON")


@pytest.mark.parametrize(
    "problem", [DocumentRejected("no JSON", restorable=False), DocumentUnreadable("EIO")]
)
def test_a_document_that_nobody_could_read_yet_is_awaited(problem: Document) -> None:
    """Until it was read, or edgepind wrote it; a state that was lost knows less than it says."""
    fresh, settled = state_of(BOTH), state_of(BOTH, Edge(written=ON_A))
    assert awaits_document(fresh, found(problem))
    assert awaits_document(replace(settled, resumed_after_damage=True), found(problem))
    assert not awaits_document(settled, found(problem))
    for it in (DocumentMissing(), document(ON_A)):
        assert not awaits_document(fresh, found(it))
    after, actions, _ = amend_document(fresh, found(problem))
    assert actions == ()
    assert awaits_document(after, found(None))
    assert amend_document(after, found(None))[1] == ()


def test_what_was_never_read_is_restored_as_it_was() -> None:
    """What it pins counts first; the pins that are known so far are not put into it."""
    seen = found(DocumentRejected("no JSON"))
    assert amend_document(state_of(BOTH), seen)[1] == (RestoreDocument(None),)


def test_the_closing_document_in_place_of_the_wanted_one_is_told_as_both() -> None:
    """What failed counts as failed, and is told once; what stands there is what stands there."""
    off = replace(ON_A, enabled=False)
    state = state_of((), Edge(written=off, loaded=off, may_be_off=True))
    outcome = DocumentWritten(ON_A, "new", set_aside="/etc/x.replaced", instead="the disk is full")
    after, (failed, closed) = learn_write(state, outcome, tick())
    assert (after.edge.written, after.edge.digest) == (ON_A, "new")
    assert after.edge.write_failures == 1
    assert after.edge.write_not_before is not None
    assert (failed.name, closed.name) == (EventName.WRITE_FAILED, EventName.CONFIG_WRITTEN)
    assert "the disk is full" in failed.message
    assert "/etc/x.replaced" in closed.message


# --- owner, mode and access list ----------------------------------------------------------------


def test_attributes_that_were_changed_are_told_and_remembered() -> None:
    """By an event of their own, also where the bytes stayed; a well Edge forgets it."""
    given = DocumentWritten(ON_A, "new", changed=False, attributes="root:root 0600, was ...")
    after, (event,) = learn_write(state_of((), Edge(written=ON_A)), given, tick())
    assert (event.name, event.severity) == (EventName.ATTRIBUTES_CHANGED, Severity.WARNING)
    assert "root:root 0600" in event.message
    assert after.edge.attributes_changed
    kept, _ = learn_write(after, DocumentWritten(ON_BA, "newer"), tick())
    assert kept.edge.attributes_changed


@pytest.mark.parametrize("restart", IN_EACH_PHASE)
def test_the_way_back_leads_over_attributes_as_well(restart: Restart) -> None:
    """Even where the pins are the same; put back, they are left so until the retry."""
    back = isinstance(restart, RollingBack | RolledBack)
    edge = Edge(good=ON_BA, written=ON_BA, restart=restart, attributes_changed=True)
    state = state_of(BOTH, edge)
    assert rollback_target(state) == ON_BA
    actions = amend_document(state, found(document(ON_BA)))[1]
    assert actions == ((WriteDocument(ON_BA, as_before=True),) if back else ())
    assert amend_document(state, found(None))[1] == actions
    after, _ = learn_write(state, DocumentWritten(ON_BA, "new"), tick())
    assert after.edge.attributes_changed is not back
    wrong = found(replace(document(ON_BA), attributes_right=False))
    again = amend_document(after, wrong)[1]
    assert again == (() if back else (WriteDocument(ON_BA),))
