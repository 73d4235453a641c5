"""Each invariant is reported where it is broken, and nowhere else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.invariants import violations
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf, link, spki
from edgepind.model.action import (
    Action,
    RemoveOverride,
    RestartEdge,
    RestoreDocument,
    WriteDocument,
)
from edgepind.model.bundle import Bundle, BundlePin, KeptSerial, SignedBundle
from edgepind.model.decision import Decision
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel, Origin, PinKind, Policy, Posture, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import (
    Observations,
    PinAdd,
    PinRemove,
    Status,
    StatusAnswer,
    StatusUnchanged,
    StatusUnreachable,
)
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules, RestartRules
from edgepind.model.state import BundleMemory, Edge, Guard, OverrideState, Owing, Restart, State
from tests.core.situations import IN_EACH_PHASE
from tests.support.sim_site import rules

NOW = Moment(Monotonic(10_000.0), EPOCH)
RULES = rules()
ANNOUNCING = StatusAnswer(Channel.PINNED, fingerprint("a"))
SEEN = Observations(RULES, link=link({"1": leaf("a"), "2": leaf("a")}))
CURRENT = Pin(
    fingerprint("a"),
    PinKind.CERTIFICATE,
    Role.CURRENT,
    Origin.OPERATOR,
    EPOCH,
    ever_live=True,
    proven=True,
)
BACKUP = Pin(fingerprint("b"), PinKind.CERTIFICATE, Role.BACKUP, Origin.OPERATOR, EPOCH)
STEADY = State(pins=(CURRENT,))
DOCUMENT = Pinning(enabled=True, current=CURRENT.fingerprint, accepted=(CURRENT.fingerprint,))
OVERRIDE = OverrideState(EPOCH, Monotonic(13_600.0), "calls are down", "ann")


def _broken(
    after: State, *actions: Action, before: State = STEADY, seen: Observations = SEEN
) -> tuple[str, ...]:
    """Tell what a decision that leads to `after` breaks."""
    return tuple(violations(before, seen, Decision(after, actions, (), 60.0), NOW))


def _with(*pins: Pin) -> State:
    return replace(STEADY, pins=pins)


def _under(policy: Policy) -> Observations:
    return replace(SEEN, rules=rules(PinRules(policy=policy)))


def _served(pin: Pin, origin: Origin, *, held: float = 900.0, sightings: int = 5) -> Pin:
    return replace(pin, origin=origin, held=held, sightings=sightings)


def test_a_removed_pin_is_none_whatever_its_role() -> None:
    """Nothing but `pin add` brings it back."""
    back = replace(_with(CURRENT, BACKUP), removed=(BACKUP.fingerprint,))
    assert _broken(back) == ("2: a pin is back that was removed",)
    assert _broken(replace(_with(CURRENT), removed=(BACKUP.fingerprint,))) == ()


# --- the whole check ----------------------------------------------------------------------------


def test_a_decision_that_changes_nothing_passes() -> None:
    """A good decision is let through, whatever it does within its rights."""
    actions = (WriteDocument(DOCUMENT), RestoreDocument(None), RemoveOverride())
    decision = Decision(STEADY, actions, (), 60.0)
    assert tuple(violations(STEADY, SEEN, decision, NOW)) == ()


def test_a_decision_before_the_first_pin_passes() -> None:
    """With no pin accepted there is no current one, and that breaks nothing."""
    assert _broken(State(), before=State()) == ()


def test_every_broken_promise_is_named() -> None:
    """One sentence for each."""
    after = replace(_with(BACKUP), guard=Guard(posture=Posture.OPEN))
    decision = Decision(after, (), (), 60.0)
    found = tuple(violations(_with(CURRENT, BACKUP), SEEN, decision, NOW))
    assert [sentence[0] for sentence in found] == ["1", "3", "3", "4"]


# --- 1: the allowlist and the roles -------------------------------------------------------------


@pytest.mark.parametrize("action", [WriteDocument, RestoreDocument])
def test_no_document_is_written_with_what_is_not_accepted(
    action: type[WriteDocument | RestoreDocument],
) -> None:
    """A pin that is pending, or none at all, does not reach the document."""
    accepted = (CURRENT.fingerprint, BACKUP.fingerprint)
    pinning = Pinning(enabled=True, current=CURRENT.fingerprint, accepted=accepted)
    both = _with(CURRENT, BACKUP)
    pending = _with(CURRENT, replace(BACKUP, role=Role.PENDING))
    assert _broken(both, action(pinning)) == ()
    for after in (STEADY, pending):
        [sentence] = _broken(after, action(pinning))
        assert sentence.startswith("1: a document is to be written")


def test_there_is_one_current_pin_where_any_is_accepted() -> None:
    """Neither none nor two of the accepted pins are current."""
    backup, current = replace(CURRENT, role=Role.BACKUP), replace(BACKUP, role=Role.CURRENT)
    assert _broken(_with(backup)) == ("1: there are 0 current pins among 1 accepted",)
    assert _broken(_with(CURRENT, current)) == ("1: there are 2 current pins among 2 accepted",)


def test_a_pin_stands_in_the_pin_set_once() -> None:
    """The same hash of the same kind is one pin; of the other kind it is another."""
    again = replace(CURRENT, role=Role.RETIRING)
    assert _broken(_with(CURRENT, again)) == ("1: a pin is twice in the pin set",)
    assert _broken(_with(CURRENT, replace(again, kind=PinKind.SPKI))) == ()


# --- 2 and 7: how a pin comes in ----------------------------------------------------------------


def test_one_announced_backup_waits_at_a_time() -> None:
    """A second announcement takes the place of the first, unless that has been live."""
    first = replace(BACKUP, origin=Origin.ANNOUNCED)
    second = replace(first, fingerprint=fingerprint("c"))
    heard = replace(SEEN, status=ANNOUNCING)
    [sentence] = _broken(_with(CURRENT, first, second), seen=heard)
    assert sentence == "2: more than one backup pin is announced"
    assert _broken(_with(CURRENT, replace(first, ever_live=True), second), seen=heard) == ()


@pytest.mark.parametrize(
    ("status", "heard"),
    [
        (None, False),
        (ANNOUNCING, True),
        (StatusUnchanged(Channel.PINNED), True),
        (replace(ANNOUNCING, channel=Channel.WITHOUT_STANDING), False),
        (StatusUnchanged(Channel.UNPINNED), False),
        (StatusUnreachable("timed out", Channel.PINNED), False),
    ],
)
def test_announcements_are_heard_over_a_channel_with_standing(
    status: Status | None,
    heard: bool,  # noqa: FBT001 - a case
) -> None:
    """A twin of what was announced before, in the other kind, is no announcement."""
    announced, seen = replace(BACKUP, origin=Origin.ANNOUNCED), replace(SEEN, status=status)
    broken = _broken(_with(CURRENT, announced), seen=seen)
    assert [it[:2] for it in broken] == ([] if heard else ["2:"])
    assert all("over a channel without standing" in it for it in broken)
    twin = replace(announced, fingerprint=fingerprint("c"), kind=PinKind.SPKI, ever_live=True)
    both = _with(CURRENT, announced, twin)
    assert _broken(both, before=_with(CURRENT, announced), seen=seen) == ()
    assert _broken(both, before=both, seen=seen) == ()


def test_a_bundle_speaks_for_its_pins() -> None:
    """A new one that comes with this tick, or the one in force, where a pin's time has come."""
    after = _with(CURRENT, replace(BACKUP, origin=Origin.BUNDLE))
    [sentence] = _broken(after)
    assert sentence == f"2: {BACKUP.fingerprint.short} was accepted, and no bundle names it"
    named = BundlePin(BACKUP.fingerprint, Role.BACKUP)
    seen = replace(SEEN, words=(_bundle(named),))
    assert _broken(after, seen=seen) == ()
    in_force = BundleMemory(accepted=KeptSerial(7, "a digest"))
    assert _broken(after, before=replace(STEADY, bundle=in_force), seen=seen) == (sentence,)
    waiting = replace(in_force, waiting=(replace(named, not_before=EPOCH),))
    assert _broken(after, before=replace(STEADY, bundle=waiting)) == ()


