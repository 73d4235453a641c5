"""Hold-downs, sighting by sighting: what carries one on, what stops it, what ends it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.admission import remaining_hold_down
from edgepind.core.hold_down import note_sightings
from edgepind.core.live_leaves import note_served
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf, link, spki
from edgepind.model.enums import Bootstrap, EventName, Origin, PinKind, Policy, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic, Validity
from edgepind.model.observation import HandshakeFault, Leaf, Observations
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import State
from tests.core.situations import NOW, A, B, C, pin, rules, state_of, tick

CURRENT = pin("a", Role.CURRENT)
WAITING = replace(
    pin("b", Role.PENDING, Origin.OBSERVED),
    sightings=3,
    seen_at=(("1", 2), ("2", 1)),
    held=60.0,
    last_seen=Monotonic(NOW - 10),
    unseen=5.0,
    ever_live=True,
)
ALL_B = {"1": leaf("b"), "2": leaf("b")}
EXCEPTED = leaf("b", public=False, excepted=True)


def saw(
    state: State,
    serves: Mapping[str, Leaf | HandshakeFault],
    pins: PinRules = PinRules(),
    *,
    trusted: bool = True,
    elapsed: float = 10.0,
) -> tuple[State, list[tuple[EventName | None, Fingerprint | None]]]:
    """The state after a tick that saw this, and what was told."""
    seen = link(serves)
    it = tick(Observations(rules(pins), link=seen), trusted=trusted, elapsed=elapsed)
    after, events = note_sightings(note_served(state, it), seen, it)
    return after, [(event.name, event.fingerprint) for event in events]


def the_pin(state: State, value: Fingerprint = B) -> Pin | None:
    """The pin of that value, if there is one."""
    return next((it for it in state.pins if it.fingerprint == value), None)


# --- begun --------------------------------------------------------------------------------------


def test_what_is_seen_for_the_first_time_begins_to_wait() -> None:
    """It is told once, and its sightings count from this tick on."""
    after, told = saw(state_of([CURRENT]), ALL_B)
    assert the_pin(after) == Pin(
        B,
        PinKind.CERTIFICATE,
        Role.PENDING,
        Origin.OBSERVED,
        EPOCH,
        sightings=2,
        seen_at=(("1", 1), ("2", 1)),
        last_seen=NOW,
        ever_live=True,
    )
    assert told == [(EventName.PIN_PENDING, B)]
    assert saw(after, ALL_B)[1] == []
    retired = replace(state_of([CURRENT]), retired=(B,))
    assert the_pin(saw(retired, ALL_B)[0]) == the_pin(after)


@pytest.mark.parametrize(
    ("state", "it", "pins", "origin"),
    [
        (state_of([CURRENT]), leaf("b"), PinRules(), Origin.OBSERVED),
        (state_of(), leaf("b"), PinRules(), Origin.BOOTSTRAP),
        (state_of([CURRENT]), EXCEPTED, PinRules(), Origin.EXCEPTION),
        (state_of(), EXCEPTED, PinRules(), Origin.EXCEPTION),
        (state_of([CURRENT]), EXCEPTED, PinRules(bootstrap=Bootstrap.OPERATOR), Origin.EXCEPTION),
        (state_of([CURRENT]), leaf("b"), PinRules(bootstrap=Bootstrap.OPERATOR), Origin.OBSERVED),
        (state_of([CURRENT]), leaf("b"), PinRules(issuers=frozenset({spki("CA")})), None),
        (state_of(), leaf("b"), PinRules(bootstrap=Bootstrap.OPERATOR), None),
        (state_of(), EXCEPTED, PinRules(bootstrap=Bootstrap.OPERATOR), None),
        (state_of([CURRENT]), leaf("b"), PinRules(policy=Policy.STRICT), None),
        (state_of([CURRENT]), leaf("b", public=False), PinRules(), None),
        (state_of([CURRENT]), leaf("b", name_matches=False), PinRules(), None),
        (state_of([CURRENT]), replace(EXCEPTED, name_matches=False), PinRules(), None),
    ],
)
def test_what_waits_and_what_never_will(
    state: State, it: Leaf, pins: PinRules, origin: Origin | None
) -> None:
    """The policy table, `issuers` and `bootstrap` decide."""
    found = the_pin(saw(state, {"1": it}, pins)[0])
    assert (found.origin if found else None) is origin


def test_a_leaf_by_a_known_issuer_waits() -> None:
    """Where `issuers` are named, one of them must be on its path."""
    issuers = frozenset({spki("CA"), spki("Imagined Public CA")})
    after, _ = saw(state_of([CURRENT]), ALL_B, PinRules(issuers=issuers))
    assert the_pin(after) is not None


def test_an_excepted_leaf_is_judged_by_the_chain_of_its_own_ca() -> None:
    """Out of its time, or by a wrong clock, it is no evidence; and it is not told as refused."""
    past = Validity(EPOCH - timedelta(days=9), EPOCH - timedelta(days=1))
    late = leaf("b", public=False, excepted=True, validity=past)
    for it, trusted in ((late, True), (EXCEPTED, False)):
        after, told = saw(state_of([CURRENT]), {"1": it}, trusted=trusted)
        assert (after.pins, told) == ((CURRENT,), [])


def test_only_so_many_wait_and_one_that_is_gone_is_dropped() -> None:
    """The oldest of those that are not seen now; where all are, the newest is not taken in."""
    waiting = [pin(f"w{n}", Role.PENDING, Origin.OBSERVED) for n in range(4)]
    after, told = saw(state_of([CURRENT, *waiting]), {"1": leaf("w0"), "2": leaf("b")})
    assert [it.fingerprint for it in after.pins] == [
        A,
        *(fingerprint(f"w{n}") for n in (0, 2, 3)),
        B,
    ]
    assert told == [(EventName.PIN_PENDING, B)]
    serves = {str(n): leaf(f"w{n}") for n in range(4)}
    after, told = saw(state_of([CURRENT, *waiting]), {**serves, "9": leaf("b")})
    assert (the_pin(after), told) == (None, [])
    with_room = state_of([CURRENT, *waiting[1:]])
    assert len(saw(with_room, {"1": leaf("b")})[0].pins) == 1 + 4


def test_two_kinds_of_evidence_for_one_leaf_are_none() -> None:
    """At one address its chain is public, at another it is an inspecting CA's."""
    after, _ = saw(state_of([CURRENT]), {"1": leaf("b"), "2": EXCEPTED})
    assert the_pin(after) is None


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "it", "pins", "why"),
    [
        (state_of([CURRENT]), leaf("b", public=False), PinRules(), "reaches no public root"),
        (state_of([CURRENT]), leaf("b"), PinRules(policy=Policy.STRICT), "policy strict"),
        (
            state_of([CURRENT]),
            leaf("b"),
            PinRules(issuers=frozenset({spki("CA")})),
            "CN=Imagined Public CA is not one of the configured pins.issuers",
        ),
        (state_of(), leaf("b"), PinRules(bootstrap=Bootstrap.OPERATOR), "waits for"),
        (state_of(), EXCEPTED, PinRules(bootstrap=Bootstrap.OPERATOR), "waits for"),
    ],
)
def test_what_no_hold_down_admits_is_reported_once_with_the_reason(
    state: State, it: Leaf, pins: PinRules, why: str
) -> None:
    """However often, and at however many addresses, it is seen."""
    seen = link({"1": it, "2": it})
    here = tick(Observations(rules(pins), link=seen))
    after, (event,) = note_sightings(state, seen, here)
    assert (event.name, event.fingerprint) == (EventName.PIN_REFUSED, B)
    assert why in event.message
    assert after.refusals_told == (B,)
    assert note_sightings(after, seen, here)[1] == ()


