"""`edgepind explain`: the evidence for and against, and what would change it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from edgepind.core.explain_pin import explain_pin, explain_unpinned
from edgepind.core.explain_posture import explain_posture
from edgepind.model.document import Pinning
from edgepind.model.enums import Bootstrap, Finding, Origin, PinKind, Policy, Posture, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Moment, Monotonic
from edgepind.model.pin import Pin
from edgepind.model.rules import FailOpenRules, PinRules, Rules
from edgepind.model.state import (
    AddressVerdict,
    ClockJudgement,
    Debt,
    Edge,
    Guard,
    OverrideState,
    Owed,
    State,
)
from tests.support.small_site import HOST, Site

WALL = datetime(2027, 1, 1, tzinfo=UTC)
NOW = Moment(Monotonic(1000.0), WALL)
RULES = Rules(host=HOST, earliest=datetime(2026, 1, 1, tzinfo=UTC))
A, B, C = (Fingerprint(bytes([octet]) * 32) for octet in (0xAA, 0xBB, 0xCC))


def pin(fingerprint: Fingerprint, role: Role, origin: Origin, **evidence: Any) -> Pin:
    """A pin with the evidence that the test is about."""
    return Pin(fingerprint, PinKind.CERTIFICATE, role, origin, WALL, **evidence)


def serves(address: str, fingerprint: Fingerprint, verdict: Finding) -> AddressVerdict:
    """An address as the last tick saw it."""
    return AddressVerdict(address, verdict, fingerprint)


def test_a_pending_pin_shows_its_hold_down_and_its_contradictions() -> None:
    """How far it is, at which addresses, what stands against it, and both ways in."""
    held = pin(
        A,
        Role.PENDING,
        Origin.OBSERVED,
        held=300.0,
        sightings=3,
        seen_at=(("one", 2), ("two", 1)),
        ever_live=True,
    )
    state = State(
        pins=(held, pin(C, Role.CURRENT, Origin.OPERATOR)),
        addresses=(
            serves("one", A, Finding.UNANNOUNCED_ROTATION),
            serves("two", C, Finding.PINNED),
            serves("three", B, Finding.UNANNOUNCED_ROTATION),
        ),
        clock=ClockJudgement(trusted=False),
    )
    why = explain_pin(held, state, RULES)
    assert why.standing == "pending"
    assert "5min of 15min of the hold-down and 3 of 5 sightings served" in why.evidence_for
    assert any("2 at one, 1 at two" in it for it in why.evidence_for)
    assert "live now at one" in why.evidence_for
    assert set(why.evidence_against) == {
        "the clock is known to be wrong, so its hold-down is paused",
        "two serves a pinned leaf again, which contradicts it",
        "three serves another unpinned leaf, which contradicts it",
    }
    assert any("10min more of being seen and 2 times more" in it for it in why.would_change)
    assert f"`edgepind pin add {A}` accepts it at once" in why.would_change


def test_strict_says_that_it_never_accepts_what_is_unannounced() -> None:
    """The policy row that stands in the way is named."""
    held = pin(A, Role.PENDING, Origin.OBSERVED)
    strict = Rules(host=HOST, earliest=RULES.earliest, pins=PinRules(policy=Policy.STRICT))
    why = explain_pin(held, State(pins=(held,)), strict)
    assert "policy strict never accepts this kind of evidence" in why.evidence_against
    assert why.would_change == (f"`edgepind pin add {A}` accepts it at once",)


def test_the_only_live_pin_says_why_it_cannot_be_removed() -> None:
    """What the command would answer is told beforehand."""
    current = pin(A, Role.CURRENT, Origin.ANNOUNCED, ever_live=True, proven=True)
    backup = pin(B, Role.BACKUP, Origin.ANNOUNCED)
    state = State(
        pins=(current, backup),
        addresses=(serves("one", A, Finding.PINNED),),
        edge=Edge(loaded=Pinning(enabled=True, current=A, accepted=(A,))),
    )
    why = explain_pin(current, state, RULES)
    assert "it was live after the Edge had loaded it" in why.evidence_for
    assert why.evidence_against == ()
    assert "add its successor first" in why.would_change[-1]
    other = explain_pin(backup, state, RULES)
    assert "it was never live" in other.evidence_against
    assert "the Edge is not known to have loaded it" in other.evidence_against
    assert "another announcement replaces it, as long as it was never live" in (other.would_change)
    assert other.would_change[-1].endswith("ends it at once")


@pytest.mark.parametrize("proven", [True, False])
def test_a_retiring_pin_says_how_long_it_stays(*, proven: bool) -> None:
    """The rest of the overlap, or that it waits for the current pin to be proven."""
    retiring = pin(A, Role.RETIRING, Origin.OPERATOR, ever_live=True, unseen=3600.0)
    current = pin(B, Role.CURRENT, Origin.OPERATOR, proven=proven)
    why = explain_pin(retiring, State(pins=(current, retiring)), RULES)
    assert "no address served it for 1h" in why.evidence_against
    told = "not live for 23h more, it is accepted no longer" in why.would_change
    assert told is proven


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        (State(retired=(A,)), "retired"),
        (State(refusals_told=(A,)), "refused"),
        (State(), "unknown"),
    ],
)
def test_a_stranger_is_told_for_what_it_is(state: State, standing: str) -> None:
    """What is known of a fingerprint that is no pin."""
    why = explain_unpinned(A, state, RULES)
    assert why.standing == standing
    assert why.would_change[0].startswith(f"`edgepind pin add {A}`")


@pytest.mark.parametrize(
    ("openings", "enabled", "leads_to"),
    [((), True, "open"), ((Monotonic(1.0),) * 3, True, "exhausted"), ((), False, "exhausted")],
)
def test_grace_says_what_comes_next(
    openings: tuple[Monotonic, ...], leads_to: str, *, enabled: bool
) -> None:
    """The rest of the grace, and whether an opening is left after it."""
    rules = Rules(host=HOST, earliest=RULES.earliest, fail_open=FailOpenRules(enabled=enabled))
    state = State(
        pins=(pin(A, Role.CURRENT, Origin.OPERATOR),),
        guard=Guard(posture=Posture.GRACE, since=WALL, grace_served=60.0, openings=openings),
        finding=Finding.UNANNOUNCED_ROTATION,
        lockout=True,
        addresses=(serves("one", B, Finding.UNANNOUNCED_ROTATION),),
    )
    why = explain_posture(state, rules, NOW)
    assert why.standing == "grace"
    assert f"4min more of the lockout, watched, lead to {leads_to}" in why.would_change
    assert any(it.startswith(f"`edgepind pin add {B}`") for it in why.would_change)
    assert "the cloud answers, and nothing that it serves is accepted" in why.evidence_against


def test_the_debt_of_a_restart_is_told_with_all_that_delays_it() -> None:
    """Failures, backoff, budget and patience each have their clause."""
    edge = Edge(
        restart=Owed(
            Debt(since=Monotonic(1000.0), failures=2, not_before=Monotonic(1060.0)),
            deferral_told=True,
        ),
        restarts=(Monotonic(990.0),) * 4,
        active=False,
    )
    state = State(pins=(pin(A, Role.CURRENT, Origin.OPERATOR),), edge=edge)
    why = explain_posture(state, RULES, NOW)
    [debt] = [it for it in why.evidence_against if it.startswith("a restart of the Edge is owed")]
    for clause in (
        "2 failed in a row",
        "the next is tried in 1min",
        "the budget allows the next in 59min 50s",
        "it waits for ready_command for at most 30min",
    ):
        assert clause in debt
    assert "the Edge's unit is not active" in why.evidence_against


def test_an_override_names_who_and_until_when() -> None:
    """The operator's own words are shown, and the way out."""
    override = OverrideState(WALL, Monotonic(4600.0), "calls are down", "ann")
    state = State(guard=Guard(posture=Posture.OVERRIDE, since=WALL, override=override))
    why = explain_posture(state, RULES, NOW)
    assert "ann gave as reason: calls are down" in why.evidence_for
    assert "it ends within 1h at the latest" in why.evidence_for
    assert "`edgepind override off`" in why.would_change[0]


