"""A fault in a rule costs one decision, and neither the daemon nor the end of an opening."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.decide import decide
from edgepind.core.guarded import decide_guarded
from edgepind.lab.sim_observations import fingerprint, leaf
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.decision import Decision
from edgepind.model.enums import Channel, EventName, Finding, Posture
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment
from edgepind.model.observation import (
    Observations,
    OverrideFile,
    PinAdd,
    StatusAnswer,
)
from edgepind.model.state import State
from tests.core.situations import RULES, document, pinning

Rule = Callable[[State, Observations, Moment], Decision]
HOUR = 3600.0


def site_on(name: str) -> ImaginedWorld:
    """A site whose Edge was found with this leaf pinned, and whose cloud serves it."""
    world = ImaginedWorld(RULES, serves={"1": leaf(name)})
    world.says = StatusAnswer(Channel.PINNED, fingerprint(name))
    world.edge.put(document(pinning(name)))
    world.edge.start(world.wall)
    return world


def _without_pins(decision: Decision) -> Decision:
    """A decision that forgets every pin: it breaks promises 1 and 3."""
    pins = tuple(replace(pin, role=pin.role) for pin in decision.state.pins[1:])
    return replace(decision, state=replace(decision.state, pins=pins))


def raising(wrong: Callable[[Observations], bool]) -> Rule:
    """A rule that raises where `wrong` says so."""

    def rule(state: State, seen: Observations, now: Moment) -> Decision:
        if wrong(seen):
            raise ZeroDivisionError("division by zero")
        return decide(state, seen, now)

    return rule


def breaking(wrong: Callable[[Observations], bool]) -> Rule:
    """A rule whose decision breaks a promise where `wrong` says so."""

    def rule(state: State, seen: Observations, now: Moment) -> Decision:
        decision = decide(state, seen, now)
        return _without_pins(decision) if wrong(seen) else decision

    return rule


BROKEN_BY = {
    "status": (lambda seen: seen.status is not None, "the status endpoint's answer"),
    "link": (lambda seen: seen.link is not None, "what the addresses served"),
    "document": (lambda seen: seen.document is not None, "the document and the unit"),
    "always": (lambda _: True, "everything but what has a deadline"),
}
CASES = [
    pytest.param(make(wrong), words, id=f"{make.__name__}-{name}")
    for name, (wrong, words) in BROKEN_BY.items()
    for make in (raising, breaking)
]


def guarded(rule: Rule) -> Rule:
    """The guard over this rule."""
    return lambda state, seen, now: decide_guarded(state, seen, now, rule)


def posture(world: ImaginedWorld) -> Posture:
    """How the Edge is guarded now."""
    return world.state.guard.posture


def read_by(world: ImaginedWorld) -> frozenset[Fingerprint] | None:
    """The pins that the Edge insists on; None: validation is off."""
    return world.edge.read_by_edge(RULES.restart.validator)


def overridden(world: ImaginedWorld, hours: int) -> OverrideFile:
    """An override made now, for so long."""
    return OverrideFile(world.wall, world.wall + timedelta(hours=hours), "some work", "an operator")


def told(world: ImaginedWorld) -> list[str]:
    """What was told of broken promises."""
    return [it.message for it in world.events if it.name is EventName.INVARIANT_VIOLATED]


@pytest.mark.parametrize(("rule", "words"), CASES)
def test_it_goes_on_and_tells_once(rule: Rule, words: str) -> None:
    """The tick is decided again with less; the state before it is kept."""
    world = site_on("a")
    world.run(5 * 60.0)
    pins, ticks = world.state.pins, world.state.ticks
    world.decide, world.may_break = guarded(rule), True
    world.run(HOUR)
    [message] = told(world)
    assert words in message
    assert "report" in message
    assert [pin.key for pin in world.state.pins] == [pin.key for pin in pins]
    assert "dropped" in world.state.reason
    world.decide = decide_guarded
    world.run(5 * 60.0)
    assert world.state.violated == ()
    assert world.state.finding is Finding.PINNED
    assert world.state.ticks > ticks
    assert len(told(world)) == 1


@pytest.mark.parametrize(("rule", "words"), CASES)
def test_an_opening_ends_at_its_time(rule: Rule, words: str) -> None:
    """Whatever is broken: the document is closed, and the Edge restarted with it."""
    world = site_on("a")
    world.run(5 * 60.0)
    world.serves = {"1": leaf("b")}
    world.rules = replace(RULES, pins=replace(RULES.pins, hold_down=100 * HOUR))
    world.run(HOUR)
    assert posture(world) is Posture.OPEN
    assert read_by(world) is None
    world.decide, world.may_break = guarded(rule), True
    world.run(RULES.fail_open.limit)
    assert any(words in it for it in told(world))
    assert posture(world) is Posture.EXHAUSTED
    assert read_by(world) == frozenset({fingerprint("a")})


@pytest.mark.parametrize("gone", [False, True], ids=["its time", "its file"])
@pytest.mark.parametrize(("rule", "words"), CASES)
def test_an_override_ends(rule: Rule, words: str, *, gone: bool) -> None:
    """At its time, and earlier where its file is removed."""
    world = site_on("a")
    world.run(5 * 60.0)
    world.override = overridden(world, 2)
    world.run(5 * 60.0)
    assert read_by(world) is None
    world.decide, world.may_break = guarded(rule), True
    world.run(5 * 60.0)
    assert any(words in it for it in told(world))
    assert posture(world) is Posture.OVERRIDE
    if gone:
        world.override = None
    world.run(5 * 60.0 if gone else 2 * HOUR)
    assert posture(world) is Posture.ENFORCING
    assert read_by(world) == frozenset({fingerprint("a")})


def test_a_closing_that_fails_is_tried_at_the_next_tick_and_within_the_budget() -> None:
    """A full disk, then an Edge that does not come up: neither is hammered."""
    world = site_on("a")
    world.run(5 * 60.0)
    world.override = overridden(world, 1)
    world.run(5 * 60.0)
    world.decide, world.may_break = guarded(raising(lambda _: True)), True
    world.edge.troubles.write = "no space left on device"
    world.override = None
    world.run(5 * 60.0)
    assert read_by(world) is None
    world.edge.troubles.write = ""
    world.edge.troubles.restart = "its job failed"
    before = len(world.edge.restarts)
    world.run(HOUR / 2)
    assert before < len(world.edge.restarts) <= RULES.restart.budget
    world.edge.troubles.restart = ""
    world.run(2 * HOUR)
    assert read_by(world) == frozenset({fingerprint("a")})


def test_without_a_pin_there_is_nothing_to_close_to() -> None:
    """An override before the first pin ends with nothing written."""
    state = State(guard=replace(State().guard, posture=Posture.OVERRIDE))
    state = replace(state, edge=replace(state.edge, may_be_off=True))
    now = site_on("a").now()
    decision = decide_guarded(state, Observations(RULES), now, raising(lambda _: True))
    assert decision.state.guard.posture is Posture.ENFORCING
    assert decision.actions == ()


def test_a_word_that_was_left_out_is_to_be_given_again() -> None:
    """A pin command is not lost with the decision that it was in."""
    world = site_on("a")
    world.run(5 * 60.0)
    seen = Observations(RULES, words=(PinAdd(fingerprint("b")),))
    taken = decide_guarded(world.state, seen, world.now())
    assert taken.heard
    left = decide_guarded(world.state, seen, world.now(), raising(lambda it: bool(it.words)))
    assert not left.heard
    assert left.state.pins == world.state.pins
    held = decide_guarded(world.state, seen, world.now(), raising(lambda _: True))
    assert not held.heard


def test_what_is_broken_otherwise_is_told_again() -> None:
    """Another promise, another event."""
    world = site_on("a")
    world.run(5 * 60.0)
    answer = StatusAnswer(Channel.PINNED, fingerprint("a"))
    seen = Observations(RULES, status=answer)
    now = world.now()
    first = decide_guarded(world.state, seen, now, raising(lambda _: True))
    second = decide_guarded(first.state, seen, now, breaking(lambda _: True))
    assert [it.name for it in (*first.events, *second.events)] == [
        EventName.INVARIANT_VIOLATED,
        EventName.INVARIANT_VIOLATED,
    ]
    third = decide_guarded(second.state, seen, now, breaking(lambda _: True))
    assert third.events == ()