def test_what_may_be_accepted_is_not_reported_as_refused() -> None:
    """Nor what is out of its time, which its finding tells."""
    past = Validity(EPOCH - timedelta(days=9), EPOCH - timedelta(days=1))
    for it in (leaf("b"), EXCEPTED, leaf("b", validity=past)):
        after, told = saw(state_of([CURRENT]), {"1": it})
        assert after.refusals_told == ()
        assert EventName.PIN_REFUSED not in [name for name, _ in told]


def test_only_so_many_refusals_are_remembered() -> None:
    """The oldest is forgotten first."""
    others = tuple(fingerprint(f"other {n}") for n in range(16))
    before = replace(state_of([CURRENT]), refusals_told=others)
    after, _ = saw(before, {"1": leaf("b", public=False)})
    assert after.refusals_told == (*others[1:], B)


# --- carried on ---------------------------------------------------------------------------------


def test_being_seen_carries_a_hold_down_on() -> None:
    """Every sighting counts, in all and at its address, and the time since the last one."""
    after, told = saw(state_of([CURRENT, WAITING]), ALL_B)
    assert the_pin(after) == replace(
        WAITING, sightings=5, seen_at=(("1", 3), ("2", 2)), held=70.0, last_seen=NOW, unseen=0.0
    )
    assert told == []


def test_a_pinned_leaf_where_it_was_not_seen_before_is_no_contradiction() -> None:
    """That is a rotation rolling over."""
    at_one = replace(WAITING, seen_at=(("1", 3),))
    after, _ = saw(state_of([CURRENT, at_one]), {"1": leaf("b"), "2": leaf("a")})
    found = the_pin(after)
    assert found is not None
    assert (found.sightings, found.seen_at, found.held) == (4, (("1", 4),), 70.0)


