"""What is wrong now, for `status`, its file and `check`: a table of problems, each with its remedy.

A problem is told by what took effect, never by what was meant: what is on disk, what the Edge has
loaded, what it is served. Each row reads the state that the last decision left; none decides
anything or remembers anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edgepind.core.desired import is_written
from edgepind.core.messages import halves
from edgepind.core.scheduling import UNPINNED_FOR_GOOD
from edgepind.model.rules import Rules
from edgepind.model.state import State


@dataclass(frozen=True, slots=True)
class Problem:
    """One of CONTRACT section 9. `id` never changes; `what` is a clause, `remedy` a sentence."""

    id: str
    what: str
    remedy: str


UNWRITTEN: Final = "document-unwritten"
UNUSABLE: Final = "document-unusable"
LOCKED_OUT: Final = "locked-out"
CHAIN_REFUSED: Final = "chain-refused"
CHANNEL_UNPINNED: Final = "status-channel-unpinned"

UNTRUE = frozenset({UNWRITTEN, UNUSABLE, LOCKED_OUT})
"""Those that make the Edge's protection other than the rest of the status says: no good answer."""


def problems(state: State, rules: Rules) -> tuple[Problem, ...]:
    """Everything that is wrong now, in the order of the table."""
    found = (row(state, rules) for row in PROBLEMS)
    return tuple(it for it in found if it is not None)


def refused_chain(address: str, why: str) -> Problem:
    """A pinned leaf whose chain an Edge with `strictValidation` does not take."""
    return Problem(
        CHAIN_REFUSED,
        f"{address} serves a pinned leaf, but an Edge that checks the CA chain refuses this: {why}",
        "Have the cloud's operator renew what it serves beside the leaf; until then such an Edge "
        "connects only with tlsSettings.strictValidation set to false, by your own decision.",
    )


def _unusable(state: State, _: Rules) -> Problem | None:
    problem = state.edge.document_problem
    if problem is None:
        return None
    what, remedy = halves(problem)
    return Problem(UNUSABLE, f"the pinning config cannot be used: {what}", remedy)


def _unwritten(state: State, _: Rules) -> Problem | None:
    edge = state.edge
    if is_written(state) or edge.document_problem is not None:
        return None
    if edge.write_error is None:
        if edge.on_disk is None:
            return None  # it was not looked at yet
        return Problem(
            UNWRITTEN,
            "the pinning config on disk is not the one that is wanted",
            "It is written at the next tick; see `edgepind history` if that lasts.",
        )
    what, remedy = halves(edge.write_error)
    return Problem(
        UNWRITTEN, f"the pinning config that is wanted could not be written: {what}", remedy
    )


def _locked_out(state: State, _: Rules) -> Problem | None:
    if not state.lockout:
        return None
    by = "what the Edge has loaded" if state.edge.loaded else "the pinning config on disk"
    return Problem(
        LOCKED_OUT,
        f"by {by}, it accepts nothing that the cloud serves",
        "Run `edgepind explain`: it names what the daemon waits for, and what ends it now.",
    )


def _chain_refused(state: State, _: Rules) -> Problem | None:
    refused = ((it.address, it.chain_refused) for it in state.addresses)
    return next((refused_chain(at, why) for at, why in refused if why is not None), None)


def _channel_unpinned(state: State, rules: Rules) -> Problem | None:
    status = state.status
    if not rules.status_enabled or status.unpinned_in_a_row < UNPINNED_FOR_GOOD:
        return None
    return Problem(
        CHANNEL_UNPINNED,
        "the status endpoint answers with a leaf that is not pinned, though the link is pinned, so "
        "what it announces is not heard",
        "Run `edgepind check`: it names what the endpoint serves; pin that leaf with `edgepind pin "
        "add` if you know it to be right, or have status.url name the host of the link.",
    )


PROBLEMS: tuple[Callable[[State, Rules], Problem | None], ...] = (
    _unusable,
    _unwritten,
    _locked_out,
    _chain_refused,
    _channel_unpinned,
)
"""One row a kind of problem: what it is now, None where there is none."""
