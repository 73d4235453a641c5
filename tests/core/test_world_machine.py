"""Anything may happen to an imagined site, in any order; the promises hold all the same.

Each decision is held to `edgepind.core.invariants`, each tick to the truth about the Edge; and
from wherever it was left, a site with a steady cloud and a right clock is connected in time.

`EDGEPIND_THOROUGH=1` in the environment looks a hundred times as long, and elsewhere each time.
"""

import os
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edgepind.core.restarts import budget_frees
from edgepind.core.tick import Tick
from edgepind.lab.imagined import EPOCH, leaf
from edgepind.lab.imagined_edge import never
from edgepind.lab.imagined_site import rules, site
from edgepind.lab.imagined_world import ImaginedWorld
from edgepind.model.fingerprint import Fingerprint, RefusedFingerprint
from edgepind.model.moment import Validity
from edgepind.model.observation import (
    ClockSource,
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    HandshakeFault,
    Leaf,
    Observations,
    OverrideFile,
    OverrideRejected,
    PinAdd,
    PinRemove,
    StatusAnswer,
    StatusRejected,
    StatusUnreachable,
    UnitState,
)
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules
from edgepind.model.words import (
    Bootstrap,
    Channel,
    Finding,
    Origin,
    PinKind,
    Policy,
    Posture,
    Role,
    Validator,
)

