"""Worlds are whole, repeat from their seed, and change only where a rate was changed."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest

from edgepind.lab.simulation import rates as written_model
from edgepind.lab.simulation.adversaries import COMPROMISED_CA
from edgepind.lab.simulation.rates import YEAR, Rates, with_rates
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.world import World, draw_world
from edgepind.model.fingerprint import Fingerprint
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
_FAULTS = (
    "outages",
    "address_outages",
    "status_faults",
    "status_lost",
    "reboots",
    "switched_off",
    "clock_steps",
    "restart_troubles",
    "overrides",
    "proxies",
)
_QUIET = replace(Rates(), **dict.fromkeys((*ADVERSARIES, *_FAULTS), 0.0), narrow_ciphers=0.0)
"""Nothing happens but the rotations."""


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


def test_who_adds_addresses_is_met_there_and_the_clouds_answer_whoever_still_dials_them() -> None:
    """Beside the cloud's, or in their place: then it meets nobody who asks the name service."""
    often = replace(_QUIET, adders=60.0)
    scenes = [it for world in _worlds(often) for it in world.scenes]
    added = [it for it in scenes if any(at.startswith("added") for at in it.shown)]
    beside = [it for it in added if not it.beyond]
    instead = [it for it in added if it.beyond]
    assert beside
    assert instead
    assert all(it.attackers and it.honest and not it.held for it in beside)
    assert all(it.attackers and not it.honest and it.held for it in instead)
    assert all(not any(at.startswith("added") for at in it.beyond) for it in instead)


def test_a_stranger_holds_one_address_and_is_no_attacker() -> None:
    """Nobody accepts a self-signed leaf; the others answer as ever, and that is calm."""
    rates = replace(_QUIET, strangers=1.0, addresses_least=4.0, two_regions=0.0, dual=0.0)
    worlds = _worlds(rates)
    strange = [it for one in worlds for it in one.scenes if _shown(it) & one.attackers.keys()]
    assert strange
    assert all(it.honest and not it.attackers for it in strange)
    assert any(it.calm for it in strange)


def test_some_adversaries_have_a_leaf_of_the_clouds_own_ca() -> None:
    """Of the one that it has then, also after it has changed."""
    rates = replace(_QUIET, hours=60.0, ca_changed=2.0, own_ca=0.5)
    for world in _worlds(rates):
        issuers: dict[bool, set[str]] = {True: set(), False: set()}
        for scene in world.scenes:
            for leaf in scene.shown.values():
                if isinstance(leaf, Leaf) and leaf.certificate in world.attackers:
                    issuers[world.attackers[leaf.certificate].own].add(leaf.issuer)
        assert issuers[False] == {f"CN={COMPROMISED_CA}"}
        assert not issuers[True] & issuers[False]
        assert issuers[True]


def test_the_first_leaf_of_another_ca_is_marked_and_no_later_one() -> None:
    """A change of CA is one rotation long."""
    rates = replace(_QUIET, ca_changed=1.0, withdrawn=0.0, two_regions=0.0, dual=0.0)
    for world in _worlds(rates):
        issuers = [world.first[0].issuer]
        for scene in world.scenes:
            for leaf in scene.shown.values():
                assert isinstance(leaf, Leaf)
                if scene.changes_ca and leaf.issuer not in issuers:
                    issuers.append(leaf.issuer)
                assert leaf.issuer in issuers


def test_two_kinds_of_key_and_leaves_in_turn_are_met_as_they_are_drawn() -> None:
    """The Edge meets one kind; in turn there are two leaves while the nodes are renewed."""
    dual = replace(_QUIET, two_regions=0.0, dual=1.0)
    for world in _worlds(dual):
        assert len(world.first) == 2
        assert all(it.beside.keys() == it.shown.keys() for it in world.scenes if it.boot)
    turning = replace(_QUIET, two_regions=0.0, dual=0.0, in_turn=1.0)
    turns = [it for world in _worlds(turning) for it in world.scenes if it.turns]
    assert turns
    assert all(len(set(leaves)) == 2 for it in turns for leaves in it.turns.values())


def _shown(scene: Scene) -> set[Fingerprint]:
    return {it.certificate for it in scene.shown.values() if isinstance(it, Leaf)}


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
