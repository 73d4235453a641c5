"""What is measured, held to worlds in which every minute is known."""

from dataclasses import replace

import pytest

from edgepind.lab.simulation.adversaries import Kind
from edgepind.lab.simulation.hand_kept import CaOnly, NeverUpdated
from edgepind.lab.simulation.keeper import NEVER
from edgepind.lab.simulation.ledger import Bounds
from edgepind.lab.simulation.life import live
from edgepind.lab.simulation.rates import DAY, HOUR
from edgepind.lab.simulation.scene import OperatorOverride
from tests.support.by_hand import FORGED, FORGED_OWN, SECOND, scene, world


def test_an_edge_with_the_right_pin_has_nothing_to_count() -> None:
    """A cloud that serves what is pinned: no lockout, no exposure, no restart."""
    made = world(scene(0.0, DAY))
    tally = live(made, NeverUpdated(made))
    assert (tally.lockout, tally.exposed, tally.refused, tally.restarts) == (0, 0, 0, 0)


def test_a_lockout_lasts_until_a_person_comes_at_nine_on_a_workday() -> None:
    """Worlds begin on a Friday: what locks out at noon is mended on Monday, and is one visit."""
    noon = 12 * HOUR
    made = world(scene(0.0, noon), scene(noon, 7 * DAY, SECOND))
    tally = live(made, NeverUpdated(made))
    assert tally.lockout == pytest.approx((3 * DAY + 9 * HOUR - noon) / 60)
    assert tally.visits == 1
    assert tally.longest == pytest.approx(tally.lockout)


def test_an_adversary_who_holds_the_path_is_refused_or_exposes() -> None:
    """The same hour is refused by a pin and exposed without one; neither is a lockout."""
    made = world(scene(0.0, HOUR), scene(HOUR, 2 * HOUR, FORGED), scene(2 * HOUR, DAY))
    pinned, unpinned = live(made, NeverUpdated(made)), live(made, CaOnly(made))
    assert (pinned.refused, pinned.exposed, pinned.lockout) == (60.0, 0.0, 0.0)
    assert (unpinned.refused, unpinned.exposed, unpinned.lockout) == (0.0, 60.0, 0.0)
    assert unpinned.attackable == unpinned.open == DAY / 60


def test_nothing_is_counted_while_the_host_is_off() -> None:
    """A drawer is neither locked out nor exposed; after it the old pin locks out."""
    made = world(
        scene(0.0, HOUR),
        replace(scene(HOUR, 2 * HOUR, SECOND), boot=0),
        replace(scene(2 * HOUR, 3 * HOUR, SECOND), boot=2),
    )
    tally = live(made, NeverUpdated(made))
    assert tally.lockout == pytest.approx(60.0)


def test_an_override_that_was_forgotten_is_open_until_it_is_remembered() -> None:
    """A hand that switches pinning off leaves it off; that costs two restarts."""
    override = OperatorOverride(HOUR, 4 * HOUR)
    made = world(
        scene(0.0, HOUR),
        replace(scene(HOUR, 3 * DAY), override=override),
        scene(3 * DAY, 4 * DAY),
    )
    tally = live(made, NeverUpdated(made))
    assert tally.open == pytest.approx((3 * DAY - HOUR) / 60)
    assert tally.restarts == 2


def test_an_edge_that_did_not_come_up_is_locked_out() -> None:
    """A restart that fails leaves nothing that could telephone, pinned or not."""
    override = OperatorOverride(HOUR, 4 * HOUR)
    made = world(
        scene(0.0, HOUR),
        replace(scene(HOUR, 2 * HOUR), override=override, restart_fails=True),
    )
    tally = live(made, NeverUpdated(made))
    assert tally.lockout == pytest.approx(60.0)


def test_exposure_has_one_cause_a_minute() -> None:
    """By a leaf of some CA, of the cloud's own, or because an operator wanted no pinning."""
    override = OperatorOverride(3 * HOUR, 4 * HOUR)
    watched = scene(3 * HOUR, 4 * HOUR)
    made = world(
        scene(0.0, HOUR, FORGED),
        scene(HOUR, 3 * HOUR, FORGED_OWN),
        replace(watched, override=override, attackers=(FORGED.certificate,)),
        scene(4 * HOUR, DAY),
    )
    open_always, pinned = live(made, CaOnly(made)), live(made, NeverUpdated(made))
    assert (open_always.exposed_other, open_always.exposed_own) == (120.0, 120.0)
    assert open_always.exposed_by == {Kind.HOURS: 120.0, Kind.PATIENT: 120.0}
    assert (pinned.exposed, pinned.exposed_override) == (60.0, 60.0)
    assert pinned.open - pinned.last_resort == pytest.approx(60.0)


def test_of_two_on_the_path_the_one_with_another_ca_counts() -> None:
    """So that what is told of the cloud's own CA is never too much."""
    both = (FORGED.certificate, FORGED_OWN.certificate)
    made = world(replace(scene(0.0, HOUR), attackers=both))
    tally = live(made, CaOnly(made))
    assert (tally.exposed_other, tally.exposed_own) == (60.0, 0.0)


def test_a_lockout_by_a_change_of_the_clouds_ca_is_told_apart() -> None:
    """Two days of it, and none of the other kind."""
    changed = replace(scene(DAY, 3 * DAY, SECOND), changes_ca=True)
    made = replace(world(scene(0.0, DAY), changed, scene(3 * DAY, 4 * DAY)), visit_after=NEVER)
    tally = live(made, NeverUpdated(made), Bounds(usual=HOUR, ca=DAY))
    assert (tally.lockout, tally.lockout_ca) == (0.0, 2 * DAY / 60)
    assert [it.ca for it in tally.oddities] == []
    calm = live(
        replace(made, scenes=tuple(replace(it, calm=1) for it in made.scenes)),
        NeverUpdated(made),
        Bounds(usual=HOUR, ca=DAY),
    )
    assert [it.ca for it in calm.oddities] == [True]


def test_a_lockout_of_days_on_a_sound_host_is_told_though_it_was_never_calm() -> None:
    """As one who touches the path every few minutes could bring it about."""
    made = replace(world(scene(0.0, DAY), scene(DAY, 3 * DAY, SECOND)), visit_after=NEVER)
    assert len(live(made, NeverUpdated(made), Bounds(usual=HOUR, ca=HOUR)).oddities) == 1
    assert live(made, NeverUpdated(made)).oddities == []
