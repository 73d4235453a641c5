"""Which pin is current, and which lapse or retire, by what is live."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.activation import follow_the_live
from edgepind.core.live_leaves import note_served
from edgepind.lab.sim_observations import EPOCH, leaf, link, spki
from edgepind.model.enums import Channel, EventName, Origin, PinKind, Role, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    HandshakeFault,
    Leaf,
    Observations,
)
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules, RestartRules, Rules
from edgepind.model.state import Edge, State, StatusMemory
from tests.core.situations import RULES, A, B, C, pin, pinning, rules, state_of, tick

LATER = EPOCH + timedelta(hours=1)
OVERLAP = RULES.pins.overlap
CURRENT = replace(pin("a", Role.CURRENT), ever_live=True, proven=True, sightings=9)
BACKUP = pin("b")
LOADED = Edge(loaded=pinning("a", "b"))
SINGLE = rules(restart=RestartRules(validator=Validator.SINGLE))
KEYS = rules(PinRules(kind=PinKind.SPKI))


def saw(
    state: State,
    serves: Mapping[str, Leaf | HandshakeFault],
    its: Rules = RULES,
    *,
    elapsed: float = 10.0,
    trusted: bool = True,
) -> tuple[State, list[tuple[EventName | None, Fingerprint | None]]]:
    """The state after a tick that saw this, and what was told."""
    seen = link(serves)
    it = tick(Observations(its, link=seen), wall=LATER, elapsed=elapsed, trusted=trusted)
    after, events = follow_the_live(note_served(state, it), seen, it)
    after = replace(after, served=state.served)
    return after, [(event.name, event.fingerprint) for event in events]


def at(**counts: int) -> dict[str, Leaf]:
    """A link at which so many addresses serve each leaf."""
    return {f"{name}{n}": leaf(name) for name, count in counts.items() for n in range(count)}


def roles(state: State) -> dict[Fingerprint, Role]:
    """Which pin plays which part."""
    return {it.fingerprint: it.role for it in state.pins}


# --- what is noted ------------------------------------------------------------------------------


def test_what_is_live_is_noted_with_its_evidence() -> None:
    """It is proven where the Edge has loaded it; sightings count until then."""
    fresh = replace(BACKUP, unseen=7.0, sightings=1)
    state = state_of([CURRENT, fresh, pin("c", Role.PENDING)], LOADED)
    after, told = saw(state, at(a=1, b=2))
    assert after.pins == (
        CURRENT,
        replace(fresh, ever_live=True, proven=True, unseen=0.0, sightings=3),
        pin("c", Role.PENDING),
    )
    assert told == []
    again, _ = saw(after, at(a=1, b=2))
    assert again == after


def test_what_the_edge_has_not_loaded_is_not_proven() -> None:
    """Not known to be loaded, or not read by this Edge."""
    for edge, its in ((Edge(), RULES), (Edge(loaded=pinning("a")), RULES), (LOADED, SINGLE)):
        after, _ = saw(state_of([CURRENT, BACKUP], edge), at(a=2, b=1), its)
        assert after.pins[1] == replace(BACKUP, ever_live=True, sightings=1)
    forgotten = saw(state_of([CURRENT], Edge()), at(a=1))[0]
    assert forgotten.pins[0].proven


@pytest.mark.parametrize(
    ("it", "fades"),
    [
        (pin("b", Role.RETIRING), True),
        (pin("b", origin=Origin.OBSERVED), True),
        (pin("b", origin=Origin.EXCEPTION), True),
        (pin("b", origin=Origin.BOOTSTRAP), True),
        (pin("b", origin=Origin.DOCUMENT), True),
        (pin("b", origin=Origin.ANNOUNCED), False),
        (pin("b"), False),
        (pin("b", Role.PENDING, Origin.OBSERVED), False),
    ],
)
def test_what_was_accepted_because_it_was_live_fades_when_it_is_not(
    it: Pin,
    fades: bool,  # noqa: FBT001 - a case
) -> None:
    """And so does what is retiring; time that nobody watched does not count."""
    after, _ = saw(state_of([CURRENT, it], LOADED), at(a=1))
    assert after.pins[1].unseen == (10.0 if fades else 0.0)
    assert saw(state_of([CURRENT, it], LOADED), at(a=1), elapsed=181.0)[0].pins[1].unseen == 0.0
    gone = state_of([replace(CURRENT, unseen=0.0), BACKUP], LOADED)
    assert saw(gone, at(x=1))[0].pins[0] == CURRENT


def test_a_tick_to_which_nobody_answered_changes_nothing() -> None:
    """Silence is no evidence."""
    state = state_of([CURRENT, pin("b", Role.RETIRING)], LOADED)
    assert saw(state, {"1": HandshakeFault.TIMEOUT}) == (state, [])


# --- which is current ---------------------------------------------------------------------------


def test_another_pin_is_current_when_the_last_address_has_left_the_former() -> None:
    """That retires from this tick on; what is served at most addresses comes first."""
    state = state_of([CURRENT, BACKUP, pin("c")], LOADED)
    assert saw(state, at(a=1, b=3))[0].pins[0] == CURRENT
    after, told = saw(state, at(b=2, c=1))
    assert roles(after) == {A: Role.RETIRING, B: Role.CURRENT, C: Role.BACKUP}
    assert [it.since for it in after.pins] == [LATER, LATER, EPOCH]
    assert told == [(EventName.PIN_ACTIVATED, B)]
    assert roles(saw(state, at(b=1, c=2))[0])[C] is Role.CURRENT
    back, _ = saw(after, at(a=2))
    assert roles(back)[A] is Role.CURRENT
    assert saw(state, at(x=1))[1] == []


def test_an_edge_that_reads_one_pin_follows_the_majority() -> None:
    """More addresses than serve the former, and more than half of all that answer."""
    state = state_of([CURRENT, BACKUP, pin("c")], LOADED)
    for serves, expected in (
        (at(a=1, b=2), Role.CURRENT),
        (at(a=1, b=2, x=1), Role.BACKUP),
        (at(a=1, b=3, x=1), Role.CURRENT),
        (at(a=1, b=1), Role.BACKUP),
        (at(a=2, b=1), Role.BACKUP),
    ):
        assert roles(saw(state, serves, SINGLE)[0])[B] is expected
        assert roles(saw(state, serves)[0])[B] is Role.BACKUP


def test_without_a_current_pin_none_is_made() -> None:
    """Which is first is not decided here."""
    assert roles(saw(state_of([BACKUP], LOADED), at(b=1))[0]) == {B: Role.BACKUP}


# --- the other kind -----------------------------------------------------------------------------


def test_a_live_pin_gets_a_twin_in_the_kind_of_the_settings_which_takes_its_place() -> None:
    """By the same word, to be proven anew; the former retires although it is live."""
    after, told = saw(state_of([CURRENT], LOADED), at(a=2), KEYS)
    assert after.pins == (
        replace(CURRENT, role=Role.RETIRING, since=LATER, unseen=0.0),
        replace(
            CURRENT,
            fingerprint=spki("a"),
            kind=PinKind.SPKI,
            since=LATER,
            proven=False,
            sightings=11,
        ),
    )
    assert told == [(EventName.PIN_ACTIVATED, spki("a"))]
    assert saw(after, at(a=2), KEYS)[1] == []


def test_a_twin_takes_the_place_of_what_waited_for_the_same() -> None:
    """And what is served under no pin gets none."""
    waiting = replace(pin("x", Role.PENDING), fingerprint=spki("a"), kind=PinKind.SPKI)
    after, _ = saw(state_of([CURRENT, waiting], LOADED), at(a=1), KEYS)
    assert [(it.kind, it.role) for it in after.pins] == [
        (PinKind.CERTIFICATE, Role.RETIRING),
        (PinKind.SPKI, Role.CURRENT),
    ]
    assert len(saw(state_of([CURRENT], LOADED), {"1": leaf("x")}, KEYS)[0].pins) == 1
    mixed = {"1": leaf("x"), "2": leaf("a")}
    assert len(saw(state_of([CURRENT], LOADED), mixed, KEYS)[0].pins) == 2


def test_a_twin_of_what_is_not_current_waits_from_now_on() -> None:
    """A former pin that is live in the other kind is a backup in this one."""
    current = replace(CURRENT, fingerprint=spki("a"), kind=PinKind.SPKI)
    former = replace(pin("b", Role.RETIRING), ever_live=True)
    after, told = saw(state_of([current, former], LOADED), at(a=1, b=1), KEYS)
    twin = after.pins[2]
    assert (twin.fingerprint, twin.role, twin.since) == (spki("b"), Role.BACKUP, LATER)
    assert told == []


def test_a_twin_of_the_other_kind_does_not_take_the_place_of_the_current_pin() -> None:
    """It is live wherever the current one is, and no more."""
    twin = replace(CURRENT, fingerprint=spki("a"), kind=PinKind.SPKI, role=Role.RETIRING)
    state = state_of([CURRENT, twin], LOADED)
    for its in (RULES, SINGLE):
        assert saw(state, at(a=2), its)[1] == []


def test_of_two_kinds_of_one_leaf_that_of_the_settings_is_preferred() -> None:
    """Also where both come at once."""
    after, told = saw(state_of([CURRENT, pin("c")], LOADED), at(c=2), KEYS)
    assert roles(after) == {A: Role.RETIRING, C: Role.BACKUP, spki("c"): Role.CURRENT}
    assert told == [(EventName.PIN_ACTIVATED, spki("c"))]


# --- what is retired -----------------------------------------------------------------------------

GONE = replace(pin("b", Role.RETIRING), ever_live=True, unseen=OVERLAP - 10)


def test_a_retiring_pin_is_retired_when_its_overlap_is_over() -> None:
    """Not a moment before; it is remembered as retired, and told."""
    state = state_of([CURRENT, GONE], LOADED)
    after, told = saw(state, at(a=1))
    assert (roles(after), after.retired) == ({A: Role.CURRENT}, (B,))
    assert told == [(EventName.PIN_RETIRED, B)]
    assert saw(state, at(a=1), elapsed=9.9)[1] == []


@pytest.mark.parametrize(
    ("origin", "lapses"),
    [
        (Origin.OBSERVED, True),
        (Origin.EXCEPTION, True),
        (Origin.BOOTSTRAP, True),
        (Origin.DOCUMENT, True),
        (Origin.OPERATOR, False),
        (Origin.ANNOUNCED, False),
    ],
)
def test_a_backup_lapses_where_it_was_accepted_because_it_was_live(
    origin: Origin,
    lapses: bool,  # noqa: FBT001 - a case
) -> None:
    """What was named by somebody stays until it is taken back."""
    it = replace(GONE, role=Role.BACKUP, origin=origin, unseen=OVERLAP)
    after, told = saw(state_of([CURRENT, it], LOADED), at(a=1))
    assert (B in roles(after)) is not lapses
    assert after.retired == ((B,) if lapses else ())
    assert told == ([(EventName.PIN_RETIRED, B)] if lapses else [])


def test_nothing_is_retired_before_the_current_pin_is_proven_live() -> None:
    """Nor by a clock that is known to be wrong, nor what is live itself."""
    state = state_of([CURRENT, GONE], Edge())
    assert B not in roles(saw(state, at(a=1))[0])
    for other, serves, trusted in (
        (replace(CURRENT, proven=False), at(a=1), True),
        (CURRENT, at(x=1), True),
        (CURRENT, at(a=1), False),
        (CURRENT, at(a=1, b=1), True),
        (replace(CURRENT, role=Role.BACKUP), at(a=1), True),
    ):
        kept = saw(state_of([other, GONE], Edge()), serves, trusted=trusted)[0]
        assert B in roles(kept)


HEARD = StatusMemory(ok=True, channel=Channel.PINNED, announced_current=A)


def test_an_announced_leaf_that_did_not_come_goes_with_the_rotation() -> None:
    """It was announced before the current pin came, and the endpoint names it no more."""
    current = replace(CURRENT, since=LATER)
    never = pin("b", origin=Origin.ANNOUNCED)
    for order in ([current, never, pin("c")], [current, pin("c"), never]):
        after, told = saw(replace(state_of(order, LOADED), status=HEARD), at(a=1))
        assert (set(roles(after)), after.retired) == ({A, C}, ())
        assert told == [(EventName.PIN_RETIRED, B)]
    for pins, status in (
        ((current, never), replace(HEARD, ok=False)),
        ((current, never), replace(HEARD, channel=Channel.UNPINNED)),
        ((current, never), replace(HEARD, other_kind=True)),
        ((current, never), replace(HEARD, announced_next=B)),
        ((current, never), replace(HEARD, announced_current=B)),
        ((current, never, pin("x", Role.RETIRING)), HEARD),
        ((current, replace(never, ever_live=True)), HEARD),
        ((current, replace(never, since=LATER)), HEARD),
        ((current, replace(never, origin=Origin.OBSERVED)), HEARD),
        ((current, replace(never, kind=PinKind.SPKI)), HEARD),
    ):
        kept, _ = saw(replace(state_of(pins, LOADED), status=status), at(a=1))
        assert B in roles(kept)
