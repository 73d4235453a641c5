"""The operator's word on pins, and on the override, in every situation that makes a difference."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edgepind.core.operator import demote_current, obey, refusal_to_remove
from edgepind.core.override import in_force, learn_not_removed, note_override, removal
from edgepind.core.pin_lifecycle import REMOVED_KEPT
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.action import OverrideNotRemoved, RemoveOverride
from edgepind.model.enums import EventName, Finding, Origin, PinKind, Role, Severity
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    Observations,
    OverrideFile,
    OverrideRejected,
    PinAdd,
    PinRemove,
)
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import AddressVerdict, Guard, OverrideState, State
from tests.core.situations import NOW, RULES, A, B, C, pin, rules, state_of, tick

HOUR = timedelta(hours=1)
CURRENT = replace(pin("a", Role.CURRENT), ever_live=True)
BACKUP = replace(pin("b"), ever_live=True)
LATER = EPOCH + HOUR


def at_addresses(state: State, *served: tuple[Fingerprint | None, Finding]) -> State:
    """The state in which the last tick found this at the addresses."""
    verdicts = tuple(
        AddressVerdict(str(n), finding, value) for n, (value, finding) in enumerate(served)
    )
    return replace(state, addresses=verdicts)


def roles(state: State) -> dict[Fingerprint, Role]:
    """Which pin plays which part."""
    return {it.fingerprint: it.role for it in state.pins}


# --- what was removed ---------------------------------------------------------------------------


def test_what_is_removed_is_known_by_its_last_removal_and_forgotten_when_added() -> None:
    """Once each, the newest last; also one that is no pin any more when the word is heard."""
    state = state_of([CURRENT, BACKUP])
    after, _ = obey(state, (PinRemove(B), PinRemove(C), PinRemove(B)), tick())
    assert after.removed == (C, B)
    assert after.retired == ()
    after, _ = obey(after, (PinAdd(B),), tick())
    assert after.removed == (C,)
    assert roles(after)[B] is Role.BACKUP


def test_a_removal_that_is_refused_bars_nothing() -> None:
    """The only pin stays a pin."""
    after, _ = obey(state_of([CURRENT]), (PinRemove(A),), tick())
    assert after.removed == ()


def test_a_removed_fingerprint_is_refused_aloud_though_it_was_refused_before() -> None:
    """The reason is another one by now; what else was told is not told again."""
    state = replace(state_of([CURRENT, BACKUP]), refusals_told=(B, C))
    after, _ = obey(state, (PinRemove(B),), tick())
    assert after.refusals_told == (C,)


def test_only_so_many_removed_ones_are_remembered() -> None:
    """The newest of them."""
    many = [Fingerprint(bytes([number]) * 32) for number in range(REMOVED_KEPT + 2)]
    after, _ = obey(state_of([CURRENT]), tuple(map(PinRemove, many)), tick())
    assert after.removed == tuple(many[2:])


# --- pin remove ---------------------------------------------------------------------------------


def test_the_only_accepted_pin_is_not_removed_and_a_pending_one_always_is() -> None:
    """Without an accepted pin the Edge would be locked out; one that waits is needed by nobody."""
    state = state_of([CURRENT, pin("c", Role.PENDING)])
    assert "the only accepted pin, and without one" in (refusal_to_remove(state, A) or "")
    assert refusal_to_remove(state, C) is None
    after, (event,) = obey(state, (PinRemove(A),), tick())
    assert after == state
    assert (event.name, event.fingerprint) == (EventName.PIN_REFUSED, A)
    gone, (event,) = obey(state, (PinRemove(C),), tick())
    assert roles(gone) == {A: Role.CURRENT}
    assert gone.removed == (C,)
    assert gone.retired == ()
    assert (event.name, event.fingerprint) == (EventName.PIN_RETIRED, C)


def test_the_only_pin_that_the_cloud_serves_is_not_removed() -> None:
    """Unless another that is served is accepted; what did not answer serves nothing."""
    both = state_of([CURRENT, BACKUP])
    served = (A, Finding.PINNED)
    refused = "that the cloud serves"
    assert refused in (refusal_to_remove(at_addresses(both, served), A) or "")
    silent = at_addresses(both, served, (B, Finding.UNREACHABLE), (None, Finding.PINNED))
    assert refused in (refusal_to_remove(silent, A) or "")
    assert refusal_to_remove(at_addresses(both, served, (B, Finding.PINNED)), A) is None
    assert refusal_to_remove(at_addresses(both, served), B) is None
    assert refusal_to_remove(both, A) is None


def test_the_only_pin_that_was_ever_live_is_not_removed() -> None:
    """A pin that nobody has seen is no proof that the cloud will serve it."""
    untried = state_of([CURRENT, replace(BACKUP, ever_live=False)])
    assert "ever seen live" in (refusal_to_remove(untried, A) or "")
    assert refusal_to_remove(untried, B) is None
    assert refusal_to_remove(state_of([CURRENT, BACKUP]), A) is None


def test_a_removed_pin_is_gone_and_the_likeliest_of_the_others_is_current() -> None:
    """What is served comes before what was live once, and that before the rest."""
    others = [pin("b"), replace(pin("c"), ever_live=True)]
    state = state_of([CURRENT, *others])
    once, events = obey(state, (PinRemove(A),), tick())
    assert roles(once) == {B: Role.BACKUP, C: Role.CURRENT}
    assert (once.removed, once.retired) == ((A,), ())
    assert [it.name for it in events] == [EventName.PIN_RETIRED, EventName.PIN_ACTIVATED]
    assert [it.fingerprint for it in events] == [A, C]
    served = at_addresses(state, (A, Finding.PINNED), (B, Finding.PINNED))
    assert roles(obey(served, (PinRemove(A),), tick())[0]) == {B: Role.CURRENT, C: Role.BACKUP}
    after, events = obey(state, (PinRemove(B), PinRemove(C)), tick())
    assert roles(after) == {A: Role.CURRENT}
    assert (after.removed, after.retired) == ((B, C), ())
    retiring = state_of([CURRENT, replace(BACKUP, role=Role.RETIRING)])
    assert roles(obey(retiring, (PinRemove(A),), tick())[0]) == {B: Role.CURRENT}
    assert obey(retiring, (PinRemove(B),), tick())[0].removed == (B,)
    assert [it.name for it in events] == [EventName.PIN_RETIRED, EventName.PIN_RETIRED]


def test_a_pin_that_stands_in_both_kinds_is_removed_in_both() -> None:
    """The operator names octets, and means all that they pin."""
    twin = replace(pin("b", Role.RETIRING), kind=PinKind.SPKI)
    after, events = obey(state_of([CURRENT, BACKUP, twin]), (PinRemove(B),), tick())
    assert roles(after) == {A: Role.CURRENT}
    assert len(events) == 1


# --- pin add ------------------------------------------------------------------------------------


def added(state: State, word: PinAdd) -> tuple[Pin, State, list[EventName | None]]:
    """The pin that was added, the state after it, and what was told."""
    after, events = obey(state, (word,), tick(wall=LATER))
    assert [it.fingerprint for it in events] == [word.fingerprint] * len(events)
    (named,) = [it for it in after.pins if it.fingerprint == word.fingerprint]
    return named, after, [it.name for it in events]


def test_a_pin_is_added_as_backup_or_as_current_where_there_is_none() -> None:
    """And as what the word says, where there is one."""
    first, _, told = added(State(), PinAdd(A))
    assert (first.role, told) == (Role.CURRENT, [EventName.PIN_ACTIVATED])
    asked, _, _ = added(State(), PinAdd(A, Role.BACKUP))
    assert asked.role is Role.CURRENT
    second, after, told = added(state_of([CURRENT]), PinAdd(B))
    assert (second.role, second.origin, second.since) == (Role.BACKUP, Origin.OPERATOR, LATER)
    assert after.pins[0] == CURRENT
    assert told == [EventName.PIN_PREPARED]


def test_a_new_current_pin_sets_the_former_one_behind_it() -> None:
    """One that was live retires from now on, one that never was waits."""
    new, after, told = added(state_of([replace(CURRENT, unseen=9.0)]), PinAdd(B, Role.CURRENT))
    assert (new.role, told) == (Role.CURRENT, [EventName.PIN_ACTIVATED])
    assert after.pins[0] == replace(CURRENT, role=Role.RETIRING, since=LATER)
    untried = state_of([replace(CURRENT, ever_live=False)])
    assert roles(added(untried, PinAdd(B, Role.CURRENT))[1])[A] is Role.BACKUP
    assert demote_current((BACKUP,), tick()) == (BACKUP,)


def test_a_pin_that_waited_is_the_operators_from_now_on() -> None:
    """What it had served of its hold-down is of no more interest."""
    waiting = replace(
        pin("b", Role.PENDING, Origin.OBSERVED),
        seen_at=(("1", 2),),
        last_seen=NOW,
        unseen=7.0,
        held=60.0,
        sightings=2,
    )
    after, _, told = added(state_of([CURRENT, waiting]), PinAdd(B))
    expected = replace(
        waiting,
        role=Role.BACKUP,
        origin=Origin.OPERATOR,
        since=LATER,
        seen_at=(),
        last_seen=None,
        unseen=0.0,
    )
    assert after == expected
    assert told == [EventName.PIN_PREPARED]


@pytest.mark.parametrize("role", [Role.BACKUP, Role.CURRENT])
@pytest.mark.parametrize("standing", [Role.PENDING, Role.BACKUP, Role.RETIRING, None])
def test_whatever_a_pin_was_the_word_gives_it_the_role_it_names(
    standing: Role | None, role: Role
) -> None:
    """None: it was retired. A new current pin has the former one make room for it."""
    known = [pin("b", standing, Origin.OBSERVED)] if standing else []
    state = replace(state_of([CURRENT, *known]), retired=() if standing else (B,))
    new, after, told = added(state, PinAdd(B, role))
    assert (new.role, new.origin, after.retired) == (role, Origin.OPERATOR, ())
    current = role is Role.CURRENT
    assert roles(after)[A] is (Role.RETIRING if current else Role.CURRENT)
    assert told == [EventName.PIN_ACTIVATED if current else EventName.PIN_PREPARED]


def test_the_operators_word_is_taken_for_what_was_accepted_on_another() -> None:
    """The role stays, the origin changes, and the current pin is not made current again."""
    learned = replace(CURRENT, origin=Origin.BOOTSTRAP)
    after, _, told = added(state_of([learned]), PinAdd(A, Role.BACKUP))
    assert (after.role, after.origin, after.since) == (Role.CURRENT, Origin.OPERATOR, EPOCH)
    assert told == [EventName.PIN_PREPARED]
    promoted, state, told = added(state_of([CURRENT, BACKUP]), PinAdd(B, Role.CURRENT))
    assert (promoted.role, roles(state)[A]) == (Role.CURRENT, Role.RETIRING)
    assert told == [EventName.PIN_ACTIVATED]


def test_a_retired_pin_comes_back_by_the_operators_word() -> None:
    """It is not remembered as retired from then on; others are."""
    state = replace(state_of([CURRENT]), retired=(C, B))
    back, after, _ = added(state, PinAdd(B))
    assert back.role is Role.BACKUP
    assert after.retired == (C,)


def test_a_pin_is_added_in_the_kind_of_the_settings() -> None:
    """The same octets in the other kind are another pin, which stays."""
    seen = Observations(rules(PinRules(kind=PinKind.SPKI)))
    state = state_of([CURRENT])
    after, _ = obey(state, (PinAdd(A),), tick(seen))
    assert [(it.kind, it.role) for it in after.pins] == [
        (PinKind.CERTIFICATE, Role.CURRENT),
        (PinKind.SPKI, Role.BACKUP),
    ]


# --- the override -------------------------------------------------------------------------------


FILE = OverrideFile(EPOCH - timedelta(minutes=1), EPOCH + HOUR, "calls are down", "ann")
KNOWN = OverrideState(EPOCH + HOUR, Monotonic(NOW + 3600), "calls are down", "ann")
OVER = replace(KNOWN, ends=NOW)


def looked(file: OverrideFile | OverrideRejected | None, wall: datetime = EPOCH) -> Tick:
    """A tick that looked for the override file and found this."""
    return tick(Observations(RULES, override=file, override_looked_at=True), wall=wall)


def test_an_override_is_taken_in_with_its_end_and_told_once() -> None:
    """Who, for how long and why; a problem that there was is none any more."""
    guard, (event,) = note_override(Guard(override_problem="no JSON"), looked(FILE))
    assert guard == Guard(override=KNOWN)
    assert (event.name, event.severity) == (EventName.OVERRIDE_ON, Severity.WARNING)
    assert "ann switched pinning validation off for 1h, giving as reason: calls are down" in (
        event.message
    )
    assert note_override(guard, looked(FILE)) == (guard, ())


def test_a_tick_that_did_not_look_changes_nothing() -> None:
    """No file seen is not the same as a file that is gone."""
    guard = Guard(override=KNOWN)
    assert note_override(guard, tick()) == (guard, ())
    assert note_override(guard, looked(None))[0].override is None


def test_an_empty_file_counts_for_an_hour_from_when_it_was_made() -> None:
    """A hand's `touch`, whoever it was."""
    made = OverrideFile(EPOCH - timedelta(minutes=15))
    guard, _ = note_override(Guard(), looked(made))
    assert guard.override is not None
    assert guard.override.until == EPOCH + timedelta(minutes=45)
    assert guard.override.ends == NOW + 45 * 60


