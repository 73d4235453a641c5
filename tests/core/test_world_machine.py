"""Anything may happen to an imagined site, in any order; the invariants hold all the same.

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

from edgepind.lab.sim_edge import Swap, Troubles
from edgepind.lab.sim_observations import leaf
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.bundle import Bundle, BundlePin, SignedBundle
from edgepind.model.enums import Bootstrap, Channel, Origin, PinKind, Policy, Role, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import (
    ClockSource,
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    HandshakeFault,
    OverrideFile,
    OverrideRejected,
    PinAdd,
    PinRemove,
    Status,
    StatusAnswer,
    StatusUnreachable,
    UnitState,
)
from tests.core.world_at_peace import settle
from tests.core.world_choices import (
    ADDRESSES,
    ANY_LEAF,
    FAIL_OPEN,
    FAULTS,
    KINDS,
    LEAVES,
    NO_STATUS,
    PINS,
    PRIVATE,
    RESTART,
    STEADY,
    WEAK,
    document_of,
)
from tests.core.world_reasons import unreasoned
from tests.support.sim_site import rules, site

_THOROUGH = bool(os.environ.get("EDGEPIND_THOROUGH"))
_PROFILE = settings(
    max_examples=4000 if _THOROUGH else 60,
    stateful_step_count=60 if _THOROUGH else 30,
    derandomize=not _THOROUGH,
    suppress_health_check=list(HealthCheck),
)


class SiteMachine(RuleBasedStateMachine):
    """One site, and everything that may happen to it."""

    world: ImaginedWorld

    def __init__(self) -> None:
        super().__init__()
        self.named: set[Fingerprint] = set()
        """What the operator, or a document that was found, ever named."""
        self.operators: set[Fingerprint] = set()
        self.signed: set[Fingerprint] = set()
        """The same, but for documents that edgepind wrote and found again."""
        self.always_strict = True

    # --- where it begins --------------------------------------------------------------------

    @initialize(
        policy=st.sampled_from(list(Policy)),
        validator=st.sampled_from(list(Validator)),
        kind=KINDS,
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
                replace(PINS, policy=policy, kind=kind),
                FAIL_OPEN,
                replace(RESTART, validator=validator),
            ),
            serves={"1": LEAVES["a"], "2": LEAVES["a"]},
        )
        self.world.edge.commanded = commanded
        self.world.entropy = entropy
        self._put(document_of(pins, kind, enabled=True if pins else None))
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

    @rule(address=ADDRESSES, name=ANY_LEAF)
    def serve(self, address: str, name: str) -> None:
        """An address serves a leaf."""
        self.world.serves = {**self.world.serves, address: LEAVES[name]}

    @rule(name=ANY_LEAF)
    def serve_everywhere(self, name: str) -> None:
        """Every address serves one leaf."""
        self.world.serves = dict.fromkeys(self.world.serves or ["1"], LEAVES[name])

    @rule(address=ADDRESSES, fault=FAULTS)
    def fail(self, address: str, fault: HandshakeFault) -> None:
        """An address fails."""
        self.world.serves = {**self.world.serves, address: fault}

    @rule(address=ADDRESSES)
    def withdraw(self, address: str) -> None:
        """An address is gone."""
        self.world.serves = {k: it for k, it in self.world.serves.items() if k != address}

    @rule(addresses=st.frozensets(ADDRESSES))
    def ciphers(self, addresses: frozenset[str]) -> None:
        """Some addresses share no cipher with the Edge's own settings."""
        self.world.wider_at = addresses

    @rule(
        current=ANY_LEAF,
        following=st.none() | ANY_LEAF,
        other=st.sampled_from(["", "", "current", "next", "current next"]),
        tags=st.booleans(),
    )
    def announce(self, current: str, following: str | None, *, other: str, tags: bool) -> None:
        """The endpoint names what it likes, in `other` places by the hash of the other kind."""
        kind = self.world.rules.pins.kind
        wrong = next(it for it in PinKind if it is not kind)
        first = LEAVES[current].value(wrong if "current" in other else kind)
        named = LEAVES[following].value(wrong if "next" in other else kind) if following else None
        self.world.says = StatusAnswer(Channel.NONE, first, named)
        self.world.tags = tags
        self._with_rules(status_enabled=True)

    @rule(address=ADDRESSES, stays=st.sampled_from([0.0, 900.0]), wish=st.booleans())
    def adversary(self, address: str, *, stays: float, wish: bool) -> None:
        """Who holds a public certificate takes an address, silences the others, and has his say."""
        self.world.serves = {**self.world.serves, address: LEAVES["m"]}
        self.world.run(stays)
        refused = dict.fromkeys(self.world.serves, HandshakeFault.REFUSED)
        self.world.serves = {**refused, address: LEAVES["m"]}
        kind = self.world.rules.pins.kind
        said = StatusAnswer(Channel.NONE, LEAVES["m"].value(kind), LEAVES["n"].value(kind))
        self.world.says = StatusUnreachable("HTTP 503", retry_after=3600.0) if wish else said
        self._with_rules(status_enabled=True)
        self.world.run(60.0)

    @rule(says=NO_STATUS)
    def endpoint_in_trouble(self, says: Status) -> None:
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
        self.world.edge.troubles = Troubles()

    @rule(name=st.none() | ANY_LEAF)
    def sicken(self, name: str | None) -> None:
        """The Edge is unwell, always or with one pin."""
        pin = LEAVES[name].value(self.world.rules.pins.kind) if name else None
        self.world.edge.troubles.sick_of = lambda it: (
            pin is None or (it is not None and pin in it.accepted)
        )

    @rule(seconds=st.sampled_from([25.0, 70.0, 1000.0]))
    def registers(self, seconds: float) -> None:
        """The Edge is well when it has been connected for a while, and not before."""
        self.world.edge.troubles.registration = seconds

    @rule(
        enabled=st.sampled_from([True, False, None]),
        pins=st.lists(ANY_LEAF, max_size=2),
        back=st.booleans(),
    )
    def swap_document(self, enabled: bool | None, pins: list[str], *, back: bool) -> None:  # noqa: FBT001
        """Something else replaces the document whenever the Edge is restarted."""
        document = document_of(pins, self.world.rules.pins.kind, enabled=enabled)
        self.named |= set(document.accepted)
        self.world.edge.troubles.swap = Swap(document, back=back)

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

    @rule(enabled=st.sampled_from([True, False, None]), pins=st.lists(ANY_LEAF, max_size=3))
    def replace_document(self, enabled: bool | None, pins: list[str]) -> None:  # noqa: FBT001
        """Something else replaces the document."""
        self._put(document_of(pins, self.world.rules.pins.kind, enabled=enabled))

    @rule(pins=st.lists(ANY_LEAF, max_size=2))
    def strip_document(self, pins: list[str]) -> None:
        """It is replaced by one with a weak current pin."""
        document = document_of(pins, self.world.rules.pins.kind, enabled=True)
        self._put(replace(document, current=None, refused=(WEAK,)))

    @rule(document=st.sampled_from([DocumentMissing(), DocumentRejected("it is not JSON")]))
    def break_document(self, document: Document) -> None:
        """It is gone, or broken."""
        self.world.edge.put(document)

    # --- the operator -----------------------------------------------------------------------

    @rule(name=ANY_LEAF, role=st.sampled_from([None, Role.CURRENT, Role.BACKUP]))
    def add_pin(self, name: str, role: Role | None) -> None:
        """`edgepind pin add`."""
        pin = LEAVES[name].value(self.world.rules.pins.kind)
        self.named.add(pin)
        self.operators.add(pin)
        self.world.say(PinAdd(pin, role))

    @rule(name=ANY_LEAF, kind=KINDS)
    def remove_pin(self, name: str, kind: PinKind) -> None:
        """`edgepind pin remove`."""
        self.world.say(PinRemove(LEAVES[name].value(kind)))

    @rule(
        names=st.lists(ANY_LEAF, max_size=3, unique=True),
        revoked=st.lists(ANY_LEAF, max_size=2, unique=True),
        role=st.sampled_from([Role.CURRENT, Role.BACKUP]),
        waits=st.sampled_from([None, -60.0, 600.0, 7200.0]),
        serial=st.integers(1, 9),
    )
    def apply_bundle(
        self, names: list[str], revoked: list[str], role: Role, waits: float | None, serial: int
    ) -> None:
        """A signed bundle; the last of its pins may wait, or be over soon."""
        kind, wall = self.world.rules.pins.kind, self.world.wall
        pins = [BundlePin(LEAVES[it].value(kind), Role.BACKUP) for it in names]
        if pins:
            pins[0] = replace(pins[0], role=role)
            begins = None if waits is None else wall + timedelta(seconds=waits)
            pins[-1] = replace(pins[-1], not_before=begins, not_after=wall + timedelta(hours=3))
        bundle = Bundle(
            host=self.world.rules.host,
            kind=kind,
            pins=tuple(pins),
            revoked=tuple(LEAVES[it].value(kind) for it in revoked if it not in names),
            serial=serial,
            issued_at=wall,
            expires=wall + timedelta(days=1),
        )
        self.named |= {it.fingerprint for it in pins}
        self.signed |= {it.fingerprint for it in pins}
        self.world.say(SignedBundle(bundle, f"{bundle}", "folder"))

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
        kind=KINDS,
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
        fail_open = replace(FAIL_OPEN, enabled=enabled, grace=grace, limit=limit)
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
        """The stored state is damaged. What the document says is all that is left then."""
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
            if pin.fingerprint in PRIVATE:
                named = PRIVATE & (self.named | self.world.vouched_for)
                assert named, f"{pin} reaches no public root, and nobody vouched for it"

    @invariant()
    def every_reason_was_given(self) -> None:
        """No announcement without standing, no command that no operator gave."""
        assert list(unreasoned(self.world, self.operators, self.signed)) == []

    @precondition(lambda self: self.world.rules.pins.policy is not Policy.STRICT)
    @rule(name=STEADY)
    def peace(self, name: str) -> None:
        """Invariants 6 and 8: a steady cloud and a right clock connect the Edge, in time."""
        settle(self.world, name)

    def teardown(self) -> None:
        """So it does in the end of every history, wherever that was left."""
        if hasattr(self, "world") and self.world.rules.pins.policy is not Policy.STRICT:
            settle(self.world, "b")

    # --- helpers ----------------------------------------------------------------------------

    def _with_rules(self, **changes: object) -> None:
        self.world.rules = replace(self.world.rules, **changes)  # type: ignore[arg-type]
        self.world.prompt()

    def _note_policy(self) -> None:
        if self.world.rules.pins.policy is not Policy.STRICT:
            self.always_strict = False

    def _put(self, document: DocumentRead) -> None:
        self.named |= set(document.accepted)
        self.operators |= set(document.accepted)
        self.world.run(0.001)  # two files are never of one instant, nor a file and a start
        while self.world.edge.started_at == self.world.wall:
            self.world.run(0.001)
        self.world.edge.put(replace(document, changed=self.world.wall))


def test_any_history_of_a_site() -> None:
    """No history breaks a promise, and every one can be recovered from."""
    run_state_machine_as_test(SiteMachine, settings=_PROFILE)
