"""What holds of hold-downs and lockouts whatever the addresses show, and in whatever order."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edgepind.core.hold_down import note_sightings
from edgepind.core.live_leaves import note_served, passes
from edgepind.core.sticky import note_pinned
from edgepind.lab.sim_observations import leaf, link
from edgepind.model.enums import PinKind, Role
from edgepind.model.instants import Monotonic
from edgepind.model.observation import HandshakeFault, Leaf, Observations
from edgepind.model.pin import Pin
from edgepind.model.state import State
from tests.core.situations import NOW, RULES, A, B, pin, state_of, tick

STRANGERS = (leaf("s", public=False), leaf("w", name_matches=False))
SHOWN: dict[str, Leaf | HandshakeFault] = {
    "a": leaf("a"),
    "b": leaf("b"),
    "c": leaf("c"),
    "s": STRANGERS[0],
    "w": STRANGERS[1],
    "-": HandshakeFault.TIMEOUT,
}
LOOKS = st.lists(st.tuples(*[st.sampled_from("abcsw-")] * 3), min_size=1, max_size=30)
KEYS = {(PinKind.CERTIFICATE, A)}


def after(looks: Sequence[tuple[str, ...]], *, without: str = "") -> list[State]:
    """The state after each of these looks, ten seconds apart; `without` shows nothing instead."""
    state, states = state_of([pin("a", Role.CURRENT)]), []
    for number, row in enumerate((("a",) * len(looks[0]), *looks)):
        shown = {str(n): SHOWN["-" if it in without else it] for n, it in enumerate(row)}
        seen = link(shown)
        it = tick(Observations(RULES, link=seen), at=Monotonic(NOW + 10.0 * number))
        state = note_pinned(note_served(state, it), it)
        state, _ = note_sightings(state, seen, it)
        states.append(state)
    return states


def waits(state: State) -> Pin | None:
    """The pending pin of `b`, if there is one."""
    return next((it for it in state.pins if it.fingerprint == B), None)


@given(LOOKS)
def test_a_hold_down_fills_and_drains_by_the_time_between_two_looks(
    looks: Sequence[tuple[str, ...]],
) -> None:
    """Never faster, never below nothing, and never at once to nothing."""
    states = after(looks)
    for before, now in pairwise(states):
        was, it = waits(before), waits(now)
        if was is None or it is None:
            continue
        assert it.held >= max(0.0, was.held - 10.0)
        assert it.held <= was.held + 10.0 * len(looks)
        assert it.sightings >= 0


@given(LOOKS)
def test_what_is_never_accepted_costs_others_no_more_than_its_silence(
    looks: Sequence[tuple[str, ...]],
) -> None:
    """A stranger at an address of his own, the third, changes nothing about the others' pins."""
    rows = [("abc-"["abcsw-".index(x) % 4], "abc-"["abcsw-".index(y) % 4]) for x, y, _ in looks]
    strange = [(*row, "sw"[len(z) % 2]) for row, (_, _, z) in zip(rows, looks, strict=True)]
    quiet = [(*row, "-") for row in rows]
    for one, other in zip(after(strange), after(quiet), strict=True):
        assert _counted(one) == _counted(other)


def _counted(state: State) -> list[Pin]:
    return [replace(it, last_seen=None, unseen=0.0) for it in state.pins]


@given(LOOKS)
def test_silence_is_no_evidence_of_a_lockout(looks: Sequence[tuple[str, ...]]) -> None:
    """More than half of what answers is accepted, however many do not answer."""
    state = after(looks)[-1]
    answers = [it for it in looks[-1] if it != "-"]
    if not answers or any(it.in_turn for it in state.served):
        return
    good = sum(it == "a" for it in answers)
    assert passes(KEYS, state) is (2 * good > len(answers))
