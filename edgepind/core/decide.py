"""One tick of deciding: `decide(state, observations, now) -> Decision`, pure and synchronous.

The order is the shape of the program: learn what became of the last actions, take in what was
found, judge, accept, conclude, guard, and ask for what is missing. Every rule stands in the
module that is named for it; this one only says in which order they speak.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from edgepind.core.adoption import adopt
from edgepind.core.clock_judgement import judge_clock
from edgepind.core.desired import LETS_GO, amend_document, learn_write
from edgepind.core.diagnosis import GOOD, Diagnosis
from edgepind.core.last_served import note_served
from edgepind.core.lockout import is_lockout
from edgepind.core.override import learn_not_removed, note_override, removal
from edgepind.core.posture import deadline, guard_on, is_opening_lockout, is_rotated_away
from edgepind.core.reasons import link_sentence, reason
from edgepind.core.restart_verification import learn_restart, watch_restarted
from edgepind.core.restarts import (
    budget_frees,
    debt_of,
    forgive,
    leave_rollback,
    pursue_restart,
    ready_ends,
    restarts_in_hand,
)
from edgepind.core.rollover import (
    accept_evidence,
    conclude,
    remaining_hold_down,
    settle_roles,
)
from edgepind.core.scheduling import ask_again, next_delay, note_status
from edgepind.core.sentences import finding_changed, told
from edgepind.core.tick import Tick
from edgepind.model.action import Action
from edgepind.model.decision import Decision
from edgepind.model.enums import Bootstrap, EventName, Finding, Posture, Severity
from edgepind.model.event import Event
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import (
    Observations,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
)
from edgepind.model.outcome import (
    DocumentWritten,
    OverrideNotRemoved,
    OverrideRemoved,
    RestartDeferred,
    RestartDone,
    RestartFailed,
    RestartRefused,
    WriteFailed,
)
from edgepind.model.replacing import replace
from edgepind.model.state import Owing, RollingBack, Settling, State


@dataclass(frozen=True, slots=True)
class _Draft:
    """A decision in the making: what is known so far, to be done, and to be told."""

    state: State
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()

    def told(self, state: State, events: tuple[Event, ...]) -> "_Draft":
        return _Draft(state, self.actions, (*self.events, *events))

    def asked(
        self, state: State, actions: tuple[Action, ...], events: tuple[Event, ...]
    ) -> "_Draft":
        return _Draft(state, (*self.actions, *actions), (*self.events, *events))


def decide(state: State, observations: Observations, now: Moment) -> Decision:
    """Say what follows from `state` and `observations` at `now`.

    Called once a tick with everything that was looked at, and again within the tick with the
    outcomes of what it asked for. Raises only for programming errors.
    """
    tick = _tick(state, observations, now)
    before = _concluded(state)
    draft = _learn(_Draft(replace(state, clock=tick.clock)), tick)
    draft = draft.told(*adopt(draft.state, tick))
    draft = draft.told(note_served(draft.state, tick), ())
    draft = _note_status(draft, tick)
    draft = draft.told(*accept_evidence(draft.state, tick))
    diagnosis = conclude(draft.state, tick)
    draft = _note_diagnosis(draft, diagnosis, tick)
    draft = draft.told(*settle_roles(draft.state, tick))
    draft = _guard(draft, diagnosis, before, tick)
    draft = draft.told(*watch_restarted(draft.state, tick))
    draft = draft.asked(*amend_document(leave_rollback(draft.state, tick), tick))
    draft = draft.asked(draft.state, removal(draft.state.guard, tick), ())
    draft = draft.asked(*pursue_restart(draft.state, tick, alone=not draft.actions))
    return _close(draft, tick)


def _tick(state: State, seen: Observations, now: Moment) -> Tick:
    elapsed = 0.0
    if state.last is not None:
        elapsed = max(0.0, now.monotonic - state.last.monotonic)
    clock = state.clock if seen.clock is None else judge_clock(seen.clock, seen.rules, now)
    return Tick(seen, now, elapsed, clock)


def _concluded(state: State) -> Diagnosis | None:
    """What was last concluded about the link."""
    if state.finding is None:
        return None
    return Diagnosis(state.finding, state.link_accepted, state.addresses, state.lockout)


def _learn(draft: _Draft, tick: Tick) -> _Draft:
    for outcome in tick.seen.outcomes:
        match outcome:
            case DocumentWritten() | WriteFailed():
                draft = draft.told(*learn_write(draft.state, outcome, tick))
            case RestartDone() | RestartFailed() | RestartDeferred() | RestartRefused():
                draft = draft.told(*learn_restart(draft.state, outcome, tick))
            case OverrideNotRemoved():
                guard, events = learn_not_removed(draft.state.guard, outcome)
                draft = draft.told(replace(draft.state, guard=guard), events)
            case OverrideRemoved():
                continue  # the next look shows it
            case _:
                assert_never(outcome)
    return draft


def _note_status(draft: _Draft, tick: Tick) -> _Draft:
    status = tick.seen.status
    if status is None:
        return draft
    memory = note_status(draft.state, status, tick)
    before = draft.state.status
    state = replace(draft.state, status=memory)
    if isinstance(status, StatusAnswer | StatusUnchanged) or memory.error == before.error:
        return draft.told(state, ())
    if isinstance(status, StatusRejected):
        text = (
            f"The status endpoint's answer is rejected and changes nothing: {memory.error}; "
            "live handshakes go on deciding; tell the cloud's operator if it lasts."
        )
        event = told(EventName.STATUS_REJECTED, Severity.WARNING, text)
    else:
        text = (
            f"The status endpoint gave no answer: {memory.error}; live handshakes go on deciding; "
            "see `edgepind check`."
        )
        event = told(EventName.STATUS_UNREACHABLE, Severity.WARNING, text)
    return draft.told(state, (event,))


def _note_diagnosis(draft: _Draft, diagnosis: Diagnosis | None, tick: Tick) -> _Draft:
    if diagnosis is None:
        return draft
    before = draft.state.finding
    sentence = link_sentence(diagnosis.finding, tick)
    state = replace(
        draft.state,
        finding=diagnosis.finding,
        finding_sentence=sentence,
        lockout=diagnosis.lockout,
        link_accepted=diagnosis.accepted,
        addresses=diagnosis.verdicts,
        last_good=tick.now.wall if diagnosis.finding in GOOD else draft.state.last_good,
    )
    if diagnosis.finding is before:
        return draft.told(state, ())
    good_again = diagnosis.finding in GOOD and before not in GOOD
    if good_again or before is Finding.UNREACHABLE:
        state = replace(state, status=ask_again(state.status))
    return draft.told(state, (finding_changed(diagnosis.finding, before, sentence),))


def _guard(
    draft: _Draft, diagnosis: Diagnosis | None, before: Diagnosis | None, tick: Tick
) -> _Draft:
    guard, events = note_override(draft.state.guard, tick)
    in_hand = restarts_in_hand(draft.state.edge, tick)
    guard, more = guard_on(guard, diagnosis, before, in_hand, tick)
    if guard.since is None:
        guard = replace(guard, since=tick.now.wall)
    state = draft.state
    if (guard.posture in LETS_GO) is not (state.guard.posture in LETS_GO):
        # Letting go, and closing again, is no retry of a document that failed.
        state = replace(state, edge=forgive(state.edge, tick))
    return draft.told(replace(state, guard=guard), (*events, *more))


def _close(draft: _Draft, tick: Tick) -> Decision:
    # A restart within this tick may have ended a lockout, or begun one.
    state = replace(draft.state, lockout=is_lockout(draft.state, tick.rules))
    delay = _delay(state, tick)
    looked = tick.seen.link is not None
    state = replace(
        state,
        last=tick.now,
        ticks=state.ticks + looked,
        reason=reason(state, tick),
        next_tick=tick.after(delay),
    )
    return Decision(state, draft.actions, draft.events, delay)


def _delay(state: State, tick: Tick) -> float:
    restart, now = state.edge.restart, tick.now.monotonic
    owed = restart.debt if isinstance(restart, Owing) else None
    # A restart that failed leaves the unit unseen: before going back, it is looked at.
    unseen = isinstance(restart, RollingBack) and tick.seen.unit is None
    # One that is waited for, with no way back, may take days: it is not watched for every move.
    settling = isinstance(restart, Settling) and (restart.seen_well or not restart.wait_told)
    return next_delay(
        tick,
        urgent=_is_urgent(state, tick),
        settling=settling or unseen,
        deadlines=(
            deadline(state.guard, tick.rules.fail_open.grace, now) if _runs_out(state) else None,
            *_holds_end(state, tick),
            ready_ends(owed, state, tick) if owed else None,
            budget_frees(state, tick) if owed else None,
            debt_of(restart, now).not_before,
            state.edge.write_not_before,
        ),
    )


def _runs_out(state: State) -> bool:
    """Whether the time of the present posture runs now: that of grace may be standing still."""
    return state.guard.posture is not Posture.GRACE or is_opening_lockout(_concluded(state))


def _holds_end(state: State, tick: Tick) -> Iterator[Monotonic]:
    """When each hold-down will have its age, if it goes on from where it was last seen."""
    for pin in state.pins:
        left = remaining_hold_down(pin, tick.rules.pins)
        if left is not None and pin.last_seen is not None:
            yield Monotonic(pin.last_seen + left)


def _is_urgent(state: State, tick: Tick) -> bool:
    """Whether something waits to be confirmed: a lockout, or the very first pin.

    For that one also a cloud that cannot be reached is looked for: the site waits to be guarded.
    """
    posture, concluded = state.guard.posture, _concluded(state)
    if posture is Posture.OPEN and is_rotated_away(concluded):
        return True
    if posture in {Posture.ENFORCING, Posture.GRACE} and is_opening_lockout(concluded):
        return True
    no_pin = not any(pin.accepted for pin in state.pins)
    return no_pin and tick.rules.pins.bootstrap is Bootstrap.CORROBORATED