@pytest.mark.parametrize(
    ("bootstrap", "words"),
    [(Bootstrap.OPERATOR, "pin add"), (Bootstrap.CORROBORATED, "adopted after its sightings")],
)
def test_before_the_first_pin_it_is_told_what_is_waited_for(
    bootstrap: Bootstrap, words: str
) -> None:
    """Both ways to the first pin."""
    rules = Rules(host=HOST, earliest=RULES.earliest, pins=PinRules(bootstrap=bootstrap))
    assert words in explain_posture(State(), rules, NOW).would_change[-1]


# --- the command ------------------------------------------------------------------------------


async def test_without_a_state_it_is_exit_code_3(ask: Any) -> None:
    """No daemon has ever kept a state."""
    answer = await ask("explain")
    assert (answer.code, answer.output) == (3, "")


async def test_the_posture_and_a_pin_are_explained(steady: Site, ask: Any, read: Any) -> None:
    """0 for the posture and for a pin, whole or as messages shorten it."""
    code, why = await read("explain")
    assert (code, why["standing"], why["subject"]) == (0, "enforcing", HOST)
    current = str(steady.cloud.status.current)
    for written in (current, current[:11], current.replace(":", "").lower(), f"sha256:{current}"):
        code, why = await read("explain", written)
        assert (code, why["subject"], why["standing"]) == (0, current, "current")
    lists = {"for", "against", "would_change", "evidence"}
    assert why.keys() == {"subject", "standing", "summary", *lists}
    answer = await ask("explain", current)
    assert "what would change it" in answer.output


