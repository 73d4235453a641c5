"""Single rules in situations that a scenario would take long to reach."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from edgepind.core.adoption import adopt
from edgepind.core.desired import rollback_target
from edgepind.core.operator import obey, refusal_to_remove
from edgepind.core.override import learn_not_removed
from edgepind.core.reasons import link_sentence
from edgepind.core.restart_verification import watch_restarted
from edgepind.core.restarts import pursue_restart, ready_ends
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH, fingerprint
from edgepind.model.action import OverrideNotRemoved
from edgepind.model.document import Pinning
from edgepind.model.enums import Finding, Origin, PinKind, Role
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    EdgeUnit,
    Health,
    Link,
    NoUnit,
    Observations,
    PinAdd,
    PinRemove,
    UnitUnknown,
)
from edgepind.model.pin import Pin
from edgepind.model.rules import Rules
from edgepind.model.state import ClockJudgement, Edge, Guard, RestartPhase, State

RULES = Rules(host="acme.test", earliest=EPOCH - timedelta(days=1))
A, B = fingerprint("a"), fingerprint("b")
ON_A = Pinning(True, A, (A,))  # noqa: FBT003 - `enabled`, the first of the owned keys


def tick(
    *,
    document: Document | None = None,
    unit: EdgeUnit | None = None,
    health: Health | None = None,
    link: Link | None = None,
) -> Tick:
    """One call of `decide` that saw just this, ten seconds after the last."""
    seen = Observations(rules=RULES, document=document, unit=unit, health=health, link=link)
    return Tick(seen, Moment(Monotonic(100.0), EPOCH), 10.0, ClockJudgement())


def state_of(roles: Iterable[tuple[str, Role]] = (), edge: Edge | None = None) -> State:
    """A state with these pins, the operator's own, and this Edge."""
    pins = tuple(
        Pin(fingerprint(name), PinKind.CERTIFICATE, role, Origin.OPERATOR, EPOCH)
        for name, role in roles
    )
    return replace(State(), pins=pins, edge=edge or Edge())


def document_of(pinning: Pinning) -> DocumentRead:
    """The document that says `pinning`."""
    return DocumentRead(pinning.enabled, pinning.current, pinning.accepted, "digest", EPOCH)


def test_a_unit_that_cannot_be_asked_about_changes_nothing_known() -> None:
    """What the Edge has loaded stays what it was while systemd does not answer."""
    before = state_of([("a", Role.CURRENT)], Edge(written=ON_A, loaded=ON_A, active=True))
    after, _ = adopt(before, tick(document=document_of(ON_A), unit=UnitUnknown("no D-Bus")))
    assert after.edge.loaded == ON_A
    assert after.edge.active is True


def test_after_damage_an_unseen_edge_has_loaded_nobody_knows_what() -> None:
    """Not knowing owes a restart; it is never guessed kindly."""
    before = replace(state_of(edge=Edge(loaded=ON_A)), resumed_after_damage=True)
    after, _ = adopt(before, tick(document=document_of(ON_A), unit=NoUnit()))
    assert after.edge.loaded is None


def test_an_unseen_edge_may_have_been_restarted_without_a_document() -> None:
    """A document that is gone may have been gone when the Edge started."""
    before = state_of([("a", Role.CURRENT)], Edge(written=ON_A, loaded=ON_A))
    after, _ = adopt(before, tick(document=DocumentMissing(), unit=NoUnit()))
    assert after.edge.loaded is None


def test_settling_neither_goes_on_nor_fails_while_systemd_is_silent() -> None:
    """What was served of `settle` stays served, and nothing is called a failure."""
    edge = Edge(
        written=ON_A,
        loaded=ON_A,
        phase=RestartPhase.SETTLING,
        settling_since=Monotonic(95.0),
        settled=4.0,
        seen_well=True,
    )
    watched = Moment(Monotonic(90.0), EPOCH)
    before = replace(state_of([("a", Role.CURRENT)], edge), last=watched)
    seen = tick(unit=UnitUnknown("no D-Bus"), health=Health(well=True))
    after, events = watch_restarted(before, seen)
    assert after.edge.settled == 4.0
    assert events == ()


def test_nothing_is_put_back_of_which_nothing_is_accepted_any_more() -> None:
    """A good document whose pins were all removed is no way back."""
    old = Pinning(True, B, (B,))  # noqa: FBT003 - `enabled`
    assert rollback_target(state_of([("a", Role.CURRENT)], Edge(good=old))) is None


def test_a_word_about_an_unknown_pin_says_so_and_takes_nothing_away() -> None:
    """`pin remove` of what is not there is refused; said all the same, it only keeps that out."""
    state = state_of([("a", Role.CURRENT)])
    assert "not in the pin set" in (refusal_to_remove(state, B) or "")
    assert obey(state, (PinRemove(B),), tick()) == (replace(state, removed=(B,)), ())


def test_a_word_said_twice_changes_nothing_the_second_time() -> None:
    """`pin add` of a pin that is there in that role, by the operator's word already."""
    state = state_of([("a", Role.CURRENT), ("b", Role.BACKUP)])
    assert obey(state, (PinAdd(B), PinAdd(A, Role.BACKUP)), tick()) == (state, ())


def test_an_override_file_that_stays_is_told_of_without_an_override_too() -> None:
    """A file that was over when it was first seen, and cannot be removed, is told of."""
    guard, events = learn_not_removed(Guard(), OverrideNotRemoved("unlink: read-only"))
    assert guard.override is None
    assert "unlink: read-only" in events[0].message


def test_a_name_that_does_not_resolve_is_named_first() -> None:
    """The sentence of `unreachable` begins with why there is no address."""
    seen = tick(link=Link((), "the name acme.test does not resolve"))
    assert "the name acme.test does not resolve" in link_sentence(Finding.UNREACHABLE, seen)


def test_a_debt_that_others_paid_is_paid() -> None:
    """An Edge that has loaded what is written owes no restart, whoever restarted it."""
    edge = Edge(
        written=ON_A, loaded=ON_A, phase=RestartPhase.OWED, owed_since=Monotonic(50.0), failures=1
    )
    before = state_of([("a", Role.CURRENT)], edge)
    after, actions, _ = pursue_restart(before, tick(unit=NoUnit()), alone=True)
    assert after.edge.phase is RestartPhase.IDLE
    assert after.edge.good == ON_A
    assert after.edge.failures == 0
    assert actions == ()


def test_what_is_not_owed_waits_for_nobody() -> None:
    """Without a debt there is no deadline for `ready_command`."""
    assert ready_ends(state_of(), tick()) is None
