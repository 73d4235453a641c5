"""`decide`, with every invariant checked before anything is acted upon.

Theory of operation. `decide` is a program, and a program has faults; some of them can be provoked
from outside. A decision that would break an invariant, or a rule that raises, must neither be
acted upon nor end the daemon, for the same input would end it again after each restart. So the
decision is dropped, the state before it is kept, and the same moment is decided again with less
(`_OMISSIONS`, in order; what comes from outside is suspected first):

    everything -> without the status endpoint's answer -> without the link -> with neither, and
    without document and unit -> without the operator's pin commands as well

Outcomes of actions and the override are never left out. Pin commands that were left out are not
lost: `Decision.heard` is False, and they are handed in again. If no decision is possible at all,
`hold` keeps everything and only ends an opening or an override whose time is over, by code that
shares no rule with what is broken.

What was broken, and what was left out for it, is reported once for as long as it stays the same
(`State.violated`). It must never be that an exception leaves this module, or that a decision
leaves it that breaks an invariant.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from edgepind.core.decide import decide
from edgepind.core.invariants import violations
from edgepind.model.action import Action, DocumentWritten, RestartDone, RestartEdge, WriteDocument
from edgepind.model.decision import Decision, Event
from edgepind.model.document import Pinning
from edgepind.model.enums import EventName, Posture, Severity
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import Observations
from edgepind.model.pin import accepted
from edgepind.model.state import Edge, Guard, State

_Rule = Callable[[State, Observations, Moment], Decision]


@dataclass(frozen=True, slots=True)
class _Omission:
    """Fields that are left out of the observations; `named` is what a person reads of them."""

    named: str
    parts: tuple[str, ...]

    def of(self, seen: Observations) -> Observations:
        """`seen` without it."""
        nothing: dict[str, Any] = {
            part: () if part == _PIN_COMMANDS else None for part in self.parts
        }
        return replace(seen, **nothing)


_PIN_COMMANDS = "words"
_OF_THE_HOST = ("status", "link", "document", "unit", "health")
_OMISSIONS = (
    _Omission("nothing", ()),
    _Omission("the status endpoint's answer", ("status",)),
    _Omission("what the addresses served", ("link",)),
    _Omission(
        "the status endpoint's answer, what the addresses served, the document and the unit",
        _OF_THE_HOST,
    ),
    _Omission("all of that and the operator's pin commands", (*_OF_THE_HOST, _PIN_COMMANDS)),
)
_EVERYTHING = "everything but what has a deadline"


@dataclass(frozen=True, slots=True)
class _Fault:
    """The invariants that were about to be broken, and what was left out so that none was."""

    broken: tuple[str, ...]
    left_out: str

    def event(self) -> Event:
        """The report of it."""
        text = (
            f"A decision was dropped because it would have broken an invariant: "
            f"{'; '.join(self.broken)}. Decided without: {self.left_out}. This is a defect of "
            "edgepind, or somebody provokes one: compare `edgepind pin list` with what you expect, "
            "and report this message with the output of `edgepind history`."
        )
        return Event(EventName.INVARIANT_VIOLATED, Severity.CRIT, text)


def decide_guarded(state: State, seen: Observations, now: Moment, rule: _Rule = decide) -> Decision:
    """The decision, with every invariant kept; never raises. `rule` is what decides."""
    broken: tuple[str, ...] = ()
    for omission in _OMISSIONS:
        tried = omission.of(seen)
        if omission.parts and tried == seen:
            continue  # there was nothing to leave out
        decision, faults = _attempt(state, tried, now, rule)
        broken = broken or faults
        if decision is not None:
            decision = replace(decision, heard=tried.words == seen.words) if broken else decision
            return _reported(state, seen, decision, _Fault(broken, omission.named))
    return _reported(state, seen, hold(state, seen, now), _Fault(broken, _EVERYTHING))


def _attempt(
    state: State, seen: Observations, now: Moment, rule: _Rule
) -> tuple[Decision | None, tuple[str, ...]]:
    """The decision, or why it must not be acted upon."""
    try:
        decision = rule(state, seen, now)
        faults = tuple(violations(state, seen, decision, now))
    except Exception as error:  # noqa: BLE001 - whichever it is, it costs this decision alone
        return None, (f"a rule failed with {type(error).__name__}: {error}",)
    return (None, faults) if faults else (decision, ())


def _reported(before: State, seen: Observations, decision: Decision, fault: "_Fault") -> Decision:
    """`decision`, with an event on what was dropped for it, if that is new.

    `State.violated` is cleared only by a tick that observed everything: without an answer of the
    status endpoint, its answer could break nothing.
    """
    asked = seen.status is not None or not seen.rules.status_enabled
    looked = asked and seen.link is not None
    violated = fault.broken or (() if looked else before.violated)
    if violated == decision.state.violated == ():
        return decision
    state = replace(decision.state, violated=violated)
    if not fault.broken:
        return replace(decision, state=state)
    broken = "; ".join(fault.broken)
    state = replace(
        state, reason=f"A decision was dropped that would break an invariant: {broken}."
    )
    events = (fault.event(),) if fault.broken != before.violated else ()
    return replace(decision, state=state, events=(*decision.events, *events))


# --- when nothing can be decided ------------------------------------------------------------


def hold(state: State, seen: Observations, now: Moment) -> Decision:
    """Decide nothing but the end of an opening or an override that is over.

    Level-triggered, like the rest: the document first, then the restart that loads it, each
    requested again at the next tick where it was not done.
    """
    edge = _learn(state.edge, seen)
    guard = _closed(state.guard, seen, now)
    state = replace(
        state,
        edge=edge,
        guard=guard,
        last=now,
        next_tick=Monotonic(now.monotonic + seen.rules.interval),
        ticks=state.ticks + (seen.link is not None),
    )
    actions = tuple(_closing(state, seen, now))
    if any(isinstance(it, RestartEdge) for it in actions):
        asked = replace(edge, restarts=(*edge.restarts, now.monotonic))
        state = replace(state, edge=asked)
    return Decision(state, actions, (), seen.rules.interval, heard=not seen.words)


def _learn(edge: Edge, seen: Observations) -> Edge:
    """The Edge after these outcomes; what it loaded is known where the outcome is certain of it."""
    for outcome in seen.outcomes:
        match outcome:
            case DocumentWritten(pinning=Pinning() as pinning, digest=digest):
                edge = replace(edge, written=pinning, digest=digest)
            case RestartDone(loading=loading, read=read) if read and read == edge.digest:
                edge = replace(edge, loaded=loading, may_be_off=not loading.enabled)
            case _:
                continue  # nothing was done, or nothing that ends an opening
    return edge


def _closed(guard: Guard, seen: Observations, now: Moment) -> Guard:
    """The posture, less an opening or an override whose time is over or whose file is gone."""
    match guard.posture:
        case Posture.OPEN if guard.open_ends is None or guard.open_ends <= now.monotonic:
            return replace(guard, posture=Posture.EXHAUSTED, since=now.wall, open_ends=None)
        case Posture.OVERRIDE:
            gone = seen.override_looked_at and seen.override is None
            ends = guard.override.ends if guard.override else None
            if gone or ends is None or ends <= now.monotonic:
                return replace(guard, posture=Posture.ENFORCING, since=now.wall, override=None)
            return guard
        case _:
            return guard


def _closing(state: State, seen: Observations, now: Moment) -> Iterator[Action]:
    """What switches validation on again, where it may be off and must be on."""
    wrote = all(isinstance(it, DocumentWritten) for it in seen.outcomes)
    if state.guard.posture in {Posture.OPEN, Posture.OVERRIDE} or not state.edge.may_be_off:
        return
    if not wrote:
        return  # the write failed within this tick: the next one tries again
    order = tuple(dict.fromkeys(pin.fingerprint for pin in accepted(state.pins)))
    if not order:
        return
    closed = Pinning(enabled=True, current=order[0], accepted=order)
    if state.edge.written != closed:
        yield WriteDocument(closed)
        return
    rules = seen.rules.restart
    recent = [it for it in state.edge.restarts if it > now.monotonic - rules.window]
    if len(recent) < rules.budget:
        yield RestartEdge(closed, forced=True)