async def test_the_evidence_for_a_pin_is_a_table(steady: Site, ask: Any, read: Any) -> None:
    """Row by row, on the page and as JSON; the posture has none."""
    pin = str(steady.cloud.status.current)
    _, told = await read("explain", pin)
    rows = {it["row"]: it for it in told["evidence"]}
    assert rows["live"] == {
        "row": "live",
        "holds": True,
        "weight": "only what is served counts, and gains anything with time",
        "missing": None,
        "complete_at": None,
    }
    page = await ask("explain", pin)
    assert all(name in page.output for name in rows)
    _, posture = await read("explain")
    assert posture["evidence"] == []


async def test_a_stranger_is_exit_code_1_and_no_fingerprint_2(steady: Site, ask: Any) -> None:
    """Not a pin is a bad answer; not a fingerprint is a wrong question."""
    assert steady.daemon.running
    answer = await ask("explain", str(A))
    assert answer.code == 1
    assert "unknown" in answer.output
    for written in ("AA:BB", "null", "11" * 20):
        answer = await ask("explain", written)
        assert (answer.code, answer.output) == (2, ""), written


async def test_a_state_that_may_not_be_read_is_exit_code_4(steady: Site, ask: Any) -> None:
    """The state is the daemon's own."""
    await steady.daemon.stop()
    (steady.state / "state.json").chmod(0)
    answer = await ask("explain", mortal=True)
    assert answer.code == 4


async def test_a_damaged_state_is_told_and_left_alone(site: Site, ask: Any) -> None:
    """Reading commands set nothing aside: that is for the daemon."""
    site.state.mkdir()
    damaged = site.state / "state.json"
    damaged.write_bytes(b"{broken")
    answer = await ask("explain")
    assert answer.code == 3
    assert str(damaged) in answer.errors
    assert damaged.read_bytes() == b"{broken"
    assert [it.name for it in site.state.iterdir()] == ["state.json"]