def _bundle(*pins: BundlePin, revoked: tuple[Fingerprint, ...] = ()) -> SignedBundle:
    ends = EPOCH + timedelta(days=1)
    bundle = Bundle("acme.test", PinKind.CERTIFICATE, pins, revoked, 7, EPOCH, ends)
    return SignedBundle(bundle, "a digest", "folder")


def test_a_bundle_removes_what_it_revokes_and_not_the_last_pin() -> None:
    """Nothing else does, whatever an operator or a bundle says."""
    before, after = _with(CURRENT, BACKUP), _with(replace(BACKUP, role=Role.CURRENT))
    revoking = replace(SEEN, words=(_bundle(revoked=(CURRENT.fingerprint,)),))
    assert _broken(after, before=before, seen=revoking) == ()
    assert _broken(after, before=before) != ()
    last = replace(SEEN, words=(PinRemove(CURRENT.fingerprint),))
    assert "1: no accepted pin is left" in _broken(_with(), before=STEADY, seen=last)


def test_a_document_speaks_for_pins_whose_state_was_lost() -> None:
    """While a state is there, nothing is taken from the document."""
    after = _with(CURRENT, replace(BACKUP, origin=Origin.DOCUMENT))
    [sentence] = _broken(after)
    assert sentence == f"2: {BACKUP.fingerprint.short} came from the document without a lost state"
    assert _broken(after, before=replace(STEADY, resumed_after_damage=True)) == ()