def test_an_override_lasts_no_longer_than_it_was_made_for() -> None:
    """Where the clock stands before the time at which the file was made."""
    guard, _ = note_override(Guard(), looked(FILE, EPOCH - timedelta(days=1)))
    assert guard.override is not None
    assert guard.override.ends == NOW + 61 * 60


@pytest.mark.parametrize(("seconds", "over"), [(0.5, False), (0.0, True), (-1.0, True)])
def test_a_file_whose_time_is_over_is_no_override(seconds: float, over: bool) -> None:  # noqa: FBT001 - a case
    """It is kept in mind, so that it is removed; there is nothing to tell of it."""
    late = replace(FILE, until=EPOCH + timedelta(seconds=seconds))
    guard, events = note_override(Guard(override_problem="no JSON"), looked(late))
    assert guard.override is not None
    assert guard.override.told_over is over
    assert guard.override_problem is None
    assert [it.name for it in events] == ([] if over else [EventName.OVERRIDE_ON])
    assert in_force(guard, looked(late)) is not over
    assert removal(guard, looked(late)) == ((RemoveOverride(),) if over else ())


def test_one_that_is_over_in_the_place_of_one_in_force_ends_it() -> None:
    """That is told, unless its end was told before."""
    late = replace(FILE, until=EPOCH - timedelta(seconds=1))
    _, (event,) = note_override(Guard(override=KNOWN), looked(late))
    assert (event.name, event.severity) == (EventName.OVERRIDE_OFF, Severity.NOTICE)
    assert "one that is over took its place" in event.message
    assert note_override(Guard(override=replace(KNOWN, told_over=True)), looked(late))[1] == ()