_THOROUGH = bool(os.environ.get("EDGEPIND_THOROUGH"))
_PROFILE = settings(
    max_examples=4000 if _THOROUGH else 60,
    stateful_step_count=60 if _THOROUGH else 30,
    derandomize=not _THOROUGH,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

_PINS = PinRules(hold_down=600.0, sightings=3, overlap=900.0)
_FAIL_OPEN = FailOpenRules(grace=180.0, limit=1800.0, budget=2, budget_window=5400.0)
_RESTART = RestartRules(ready_deadline=900.0, budget=4, window=1800.0)

_WEAK = RefusedFingerprint("aa" * 16, "it has 16 octets, which is MD5 whatever its label says")
_GONE = Validity(EPOCH - timedelta(days=9), EPOCH - timedelta(days=1))
_LEAVES: dict[str, Leaf] = {
    "a": leaf("a", issuer="Amazon"),
    "b": leaf("b", issuer="Amazon"),
    "c": leaf("c", issuer="Other"),
    "renewed": replace(leaf("renewed", issuer="Amazon"), spki=leaf("a").spki),
    "m": leaf("m", issuer="Broken"),
    "n": leaf("n", issuer="Broken"),
    "proxy": leaf("proxy", public=False, issuer="Corp"),
    "excepted": leaf("excepted", public=False, excepted=True, issuer="Corp"),
    "othername": leaf("othername", name_matches=False),
    "expired": leaf("expired", validity=_GONE),
}
_PRIVATE = frozenset({_LEAVES["proxy"].certificate, _LEAVES["proxy"].spki})

_addresses = st.sampled_from(["1", "2", "3"])
_steady = st.sampled_from(["a", "b", "c", "renewed", "m"])
_leaves = st.sampled_from(sorted(_LEAVES))
_faults = st.sampled_from(list(HandshakeFault))
_kinds = st.sampled_from(list(PinKind))


class SiteMachine(RuleBasedStateMachine):
    """One site, and everything that may happen to it."""

    world: ImaginedWorld

    def __init__(self) -> None:
        super().__init__()
        self.named: set[Fingerprint] = set()
        """What the operator, or a document that was found, ever named."""
        self.always_strict = True

    # --- where it begins --------------------------------------------------------------------

    @initialize(
        policy=st.sampled_from(list(Policy)),
        validator=st.sampled_from(list(Validator)),
        kind=_kinds,
        commanded=st.booleans(),
        pins=st.lists(st.sampled_from(["a", "b"]), unique=True, max_size=2),
        entropy=st.sampled_from([0.0, 0.5, 0.99]),
    )
    def begin(
        self,
        policy: Policy,
        validator: Validator,
        kind: PinKind,
        *,
        commanded: bool,
        pins: list[str],
        entropy: float,
    ) -> None:
        """A site as it was found."""
        self.world = site(
            rules(
                replace(_PINS, policy=policy, kind=kind),
                _FAIL_OPEN,
                replace(_RESTART, validator=validator),
            ),
            serves={"1": _LEAVES["a"], "2": _LEAVES["a"]},
        )
        self.world.edge.commanded = commanded
        self.world.entropy = entropy
        self._put(self._document(enabled=True if pins else None, names=pins))
        self.world.edge.start(self.world.wall)
        self._note_policy()

    # --- time -------------------------------------------------------------------------------

    @rule(count=st.integers(1, 12))
    def ticks(self, count: int) -> None:
        """A few ticks pass."""
        for _ in range(count):
            self.world.run(max(0.0, self.world.due - self.world.monotonic))

    @rule(seconds=st.sampled_from([1.0, 30.0, 300.0, 1200.0]))
    def time(self, seconds: float) -> None:
        """Some time passes."""
        self.world.run(seconds)

    @rule(seconds=st.sampled_from([-86_400.0, -90.0, -30.0, 30.0, 90.0, 86_400.0]))
    def clock(self, seconds: float) -> None:
        """The host's clock is stepped."""
        self.world.step_clock(seconds)

    @rule(sources=st.lists(st.sampled_from([ClockSource.CHRONY, ClockSource.KERNEL]), unique=True))
    def witnesses(self, sources: list[ClockSource]) -> None:
        """Somebody begins, or ceases, to know how wrong the clock is."""
        self.world.witnesses = tuple(sources)

    @rule(restart=st.sampled_from([0.0, 3.0, 90.0]), look=st.sampled_from([0.0, 0.3, 20.0, 4000.0]))
    def slowness(self, restart: float, look: float) -> None:
        """Restarts and looks take their time."""
        self.world.restart_takes, self.world.look_takes = restart, look

    # --- the cloud and those on its path ----------------------------------------------------

    @rule(address=_addresses, name=_leaves)
    def serve(self, address: str, name: str) -> None:
        """An address serves a leaf."""
        self.world.serves = {**self.world.serves, address: _LEAVES[name]}

    @rule(name=_leaves)
    def serve_everywhere(self, name: str) -> None:
        """Every address serves one leaf."""
        self.world.serves = dict.fromkeys(self.world.serves or ["1"], _LEAVES[name])

    @rule(address=_addresses, fault=_faults)
    def fail(self, address: str, fault: HandshakeFault) -> None:
        """An address fails."""
        self.world.serves = {**self.world.serves, address: fault}

    @rule(address=_addresses)
    def withdraw(self, address: str) -> None:
        """An address is gone."""
        self.world.serves = {k: it for k, it in self.world.serves.items() if k != address}

    @rule(addresses=st.frozensets(_addresses))
    def ciphers(self, addresses: frozenset[str]) -> None:
        """Some addresses share no cipher with the Edge's own settings."""
        self.world.wider_at = addresses

    @rule(current=_leaves, following=st.none() | _leaves, tags=st.booleans())
    def announce(self, current: str, following: str | None, *, tags: bool) -> None:
        """The endpoint names what it likes."""
        kind = self.world.rules.pins.kind
        named = _LEAVES[following].value(kind) if following else None
        self.world.says = StatusAnswer(Channel.NONE, _LEAVES[current].value(kind), named)
        self.world.tags = tags
        self._with_rules(status_enabled=True)

    @rule(
        says=st.sampled_from(
            [
                StatusRejected(Channel.NONE, "it is null"),
                StatusUnreachable("HTTP 500"),
                StatusUnreachable("HTTP 429", Channel.PINNED, 1e9),
            ]
        )
    )
    def endpoint_in_trouble(self, says: StatusRejected | StatusUnreachable) -> None:
        """The endpoint gives no usable answer."""
        self.world.says = says
        self._with_rules(status_enabled=True)

    # --- the appliance ----------------------------------------------------------------------

    @rule(
        write=st.booleans(),
        read=st.booleans(),
        restart=st.booleans(),
        refusal=st.booleans(),
        unready=st.booleans(),
    )
    def troubles(
        self, *, write: bool, read: bool, restart: bool, refusal: bool, unready: bool
    ) -> None:
        """Some things fail on the appliance, until others do."""
        troubles = self.world.edge.troubles
        troubles.write = "no space left on device" if write else ""
        troubles.read = "permission denied" if read else ""
        troubles.restart = "its job failed" if restart else ""
        troubles.refusal = "budget spent" if refusal else ""
        troubles.unready = "two calls are up" if unready else ""

    @rule()
    def mend(self) -> None:
        """All of that is well again."""
        self.troubles(write=False, read=False, restart=False, refusal=False, unready=False)
        self.world.edge.troubles.sick_of = never

    @rule(name=st.none() | _leaves)
    def sicken(self, name: str | None) -> None:
        """The Edge is unwell, always or with one pin."""
        pin = _LEAVES[name].value(self.world.rules.pins.kind) if name else None
        self.world.edge.troubles.sick_of = lambda it: (
            pin is None or (it is not None and pin in it.accepted)
        )

    @rule(state=st.sampled_from([UnitState.INACTIVE, UnitState.FAILED, UnitState.MASKED]))
    def stop_unit(self, state: UnitState) -> None:
        """The unit is stopped, or fails."""
        assume(not self.world.edge.commanded)
        self.world.edge.stop(state)

    @rule()
    def start_unit(self) -> None:
        """Somebody starts the Edge."""
        assume(not self.world.edge.commanded)
        self.world.edge.start(self.world.wall)

    @rule(enabled=st.sampled_from([True, False, None]), pins=st.lists(_leaves, max_size=3))
    def replace_document(self, enabled: bool | None, pins: list[str]) -> None:  # noqa: FBT001
        """Something else replaces the document."""
        self._put(self._document(enabled=enabled, names=pins))

    @rule(pins=st.lists(_leaves, max_size=2))
    def strip_document(self, pins: list[str]) -> None:
        """It is replaced by one with a weak current pin."""
        document = replace(self._document(enabled=True, names=pins), current=None, refused=(_WEAK,))
        self._put(document)

    @rule(document=st.sampled_from([DocumentMissing(), DocumentRejected("it is not JSON")]))
    def break_document(self, document: Document) -> None:
        """It is gone, or broken."""
        self.world.edge.put(document)

    # --- the operator -----------------------------------------------------------------------

    @rule(name=_leaves, role=st.sampled_from([None, Role.CURRENT, Role.BACKUP]))
    def add_pin(self, name: str, role: Role | None) -> None:
        """`edgepind pin add`."""
        pin = _LEAVES[name].value(self.world.rules.pins.kind)
        self.named.add(pin)
        self.world.say(PinAdd(pin, role))

    @rule(name=_leaves, kind=_kinds)
    def remove_pin(self, name: str, kind: PinKind) -> None:
        """`edgepind pin remove`."""
        self.world.say(PinRemove(_LEAVES[name].value(kind)))

    @rule(seconds=st.sampled_from([-60.0, 0.0, 600.0, 7200.0]))
    def override(self, seconds: float) -> None:
        """`edgepind override on`."""
        until = self.world.wall + timedelta(seconds=seconds)
        self.world.override = OverrideFile(self.world.wall, until, "a test", "root")
        self.world.prompt()

    @rule(age=st.sampled_from([-7200.0, 0.0, 1800.0, 7200.0]))
    def touch_override(self, age: float) -> None:
        """An empty file, made now or dated otherwise."""
        self.world.override = OverrideFile(self.world.wall - timedelta(seconds=age))

    @rule()
    def spoil_override(self) -> None:
        """A file that is no override."""
        self.world.override = OverrideRejected("override", "it is not JSON")

    @rule(stuck=st.booleans())
    def end_override(self, *, stuck: bool) -> None:
        """`edgepind override off`, or a folder in which nothing can be removed."""
        self.world.override_stuck = "read-only file system" if stuck else ""
        if not stuck:
            self.world.override = None

    @rule(
        policy=st.sampled_from(list(Policy)),
        kind=_kinds,
        issuers=st.sampled_from([(), ("Amazon",)]),
        hold_down=st.sampled_from([60.0, 600.0]),
        bootstrap=st.sampled_from(list(Bootstrap)),
    )
    def pin_settings(
        self,
        policy: Policy,
        kind: PinKind,
        issuers: tuple[str, ...],
        hold_down: float,
        bootstrap: Bootstrap,
    ) -> None:
        """A reload with other rules about pins."""
        allowed = frozenset().union(*(leaf("", issuer=it).public.issuers for it in issuers))
        pins = replace(
            self.world.rules.pins,
            policy=policy,
            kind=kind,
            issuers=allowed,
            hold_down=hold_down,
            bootstrap=bootstrap,
        )
        self._with_rules(pins=pins)
        self._note_policy()

    @rule(
        enabled=st.booleans(),
        grace=st.sampled_from([30.0, 180.0]),
        limit=st.sampled_from([300.0, 1800.0]),
        validator=st.sampled_from(list(Validator)),
        budget=st.integers(0, 6),
    )
    def other_settings(
        self, *, enabled: bool, grace: float, limit: float, validator: Validator, budget: int
    ) -> None:
        """A reload with other rules about opening and restarting."""
        fail_open = replace(_FAIL_OPEN, enabled=enabled, grace=grace, limit=limit)
        restart = replace(self.world.rules.restart, validator=validator, budget=budget)
        if budget < self.world.rules.restart.budget:
            self.world.edge.restarts.clear()  # what was allowed then is not counted now
        self._with_rules(fail_open=fail_open, restart=restart)

    # --- accidents --------------------------------------------------------------------------

    @rule(steps=st.integers(1, 8))
    def kill(self, steps: int) -> None:
        """The daemon is killed at one of its next steps."""
        self.world.kill_in = steps

    @rule()
    def crash(self) -> None:
        """The daemon is killed between two ticks."""
        self.world.crash()

    @rule(off_for=st.sampled_from([30.0, 3000.0, 90_000.0]))
    def reboot(self, off_for: float) -> None:
        """The host is off for a while."""
        self.world.reboot(off_for)

    @rule(newest_only=st.booleans())
    def lose_state(self, *, newest_only: bool) -> None:
        """The stored state is damaged. What the document says is the operator's word then."""
        self.world.lose_state(newest_only=newest_only)
        self.world.edge.restarts.clear()
        document = self.world.edge.document
        if isinstance(document, DocumentRead):
            self.named |= set(document.accepted)

    # --- what must hold ---------------------------------------------------------------------

    @invariant()
    def every_pin_has_its_reason(self) -> None:
        """Invariants 2 and 7, by what really happened."""
        for pin in self.world.state.pins:
            if not pin.accepted:
                continue
            if pin.origin is Origin.OBSERVED:
                assert not self.always_strict, f"{pin} was accepted under strict"
            if pin.fingerprint in _PRIVATE:
                named = _PRIVATE & (self.named | self.world.vouched_for)
                assert named, f"{pin} reaches no public root, and nobody vouched for it"

    @precondition(lambda self: self.world.rules.pins.policy is not Policy.STRICT)
    @rule(name=_steady)
    def peace(self, name: str) -> None:
        """Invariants 6 and 8: a steady cloud and a right clock connect the Edge, in time."""
        self._settle(name)

    def teardown(self) -> None:
        """So it does in the end of every history, wherever that was left."""
        if hasattr(self, "world") and self.world.rules.pins.policy is not Policy.STRICT:
            self._settle("b")

    def _settle(self, name: str) -> None:
        self._make_peace(name)
        served = _LEAVES[name]
        for _ in range(int(self._bound() / 10.0)):
            if self._connected(served):
                break
            self.world.run(10.0)
        assert self._connected(served), f"not connected to {name} in time: {self.world.state}"
        self.world.run(2 * _RESTART.window + 2 * _PINS.overlap)
        state = self.world.state
        assert self._connected(served)
        assert state.finding is Finding.PINNED
        assert state.guard.posture is Posture.ENFORCING
        assert state.edge.phase == "idle", state.edge
        before = len(self.world.events)
        self.world.run(1800.0)
        assert self.world.events[before:] == [], "a steady state is not quiet"

    def _make_peace(self, name: str) -> None:
        world = self.world
        self.mend()
        world.serves = dict.fromkeys(("1", "2"), _LEAVES[name])
        world.says = StatusUnreachable("HTTP 404")
        world.wider_at, world.witnesses = frozenset(), ()
        if world.ahead:
            world.step_clock(-world.ahead)
        world.restart_takes = world.look_takes = 0.0
        world.override, world.override_stuck, world.kill_in = None, "", None
        if world.edge.state is not UnitState.ACTIVE or world.set_back:
            world.edge.start(world.wall)
        pins = replace(world.rules.pins, issuers=frozenset(), bootstrap=Bootstrap.CORROBORATED)
        restart = replace(world.rules.restart, budget=4)
        self._with_rules(pins=pins, restart=restart)
        world.run(0.0)

    def _bound(self) -> float:
        """Grace, hold-down and one restart, and whatever limit of restarts runs already."""
        world = self.world
        pins, interval = world.rules.pins, world.rules.interval
        tick = Tick(Observations(world.rules), world.now(), 0.0, world.state.clock)
        edge = world.state.edge
        waits = [it for it in (edge.not_before, edge.write_not_before) if it is not None]
        frees = budget_frees(world.state, tick)
        waits += [frees] if frees is not None else []
        slack = sum(max(0.0, it - world.monotonic) for it in waits)
        sightings = pins.sightings * interval
        restart = 3 * world.rules.restart.settle + 2 * interval
        return (
            world.rules.fail_open.grace
            + pins.hold_down
            + sightings
            + restart
            + slack
            + 4 * interval
        )

    def _connected(self, served: Leaf) -> bool:
        validator = self.world.rules.restart.validator
        return self.world.edge.connects(served, validator, self.world.wall)

    # --- helpers ----------------------------------------------------------------------------

    def _with_rules(self, **changes: object) -> None:
        self.world.rules = replace(self.world.rules, **changes)  # type: ignore[arg-type]
        self.world.prompt()

    def _note_policy(self) -> None:
        if self.world.rules.pins.policy is not Policy.STRICT:
            self.always_strict = False

    def _document(self, *, enabled: bool | None, names: list[str]) -> DocumentRead:
        kind = self.world.rules.pins.kind
        pins = tuple(dict.fromkeys(_LEAVES[name].value(kind) for name in names))
        current = pins[0] if pins else None
        return DocumentRead(enabled, current, pins, "", self.world.wall)

    def _put(self, document: DocumentRead) -> None:
        self.named |= set(document.accepted)
        self.world.run(0.001)  # two files are never of one instant
        self.world.edge.put(replace(document, modified=self.world.wall))


def test_any_history_of_a_site() -> None:
    """No history breaks a promise, and every one can be recovered from."""
    run_state_machine_as_test(SiteMachine, settings=_PROFILE)