def test_strict_accepts_nothing_unannounced() -> None:
    """Under policy strict no hold-down is long enough."""
    after = _with(CURRENT, _served(BACKUP, Origin.OBSERVED))
    assert _broken(after) == ()
    [sentence] = _broken(after, seen=_under(Policy.STRICT))
    assert sentence.startswith("7: ")
    assert BACKUP.fingerprint.short in sentence


def test_a_first_pin_is_adopted_only_where_there_is_none() -> None:
    """What bootstrap lets in has no other pin beside it that was there before."""
    [sentence] = _broken(_with(CURRENT, replace(BACKUP, origin=Origin.BOOTSTRAP)))
    assert sentence.startswith("2: ")
    assert "as the first pin beside others" in sentence
    assert _broken(_with(replace(CURRENT, origin=Origin.BOOTSTRAP)), before=State()) == ()


def test_no_announcement_brings_a_retired_pin_back() -> None:
    """Only `pin add` does."""
    before = replace(STEADY, retired=(BACKUP.fingerprint,))
    announced = _with(CURRENT, replace(BACKUP, origin=Origin.ANNOUNCED))
    heard = replace(SEEN, status=ANNOUNCING)
    [sentence] = _broken(announced, before=before, seen=heard)
    assert sentence.startswith("2: ")
    assert "came back by announcement" in sentence
    assert _broken(announced, seen=heard) == ()
    assert _broken(_with(CURRENT, BACKUP), before=before) == ()


@pytest.mark.parametrize(
    ("origin", "policy", "least"),
    [
        (Origin.OBSERVED, Policy.BALANCED, 900.0),
        (Origin.OBSERVED, Policy.AVAILABLE, 90.0),
        (Origin.EXCEPTION, Policy.AVAILABLE, 900.0),
        (Origin.EXCEPTION, Policy.STRICT, 900.0),
    ],
)
def test_a_hold_down_is_served_in_full(origin: Origin, policy: Policy, least: float) -> None:
    """By age, which policy available shortens for what is unannounced, and by sightings."""
    seen = _under(policy)
    assert _broken(_with(CURRENT, _served(BACKUP, origin, held=least)), seen=seen) == ()
    [early] = _broken(_with(CURRENT, _served(BACKUP, origin, held=least - 1.0)), seen=seen)
    assert early.startswith("2: ")
    assert "before its hold-down was served" in early
    [rare] = _broken(_with(CURRENT, _served(BACKUP, origin, sightings=4)), seen=seen)
    assert rare.startswith("2: ")
    assert "with too few sightings" in rare


