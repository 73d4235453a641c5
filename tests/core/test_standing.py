"""Which pins are believed: CONTRACT section 12, row by row, and how standing is earned."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edgepind.core.live_leaves import note_served
from edgepind.core.standing import STANDING, Standing, earn_standing, has_standing, trust_in
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import fingerprint, leaf, link, spki
from edgepind.model.enums import Origin, PinKind, Role
from edgepind.model.instants import Monotonic
from edgepind.model.observation import HandshakeFault, Leaf, Observations
from edgepind.model.pin import Pin, Trust
from edgepind.model.state import LastServed, ServedLeaf, State
from tests.core.situations import NOW, RULES, A, B, pin, tick

OVERLAP = RULES.pins.overlap
EARNING = replace(pin("a", Role.CURRENT, Origin.OBSERVED), tenure=500.0)
ALONE: Mapping[str, Leaf | HandshakeFault] = {"1": leaf("a"), "2": leaf("a")}


@pytest.mark.parametrize(
    ("origin", "standing"),
    [
        (Origin.OPERATOR, Standing.AT_ONCE),
        (Origin.BOOTSTRAP, Standing.AT_ONCE),
        (Origin.BUNDLE, Standing.AT_ONCE),
        (Origin.ANNOUNCED, Standing.AT_ONCE),
        (Origin.DOCUMENT, Standing.EARNED),
        (Origin.OBSERVED, Standing.EARNED),
        (Origin.EXCEPTION, Standing.NEVER),
    ],
)
def test_a_pin_has_standing_by_where_it_came_from(origin: Origin, standing: Standing) -> None:
    """At once; after the overlap or once it is named; or whatever happens, never."""
    assert STANDING[origin] is standing
    new = pin("a", Role.BACKUP, origin)
    assert has_standing(new, OVERLAP) is (standing is Standing.AT_ONCE)
    assert has_standing(replace(new, tenure=OVERLAP - 0.1), OVERLAP) is (
        standing is Standing.AT_ONCE
    )
    for proven in (replace(new, tenure=OVERLAP), replace(new, vouched=True)):
        assert has_standing(proven, OVERLAP) is (standing is not Standing.NEVER)
        assert not has_standing(replace(proven, role=Role.PENDING), OVERLAP)


def test_every_origin_has_its_row() -> None:
    """A new one cannot be forgotten."""
    assert set(STANDING) == set(Origin)


def test_trust_sorts_the_accepted_pins() -> None:
    """By their keys, so that no hash of one kind is taken for one of the other."""
    stranger = Pin(spki("b"), PinKind.SPKI, Role.BACKUP, Origin.OBSERVED, EARNING.since)
    waiting = pin("c", Role.PENDING)
    operators = (PinKind.CERTIFICATE, A)
    assert trust_in((pin("a"), stranger, waiting), OVERLAP) == Trust(
        accepted=frozenset({operators, (PinKind.SPKI, spki("b"))}), believed=frozenset({operators})
    )


# --- how it is earned ----------------------------------------------------------------------------


def earned(
    it: Pin = EARNING,
    serves: Mapping[str, Leaf | HandshakeFault] = ALONE,
    served: tuple[LastServed, ...] = (),
    seen: Tick | None = None,
) -> float:
    """Give the tenure after one look, ten seconds after the last."""
    state = replace(State(), pins=(it,), served=served)
    seen = seen or tick(Observations(RULES))
    looked = Tick(replace(seen.seen, link=link(serves)), seen.now, seen.elapsed, seen.clock)
    after = earn_standing(note_served(state, looked), link(serves), looked)
    assert replace(after.pins[0], tenure=it.tenure) == it
    return after.pins[0].tenure


def silent(address: str, name: str) -> LastServed:
    """What an address served that has fallen silent."""
    served = (ServedLeaf(fingerprint(name), spki(name)),)
    return LastServed(address, served, looks=1, silent_since=Monotonic(NOW - 60))


def test_it_is_earned_while_every_address_serves_it_and_nothing_else() -> None:
    """For as long as that was watched: time in a gap is none, nor is that by a wrong clock."""
    assert earned() == 510.0
    assert earned(seen=tick(elapsed=181.0)) == 500.0
    assert earned(seen=tick(trusted=False)) == 500.0
    assert earned(serves={"1": HandshakeFault.TIMEOUT}) == 500.0
    assert earned(serves={"1": leaf("a"), "2": HandshakeFault.REFUSED}) == 510.0


def test_another_leaf_at_any_address_takes_all_of_it() -> None:
    """Also by a clock that is wrong, and whoever that leaf belongs to."""
    for serves in ({**ALONE, "2": leaf("b")}, {**ALONE, "3": leaf("b")}, {"1": leaf("b")}):
        assert earned(serves=serves) == 0.0
        assert earned(serves=serves, seen=tick(trusted=False)) == 0.0


def test_an_address_that_fell_silent_speaks_for_what_it_served_last() -> None:
    """By having the others refuse, nobody earns anything."""
    assert earned(served=(silent("3", "b"),)) == 500.0
    assert earned(served=(silent("3", "a"),)) == 510.0
    assert earned(served=(silent("3", "a"), silent("4", "b"))) == 500.0
    assert earned(served=(silent("1", "b"),)) == 510.0  # it answers: what it serves now counts


def test_a_pin_of_a_key_is_compared_with_keys() -> None:
    """A renewed certificate of the same key contradicts nothing."""
    keys = replace(EARNING, fingerprint=spki("a"), kind=PinKind.SPKI)
    renewed = replace(leaf("renewed"), spki=spki("a"))
    assert earned(keys, {"1": renewed}, (silent("3", "a"),)) == 510.0
    assert earned(keys, {"1": renewed}, (silent("3", "b"),)) == 500.0
    assert earned(replace(keys, fingerprint=B), {"1": renewed}) == 0.0


@pytest.mark.parametrize(
    "it",
    [
        replace(EARNING, tenure=OVERLAP),
        replace(EARNING, vouched=True),
        replace(EARNING, origin=Origin.OPERATOR),
        replace(EARNING, origin=Origin.EXCEPTION),
        replace(EARNING, role=Role.PENDING),
    ],
)
def test_nothing_is_counted_for_who_has_it_or_cannot_have_it(it: Pin) -> None:
    """What was earned once is not lost by what comes later."""
    assert earned(it) == it.tenure
    assert earned(it, {"1": leaf("b")}) == it.tenure
