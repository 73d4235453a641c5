"""Anything may happen amid a drain, in any order: an Edge that edgepind took out comes back."""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from edgepind.lab.sim_observations import fingerprint, leaf
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.observation import PinAdd, PinRemove, RestartNow, UnitState
from edgepind.model.rules import RestartRules
from edgepind.model.state import DrainPhase
from edgepind.settings.windows import parse_window
from tests.support.sim_site import rules, site

_THOROUGH = bool(os.environ.get("EDGEPIND_THOROUGH"))
_PROFILE = settings(
    max_examples=1000 if _THOROUGH else 25,
    stateful_step_count=40 if _THOROUGH else 15,
    derandomize=not _THOROUGH,
    suppress_health_check=list(HealthCheck),
)
_NIGHTLY = parse_window("02:00-03:00")
assert isinstance(_NIGHTLY, tuple)
NAMES = st.sampled_from("bcd")


class DrainMachine(RuleBasedStateMachine):
    """One site that drains, its cloud's API, and an operator who may use that as well."""

    world: ImaginedWorld

    def __init__(self) -> None:
        super().__init__()
        self.world = site(rules(restart=RestartRules(drain_timeout=1800.0)), "a")
        self.world.run(120.0)
        self.by_hand = False

    @rule(seconds=st.sampled_from([1.0, 60.0, 600.0, 2400.0]))
    def time_passes(self, seconds: float) -> None:
        """Ticks are made."""
        self.world.run(seconds)

    @rule(name=NAMES, add=st.booleans())
    def a_pin(self, name: str, add: bool) -> None:  # noqa: FBT001
        """Something to be loaded, or not any more."""
        pin = fingerprint(name)
        self.world.say(PinAdd(pin) if add else PinRemove(pin))

    @rule()
    def now(self) -> None:
        """`edgepind restart --now`."""
        self.world.say(RestartNow())

    @rule(calls=st.integers(0, 3))
    def calls(self, calls: int) -> None:
        """They come where it is in service, and end anywhere."""
        service = self.world.service
        service.calls = calls if service.in_service else min(calls, service.calls)

    @rule(trouble=st.sampled_from(["", "", "HTTP 500"]), deaf=st.booleans(), tells=st.booleans())
    def the_api(self, trouble: str, deaf: bool, tells: bool) -> None:  # noqa: FBT001
        """It answers or not, and does as it is told or not."""
        service = self.world.service
        service.trouble, service.deaf, service.tells = trouble, deaf, tells

    @rule(in_service=st.booleans())
    def an_operator(self, in_service: bool) -> None:  # noqa: FBT001
        """Changes it in the cloud's administration."""
        self.by_hand = not in_service
        self.world.service.in_service, self.world.service.drained_until = in_service, None

    @rule(name=st.sampled_from("abcd"))
    def the_cloud(self, name: str) -> None:
        """Serves another leaf: a lockout, or a rotation."""
        self.world.serves = dict.fromkeys(self.world.serves, leaf(name))

    @rule(fails=st.booleans())
    def restarts(self, fails: bool) -> None:  # noqa: FBT001
        """Fail or work."""
        self.world.edge.troubles.restart = "its job failed" if fails else ""

    @rule(up=st.booleans())
    def ready_command(self, up: bool) -> None:  # noqa: FBT001
        """Asks for patience or agrees."""
        self.world.edge.troubles.unready = "calls are up" if up else ""

    @rule(step=st.integers(1, 5))
    def killed(self, step: int) -> None:
        """At any step of a tick."""
        self.world.kill_in = step
        self.world.run(120.0)

    @rule()
    def rebooted(self) -> None:
        """The host is off for a while."""
        self.world.reboot(60.0)

    @rule(nightly=st.booleans())
    def windows(self, nightly: bool) -> None:  # noqa: FBT001
        """The settings are changed."""
        assert isinstance(_NIGHTLY, tuple)
        windows = _NIGHTLY if nightly else ()
        restart = RestartRules(drain_timeout=1800.0, maintenance=windows)
        self.world.rules = rules(restart=restart)
        self.world.prompt()

    @invariant()
    def what_edgepind_took_out_it_owes(self) -> None:
        """Out of service without an operator's word: the state on disk says whose doing it is."""
        if not self.world.service.in_service and not self.by_hand:
            assert self.world.state.drain.phase is not DrainPhase.IDLE

    def teardown(self) -> None:
        """In peace it comes back, and has loaded what is written."""
        world = self.world
        world.kill_in = None
        service, troubles = world.service, world.edge.troubles
        service.trouble, service.patience, service.deaf, service.calls = "", None, False, 0
        troubles.restart = troubles.unready = ""
        world.serves = dict.fromkeys(world.serves, leaf("a"))
        if world.edge.state is not UnitState.ACTIVE:
            world.edge.start(world.wall)
        self.windows(nightly=False)
        world.run(4 * 3600.0)
        assert world.state.drain.phase is DrainPhase.IDLE
        assert service.in_service or self.by_hand


def test_an_edge_that_was_taken_out_comes_back() -> None:
    """Whatever happens between, and in whatever order."""
    run_state_machine_as_test(DrainMachine, settings=_PROFILE)
