"""`pin add` and `pin remove`, in every situation that makes a difference."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.pin_commands import apply_commands, demote_current, refusal_to_remove
from edgepind.core.pin_lifecycle import REMOVED_KEPT
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.enums import EventName, Finding, Origin, PinKind, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    Observations,
    PinAdd,
    PinRemove,
)
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import AddressVerdict, State
from tests.core.situations import NOW, A, B, C, pin, rules, state_of, tick

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
    """Once each, the newest last; also one that is not a pin any more by then."""
    state = state_of([CURRENT, BACKUP])
    after, _ = apply_commands(state, (PinRemove(B), PinRemove(C), PinRemove(B)), tick())
    assert after.removed == (C, B)
    assert after.retired == ()
    after, _ = apply_commands(after, (PinAdd(B),), tick())
    assert after.removed == (C,)
    assert roles(after)[B] is Role.BACKUP


def test_a_removal_that_is_refused_bars_nothing() -> None:
    """The only pin stays a pin."""
    after, _ = apply_commands(state_of([CURRENT]), (PinRemove(A),), tick())
    assert after.removed == ()


def test_a_removed_fingerprint_is_refused_aloud_though_it_was_refused_before() -> None:
    """The reason is another one by now; what else was told is not told again."""
    state = replace(state_of([CURRENT, BACKUP]), refusals_told=(B, C))
    after, _ = apply_commands(state, (PinRemove(B),), tick())
    assert after.refusals_told == (C,)


def test_only_so_many_removed_ones_are_remembered() -> None:
    """The newest of them."""
    many = [Fingerprint(bytes([number]) * 32) for number in range(REMOVED_KEPT + 2)]
    after, _ = apply_commands(state_of([CURRENT]), tuple(map(PinRemove, many)), tick())
    assert after.removed == tuple(many[2:])


# --- pin remove ---------------------------------------------------------------------------------


def test_the_only_accepted_pin_is_not_removed_and_a_pending_one_always_is() -> None:
    """Without an accepted pin the Edge would be locked out; one that waits is needed by nobody."""
    state = state_of([CURRENT, pin("c", Role.PENDING)])
    assert "the only accepted pin, and without one" in (refusal_to_remove(state, A) or "")
    assert refusal_to_remove(state, C) is None
    after, (event,) = apply_commands(state, (PinRemove(A),), tick())
    assert after == state
    assert (event.name, event.fingerprint) == (EventName.PIN_REFUSED, A)
    gone, (event,) = apply_commands(state, (PinRemove(C),), tick())
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
    once, events = apply_commands(state, (PinRemove(A),), tick())
    assert roles(once) == {B: Role.BACKUP, C: Role.CURRENT}
    assert (once.removed, once.retired) == ((A,), ())
    assert [it.name for it in events] == [EventName.PIN_RETIRED, EventName.PIN_ACTIVATED]
    assert [it.fingerprint for it in events] == [A, C]
    served = at_addresses(state, (A, Finding.PINNED), (B, Finding.PINNED))
    assert roles(apply_commands(served, (PinRemove(A),), tick())[0]) == {
        B: Role.CURRENT,
        C: Role.BACKUP,
    }
    after, events = apply_commands(state, (PinRemove(B), PinRemove(C)), tick())
    assert roles(after) == {A: Role.CURRENT}
    assert (after.removed, after.retired) == ((B, C), ())
    retiring = state_of([CURRENT, replace(BACKUP, role=Role.RETIRING)])
    assert roles(apply_commands(retiring, (PinRemove(A),), tick())[0]) == {B: Role.CURRENT}
    assert apply_commands(retiring, (PinRemove(B),), tick())[0].removed == (B,)
    assert [it.name for it in events] == [EventName.PIN_RETIRED, EventName.PIN_RETIRED]


def test_a_pin_that_stands_in_both_kinds_is_removed_in_both() -> None:
    """The operator names octets, and means all that they pin."""
    twin = replace(pin("b", Role.RETIRING), kind=PinKind.SPKI)
    after, events = apply_commands(state_of([CURRENT, BACKUP, twin]), (PinRemove(B),), tick())
    assert roles(after) == {A: Role.CURRENT}
    assert len(events) == 1


# --- pin add ------------------------------------------------------------------------------------


def added(state: State, word: PinAdd) -> tuple[Pin, State, list[EventName | None]]:
    """The pin that was added, the state after it, and what was told."""
    after, events = apply_commands(state, (word,), tick(wall=LATER))
    assert [it.fingerprint for it in events] == [word.fingerprint] * len(events)
    (named,) = [it for it in after.pins if it.fingerprint == word.fingerprint]
    return named, after, [it.name for it in events]


def test_a_pin_is_added_as_backup_or_as_current_where_there_is_none() -> None:
    """And in the role that the command names, where there is a current pin."""
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
def test_whatever_a_pin_was_pin_add_gives_it_the_role_it_names(
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


def test_pin_add_makes_a_learned_pin_an_operators() -> None:
    """The role stays, the origin changes, and the current pin is not made current again."""
    learned = replace(CURRENT, origin=Origin.BOOTSTRAP)
    after, _, told = added(state_of([learned]), PinAdd(A, Role.BACKUP))
    assert (after.role, after.origin, after.since) == (Role.CURRENT, Origin.OPERATOR, EPOCH)
    assert told == [EventName.PIN_PREPARED]
    promoted, state, told = added(state_of([CURRENT, BACKUP]), PinAdd(B, Role.CURRENT))
    assert (promoted.role, roles(state)[A]) == (Role.CURRENT, Role.RETIRING)
    assert told == [EventName.PIN_ACTIVATED]


def test_a_retired_pin_comes_back_by_pin_add() -> None:
    """It is not remembered as retired from then on; others are."""
    state = replace(state_of([CURRENT]), retired=(C, B))
    back, after, _ = added(state, PinAdd(B))
    assert back.role is Role.BACKUP
    assert after.retired == (C,)


def test_a_pin_is_added_in_the_kind_of_the_settings() -> None:
    """The same octets in the other kind are another pin, which stays."""
    seen = Observations(rules(PinRules(kind=PinKind.SPKI)))
    state = state_of([CURRENT])
    after, _ = apply_commands(state, (PinAdd(A),), tick(seen))
    assert [(it.kind, it.role) for it in after.pins] == [
        (PinKind.CERTIFICATE, Role.CURRENT),
        (PinKind.SPKI, Role.BACKUP),
    ]


# --- both ---------------------------------------------------------------------------------------


def test_a_removal_of_an_unknown_pin_is_refused_and_only_remembered() -> None:
    """The fingerprint is kept out from then on."""
    state = state_of([CURRENT])
    assert "not in the pin set" in (refusal_to_remove(state, B) or "")
    after = apply_commands(state, (PinRemove(B),), tick())
    assert after == (replace(state, removed=(B,)), ())


def test_a_command_that_is_given_twice_changes_nothing_the_second_time() -> None:
    """`pin add` of a pin that an operator has added in that role already."""
    state = state_of([CURRENT, BACKUP])
    commands = (PinAdd(B), PinAdd(A, Role.BACKUP))
    assert apply_commands(state, commands, tick()) == (state, ())
