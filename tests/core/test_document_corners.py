"""What the document says and should say, and what follows from finding it and the unit so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.adopting import adopt
from edgepind.core.desired import amend_document, desired, learn_write, rollback_target, wanted
from edgepind.core.sighting import REFUSALS_KEPT
from edgepind.core.tick import Tick
from edgepind.lab.imagined import EPOCH
from edgepind.model.action import RestoreDocument, WriteDocument
from edgepind.model.document import Pinning
from edgepind.model.fingerprint import RefusedFingerprint
from edgepind.model.moment import Monotonic
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    DocumentUnreadable,
    EdgeUnit,
    NoUnit,
    Observations,
    Unit,
    UnitState,
    UnitUnknown,
)
from edgepind.model.outcome import DocumentWritten, WriteFailed
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules, RestartRules
from edgepind.model.state import Edge, Guard, RestartPhase, State
from edgepind.model.words import (
    EventName,
    Origin,
    PinKind,
    Posture,
    Role,
    Severity,
    Validator,
)
from tests.core.situations import (
    NOW,
    RULES,
    A,
    B,
    C,
    document,
    pin,
    pinning,
    rules,
    state_of,
    tick,
)

ON_A, ON_BA = pinning("a"), pinning("b", "a")
CURRENT = pin("a", Role.CURRENT)
BOTH = (pin("b", Role.CURRENT), pin("a"))
MINUTE = timedelta(minutes=1)


def found(it: Document | None, unit: EdgeUnit | None = None) -> Tick:
    """A tick that found this document and this unit."""
    return tick(Observations(RULES, document=it, unit=unit))


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
    let_go = pinning("a", enabled=False)
    assert rollback_target(state_of(BOTH, Edge(good=let_go))) == ON_A
    opened = replace(state_of(BOTH, Edge(good=let_go)), guard=Guard(Posture.OPEN))
    assert rollback_target(opened) == let_go
    closed = replace(state_of(BOTH, Edge(good=ON_A)), guard=Guard(Posture.OPEN))
    assert rollback_target(closed) == ON_A


@pytest.mark.parametrize("phase", RestartPhase)
def test_the_way_back_is_desired_while_it_is_gone(phase: RestartPhase) -> None:
    """What is wanted, in every other phase or where there is none."""
    back = phase in {RestartPhase.ROLLING_BACK, RestartPhase.ROLLED_BACK}
    assert desired(state_of(BOTH, Edge(phase=phase, good=ON_A))) == (ON_A if back else ON_BA)
    assert desired(state_of(BOTH, Edge(phase=phase))) == ON_BA


# --- what is asked for --------------------------------------------------------------------------


def test_a_document_that_says_what_it_should_is_left_alone() -> None:
    """And whatever was the matter with writing it is over."""
    edge = Edge(write_failures=2, write_not_before=NOW, document_problem="no JSON")
    after, actions, events = amend_document(state_of(BOTH, edge), found(document(ON_BA)))
    assert after.edge == Edge(written=ON_BA)
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
    assert (after.edge, events) == (Edge(), ())


def test_before_the_first_pin_nothing_is_written() -> None:
    """A document that cannot be used is restored all the same, as it was."""
    assert amend_document(State(), found(document(ON_A)))[1] == ()
    assert amend_document(State(), found(None))[1] == ()
    assert amend_document(State(), found(DocumentMissing()))[1] == (RestoreDocument(None),)


def test_a_document_that_is_no_use_is_restored_and_told_once_a_problem() -> None:
    """One that cannot be read is left alone, and that is told too."""
    rejected = found(DocumentRejected("no JSON"))
    after, actions, (event,) = amend_document(state_of(BOTH), rejected)
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
    assert once.edge == Edge(write_failures=1, write_not_before=Monotonic(NOW + 60))
    assert (event.name, event.severity) == (EventName.WRITE_FAILED, Severity.ERR)
    assert "could not be written: ENOSPC" in event.message
    twice, events = learn_write(once, WriteFailed("ENOSPC"), tick())
    assert twice.edge == Edge(write_failures=2, write_not_before=Monotonic(NOW + 120))
    assert events == ()
    often, _ = learn_write(state_of((), Edge(write_failures=9)), WriteFailed("x"), tick())
    assert often.edge.write_not_before == NOW + 900


TROUBLED = Edge(
    written=ON_A, write_failures=2, write_not_before=NOW, document_problem="no JSON", digest="old"
)


def test_a_document_that_is_written_ends_the_trouble_and_is_told() -> None:
    """What it says now, and that nothing is to do."""
    after, (event,) = learn_write(state_of((), TROUBLED), DocumentWritten(ON_BA, "new"), tick())
    assert after.edge == Edge(written=ON_BA, digest="new")
    assert (event.name, event.severity) == (EventName.CONFIG_WRITTEN, Severity.NOTICE)
    assert f"(enabled true, 2 accepted, current {B.short}); nothing to do" in event.message


def test_a_document_that_had_to_be_put_right_is_told_as_such() -> None:
    """Because it said what it should say once already, or because it was set aside."""
    again = DocumentWritten(ON_A, "new")
    _, (event,) = learn_write(state_of((), TROUBLED), again, tick())
    assert (event.name, event.severity) == (EventName.CONFIG_REPAIRED, Severity.WARNING)
    says = f"(enabled true, 1 accepted, current {A.short})"
    assert f"is put right {says}; find out what changed it." in event.message
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
    """And where nothing was done at all, the problem with the document is still there."""
    same = DocumentWritten(ON_BA, "new", changed=False)
    after, events = learn_write(state_of((), TROUBLED), same, tick())
    assert (after.edge, events) == (Edge(written=ON_BA, digest="new"), ())
    nothing = DocumentWritten(None, "new", changed=False)
    after, events = learn_write(state_of((), TROUBLED), nothing, tick())
    assert events == ()
    assert after.edge == Edge(written=ON_A, digest="new", document_problem="no JSON")
    as_it_was = DocumentWritten(None, "new")
    after, events = learn_write(state_of((), TROUBLED), as_it_was, tick())
    assert (after.edge, events) == (Edge(written=ON_A, digest="new"), ())


# --- what is concluded from the document --------------------------------------------------------


def pins_of(state: State) -> list[tuple[object, Role, Origin]]:
    """Which pins there are, in what parts, on whose word."""
    return [(it.fingerprint, it.role, it.origin) for it in state.pins]


def test_a_document_that_was_never_written_here_is_the_operators_word() -> None:
    """What it calls current comes first; each pin once; in the kind of the settings."""
    it = replace(document(ON_BA), current=A)
    after, events = adopt(State(), found(it))
    assert pins_of(after) == [
        (A, Role.CURRENT, Origin.OPERATOR),
        (B, Role.BACKUP, Origin.OPERATOR),
    ]
    assert [(p.kind, p.since) for p in after.pins] == [(PinKind.CERTIFICATE, EPOCH)] * 2
    assert events == ()
    assert after.edge.digest == "digest"
    unnamed, _ = adopt(State(), found(replace(it, current=None)))
    assert [p.fingerprint for p in unnamed.pins] == [B, A]
    keys = Observations(rules(PinRules(kind=PinKind.SPKI)), document=it)
    assert {p.kind for p in adopt(State(), tick(keys))[0].pins} == {PinKind.SPKI}


def test_a_document_that_was_written_here_adds_no_pin() -> None:
    """Nor one that is found where there are pins already; but its digest is known."""
    for state in (state_of([CURRENT]), state_of((), Edge(written=ON_A))):
        after, _ = adopt(state, found(document(pinning("c", "b"))))
        assert after.pins == state.pins
        assert after.edge.digest == "digest"
    waiting = pin("c", Role.PENDING)
    after, _ = adopt(state_of([waiting]), found(document(ON_A)))
    assert pins_of(after) == [
        (A, Role.CURRENT, Origin.OPERATOR),
        (C, Role.PENDING, Origin.OPERATOR),
    ]


def test_after_damage_the_document_is_the_better_memory() -> None:
    """What is known of its pins stays known; the others are let go, but for those that wait."""
    learned = replace(pin("a", Role.CURRENT, Origin.BOOTSTRAP), proven=True)
    stored: tuple[Pin, ...] = (
        learned,
        pin("c", Role.RETIRING),
        pin("x", Role.PENDING),
        pin("b", Role.PENDING),
    )
    before = replace(state_of(stored, Edge(written=ON_A)), resumed_after_damage=True)
    after, _ = adopt(before, found(document(ON_BA)))
    assert not after.resumed_after_damage
    assert after.pins == (
        pin("b", Role.CURRENT),
        replace(learned, role=Role.BACKUP),
        pin("x", Role.PENDING),
    )
    fading = replace(state_of([learned, pin("b", Role.RETIRING)]), resumed_after_damage=True)
    assert [p.role for p in adopt(fading, found(document(pinning("a", "b"))))[0].pins] == [
        Role.CURRENT,
        Role.RETIRING,
    ]
    empty = replace(document(ON_A), current=None, accepted=())
    kept, _ = adopt(before, found(empty))
    assert (kept.pins, kept.resumed_after_damage) == (stored, False)
    for other in (DocumentMissing(), DocumentRejected("no JSON")):
        assert adopt(before, found(other))[0].resumed_after_damage


def test_what_stands_in_the_place_of_a_pin_and_is_none_is_told_once() -> None:
    """By its text; only so many texts are remembered."""
    weak = tuple(RefusedFingerprint(text, "it is SHA-1") for text in ("one", "two", "one"))
    it = replace(document(ON_A), refused=weak)
    after, events = adopt(State(), found(it))
    assert ["'one'" in events[0].message, "'two'" in events[1].message] == [True, True]
    assert [e.name for e in events] == [EventName.PIN_REFUSED] * 2
    assert after.refusals_text_told == ("one", "two")
    again = replace(State(), refusals_text_told=("one",))
    after, (event,) = adopt(again, found(it))
    assert "Fingerprint 'two' is refused as a pin: it is SHA-1" in event.message
    many = tuple(f"text {n}" for n in range(REFUSALS_KEPT))
    after, _ = adopt(replace(State(), refusals_text_told=many), found(it))
    assert after.refusals_text_told == (*many[2:], "one", "two")
    nothing = replace(it, current=None, accepted=())
    assert len(adopt(State(), found(nothing))[1]) == 2


# --- what is concluded from the unit ------------------------------------------------------------


def loaded(it: Document, unit: EdgeUnit | None, edge: Edge | None = None) -> Edge:
    """What is known of the Edge after these were found."""
    return adopt(state_of([CURRENT], edge or Edge(written=ON_A)), found(it, unit))[0].edge


def test_an_edge_that_another_hand_started_has_loaded_the_document_if_that_is_older() -> None:
    """Not knowing is not guessed kindly: neither is a start that is still to come."""
    old = document(ON_BA, EPOCH - 2 * MINUTE)
    start = EPOCH - MINUTE
    for modified, started, expected in (
        (start - MINUTE, start, ON_BA),
        (start, start, ON_BA),
        (start + MINUTE / 60, start, None),
        (start, EPOCH, ON_BA),
        (start, EPOCH + MINUTE, None),
        (start, None, None),
    ):
        unit = Unit(UnitState.ACTIVE, "run 1", started)
        after = loaded(document(ON_BA, modified), unit)
        assert (after.loaded, after.invocation, after.active) == (expected, "run 1", True)
    for it in (DocumentMissing(), DocumentRejected("no JSON"), DocumentUnreadable("EIO")):
        assert loaded(it, Unit(UnitState.ACTIVE, "run 1", start), Edge(loaded=ON_A)).loaded is None
    known = Edge(loaded=ON_A, invocation="run 1")
    assert loaded(old, Unit(UnitState.ACTIVE, "run 1", start), known).loaded == ON_A
    down = loaded(old, Unit(UnitState.FAILED, "run 2", start), known)
    assert (down.loaded, down.invocation, down.active) == (ON_A, "run 1", False)


def test_what_an_edge_reads_of_a_document_without_a_current_pin() -> None:
    """All of the rest, unless `fingerprint` is all that it reads; and nothing of no pins."""
    unit = Unit(UnitState.ACTIVE, "run 1", EPOCH)
    unnamed = replace(document(pinning("a", "b"), EPOCH - MINUTE), current=None)
    assert loaded(unnamed, unit).loaded == pinning("a", "b")
    single = rules(restart=RestartRules(validator=Validator.SINGLE))
    for it, expected in ((unnamed, None), (document(ON_A, EPOCH - MINUTE), ON_A)):
        seen = tick(Observations(single, document=it, unit=unit))
        assert adopt(state_of([CURRENT]), seen)[0].edge.loaded == expected
    empty = replace(unnamed, accepted=())
    assert loaded(empty, unit).loaded is None
    for enabled in (None, False):
        read = replace(document(ON_A, EPOCH - MINUTE), enabled=enabled)
        assert loaded(read, unit).loaded == pinning("a", enabled=False)


@pytest.mark.parametrize(
    ("it", "edge", "expected"),
    [
        (document(ON_A), Edge(), ON_A),
        (document(ON_A), Edge(loaded=ON_BA), ON_BA),
        (document(ON_A), Edge(written=ON_A, loaded=ON_BA), ON_BA),
        (document(ON_BA), Edge(written=ON_A, loaded=ON_A), None),
        (document(pinning("b", "a")), Edge(written=pinning("a", "b"), loaded=ON_A), ON_A),
        (DocumentMissing(), Edge(written=ON_A, loaded=ON_A), None),
    ],
)
def test_what_an_edge_without_a_unit_has_loaded(
    it: Document, edge: Edge, expected: Pinning | None
) -> None:
    """Whoever replaced the document may have restarted the Edge with it."""
    assert loaded(it, NoUnit(), edge).loaded == expected


def test_an_edge_without_a_unit_is_up_unless_its_last_restart_failed() -> None:
    """A unit that cannot be asked about changes nothing, and neither does one not asked about."""
    assert loaded(document(ON_A), NoUnit(), Edge()).active is True
    assert loaded(document(ON_A), NoUnit(), Edge(failures=1)).active is False
    for unit in (UnitUnknown("no D-Bus"), None):
        assert loaded(document(ON_A), unit, Edge(active=True, loaded=ON_BA)).loaded == ON_BA
    unlooked = state_of([CURRENT], Edge(active=True))
    assert adopt(unlooked, found(None, NoUnit())) == (unlooked, ())
