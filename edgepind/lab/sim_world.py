"""An imagined world: cloud, Edge, clocks and operator as values, and the daemon's rounds over them.

A day passes in a fraction of a second, every step can be the one at which the daemon is killed,
and each decision is held to the invariants. No I/O: it drives the same loop as the daemon does,
`edgepind.core.reconcile`, and only looks and acts otherwise.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from edgepind import __version__
from edgepind.core.guarded import decide_guarded
from edgepind.core.live_leaves import recent_at
from edgepind.core.reconcile import Reconciliation
from edgepind.core.scheduling import ask_status, full_look
from edgepind.core.standing import trust_in
from edgepind.effects.restart import RESTART_DEADLINE
from edgepind.lab.sim_edge import ImaginedEdge
from edgepind.lab.sim_observations import EPOCH, link
from edgepind.model.action import (
    Action,
    DocumentWritten,
    Outcome,
    OverrideNotRemoved,
    OverrideRemoved,
    RemoveOverride,
    RestartDeferred,
    RestartDone,
    RestartEdge,
    RestartUnderWay,
    RestoreDocument,
    WriteDocument,
)
from edgepind.model.decision import Decision, Event
from edgepind.model.document import Pinning
from edgepind.model.enums import Channel, PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import (
    AddressSeen,
    ClockReading,
    ClockSource,
    HandshakeFault,
    Health,
    Leaf,
    Link,
    Observations,
    OperatorWord,
    Override,
    Served,
    Status,
    StatusAnswer,
    StatusUnchanged,
    StatusUnreachable,
    UnitState,
)
from edgepind.model.pin import PinKey, Trust
from edgepind.model.rules import Rules
from edgepind.model.state import Settling, State
from edgepind.state.codec import as_kept
from edgepind.state.envelope import Broken, open_state, seal_at, seal_state

START_AGAIN = 1.0
"""Seconds until systemd has started the daemon again."""

_NOT_STARTED_AT_BOOT = frozenset({UnitState.ABSENT, UnitState.MASKED})
_SUCCESSES = (DocumentWritten, RestartDone, OverrideRemoved)


class InvariantError(Exception):
    """A decision had to be dropped. Each argument is one sentence about why."""


class KilledError(Exception):
    """The daemon was killed at this step."""


_OFFERS = 4
"""Handshakes of a full look at one address."""


def nothing(_: "ImaginedWorld") -> None:
    """Do nothing after a tick."""


@dataclass(slots=True)
class ImaginedWorld:
    """One site and its cloud. Change the attributes, let time pass, look at `state` and `edge`."""

    rules: Rules
    serves: Mapping[str, Leaf | HandshakeFault] = field(default_factory=dict)
    edge: ImaginedEdge = field(default_factory=ImaginedEdge)
    wider_at: frozenset[str] = frozenset()
    """Addresses with which the Edge's own `tlsSettings` have nothing in common."""
    turns: Mapping[str, tuple[Leaf, ...]] = field(default_factory=dict)
    """Addresses that serve these leaves in turn, one a look."""
    offers: Mapping[str, tuple[Leaf, ...]] = field(default_factory=dict)
    """Further leaves that an address serves under other offers than the Edge's own."""

    says: Status = field(default_factory=lambda: StatusUnreachable("HTTP 404"))
    """What the status endpoint answers; the channel is that of the address that is asked."""
    channel: Channel | None = None
    """Overrides the channel: a connection that was made before the leaf changed."""
    tags: bool = False
    """Whether it offers an entity tag, and answers 304 where nothing changed."""

    vouched_for: set[Fingerprint] = field(default_factory=set)
    """All that it ever named over a channel with standing."""

    ahead: float = 0.0
    """Seconds by which the host's clock is ahead of the truth."""
    set_back: bool = False
    """Whether the clock was ever set back: then times of files and of starts compare badly."""
    witnesses: tuple[ClockSource, ...] = ()
    date_behind: float = 0.0
    """Seconds by which the endpoint's `Date` is older than the truth, as a cache has it."""
    override: Override = None
    override_stuck: str = ""
    """Why the override files cannot be removed."""

    restart_takes: float = 0.0
    look_takes: float = 0.0
    entropy: float = 0.5

    decide: Callable[[State, Observations, Moment], Decision] = decide_guarded
    may_break: bool = False
    """Whether a decision may be dropped; else the world ends with InvariantError."""

    state: State = field(default_factory=State)
    events: list[Event] = field(default_factory=list)
    kill_in: int | None = None
    """How many steps of the daemon are left to it: one for each save and each action."""
    deferrals: int = 0
    """How often `ready_command` was asked and asked for patience."""
    after_tick: Callable[["ImaginedWorld"], None] = nothing
    """Called after each tick that the daemon lived through."""

    elapsed: float = 0.0
    """True seconds since the world began."""
    monotonic: float = 1000.0
    due: float = 1000.0
    """When the next tick is to be made, by the monotonic clock."""
    boots: int = 1

    connected_since: float | None = None
    """Since when, in true seconds, the present run of the Edge has been connected; None: it is not.

    Only kept while something asks for it.
    """

    _connected_run: int = 0
    _words: tuple[OperatorWord, ...] = ()
    _prompted: bool = True
    _connections: Counter[str] = field(default_factory=Counter)
    _saved: tuple[State, Moment, str] | None = None
    _saved_before: tuple[State, Moment, str] | None = None
    _lost: bool = False
    """Whether what was saved last is gone: each start finds that anew, until a state is saved."""
    _tagged: tuple[StatusAnswer, frozenset[PinKey]] | None = None

    # --- time -------------------------------------------------------------------------------

    @property
    def wall(self) -> datetime:
        """What the host's clock shows."""
        return EPOCH + timedelta(seconds=self.elapsed + self.ahead)

    def now(self) -> Moment:
        """Both clocks, read."""
        return Moment(Monotonic(self.monotonic), self.wall)

    def step_clock(self, seconds: float) -> None:
        """Set the host's clock; elapsed time knows nothing of it."""
        self.ahead += seconds
        self.set_back = self.set_back or seconds < 0

    def run(self, seconds: float) -> None:
        """Let time pass, with every tick that falls into it."""
        until = self.monotonic + seconds
        while self.due <= until:
            self._advance(max(0.0, self.due - self.monotonic))
            self.tick()
        self._advance(max(0.0, until - self.monotonic))

    def tick(self) -> None:
        """Make one tick now: look, decide, act, decide again by what came of it."""
        try:
            self.due = self.monotonic + self._round().delay
        except KilledError:
            self.crash()
        else:
            self.after_tick(self)

    def _advance(self, seconds: float) -> None:
        if self.edge.troubles.registration:
            self._note_connection()
        self.monotonic += seconds
        self.elapsed += seconds
        self.edge.pass_to(self.elapsed)

    def _note_connection(self) -> None:
        """See whether the Edge is connected, in the run in which it was; nothing changes in it."""
        validator, wall = self.rules.restart.validator, self.wall
        leaves = (it for it in self.serves.values() if isinstance(it, Leaf))
        if not any(self.edge.connects(it, validator, wall) for it in leaves):
            self.connected_since = None
        elif self.connected_since is None or self._connected_run != self.edge.runs:
            self.connected_since, self._connected_run = self.elapsed, self.edge.runs

    # --- what happens to the daemon ---------------------------------------------------------

    def say(self, word: OperatorWord) -> None:
        """Let the operator say a word about a pin, and wake the daemon."""
        self._words = (*self._words, word)
        self.prompt()

    def prompt(self) -> None:
        """Wake the daemon, as SIGUSR1 and SIGHUP do."""
        self._prompted = True
        self.due = self.monotonic

    def crash(self) -> None:
        """Kill the daemon; systemd starts it again from what it had saved."""
        self.kill_in = None
        self._tagged = None
        self.state = State()
        if self._saved is not None:
            state, moment, boot = self._saved
            content = seal_state(state, seal_at(moment, boot, __version__))
            opened = open_state(content, self.now(), self._boot)
            if isinstance(opened, Broken):
                raise AssertionError(f"a state that was saved cannot be read: {opened.reason}")
            self.state = opened.state
        if self._lost:
            self.state = replace(self.state, resumed_after_damage=True)
        self.due = self.monotonic + START_AGAIN

    def reboot(self, off_for: float) -> None:
        """Switch the host off for so long; elapsed time begins anew."""
        self.elapsed += off_for
        self.monotonic = 10.0
        self.boots += 1
        if self.edge.state not in _NOT_STARTED_AT_BOOT:
            self.edge.start(self.wall)
            self.edge.start_slowly(self.elapsed)
        self.crash()

    def lose_state(self, *, newest_only: bool = False) -> None:
        """Damage the stored state, or its newest generation only, and kill the daemon."""
        self._saved = self._saved_before if newest_only else None
        self._lost = True
        self.crash()

    @property
    def _boot(self) -> str:
        return f"boot-{self.boots}"

    # --- one tick ---------------------------------------------------------------------------

    def _round(self) -> Decision:
        tick = Reconciliation(self.state, self._look(), self.now(), self.decide)
        self._keep(tick.decision)
        self._words = ()
        while tick.actions:
            outcomes = self._execute(tick.actions)
            tick.go_on(outcomes, self.now())
            self._keep(tick.decision)
        return tick.decision

    def _keep(self, decision: Decision) -> None:
        broken = decision.state.violated
        if broken and not self.may_break:
            raise InvariantError(*broken)
        self.state = decision.state
        self._save(self.now())
        self._lost = False
        self.events += decision.events
        self._step()

    def _save(self, now: Moment) -> None:
        """Keep the state, and the last one before it that would have been another file."""
        if self._saved is not None and as_kept(self._saved[0]) != as_kept(self.state):
            self._saved_before = self._saved
        self._saved = (self.state, now, self._boot)

    def _step(self) -> None:
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in <= 0:
                raise KilledError

    def _look(self) -> Observations:
        document = self.edge.read()
        status = self._ask()
        clock = tuple(self._witness(it) for it in self.witnesses)
        settling = isinstance(self.state.edge.restart, Settling)
        health = self._health() if settling else None
        self._advance(self.look_takes)
        self._prompted = False
        return Observations(
            rules=self.rules,
            link=self._link(),
            status=status,
            clock=clock,
            unit=self.edge.unit(),
            health=health,
            document=document,
            override=self.override,
            override_looked_at=True,
            words=self._words,
            entropy=self.entropy,
            took=self.look_takes,
        )

    def _witness(self, source: ClockSource) -> ClockReading:
        stale = self.date_behind if source is ClockSource.DATE_HEADER else 0.0
        return ClockReading(source, self.ahead + stale)

    def _health(self) -> Health:
        takes = self.edge.troubles.registration
        if takes:
            self._note_connection()
        since = self.connected_since
        if takes and (since is None or self.elapsed - since < takes):
            return Health(well=False, detail="it is not registered with the cloud")
        return self.edge.health()

    def _link(self) -> Link:
        turn = {it: self._in_turn(it, 1)[0] for it in self.turns}
        self.serves = {**self.serves, **turn}
        own = link({it: leaf for it, leaf in self.serves.items() if it not in self.wider_at})
        if self.offers or self.turns:
            full = full_look(self.state, self.rules)
            own = Link(tuple(self._with_offers(it, full=full) for it in own.addresses), full=full)
        wider = {it: leaf for it, leaf in self.serves.items() if it in self.wider_at}
        if not wider:
            return own
        seen: dict[str, AddressSeen] = {it.address: it for it in own.addresses}
        seen |= {it.address: it for it in link(wider, wider_only=True).addresses}
        return Link(tuple(seen[address] for address in self.serves))

    def _with_offers(self, seen: AddressSeen, *, full: bool) -> AddressSeen:
        """Add what further handshakes show: in a full look, and where the leaf is new."""
        if not isinstance(seen.result, Served):
            return seen
        known = next((it for it in self.state.served if it.address == seen.address), None)
        leaf = seen.result.leaf
        new = known is None or leaf.certificate not in {it.certificate for it in recent_at(known)}
        if not (full or new):
            return replace(seen, result=replace(seen.result, full=False))
        others = (*self.offers.get(seen.address, ()), *self._in_turn(seen.address, _OFFERS - 1))
        others = tuple(dict.fromkeys(it for it in others if it != leaf))
        return replace(seen, result=replace(seen.result, others=others))

    def _in_turn(self, address: str, connections: int) -> tuple[Leaf, ...]:
        """What an address serves to so many connections, one after the other."""
        leaves = self.turns.get(address, ())
        begins = self._connections[address]
        self._connections[address] += connections
        return tuple(leaves[(begins + n) % len(leaves)] for n in range(connections) if leaves)

    # --- the status endpoint ----------------------------------------------------------------

    def _ask(self) -> Status | None:
        enabled, now = self.rules.status_enabled, Monotonic(self.monotonic)
        if not ask_status(self.state, now, enabled=enabled, prompted=self._prompted):
            return None
        return self._answer()

    def _answer(self) -> Status:
        trust = trust_in(self.state.pins, self.rules.pins.overlap)
        channel = self.channel or self._true_channel(trust)
        tagged, self._tagged = self._tagged, None
        if channel is Channel.NONE:
            return StatusUnreachable("no address answers")
        said = replace(self.says, channel=channel)
        if isinstance(said, StatusAnswer) and channel is Channel.PINNED:
            self.vouched_for |= {it for it in (said.current, said.next) if it is not None}
            if self.tags:
                self._tagged = (said, trust.believed)
                if tagged == self._tagged:
                    return StatusUnchanged(channel)
        return said

    def _true_channel(self, trust: Trust) -> Channel:
        """Give what the best leaf is worth that is served: the endpoint is asked there first."""
        shown: set[PinKey] = set()
        for it in self.serves.values():
            if isinstance(it, Leaf):
                shown |= {(kind, it.value(kind)) for kind in PinKind}
        if not shown:
            return Channel.NONE
        if not shown.isdisjoint(trust.believed):
            return Channel.PINNED
        strange = shown.isdisjoint(trust.accepted)
        return Channel.UNPINNED if strange else Channel.WITHOUT_STANDING

    # --- doing ------------------------------------------------------------------------------

    def _execute(self, actions: tuple[Action, ...]) -> tuple[Outcome, ...]:
        outcomes: list[Outcome] = []
        for action in actions:
            outcomes.append(self._do(action))
            self._step()
            if not isinstance(outcomes[-1], _SUCCESSES):
                break
        return tuple(outcomes)

    def _do(self, action: Action) -> Outcome:
        match action:
            case WriteDocument(pinning):
                return self.edge.write(pinning, self.wall)
            case RestoreDocument(pinning):
                return self.edge.restore(pinning, self.wall)
            case RestartEdge(loading, forced):
                if self.edge.troubles.unready and not forced:
                    self.deferrals += 1
                    return RestartDeferred(self.edge.troubles.unready)
                return self._restart(loading)
            case RemoveOverride():
                if self.override_stuck:
                    return OverrideNotRemoved(self.override_stuck)
                self.override = None
                return OverrideRemoved()

    def _restart(self, loading: Pinning) -> Outcome:
        asked = self.elapsed
        self._advance(self.restart_takes)
        outcome = self.edge.restart(loading, self.wall, asked)
        if not isinstance(outcome, RestartUnderWay):
            return outcome
        seconds = min(RESTART_DEADLINE, self.edge.troubles.start)
        self._advance(seconds)
        return self.edge.waited(loading, seconds)