def test_a_pin_in_the_other_kind_serves_no_hold_down_of_its_own() -> None:
    """Where the settings ask for the other kind, a live pin is written anew in it, by its twin."""
    seen = replace(SEEN, rules=rules(PinRules(kind=PinKind.SPKI)))
    old = _served(CURRENT, Origin.OBSERVED)
    twin = replace(old, fingerprint=spki("a"), kind=PinKind.SPKI, role=Role.BACKUP, held=0.0)
    assert _broken(_with(old, twin), before=_with(old), seen=seen) == ()
    without = replace(old, origin=Origin.OPERATOR)
    [sentence] = _broken(_with(without, twin), before=_with(without), seen=seen)
    assert sentence.startswith("2: ")
    [unseen] = _broken(_with(old, twin), before=_with(old), seen=replace(seen, link=None))
    assert unseen.startswith("2: ")
    stranger = replace(BACKUP, origin=Origin.OBSERVED, sightings=5)
    [other] = _broken(_with(old, twin, stranger), before=_with(old), seen=seen)
    assert other.startswith(f"2: {BACKUP.fingerprint.short} was accepted before its hold-down")


def test_two_pins_that_come_from_nothing_are_no_twins() -> None:
    """A pin is written anew only beside one that was accepted before."""
    seen = replace(SEEN, rules=rules(PinRules(kind=PinKind.SPKI)))
    first = replace(_served(CURRENT, Origin.OBSERVED), held=0.0)
    second = replace(first, fingerprint=spki("a"), kind=PinKind.SPKI, role=Role.BACKUP)
    broken = _broken(_with(first, second), before=State(), seen=seen)
    assert [sentence[:2] for sentence in broken] == ["2:", "2:"]


# --- 3: how a pin goes --------------------------------------------------------------------------


def test_what_is_live_is_not_removed() -> None:
    """A pin that an address serves stays, however well another is proven."""
    seen = replace(SEEN, link=link({"1": leaf("a"), "2": leaf("b")}))
    [sentence] = _broken(STEADY, before=_with(CURRENT, BACKUP), seen=seen)
    assert sentence.startswith("3: ")
    assert sentence.endswith("is live and was removed")


def test_nothing_is_removed_before_another_pin_is_proven() -> None:
    """The pin that stays was live after the Edge loaded it, and is live now."""
    before = _with(CURRENT, BACKUP)
    assert _broken(STEADY, before=before) == ()
    unproven = _with(replace(CURRENT, proven=False))
    for after, seen in ((unproven, SEEN), (STEADY, replace(SEEN, link=None))):
        [sentence] = _broken(after, before=before, seen=seen)
        assert sentence.startswith("3: ")
        assert "before another pin was proven" in sentence


def test_an_announcement_that_was_never_live_may_be_replaced() -> None:
    """It gives way to another before any pin is proven; one that was live does not."""
    before = _with(CURRENT, replace(BACKUP, origin=Origin.ANNOUNCED))
    after = _with(replace(CURRENT, proven=False))
    assert _broken(after, before=before) == ()
    lived = _with(CURRENT, replace(BACKUP, origin=Origin.ANNOUNCED, ever_live=True))
    [sentence] = _broken(after, before=lived)
    assert sentence.startswith("3: ")


def test_the_operator_may_remove_what_the_rules_would_keep() -> None:
    """`pin remove` may; a command for another fingerprint is no excuse."""
    before, after = _with(CURRENT, BACKUP), _with(replace(CURRENT, proven=False))
    named = replace(SEEN, words=(PinRemove(BACKUP.fingerprint),))
    assert _broken(after, before=before, seen=named) == ()
    other = replace(SEEN, words=(PinAdd(BACKUP.fingerprint), PinRemove(fingerprint("c"))))
    assert len(_broken(after, before=before, seen=other)) == 1


def test_after_damage_the_document_takes_the_place_of_the_pin_set() -> None:
    """Pins of an older state may go at once."""
    before = replace(_with(CURRENT, BACKUP), resumed_after_damage=True)
    assert _broken(_with(replace(CURRENT, proven=False)), before=before) == ()


