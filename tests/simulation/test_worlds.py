"""Worlds are whole, repeat from their seed, and change only where a rate was changed."""

import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from edgepind.lab.simulation import rates as written_model
from edgepind.lab.simulation.rates import YEAR, Rates, with_rates
from edgepind.lab.simulation.world import World, draw_world
from edgepind.model.observation import Leaf

_NUMBERS = range(6)
ADVERSARIES = (
    "brief",
    "hours",
    "patient",
    "seekers",
    "lurkers",
    "adders",
    "strangers",
    "flappers",
    "saboteurs",
)


def _worlds(rates: Rates) -> Iterator[World]:
    return (draw_world("whole", number, rates, YEAR) for number in _NUMBERS)


def test_scenes_follow_one_another_from_the_first_second_to_the_last() -> None:
    """No gap, no overlap, nothing before or after."""
    for world in _worlds(Rates()):
        assert world.scenes[0].begin == 0.0
        assert world.scenes[-1].end == YEAR
        assert all(a.end == b.begin and a.begin < a.end for a, b in pairwise(world.scenes))


def test_a_world_repeats_from_its_seed() -> None:
    """The same seed and number give the same scenes, drawn in whatever order."""
    assert list(_worlds(Rates())) == [*reversed([*reversed(list(_worlds(Rates())))])]
    assert draw_world("a", 1, Rates(), YEAR) != draw_world("b", 1, Rates(), YEAR)


def test_a_changed_rate_moves_nothing_but_its_own_events() -> None:
    """Without adversaries the cloud rotates as it did with them."""
    quiet = with_rates(Rates(), dict.fromkeys(ADVERSARIES, 0.0))
    for with_them, without in zip(_worlds(Rates()), _worlds(quiet), strict=True):
        assert not without.attackers
        assert _rotations(without) >= _rotations(with_them)


def _rotations(world: World) -> set[Leaf]:
    forged = world.attackers.keys()
    shown = (leaf for scene in world.scenes for leaf in scene.shown.values())
    return {it for it in shown if isinstance(it, Leaf) and it.certificate not in forged}


def test_honest_leaves_are_served_within_their_validity() -> None:
    """A leaf is replaced before it ends, announced or not, so that no lockout is the cloud's."""
    for world in _worlds(Rates()):
        for scene in world.scenes:
            if not scene.ahead and not scene.wider_at:
                served = {it.certificate for it in scene.shown.values() if isinstance(it, Leaf)}
                honest = served - world.attackers.keys() - world.proxies
                assert honest <= set(scene.honest)


def test_every_rate_has_its_reason() -> None:
    """Each is told of in the line in which it stands."""
    source = Path(written_model.__file__).read_text(encoding="utf-8")
    reasons = dict(re.findall(r"^    (\w+): float = [^#\n]+  # (.+)$", source, re.MULTILINE))
    assert list(reasons) == [field.name for field in fields(Rates)]


def test_a_rate_that_is_none_is_refused() -> None:
    """The name is told with those there are; a negative rate makes no sense."""
    with pytest.raises(ValueError, match=r"there is no rate 'weather'.*outages"):
        with_rates(Rates(), {"weather": 1.0})
    with pytest.raises(ValueError, match="outages cannot be -1"):
        with_rates(Rates(), {"outages": -1.0})
