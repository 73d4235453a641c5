"""A state machine as a table, `(state, event) -> state`, followed by `step`.

A pair that the table does not list cannot happen: it is a programming error, and raises.
"""

from collections.abc import Mapping
from typing import TypeVar

S = TypeVar("S")
E = TypeVar("E")


class IllegalTransitionError(Exception):
    """An event was applied in a state in which it cannot happen."""


def step(table: Mapping[tuple[S, E], S], state: S, event: E) -> S:
    """Follow `table` from `state` by `event`; without a row raise `IllegalTransitionError`."""
    try:
        return table[(state, event)]
    except KeyError:
        raise IllegalTransitionError(f"{event} cannot happen in {state}") from None
