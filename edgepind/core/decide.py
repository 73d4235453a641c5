"""One tick of deciding: `decide(state, observations, now) -> Decision`, pure and synchronous.

The order is the structure of the program: learn what became of the last actions, take in what was
found, accept, conclude, choose the posture, and request what is missing. Every rule is in the
module that is named for it; this one only orders them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from edgepind.core.activation import follow_the_live
from edgepind.core.admission import remaining_hold_down
from edgepind.core.adoption import adopt
from edgepind.core.announcements import note_announcement
from edgepind.core.bundles import note_bundles
from edgepind.core.desired import (
    VALIDATION_OFF,
    amend_document,
    awaits_document,
    learn_write,
)
from edgepind.core.diagnosis import GOOD, Diagnosis, diagnose, with_known_leaves
from edgepind.core.hold_down import note_sightings
from edgepind.core.leaf_dates import note_dates
from edgepind.core.live_leaves import (
    keys_of,
    note_served,
    others_live,
    passes,
    pinned_in_turn,
    serves_in_turn,
)
from edgepind.core.lockout import is_lockout
from edgepind.core.messages import (
    Deadlines,
    finding_changed,
    link_sentence,
    reason_sentence,
    status_failed,
    status_ignored,
)
from edgepind.core.obstacle import obstacle
from edgepind.core.override import learn_not_removed, note_override, removal
from edgepind.core.pin_commands import apply_commands
from edgepind.core.posture import deadline, guard_on, is_opening_lockout, is_rotated_away
from edgepind.core.restart_verification import learn_restart, watch_restarted
from edgepind.core.restarts import (
    budget_frees,
    debt_of,
    forgive,
    is_closing,
    leave_rollback,
    pursue_restart,
    ready_ends,
    restarts_in_hand,
)
from edgepind.core.scheduling import ask_again, next_delay, note_status
from edgepind.core.standing import earn_standing
from edgepind.core.tick import Tick
from edgepind.core.time_floor import judge_time
from edgepind.model.action import (
    Action,
    DocumentWritten,
    OverrideNotRemoved,
    OverrideRemoved,
    RestartDeferred,
    RestartDone,
    RestartFailed,
    RestartRefused,
    RestartUnderWay,
    WriteFailed,
)
from edgepind.model.decision import Decision, Event
from edgepind.model.enums import Bootstrap, Finding, Posture, Role
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import (
    Observations,
    StatusAnswer,
    StatusRejected,
    StatusUnchanged,
)
from edgepind.model.pin import accepted
from edgepind.model.state import ClockJudgement, Owing, RollingBack, Settling, State


@dataclass(frozen=True, slots=True)
class _Draft:
    """A decision in the making: state, actions and events so far."""

    state: State
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()

    def with_events(self, state: State, events: tuple[Event, ...]) -> "_Draft":
        return _Draft(state, self.actions, (*self.events, *events))

    def with_actions(
        self, state: State, actions: tuple[Action, ...], events: tuple[Event, ...]
    ) -> "_Draft":
        return _Draft(state, (*self.actions, *actions), (*self.events, *events))


def decide(state: State, observations: Observations, now: Moment) -> Decision:
    """What follows from `state` and `observations` at `now`.

    Called once a tick with all observations, and again within the tick with the outcomes of the
    actions that it requested. Raises only for programming errors.
    """
    if observations.link is not None:
        state = note_dates(state, observations.link)
    time = judge_time(state, observations, now)
    tick = _tick(state, observations, now, time.clock)
    before = _concluded(state)
    state = replace(state, clock=time.clock, began=time.began, floor=time.floor)
    draft = _learn(_Draft(state), tick)
    draft = draft.with_events(*adopt(draft.state, tick))
    draft = draft.with_events(note_served(draft.state, tick), ())
    draft = _note_status(draft, tick)
    draft = draft.with_events(*accept_evidence(draft.state, tick))
    diagnosis = conclude(draft.state, tick)
    draft = _note_diagnosis(draft, diagnosis, tick)
    draft = draft.with_events(*settle_roles(draft.state, tick))
    draft = _guard(draft, diagnosis, before, tick)
    draft = draft.with_events(*watch_restarted(draft.state, tick))
    draft = draft.with_actions(*amend_document(leave_rollback(draft.state, tick), tick))
    draft = draft.with_actions(draft.state, removal(draft.state.guard, tick), ())
    draft = draft.with_actions(*pursue_restart(draft.state, tick, alone=not draft.actions))
    return _close(draft, tick)


def _tick(state: State, seen: Observations, now: Moment, clock: ClockJudgement) -> Tick:
    elapsed = 0.0
    if state.last is not None:
        elapsed = max(0.0, now.monotonic - state.last.monotonic)
    return Tick(seen, now, elapsed, clock)


def accept_evidence(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Accept what the policy table admits on this tick's evidence.

    The operator first, in bundles as well, then announcements, then what is seen: so a leaf that is
    announced and live in the same tick is announced. Beside a document that could not be read yet,
    the operator alone.
    """
    state, events = apply_commands(state, tick.seen.words, tick)
    state, more = note_bundles(state, tick)
    events += more
    if awaits_document(state, tick):
        return state, events
    if tick.seen.status is not None:
        state, more = note_announcement(state, tick.seen.status, tick)
        events += more
    if tick.seen.link is not None:
        state, more = note_sightings(state, tick.seen.link, tick)
        events += more
    return state, events


