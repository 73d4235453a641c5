"""What is concluded about pins and the Edge from finding the document and the unit so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.adoption import adopt
from edgepind.core.pin_lifecycle import REFUSALS_KEPT
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.document import Pinning
from edgepind.model.enums import (
    EventName,
    Origin,
    PinKind,
    Role,
    Validator,
)
from edgepind.model.fingerprint import RefusedFingerprint
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRejected,
    DocumentUnreadable,
    EdgeUnit,
    NoUnit,
    Observations,
    Unit,
    UnitState,
    UnitUnknown,
)
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules, RestartRules
from edgepind.model.state import Debt, Edge, Owed, State
from tests.core.situations import (
    NOW,
    ON_A,
    ON_BA,
    A,
    B,
    C,
    document,
    found,
    pin,
    pinning,
    rules,
    state_of,
    tick,
)

CURRENT = pin("a", Role.CURRENT)
MINUTE = timedelta(minutes=1)


# --- what is concluded from the document --------------------------------------------------------


def pins_of(state: State) -> list[tuple[object, Role, Origin]]:
    """Which pins there are, in what parts, on whose word."""
    return [(it.fingerprint, it.role, it.origin) for it in state.pins]


def test_pins_of_a_document_that_was_never_written_here_are_an_operators() -> None:
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
    """What is known of its pins stays known; the others are let go, but for those that wait.

    Who let in what is not known is not known either: the current one alone is believed.
    """
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
        replace(pin("b", Role.CURRENT, Origin.DOCUMENT), vouched=True),
        replace(learned, role=Role.BACKUP),
        pin("x", Role.PENDING),
    )
    lost, _ = adopt(replace(State(), resumed_after_damage=True), found(document(ON_BA)))
    assert [(*it, p.vouched) for it, p in zip(pins_of(lost), lost.pins, strict=True)] == [
        (B, Role.CURRENT, Origin.DOCUMENT, True),
        (A, Role.BACKUP, Origin.DOCUMENT, False),
    ]
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
    failed = Edge(restart=Owed(Debt(NOW, failures=1)))
    assert loaded(document(ON_A), NoUnit(), Edge()).active is True
    assert loaded(document(ON_A), NoUnit(), failed).active is False
    for unit in (UnitUnknown("no D-Bus"), None):
        assert loaded(document(ON_A), unit, Edge(active=True, loaded=ON_BA)).loaded == ON_BA
    unlooked = state_of([CURRENT], Edge(active=True))
    assert adopt(unlooked, found(None, NoUnit())) == (unlooked, ())


def test_after_damage_it_is_not_known_what_an_edge_without_a_unit_has_loaded() -> None:
    """Not knowing owes a restart."""
    before = replace(state_of(edge=Edge(loaded=ON_A)), resumed_after_damage=True)
    assert adopt(before, found(document(ON_A), NoUnit()))[0].edge.loaded is None