def test_the_end_of_an_override_is_told_once() -> None:
    """And its file is asked to be removed, for as long as it is there."""
    guard, (event,) = note_override(Guard(override=OVER), looked(FILE))
    assert guard == Guard(override=replace(OVER, told_over=True))
    assert event.name is EventName.OVERRIDE_OFF
    assert "its time is over" in event.message
    assert note_override(guard, looked(FILE)) == (guard, ())
    assert not in_force(guard, looked(FILE))
    assert removal(guard, looked(FILE)) == (RemoveOverride(),)
    assert removal(guard, tick()) == ()
    assert removal(guard, looked(None)) == ()
    assert removal(Guard(), looked(FILE)) == ()
    assert removal(Guard(override=KNOWN), looked(FILE)) == ()


def test_a_file_that_is_removed_ends_the_override() -> None:
    """That is told, unless its end was told before; what was wrong with a file is forgotten."""
    guard, (event,) = note_override(Guard(override=KNOWN, override_problem="x"), looked(None))
    assert guard == Guard()
    assert "its file was removed" in event.message
    told = Guard(override=replace(OVER, told_over=True))
    assert note_override(told, looked(None)) == (Guard(), ())


def test_a_file_that_is_no_override_is_told_once_a_reason() -> None:
    """It ends an override that there was, as if it were gone."""
    rejected = OverrideRejected("/run/edgepind/override", "no JSON")
    guard, (ended, refused) = note_override(Guard(override=KNOWN), looked(rejected))
    assert guard == Guard(override_problem="no JSON")
    assert ended.name is EventName.OVERRIDE_OFF
    assert (refused.name, refused.severity) == (None, Severity.WARNING)
    assert "/run/edgepind/override is no override: no JSON" in refused.message
    assert note_override(guard, looked(rejected)) == (guard, ())


def test_a_file_that_cannot_be_removed_is_told_once_an_override() -> None:
    """It stays over all the same."""
    told = replace(OVER, told_over=True)
    guard, (event,) = learn_not_removed(Guard(override=told), OverrideNotRemoved("read-only"))
    assert guard == Guard(override=replace(told, told_stuck=True))
    assert (event.name, event.severity) == (EventName.WRITE_FAILED, Severity.WARNING)
    assert learn_not_removed(guard, OverrideNotRemoved("read-only")) == (guard, ())