def conclude(state: State, tick: Tick) -> Diagnosis | None:
    """Judge the link by the pins as they are now; None where this tick did not look at it."""
    if tick.seen.link is None:
        return None
    diagnosis = diagnose(tick.seen.link, state.pins, tick, state.floor)
    if not tick.seen.link.full:
        known = with_known_leaves(diagnosis.verdicts, state.addresses)
        diagnosis = replace(diagnosis, verdicts=known)
    if diagnosis.finding is Finding.UNREACHABLE:
        return replace(diagnosis, lockout=is_lockout(state, tick.rules))
    return replace(
        diagnosis,
        finding=_with_turns(diagnosis.finding, state),
        accepted=passes({pin.key for pin in accepted(state.pins)}, state),
        lockout=is_lockout(state, tick.rules),
    )


def _with_turns(finding: Finding, state: State) -> Finding:
    """The finding, with the leaves that are served in turn and were not at this look.

    Else it would change at every look.
    """
    for leaf in others_live(state):
        pin = next((it for it in accepted(state.pins) if it.key in keys_of(leaf)), None)
        if pin is None and leaf.finding is not None and finding in GOOD:
            finding = leaf.finding
        elif pin is not None and pin.role is not Role.CURRENT and finding is Finding.PINNED:
            finding = Finding.ROTATING if serves_in_turn(state) else finding
    return finding