# --- 4: validation off --------------------------------------------------------------------------


@pytest.mark.parametrize("posture", [Posture.ENFORCING, Posture.GRACE, Posture.EXHAUSTED])
def test_validation_stays_on_in_a_posture_that_enforces(posture: Posture) -> None:
    """No document with `enabled: false` is written in one."""
    after = replace(STEADY, guard=Guard(posture=posture))
    [sentence] = _broken(after, WriteDocument(replace(DOCUMENT, enabled=False)))
    assert sentence.startswith("4: ")
    assert sentence.endswith(f"in posture {posture}")
    assert _broken(after, WriteDocument(DOCUMENT)) == ()


@pytest.mark.parametrize(
    ("guard", "without"),
    [
        (Guard(posture=Posture.OPEN, open_ends=Monotonic(10_001.0)), "the Edge is open"),
        (Guard(posture=Posture.OVERRIDE, override=OVERRIDE), "an override is in force"),
    ],
)
def test_validation_is_off_with_a_deadline_only(guard: Guard, without: str) -> None:
    """Being open, and an override, each say when they end."""
    off = WriteDocument(replace(DOCUMENT, enabled=False))
    assert _broken(replace(STEADY, guard=guard), off) == ()
    endless = replace(guard, open_ends=None, override=None)
    assert _broken(replace(STEADY, guard=endless), off) == (f"4: {without} without a deadline",)


LOADED_OFF = Edge(loaded=replace(DOCUMENT, enabled=False))


@pytest.mark.parametrize("posture", [Posture.ENFORCING, Posture.GRACE, Posture.EXHAUSTED])
@pytest.mark.parametrize("restart", [it for it in IN_EACH_PHASE if not isinstance(it, Owing)])
def test_an_edge_that_has_validation_off_is_owed_its_end(
    posture: Posture, restart: Restart
) -> None:
    """By what it has loaded: a restart, or the document with which it is to be restarted."""
    after = replace(STEADY, edge=replace(LOADED_OFF, restart=restart), guard=Guard(posture=posture))
    sentence = f"4: the Edge has validation off in posture {posture}, and is owed no restart"
    assert _broken(after) == (sentence,)
    assert _broken(after, RemoveOverride()) == (sentence,)
    assert _broken(after, WriteDocument(DOCUMENT)) == ()
    for edge in (
        *(replace(after.edge, restart=it) for it in IN_EACH_PHASE if isinstance(it, Owing)),
        replace(after.edge, write_failures=1),
        replace(after.edge, document_problem="no JSON"),
        replace(after.edge, loaded=DOCUMENT),
        replace(after.edge, loaded=None),
    ):
        assert _broken(replace(after, edge=edge)) == ()
    no_pin = replace(after, pins=())
    assert _broken(no_pin, before=no_pin) == ()


@pytest.mark.parametrize("posture", [Posture.OPEN, Posture.OVERRIDE])
def test_an_edge_may_have_validation_off_where_that_is_meant(posture: Posture) -> None:
    """While it is open, and during an override."""
    ends = Monotonic(10_001.0)
    guard = Guard(posture=posture, open_ends=ends, override=OVERRIDE)
    assert _broken(replace(STEADY, edge=LOADED_OFF, guard=guard)) == ()


# --- 5: restarts --------------------------------------------------------------------------------


def test_restarts_stay_within_the_budget() -> None:
    """What is counted is what lies in the window, and only where another is asked for."""
    restart = RestartEdge(DOCUMENT, forced=False)
    seen = replace(SEEN, rules=rules(restart=RestartRules(budget=2, window=3600.0)))
    recent = (Monotonic(9_000.0), Monotonic(9_500.0), Monotonic(10_000.0))
    spent = replace(STEADY, edge=Edge(restarts=recent))
    assert _broken(spent, restart, seen=seen) == (
        "5: 3 restarts in the window, where 2 are allowed",
    )
    assert _broken(spent, seen=seen) == ()
    older = replace(STEADY, edge=Edge(restarts=(Monotonic(1.0), *recent[1:])))
    assert _broken(older, restart, seen=seen) == ()
