"""How often the daemon looks: never in a rush for something that stands still."""

from dataclasses import replace

import pytest

from edgepind.core.scheduling import backoff
from edgepind.lab.sim_observations import fingerprint, leaf
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.enums import Role, Validator
from edgepind.model.observation import HandshakeFault, PinAdd
from edgepind.model.rules import FailOpenRules, PinRules
from tests.support.sim_site import rules, site

_HOUR = 3600.0
_UNREACHABLE = {"1": HandshakeFault.TIMEOUT, "2": HandshakeFault.TIMEOUT}


def _ticks_in(world: ImaginedWorld, seconds: float) -> int:
    before = world.state.ticks
    world.run(seconds)
    return world.state.ticks - before


def _posture(world: ImaginedWorld) -> str:
    return world.state.guard.posture.value


def _until(world: ImaginedWorld, what: str) -> None:
    """Make tick after tick until what `world` waits for is less than a second away."""
    for _ in range(500):
        if world.due - world.monotonic < 1.0:
            return
        world.run(world.due - world.monotonic)
    pytest.fail(f"{what} never came")


def test_an_unreachable_cloud_does_not_hurry_an_almost_served_hold_down() -> None:
    """The last split second of a hold-down is not waited for while nothing can be seen."""
    world = site(rules(pins=PinRules(hold_down=900.3)), "a")
    world.run(60.0)
    world.serves = {"1": leaf("a"), "2": leaf("b")}
    _until(world, "the end of the hold-down")
    world.serves = _UNREACHABLE
    assert _ticks_in(world, _HOUR) <= 62


def test_an_unreachable_cloud_does_not_hurry_an_almost_served_grace() -> None:
    """The last split second of the grace is not waited for while nothing can be seen."""
    world = site(rules(fail_open=FailOpenRules(grace=300.3)), "a")
    world.run(60.0)
    world.serves = {"1": leaf("b")}
    _until(world, "the end of the grace")
    assert _posture(world) == "grace"
    world.serves = _UNREACHABLE
    assert _ticks_in(world, _HOUR) <= 62


def test_a_contradiction_for_ever_does_not_hurry() -> None:
    """Leaves that contradict each other are looked at no more often than a lockout asks for."""
    world = site(rules(), "a")
    world.run(60.0)
    world.serves = {"1": leaf("b"), "2": leaf("c")}
    assert _ticks_in(world, _HOUR) <= 6 * 62


def test_a_lockout_and_a_first_pin_are_looked_at_six_times_as_often() -> None:
    """What waits to be confirmed is confirmed soon."""
    world = site(rules(), "a")
    world.run(60.0)
    world.serves = {"1": leaf("b")}
    world.run(60.0)
    assert 6 <= _ticks_in(world, 60.0) <= 7


@pytest.mark.parametrize("entropy", [0.0, 0.5, 0.999])
def test_steady_ticks_are_an_interval_apart_within_the_jitter(entropy: float) -> None:
    """Sites do not march in step, and none is slower than a twentieth."""
    world = site(rules(), "a")
    world.entropy = entropy
    assert 57 <= _ticks_in(world, _HOUR) - 1 <= 64


def test_a_failed_restart_is_followed_by_a_look_at_once() -> None:
    """Before going back, the unit is looked at, and that does not wait for an interval."""
    world = site(rules(), "a")
    world.run(60.0)
    world.edge.troubles.restart = "its job failed"
    world.say(PinAdd(fingerprint("b")))
    world.run(5.0)
    assert len(world.edge.restarts) == 2


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, 60.0), (1, 60.0), (2, 120.0), (4, 480.0), (9, 3600.0)]
)
def test_backoff_doubles_up_to_its_cap(failures: int, expected: float) -> None:
    """CONTRACT section 11: from `interval` up to `restart_window`."""
    assert backoff(60.0, failures, 3600.0) == expected


def test_backoff_beyond_every_float() -> None:
    """A failure that lasts for years is no arithmetic error."""
    assert backoff(60.0, 10**9, 3600.0) == 3600.0


def test_looks_that_last_longer_than_three_intervals_are_no_gaps() -> None:
    """With a short interval and an address that swallows packets, time is observed all the same."""
    world = site(replace(rules(), interval=1.0), "a")
    world.look_takes = 10.0
    world.run(60.0)
    world.serves = {"1": leaf("b"), "2": HandshakeFault.TIMEOUT}
    world.run(420.0)
    assert _posture(world) == "open"
    world.run(700.0)
    assert _posture(world) == "enforcing"
    assert world.edge.connects(leaf("b"), Validator.ALLOWLIST, world.wall)


def test_a_host_that_slept_through_a_look_has_observed_nothing() -> None:
    """A look that seems to have lasted for hours is a gap like any other."""
    world = site(rules(), "a")
    world.run(60.0)
    world.serves = {"1": leaf("a"), "2": leaf("b")}
    world.run(120.0)
    world.look_takes = 7200.0
    world.run(61.0)
    pin = next(pin for pin in world.state.pins if pin.role is Role.PENDING)
    assert pin.held < 180.0