def settle_roles(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Make current what is live, and retire what has been gone for long enough."""
    link = tick.seen.link
    if link is None:
        return state, ()
    return follow_the_live(earn_standing(state, link, tick), link, tick)


def _concluded(state: State) -> Diagnosis | None:
    """What the last look concluded about the link."""
    if state.finding is None:
        return None
    return Diagnosis(state.finding, state.link_accepted, state.addresses, state.lockout)


def _learn(draft: _Draft, tick: Tick) -> _Draft:
    for outcome in tick.seen.outcomes:
        match outcome:
            case DocumentWritten() | WriteFailed():
                draft = draft.with_events(*learn_write(draft.state, outcome, tick))
            case (
                RestartDone()
                | RestartUnderWay()
                | RestartFailed()
                | RestartDeferred()
                | RestartRefused()
            ):
                draft = draft.with_events(*learn_restart(draft.state, outcome, tick))
            case OverrideNotRemoved():
                guard, events = learn_not_removed(draft.state.guard, outcome)
                draft = draft.with_events(replace(draft.state, guard=guard), events)
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
    if isinstance(status, StatusAnswer):
        new = tuple(it for it in status.ignored if it.field not in before.ignored_told)
        return draft.with_events(state, (status_ignored(new),) if new else ())
    if isinstance(status, StatusUnchanged) or memory.error == before.error:
        return draft.with_events(state, ())
    rejected = isinstance(status, StatusRejected)
    return draft.with_events(state, (status_failed(memory.error, rejected=rejected),))


def _note_diagnosis(draft: _Draft, diagnosis: Diagnosis | None, tick: Tick) -> _Draft:
    if diagnosis is None:
        return draft
    before = draft.state.finding
    seen = replace(draft.state, addresses=diagnosis.verdicts)
    sentence = link_sentence(diagnosis.finding, tick, obstacle(seen, tick.rules.pins))
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
        return draft.with_events(state, ())
    good_again = diagnosis.finding in GOOD and before not in GOOD
    if good_again or before is Finding.UNREACHABLE:
        state = replace(state, status=ask_again(state.status))
    return draft.with_events(state, (finding_changed(diagnosis.finding, before, sentence),))


def _guard(
    draft: _Draft, diagnosis: Diagnosis | None, before: Diagnosis | None, tick: Tick
) -> _Draft:
    guard, events = note_override(draft.state.guard, tick)
    in_hand = restarts_in_hand(draft.state.edge, tick)
    guard, more = guard_on(guard, diagnosis, before, in_hand, tick)
    if guard.since is None:
        guard = replace(guard, since=tick.now.wall)
    state = draft.state
    if (guard.posture in VALIDATION_OFF) is not (state.guard.posture in VALIDATION_OFF):
        # Switching validation off or on is no retry of a document that failed.
        state = replace(state, edge=forgive(state.edge, tick))
    return draft.with_events(replace(state, guard=guard), (*events, *more))


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


def reason(state: State, tick: Tick) -> str:
    """The one sentence that `status` and `STATUS=` show."""
    restart = state.edge.restart
    owed = restart.debt if isinstance(restart, Owing) else None
    deadlines = Deadlines(
        posture=deadline(state.guard, tick.rules.fail_open.grace, tick.now.monotonic),
        closing=ready_ends(owed, state, tick) if owed and is_closing(state) else None,
    )
    return reason_sentence(state, tick, deadlines)


def _delay(state: State, tick: Tick) -> float:
    restart, now = state.edge.restart, tick.now.monotonic
    owed = restart.debt if isinstance(restart, Owing) else None
    # After a failed restart the unit is observed before the rollback.
    unseen = isinstance(restart, RollingBack) and tick.seen.unit is None
    # Without a rollback target the wait for its health may take days, at the usual pace.
    settling = isinstance(restart, Settling) and (restart.seen_well or not restart.wait_told)
    return next_delay(
        tick,
        urgent=_is_urgent(state, tick),
        settling=settling or unseen,
        deadlines=(
            deadline(state.guard, tick.rules.fail_open.grace, now) if _runs_out(state) else None,
            *_hold_downs_end(state, tick),
            ready_ends(owed, state, tick) if owed else None,
            budget_frees(state, tick) if owed else None,
            debt_of(restart, now).not_before,
            _start_ends(state, tick),
            state.edge.write_not_before,
        ),
    )


def _start_ends(state: State, tick: Tick) -> Monotonic | None:
    """When a start that is under way must have ended; None: that is for systemd to say."""
    starting = state.edge.starting
    return Monotonic(starting.since + tick.rules.restart.start_timeout) if starting else None


def _runs_out(state: State) -> bool:
    """Whether the time of the present posture runs now: that of grace may be paused."""
    return state.guard.posture is not Posture.GRACE or is_opening_lockout(_concluded(state))


def _hold_downs_end(state: State, tick: Tick) -> Iterator[Monotonic]:
    """When each hold-down will have served its age, if it is seen without a gap."""
    for pin in state.pins:
        left = remaining_hold_down(pin, tick.rules.pins, in_turn=pinned_in_turn(state))
        if left is not None and pin.last_seen is not None:
            yield Monotonic(pin.last_seen + left)


def _is_urgent(state: State, tick: Tick) -> bool:
    """Whether something waits to be confirmed: a lockout, a start, or the very first pin.

    For the first pin also while the cloud is unreachable: until then nothing is pinned.
    """
    posture, concluded = state.guard.posture, _concluded(state)
    if state.edge.starting is not None:
        return True
    if posture is Posture.OPEN and is_rotated_away(concluded):
        return True
    if posture in {Posture.ENFORCING, Posture.GRACE} and is_opening_lockout(concluded):
        return True
    no_pin = not any(pin.accepted for pin in state.pins)
    return no_pin and tick.rules.pins.bootstrap is Bootstrap.CORROBORATED
