"""The drain of calls, rule by rule, where no scenario leads."""

from dataclasses import replace

import pytest

from edgepind.core.drain import (
    DRAIN_TABLE,
    asks_service,
    awaits_service,
    drain_first,
    is_stuck,
    learn_service,
    note_service,
    settle_service,
)
from edgepind.core.tick import Tick
from edgepind.model.action import ServiceNotSet, ServiceSet, SetService
from edgepind.model.enums import EventName
from edgepind.model.instants import Monotonic
from edgepind.model.observation import (
    EdgeService,
    Observations,
    ServiceSeen,
    ServiceUnknown,
    Unit,
    UnitState,
)
from edgepind.model.rules import RestartRules
from edgepind.model.state import Debt, Drain, DrainPhase, Edge, Owed, State
from tests.core.situations import NOW, rules, tick

RULES = rules(restart=RestartRules(drain_timeout=1800.0))
DEBT = Debt(Monotonic(NOW - 60.0))
OWED = State(edge=Edge(restart=Owed(DEBT)))
IN, OUT = ServiceSeen(in_service=True), ServiceSeen(in_service=False)


def saw(service: EdgeService | None, unit: Unit | None = None) -> Tick:
    """A tick that saw this of the Edge's service, and of its unit."""
    return tick(Observations(RULES, service=service, unit=unit))


def amid(phase: DrainPhase, **changes: object) -> State:
    """A state that owes a restart, in this phase of a drain."""
    drain = replace(Drain(phase, since=NOW, began=NOW), **changes)  # type: ignore[arg-type]
    return replace(OWED, drain=drain)


def holds(state: State, seen: Tick, *, urgent: bool = False, debt: Debt = DEBT) -> bool:
    """Whether the restart waits."""
    return drain_first(state, debt, seen, urgent=urgent).holds


def test_what_is_not_waited_with() -> None:
    """No drain in the settings, a lockout, an operator's order, an Edge that does not run."""
    assert holds(OWED, saw(None))
    assert not drain_first(OWED, DEBT, tick(Observations(rules())), urgent=False).holds
    assert not holds(OWED, saw(None), urgent=True)
    assert not holds(OWED, saw(None), debt=replace(DEBT, go_ahead=True))
    assert not holds(OWED, saw(None, Unit(UnitState.FAILED)))
    assert holds(OWED, saw(None, Unit(UnitState.ACTIVE)))


def test_an_edge_that_is_neither_in_service_nor_out_is_not_asked_for() -> None:
    """Say one that is new: the restart waits for the time."""
    neither = drain_first(OWED, DEBT, saw(ServiceSeen(in_service=None)), urgent=False)
    assert (neither.holds, neither.actions) == (True, ())
    late = replace(DEBT, due=Monotonic(NOW - 1800.0))
    assert not holds(OWED, saw(ServiceSeen(in_service=None)), debt=late)


def test_an_edge_that_is_still_out_is_drained_again_for_the_next_restart() -> None:
    """It was edgepind that took it out: the debt goes on, since when it began."""
    state = amid(DrainPhase.RESTORING, began=Monotonic(NOW - 100.0))
    begun = drain_first(state, DEBT, saw(OUT), urgent=False)
    assert begun.actions == (SetService(in_service=False, wait=1800.0),)
    assert begun.state.drain.phase is DrainPhase.DRAINING
    assert begun.state.drain.began == NOW - 100.0
    assert begun.state.drain.since == NOW


def test_a_drain_waits_without_an_answer_and_while_the_word_is_not_due() -> None:
    """And repeats the word, for the time that is left, when it is."""
    for seen in (None, ServiceUnknown("HTTP 500"), IN):
        state = amid(DrainPhase.DRAINING, not_before=Monotonic(NOW + 1.0))
        assert drain_first(state, DEBT, saw(seen), urgent=False).actions == ()
        assert holds(state, saw(seen))
    due = amid(DrainPhase.DRAINING, not_before=NOW, since=Monotonic(NOW - 800.0))
    again = drain_first(due, DEBT, saw(IN), urgent=False)
    assert again.actions == (SetService(in_service=False, wait=1000.0),)


@pytest.mark.parametrize(
    ("seen", "quiet"),
    [
        (OUT, 1),
        (ServiceSeen(in_service=False, draining="WAIT", conversations=0), 1),
        (ServiceSeen(in_service=False, draining="WAIT"), 0),
        (ServiceSeen(in_service=False, draining="WAIT", conversations=1), 0),
        (IN, 0),
        (ServiceUnknown("HTTP 500"), 0),
    ],
)
def test_a_look_without_a_call_is_one_that_shows_none(seen: EdgeService, quiet: int) -> None:
    """While the cloud waits for calls, their number must be told."""
    assert note_service(amid(DrainPhase.DRAINING), saw(seen)).drain.quiet == quiet


def test_a_word_that_is_not_taken_is_told_once_and_its_wish_obeyed() -> None:
    """In both directions."""
    state = amid(DrainPhase.DRAINING)
    for back in (False, True):
        refused = ServiceNotSet(back, "HTTP 429", retry_after=90.0)
        after, told = learn_service(state, refused, saw(None))
        assert after.drain.not_before == after.drain.look_not_before == NOW + 90.0
        assert ("put in service again" if back else "taken out of service") in told[0].message
        assert learn_service(after, replace(refused, retry_after=None), saw(None))[1] == ()
        taken, _ = learn_service(after, ServiceSet(back), saw(None))
        assert taken.drain.error is None


def test_the_cloud_is_asked_where_something_depends_on_it() -> None:
    """Not before the time that it asked for; in no hurry where the restart is deferred."""
    assert asks_service(OWED, RULES, NOW)
    assert not asks_service(State(), RULES, NOW)
    assert not asks_service(OWED, rules(), NOW)
    assert asks_service(replace(State(), drain=Drain(DrainPhase.RESTORING)), RULES, NOW)
    told = amid(DrainPhase.DRAINING, look_not_before=Monotonic(NOW + 1.0))
    assert not asks_service(told, RULES, NOW)
    deferred = State(edge=Edge(restart=Owed(DEBT, deferral_told=True)))
    assert asks_service(deferred, RULES, NOW)
    assert awaits_service(OWED, saw(None))
    assert not awaits_service(deferred, saw(None))


def test_the_word_to_put_it_back_is_given_alone() -> None:
    """Behind an action that fails it would not be; nor without an answer that shows it out."""
    state = replace(State(), drain=Drain(DrainPhase.RESTORING))
    assert settle_service(state, saw(OUT), alone=True)[1] == (SetService(in_service=True),)
    assert settle_service(state, saw(OUT), alone=False)[1] == ()
    assert settle_service(state, saw(None), alone=True)[1] == ()
    seen, _, events = settle_service(state, saw(IN), alone=True)
    assert seen.drain == Drain()
    assert [it.name for it in events] == [EventName.IN_SERVICE]


def test_it_is_stuck_after_several_words_in_vain() -> None:
    """Only while it is to be in service again."""
    assert is_stuck(Drain(DrainPhase.RESTORING, attempts=3))
    assert is_stuck(Drain(DrainPhase.RESTORING, unseen=3))
    assert not is_stuck(Drain(DrainPhase.RESTORING, attempts=2))
    assert not is_stuck(Drain(DrainPhase.DRAINING, attempts=3))


def test_each_way_leads_back_to_idle() -> None:
    """From every phase, by some row of the table."""
    back = {DrainPhase.IDLE}
    for _ in DrainPhase:
        back |= {phase for (phase, _), following in DRAIN_TABLE.items() if following in back}
    assert back == set(DrainPhase)
