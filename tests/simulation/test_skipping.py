"""Skipping steady time changes nothing: the simulator's speed is not bought with truth."""

from collections.abc import Mapping
from dataclasses import fields, replace

import pytest

from edgepind.lab.sim_observations import leaf
from edgepind.lab.simulation.life import live
from edgepind.lab.simulation.rates import DAY, HOUR, MINUTE, YEAR, Rates
from edgepind.lab.simulation.real_core import RealCore
from edgepind.lab.simulation.skipping import Steadiness
from edgepind.lab.simulation.ways import CORE, RULES, rules_of
from edgepind.lab.simulation.world import draw_world
from edgepind.model.observation import HandshakeFault
from edgepind.model.rules import PinRules
from edgepind.model.state import State
from tests.support import sim_site

_TIMES = 60.0
_OFTEN = (
    "outages",
    "address_outages",
    "status_faults",
    "reboots",
    "switched_off",
    "clock_steps",
    "restart_troubles",
    "overrides",
    "proxies",
    "brief",
    "hours",
    "patient",
    "seekers",
    "lurkers",
    "ca_changed",
    "adders",
    "strangers",
    "flappers",
    "saboteurs",
)


def _busy() -> Rates:
    """Two months' worth of events in each day, and short ones; a rotation or two a day."""
    usual = Rates()
    often = {name: _TIMES * getattr(usual, name) for name in _OFTEN}
    longest = {
        field.name: 6 * HOUR
        for field in fields(usual)
        if field.name.endswith("_to") and getattr(usual, field.name) > 6 * HOUR
    }
    least = {
        field.name: HOUR
        for field in fields(usual)
        if field.name.endswith("_from") and getattr(usual, field.name) > HOUR
    }
    return replace(
        usual,
        **often,
        **longest,
        **least,
        boot_clock_wrong=0.5,
        visit_after=10 * MINUTE,
        renewed_at=0.005,
    )


_CLOUDS: Mapping[str, Mapping[str, float]] = {
    "one leaf": {"two_regions": 0.0, "dual": 0.0, "in_turn": 0.0},
    "two regions": {"two_regions": 1.0, "in_turn": 0.0},
    "two kinds of key": {"two_regions": 0.0, "dual": 1.0, "in_turn": 0.0},
    "in turn": {"two_regions": 0.0, "dual": 0.0, "in_turn": 1.0},
}
"""What rates make a cloud of each sort."""


@pytest.mark.parametrize(
    ("way", "cloud"),
    [
        *(("balanced", cloud) for cloud in _CLOUDS),
        *((way, "one leaf") for way in CORE if way != "balanced"),
    ],
)
def test_a_life_that_is_skipped_through_is_the_one_that_is_ticked_through(
    way: str, cloud: str
) -> None:
    """Every figure, every restart and all that is remembered, with a third of the decisions.

    Where leaves are served in turn no tick is like another, so that only the rest is skipped.
    """
    world = draw_world("busy", 4, replace(_busy(), **_CLOUDS[cloud]), 1.5 * DAY)
    rules = rules_of(way, RULES)
    skipped, ticked = RealCore(world, rules), RealCore(world, rules, skips=False)
    assert live(world, skipped) == live(world, ticked)
    assert skipped.edge.restarts == ticked.edge.restarts
    assert skipped.pins == ticked.pins
    assert skipped.broken == ticked.broken == []
    assert _remembered(skipped, world.life) == _remembered(ticked, world.life)
    assert skipped.decisions * (1 if cloud == "in turn" else 3) < ticked.decisions


def _remembered(keeper: RealCore, end: float) -> State:
    """The daemon's state, but for a sentence that counts down and when it last reminded."""
    state = keeper.state_at(end)
    return replace(state, reason="", guard=replace(state.guard, reminded=None))


def test_no_skip_goes_past_the_adoption_of_a_first_pin_that_was_sighted_unevenly() -> None:
    """One address answers for a while before the other does; what counts is the sum."""
    rules = sim_site.rules(PinRules(sightings=400))
    world = sim_site.site(rules, serves={"1": leaf("a"), "2": HandshakeFault.TIMEOUT})
    world.run(10 * rules.interval)
    world.serves = {"1": leaf("a"), "2": leaf("a")}
    steadiness = Steadiness(rules)
    steadiness.begin(world.state, world.elapsed)
    skips: list[float] = []
    at: list[float] = []
    while not any(pin.accepted for pin in world.state.pins):
        skips.append(steadiness.seconds(YEAR))
        at.append(world.elapsed)
        world.run(world.due - world.monotonic)
        steadiness.note(world.state, world.elapsed)
    assert any(skips)
    assert all(now + skip < world.elapsed for now, skip in zip(at, skips, strict=True))
