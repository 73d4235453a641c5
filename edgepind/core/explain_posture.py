"""Why the posture is what it is: what was found, what is owed, and everything that would change it.

The rules that decide are evaluated here and put into sentences; nothing is decided or remembered.
"""

from collections.abc import Callable, Iterator, Mapping

from edgepind.core.admission import remaining_hold_down
from edgepind.core.desired import wanted
from edgepind.core.explain_pin import Explanation
from edgepind.core.forecast import SURENESS_TEXT, forecast
from edgepind.core.live_leaves import pinned_in_turn
from edgepind.core.messages import POSTURE_TEXT, span, wrong_clock
from edgepind.core.obstacle import broken_rules, contradictions
from edgepind.core.posture import CONFIRMING_TICKS, RESTARTS_TO_OPEN, deadline
from edgepind.core.problems import problems
from edgepind.core.restarts import budget_frees, ready_ends, restarts_in_hand
from edgepind.core.tick import Tick
from edgepind.model.enums import Bootstrap, Finding, Posture, Role
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.observation import Observations
from edgepind.model.pin import with_role
from edgepind.model.rules import Rules
from edgepind.model.state import Owing, State

_BY_ACCEPTED_LEAF = f"an accepted leaf at any address leads back to {Posture.ENFORCING}"
_BY_OVERRIDE = "`edgepind override on --for 1h --reason TEXT` switches validation off"


def explain_posture(state: State, rules: Rules, now: Moment) -> Explanation:
    """Explain the present posture."""
    tick = Tick(Observations(rules=rules), now, elapsed=0.0, clock=state.clock)
    posture = state.guard.posture
    return Explanation(
        subject=rules.host,
        standing=posture.value,
        summary=f"Posture {posture}: {POSTURE_TEXT[posture]}.",
        evidence_for=tuple(_for(state, tick)),
        evidence_against=tuple(_against(state, tick)),
        would_change=(*_CHANGES[posture](state, tick), *_first_pin(state, rules)),
    )


# --- for --------------------------------------------------------------------------------------


def _for(state: State, tick: Tick) -> Iterator[str]:
    guard, rules = state.guard, tick.rules.fail_open
    if guard.since:
        yield f"{guard.posture} since {guard.since:%Y-%m-%d %H:%M:%S} UTC"
    ends = deadline(guard, rules.grace, tick.now.monotonic)
    if ends is not None:
        yield f"it ends within {_left(ends, tick)} at the latest"
    if state.finding is not None:
        yield f"finding {state.finding}: {state.finding_sentence}"
    for it in state.addresses:
        served = f" with {it.fingerprint.short}" if it.fingerprint else ""
        yield f"{it.address} is found {it.verdict}{served}{f' ({it.error})' if it.error else ''}"
    if guard.override is not None and guard.posture is Posture.OVERRIDE:
        yield f"{guard.override.by} gave as reason: {guard.override.reason}"
    if guard.posture in {Posture.OPEN, Posture.EXHAUSTED, Posture.GRACE}:
        yield _openings(state, tick)
    if (due := forecast(state)) is not None:
        yield (
            f"the next rotation is due from {due.begins:%Y-%m-%d %H:%M} to "
            f"{due.ends:%Y-%m-%d %H:%M} UTC ({SURENESS_TEXT[due.sureness]})"
        )
    if guard.posture is Posture.ENFORCING and 0 < guard.lockout_ticks < CONFIRMING_TICKS:
        yield f"a lockout was seen once, and {CONFIRMING_TICKS} ticks in a row confirm it"


def _openings(state: State, tick: Tick) -> str:
    rules = tick.rules.fail_open
    if not rules.enabled:
        return "fail-open is off in the settings"
    return (
        f"{len(state.guard.openings)} of {rules.budget} openings in {span(rules.budget_window)} "
        "are used"
    )


# --- against ----------------------------------------------------------------------------------


def _against(state: State, tick: Tick) -> Iterator[str]:
    guard, edge = state.guard, state.edge
    answers = state.finding not in {None, Finding.UNREACHABLE}
    if answers and not state.link_accepted and wanted(state) is not None:
        yield "the cloud answers, and nothing that it serves is accepted"
    yield from (it.what for it in problems(state, tick.rules))
    if not state.clock.trusted:
        yield wrong_clock(state.clock)
    if state.status.error is not None:
        what = "is not believed in all" if state.status.ok else "gives no usable answer"
        yield f"the status endpoint {what}: {state.status.error}"
    if edge.write_failures:
        yield f"the pinning config could not be written, {edge.write_failures} times in a row"
    if edge.active is False:
        yield "the Edge's unit is not active"
    if isinstance(edge.restart, Owing):
        yield "; ".join(_debt(state, edge.restart, tick))
    if guard.override_problem is not None:
        yield f"the override file is invalid: {guard.override_problem}"