def test_time_that_nobody_watched_is_not_served() -> None:
    """A gap pauses it, and so does the time before the first sighting of this run."""
    for last in (None, Monotonic(NOW - 181.0)):
        found = the_pin(saw(state_of([CURRENT, replace(WAITING, last_seen=last)]), ALL_B)[0])
        assert found is not None
        assert (found.held, found.sightings, found.last_seen) == (60.0, 5, NOW)
    just = replace(WAITING, last_seen=Monotonic(NOW - 180.0))
    found = the_pin(saw(state_of([CURRENT, just]), ALL_B)[0])
    assert found is not None
    assert found.held == 240.0


def test_a_clock_that_is_wrong_pauses_it() -> None:
    """Nothing counts, and nothing of that time will."""
    after, _ = saw(state_of([CURRENT, WAITING]), ALL_B, trusted=False)
    assert the_pin(after) == replace(WAITING, last_seen=None)


@pytest.mark.parametrize(
    ("serves", "again"),
    [
        ({"1": leaf("b"), "2": leaf("c")}, (1, (("1", 1),), NOW)),
        ({"1": leaf("a"), "2": leaf("b")}, (4, (("1", 2), ("2", 2)), NOW)),
        ({"1": leaf("c")}, (0, (), None)),
        ({"1": leaf("a"), "2": leaf("a")}, (3, (("1", 2), ("2", 1)), NOW - 10)),
        ({"1": leaf("b", public=False)}, (3, (("1", 2), ("2", 1)), NOW - 10)),
    ],
)
def test_a_contradiction_starts_it_again(
    serves: Mapping[str, Leaf], again: tuple[int, tuple[tuple[str, int], ...], float | None]
) -> None:
    """Another unpinned leaf at an address that does not serve both.

    A pinned one may be served in turn; the same leaf with a chain that is no evidence is none.
    """
    found = the_pin(saw(state_of([CURRENT, WAITING]), serves)[0])
    assert found is not None
    assert (found.sightings, found.seen_at, found.last_seen) == again
    assert found.held == {3: 60.0, 4: 70.0}.get(again[0], 0.0)
    assert (found.role, found.origin, found.since) == (Role.PENDING, Origin.OBSERVED, EPOCH)


def test_an_address_that_has_gone_back_for_good_starts_it_again() -> None:
    """Ten looks without the leaf; nine may be a turn."""
    state = state_of([CURRENT])
    for serves in ({"1": leaf("b")}, *[{"1": leaf("a")}] * 9):
        state, _ = saw(state, serves)
    assert _held(state) == (1, (("1", 1),))
    state, _ = saw(state, {"1": leaf("a")})
    assert _held(state) == (0, ())


def test_acceptable_leaves_at_one_address_are_a_set() -> None:
    """In turn, or under several offers; one that can never be accepted contradicts."""
    state = state_of([CURRENT])
    for name in "bcbcbcb":
        state, _ = saw(state, {"1": leaf(name)})
    assert _held(state)[0] == 4
    assert _held(state, C)[0] == 3
    state, _ = saw(state, {"1": leaf("m", public=False)})
    assert _held(state) == (0, ())


def _held(state: State, value: Fingerprint = B) -> tuple[int, tuple[tuple[str, int], ...]]:
    found = the_pin(state, value)
    assert found is not None
    return found.sightings, found.seen_at


def test_other_evidence_for_the_same_leaf_starts_it_again_under_its_own_name() -> None:
    """A hold-down of one origin is not served by sightings of another."""
    found = the_pin(saw(state_of([CURRENT, WAITING]), {"1": EXCEPTED, "2": EXCEPTED})[0])
    assert found is not None
    assert (found.origin, found.sightings, found.held) == (Origin.EXCEPTION, 2, 0.0)


# --- served -------------------------------------------------------------------------------------


ALMOST = replace(WAITING, sightings=8, held=890.0)


def test_a_served_hold_down_makes_a_backup_pin() -> None:
    """It keeps its evidence, is told, and is not remembered as retired any more."""
    before = replace(state_of([CURRENT, ALMOST]), retired=(B, C))
    after, told = saw(before, ALL_B)
    assert the_pin(after) == replace(
        ALMOST,
        role=Role.BACKUP,
        sightings=10,
        held=900.0,
        seen_at=(),
        last_seen=None,
        unseen=0.0,
    )
    assert told == [(EventName.PIN_PREPARED, B)]
    assert after.retired == (C,)


