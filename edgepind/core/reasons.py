"""The one sentence that `status`, `STATUS=` and a person at the door are given."""

from typing import assert_never

from edgepind.core.desired import wanted
from edgepind.core.posture import deadline
from edgepind.core.restarts import is_closing, ready_ends
from edgepind.core.sentences import finding_sentence, roles_sentence, span
from edgepind.core.tick import Tick, served
from edgepind.model.enums import Bootstrap, Finding, Posture
from edgepind.model.observation import Link, NotServed
from edgepind.model.state import Debt, Idle, Owed, RolledBack, RollingBack, Settling, State

_SHOWN = 3
_TWO_RESTARTS = "edge.restart_budget allows two restarts, one to let it go and one to end that"


def link_sentence(finding: Finding, tick: Tick) -> str:
    """What `finding` means for this very link, with issuers and errors named."""
    link = tick.seen.link or Link(())
    issuers = tuple(
        dict.fromkeys(it.leaf.issuer for _, it in served(link) if it.leaf.public.window is None)
    )
    errors = tuple(
        dict.fromkeys(it.result.error for it in link.addresses if isinstance(it.result, NotServed))
    )
    if link.resolve_error:
        errors = (link.resolve_error, *errors)
    named = "; ".join(issuers[:_SHOWN])
    return finding_sentence(
        finding,
        tick.rules.host,
        f"issuer {named}" if named else "issuer unknown",
        "; ".join(errors[:_SHOWN]) or "no address is known",
    )


def reason(state: State, tick: Tick) -> str:
    """Posture, finding and what is waited for, in one sentence."""
    parts = [_posture_clause(state, tick), state.finding_sentence]
    match state.edge.restart:
        case Owed(debt) | RollingBack(debt) | RolledBack(debt):
            parts.append(_debt_clause(debt, state, tick))
        case Settling(wait_told=True):
            parts.append("the restarted Edge is not well yet, and is waited for")
        case Idle() | Settling():
            pass
        case _:
            assert_never(state.edge.restart)
    return "; ".join(part for part in parts if part) + "."


def _debt_clause(debt: Debt, state: State, tick: Tick) -> str:
    if not is_closing(state):
        return "a restart of the Edge is owed"
    left = span(ready_ends(debt, state, tick) - tick.now.monotonic)
    return (
        "the Edge may still have validation switched off, and is owed the restart that ends this; "
        f"ready_command is waited for no longer than {left}"
    )


def _posture_clause(state: State, tick: Tick) -> str:
    guard = state.guard
    ends = deadline(guard, tick.rules.fail_open.grace, tick.now.monotonic)
    left = f" for at most {span(ends - tick.now.monotonic)}" if ends is not None else ""
    match guard.posture:
        case Posture.ENFORCING if wanted(state) is None:
            return _before_first_pin(tick)
        case Posture.ENFORCING:
            return f"Pinning is enforced with {roles_sentence(state.pins)}"
        case Posture.GRACE:
            until = left or f" until {_TWO_RESTARTS}"
            return f"Locked out; pinning stays enforced{until}, then it is let go"
        case Posture.OPEN:
            return f"Pinning is let go{left}; the CA chain is still checked"
        case Posture.EXHAUSTED:
            return "Locked out and not to be opened; an operator is needed (`edgepind explain`)"
        case Posture.OVERRIDE:
            who = guard.override.by if guard.override else "an operator"
            return f"{who} switched pinning validation off{left}"
        case _:
            assert_never(guard.posture)


def _before_first_pin(tick: Tick) -> str:
    if tick.rules.pins.bootstrap is Bootstrap.OPERATOR:
        return "No pin is known; `edgepind pin add` is waited for, and nothing is written"
    return "No pin is known yet; the first is adopted after its sightings, and nothing is written"