def _debt(state: State, restart: Owing, tick: Tick) -> Iterator[str]:
    debt = restart.debt
    yield f"a restart of the Edge is owed ({restart.phase})"
    if debt.failures:
        yield f"{debt.failures} failed in a row"
    if debt.not_before is not None and not tick.passed_or_unset(debt.not_before):
        yield f"the next is tried in {_left(debt.not_before, tick)}"
    frees = budget_frees(state, tick)
    if frees is not None:
        yield f"the budget allows the next in {_left(frees, tick)}"
    if restart.deferral_told:
        ready = ready_ends(debt, state, tick)
        yield f"it waits for ready_command for at most {_left(ready, tick)}"


# --- what would change it ---------------------------------------------------------------------


def _changes_of_enforcing(state: State, tick: Tick) -> Iterator[str]:
    yield (
        f"a lockout by {Finding.UNANNOUNCED_ROTATION} in {CONFIRMING_TICKS} ticks in a row leads "
        f"to {Posture.GRACE}"
    )
    yield from _hold_downs(state, tick)
    yield _BY_OVERRIDE


def _changes_of_grace(state: State, tick: Tick) -> Iterator[str]:
    rules, left = tick.rules.fail_open, tick.rules.fail_open.grace - state.guard.grace_served
    yield _BY_ACCEPTED_LEAF
    yield from _hold_downs(state, tick)
    allowed = rules.enabled and len(state.guard.openings) < rules.budget
    opens = allowed and tick.rules.restart.budget >= RESTARTS_TO_OPEN
    next_posture = Posture.OPEN if opens else Posture.EXHAUSTED
    yield f"{span(left)} more of the lockout, watched, lead to {next_posture}"
    in_hand = max(0, restarts_in_hand(state.edge, tick))
    if opens and in_hand < RESTARTS_TO_OPEN:
        yield (
            f"the opening waits until the budget allows {RESTARTS_TO_OPEN} restarts, one to open "
            f"and one to close; now it allows {in_hand}"
        )
    yield from _by_operator(state)


def _changes_of_open(state: State, tick: Tick) -> Iterator[str]:
    yield _BY_ACCEPTED_LEAF
    yield from _hold_downs(state, tick)
    yield f"finding {Finding.INTERCEPTION}, or the end of the limit, leads to {Posture.EXHAUSTED}"
    yield from _by_operator(state)


def _changes_of_exhausted(state: State, tick: Tick) -> Iterator[str]:
    yield _BY_ACCEPTED_LEAF
    yield from _hold_downs(state, tick)
    yield from _by_operator(state)


def _changes_of_override(_: State, __: Tick) -> Iterator[str]:
    yield "`edgepind override off` ends it now; nothing else but its end does"


_CHANGES: Mapping[Posture, Callable[[State, Tick], Iterator[str]]] = {
    Posture.ENFORCING: _changes_of_enforcing,
    Posture.GRACE: _changes_of_grace,
    Posture.OPEN: _changes_of_open,
    Posture.EXHAUSTED: _changes_of_exhausted,
    Posture.OVERRIDE: _changes_of_override,
}


def _hold_downs(state: State, tick: Tick) -> Iterator[str]:
    for pin in with_role(state.pins, Role.PENDING):
        left = remaining_hold_down(pin, tick.rules.pins, in_turn=pinned_in_turn(state))
        if left is None:
            continue
        short = pin.fingerprint.short
        if against := (*broken_rules(pin.fingerprint, state), *contradictions(pin, state)):
            yield f"pending pin {short} is not accepted as things stand: {against[0]}"
        elif left:
            yield (
                f"pending pin {short} is accepted in {span(left)} at the earliest, "
                "while it is seen and not contradicted"
            )
        else:
            yield f"pending pin {short} is accepted once it has been sighted often enough"


def _by_operator(state: State) -> Iterator[str]:
    unpinned = {
        it.fingerprint: None
        for it in state.addresses
        if it.verdict is Finding.UNANNOUNCED_ROTATION and it.fingerprint is not None
    }
    for fingerprint in unpinned:
        yield (
            f"`edgepind pin add {fingerprint}` accepts what is served, if you know it to be right"
        )
    yield _BY_OVERRIDE


def _first_pin(state: State, rules: Rules) -> Iterator[str]:
    if wanted(state) is not None:
        return
    if rules.pins.bootstrap is Bootstrap.OPERATOR:
        yield "no pin is known: waiting for `edgepind pin add`"
    else:
        yield "no pin is known: the first is adopted after its sightings at every address"


def _left(instant: Monotonic, tick: Tick) -> str:
    return span(instant - tick.now.monotonic)