@pytest.mark.parametrize(
    ("waiting", "pins", "accepted"),
    [
        (replace(ALMOST, held=889.9), PinRules(), False),
        (replace(ALMOST, sightings=3), PinRules(), True),
        (replace(ALMOST, sightings=2), PinRules(), False),
        (replace(ALMOST, held=80.0), PinRules(policy=Policy.AVAILABLE), True),
        (replace(ALMOST, held=79.9), PinRules(policy=Policy.AVAILABLE), False),
        (replace(ALMOST, sightings=2), PinRules(policy=Policy.AVAILABLE), False),
        (ALMOST, PinRules(policy=Policy.STRICT), False),
    ],
)
def test_age_and_sightings_are_both_asked_for(
    waiting: Pin,
    pins: PinRules,
    accepted: bool,  # noqa: FBT001 - a case
) -> None:
    """A tenth of the age under `available`; never under `strict`."""
    found = the_pin(saw(state_of([CURRENT, waiting]), ALL_B, pins)[0])
    assert found is not None
    assert found.accepted is accepted


def test_a_served_hold_down_waits_for_a_look_without_doubt() -> None:
    """By a good clock, with nothing else unpinned, and with the pin itself in sight."""
    served = replace(WAITING, sightings=50, held=5000.0, origin=Origin.EXCEPTION)
    only = {"1": EXCEPTED}
    sure = the_pin(saw(state_of([CURRENT, served]), only)[0])
    assert sure is not None
    assert sure.role is Role.BACKUP
    for serves, trusted in (
        (only, False),
        ({"1": EXCEPTED, "2": leaf("c")}, True),
        ({"1": leaf("a")}, True),
        ({"1": leaf("b", public=False)}, True),
    ):
        found = the_pin(saw(state_of([CURRENT, served]), serves, trusted=trusted)[0])
        assert found is not None
        assert found.role is Role.PENDING


def test_the_first_pin_is_adopted_after_its_sightings_at_every_address_that_answers() -> None:
    """No age is asked; it is current at once; an address that does not answer is not asked."""
    first = replace(
        pin("b", Role.PENDING, Origin.BOOTSTRAP), seen_at=(("1", 4), ("2", 4)), sightings=8
    )
    after, told = saw(state_of([first]), {**ALL_B, "3": HandshakeFault.TIMEOUT})
    found = the_pin(after)
    assert found is not None
    assert (found.role, found.seen_at, found.last_seen) == (Role.CURRENT, (), None)
    assert told == [(EventName.PIN_PREPARED, B), (EventName.PIN_ACTIVATED, B)]
    for few in ((("1", 4), ("2", 3)), (("1", 4),)):
        fewer = replace(first, seen_at=few, sightings=sum(count for _, count in few))
        found = the_pin(saw(state_of([fewer]), ALL_B)[0])
        assert found is not None
        assert found.role is Role.PENDING


def test_a_name_with_many_addresses_in_turn_is_pinned_as_soon() -> None:
    """Eight of a hundred at a time: sightings count over all of them; one alone is not enough."""
    state, looks = State(), 0
    while the_pin(state) is None or state.pins[0].role is Role.PENDING:
        here = {f"{(8 * looks + n) % 100:02}": leaf("b") for n in range(8)}
        state, looks = saw(state, here)[0], looks + 1
    assert looks == 5


def test_what_is_left_of_a_hold_down() -> None:
    """Seconds of age, never less than none; None for a pin that does not wait, or never will do."""
    assert remaining_hold_down(replace(ALMOST, held=880.5), PinRules(), in_turn=False) == 19.5
    assert remaining_hold_down(replace(ALMOST, held=1000.0), PinRules(), in_turn=False) == 0.0
    assert remaining_hold_down(ALMOST, PinRules(policy=Policy.STRICT), in_turn=False) is None
    assert remaining_hold_down(CURRENT, PinRules(), in_turn=False) is None
    assert remaining_hold_down(replace(ALMOST, held=880.5), PinRules(), in_turn=True) == 2719.5


# --- forgotten ----------------------------------------------------------------------------------


def test_what_is_not_seen_for_as_long_as_its_hold_down_is_forgotten() -> None:
    """Not before, not while nothing answers, and not what is pinned."""
    gone = replace(WAITING, seen_at=(), unseen=890.0)
    pinned = {"1": leaf("a")}
    after, told = saw(state_of([CURRENT, gone]), pinned)
    found = the_pin(after)
    assert found is not None
    assert (found.unseen, told) == (900.0, [])
    after, told = saw(after, pinned, elapsed=0.1)
    assert (the_pin(after), after.retired, told) == (None, (), [])
    silent = saw(state_of([CURRENT, gone]), {"1": HandshakeFault.TIMEOUT})[0]
    assert the_pin(silent) == gone
    after, _ = saw(state_of([CURRENT, gone]), {"1": leaf("b")})
    found = the_pin(after)
    assert found is not None
    assert found.unseen == 0.0
    assert after.pins[0] == CURRENT
    gap = saw(state_of([CURRENT, gone]), pinned, elapsed=1000.0)[0]
    assert the_pin(gap) == replace(gone, unseen=890.0, last_seen=gone.last_seen)
