"""The posture machine and the diagnosis it runs on, condition by condition."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.diagnosis import Diagnosis, diagnose, pin_of
from edgepind.core.posture import deadline, guard_on, is_opening_lockout
from edgepind.core.tick import Tick
from edgepind.lab.imagined import EPOCH, LONG, fingerprint, leaf, link, spki
from edgepind.model.moment import Monotonic, Validity
from edgepind.model.observation import Chain, HandshakeFault, Leaf, Link, Observations
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules
from edgepind.model.state import AddressVerdict, Guard, OverrideState
from edgepind.model.words import EventName, Finding, PinKind, Posture, Role, Severity
from tests.core.situations import NOW, RULES, A, pin, rules, tick

LOCKED = Diagnosis(Finding.UNANNOUNCED_ROTATION, accepted=False, verdicts=(), lockout=True)
PINNED = Diagnosis(Finding.PINNED, accepted=True, verdicts=())
ROTATING = Diagnosis(Finding.UNANNOUNCED_ROTATION, accepted=True, verdicts=())
INTERCEPTED = Diagnosis(Finding.INTERCEPTION, accepted=False, verdicts=(), lockout=True)
SILENT = Diagnosis(Finding.UNREACHABLE, accepted=False, verdicts=())
LOADED_OFF = replace(LOCKED, lockout=False)
"""The cloud serves nothing that is accepted, and the Edge has `enabled: false` loaded."""
LEARNED = replace(LOCKED, accepted=True)
"""The new leaf is accepted, and the Edge has yet to load it."""
IN_HAND = 4
LATER = EPOCH + timedelta(hours=1)

GRACE = Guard(Posture.GRACE, EPOCH, lockout_ticks=2, grace_served=100.0, reminded=NOW)
OPEN = Guard(
    Posture.OPEN,
    EPOCH,
    lockout_ticks=2,
    openings=(NOW,),
    open_ends=Monotonic(NOW + 60),
    reminded=NOW,
)
EXHAUSTED = Guard(Posture.EXHAUSTED, EPOCH, lockout_ticks=2, reminded=NOW)
OVERRIDE = OverrideState(LATER, Monotonic(NOW + 3600), "calls are down", "ann")


def on(
    guard: Guard,
    diagnosis: Diagnosis | None,
    before: Diagnosis | None = LOCKED,
    fail_open: FailOpenRules | None = None,
    elapsed: float = 10.0,
    in_hand: int = IN_HAND,
) -> Guard:
    """The guard after a tick that concluded this, after one that had concluded that."""
    its = rules(fail_open=fail_open) if fail_open else RULES
    seen = tick(Observations(its), wall=LATER, elapsed=elapsed)
    return guard_on(guard, diagnosis, before, in_hand, seen)[0]


def entered(guard: Guard, diagnosis: Diagnosis) -> list[Posture | None]:
    """Each posture that such a tick tells of having been entered."""
    seen = tick(Observations(RULES), wall=LATER)
    return [it.posture for it in guard_on(guard, diagnosis, LOCKED, IN_HAND, seen)[1]]


# --- postures -----------------------------------------------------------------------------------


def test_a_lockout_is_confirmed_by_the_second_tick_in_a_row() -> None:
    """One tick is none, a tick between that saw something else begins anew."""
    once = on(Guard(), LOCKED, PINNED)
    assert once == Guard(lockout_ticks=1)
    assert on(once, PINNED) == Guard()
    assert on(once, None) == once
    twice = on(once, LOCKED)
    assert twice == Guard(Posture.GRACE, LATER, lockout_ticks=2, grace_served=0.0, reminded=NOW)
    assert on(twice, LOCKED).lockout_ticks == 2


@pytest.mark.parametrize("other", [ROTATING, INTERCEPTED, SILENT, LOADED_OFF, LEARNED, None])
def test_only_a_lockout_by_an_unannounced_rotation_may_open(other: Diagnosis | None) -> None:
    """Not interception, not silence, nothing that the pin set or the Edge itself accepts."""
    assert is_opening_lockout(LOCKED)
    assert not is_opening_lockout(other)


def test_the_change_is_told_with_its_reason() -> None:
    """From what, to what, why, and how grave it is."""
    guard, (event,) = guard_on(Guard(lockout_ticks=1), LOCKED, LOCKED, IN_HAND, tick())
    assert guard.posture is Posture.GRACE
    assert (event.name, event.posture) == (EventName.POSTURE_CHANGED, Posture.GRACE)
    assert event.severity is Severity.WARNING
    assert "(was enforcing), because a lockout was seen in two ticks in a row" in event.message


def test_grace_is_served_while_the_lockout_is_watched() -> None:
    """The time between two ticks that both saw it; no gap, no other finding, no silence."""
    assert on(GRACE, LOCKED).grace_served == 110.0
    assert on(GRACE, LOCKED, PINNED).grace_served == 100.0
    assert on(GRACE, LOCKED, None).grace_served == 100.0
    assert on(GRACE, LOCKED, elapsed=181.0).grace_served == 100.0
    assert on(GRACE, SILENT).grace_served == 100.0
    assert on(GRACE, None).grace_served == 100.0
    assert on(Guard(), LOCKED).grace_served == 0.0


def test_when_the_grace_is_over_the_edge_is_opened() -> None:
    """At its very end, for `limit`, and the opening counts."""
    almost = replace(GRACE, grace_served=289.9, openings=(Monotonic(NOW - 100),))
    assert on(almost, LOCKED).posture is Posture.GRACE
    opened = on(replace(almost, grace_served=290.0), LOCKED)
    assert opened == Guard(
        Posture.OPEN,
        LATER,
        lockout_ticks=2,
        grace_served=0.0,
        openings=(Monotonic(NOW - 100), NOW),
        open_ends=Monotonic(NOW + 14_400),
        reminded=NOW,
    )
    assert on(replace(almost, grace_served=300.0), SILENT).posture is Posture.GRACE


@pytest.mark.parametrize(
    ("fail_open", "openings", "posture"),
    [
        (FailOpenRules(), 2, Posture.OPEN),
        (FailOpenRules(), 3, Posture.EXHAUSTED),
        (FailOpenRules(enabled=False), 0, Posture.EXHAUSTED),
        (FailOpenRules(budget=0), 0, Posture.EXHAUSTED),
    ],
)
def test_an_opening_must_be_allowed_and_left_in_the_budget(
    fail_open: FailOpenRules, openings: int, posture: Posture
) -> None:
    """Else an operator is needed."""
    made = tuple(Monotonic(NOW - 100 * n - 1) for n in range(openings))
    guard = on(replace(GRACE, grace_served=300.0, openings=made), LOCKED, fail_open=fail_open)
    assert guard.posture is posture
    running = on(replace(GRACE, openings=made), LOCKED, fail_open=fail_open)
    assert running.posture is Posture.GRACE
    assert (guard.open_ends is None) is (posture is Posture.EXHAUSTED)


def test_openings_older_than_the_window_are_forgotten() -> None:
    """At its very end as well."""
    window = RULES.fail_open.budget_window
    made = (Monotonic(NOW - window), Monotonic(NOW - window + 1))
    for seen in (PINNED, None):
        assert on(Guard(openings=made), seen).openings == made[1:]


@pytest.mark.parametrize("guard", [GRACE, OPEN, EXHAUSTED])
def test_a_link_that_is_accepted_again_ends_them_all(guard: Guard) -> None:
    """Whatever the finding, as long as one accepted leaf is served; silence ends nothing."""
    for seen in (PINNED, ROTATING):
        after = on(guard, seen)
        assert after == Guard(since=LATER, openings=guard.openings)
        assert entered(guard, seen) == [Posture.ENFORCING]
    assert on(guard, SILENT).posture is guard.posture
    assert on(guard, None).posture is guard.posture


def test_what_ends_open() -> None:
    """Interception, its limit, and a word in the settings; each needs an operator then."""
    assert on(OPEN, LOCKED).posture is Posture.OPEN
    exhausted = replace(EXHAUSTED, since=LATER, openings=OPEN.openings)
    assert entered(OPEN, INTERCEPTED) == [Posture.EXHAUSTED]
    assert entered(replace(OPEN, open_ends=NOW), LOCKED) == [Posture.EXHAUSTED]
    assert on(OPEN, INTERCEPTED) == replace(exhausted, lockout_ticks=0)
    assert on(replace(OPEN, open_ends=NOW), LOCKED) == exhausted
    assert on(OPEN, LOCKED, fail_open=FailOpenRules(enabled=False)) == exhausted
    assert on(GRACE, INTERCEPTED).posture is Posture.GRACE
    partly = replace(INTERCEPTED, accepted=True)
    assert entered(OPEN, partly) == [Posture.ENFORCING]


def test_of_several_reasons_to_close_the_gravest_is_told() -> None:
    """Interception before the limit, and that before a word in the settings."""
    over = replace(OPEN, open_ends=NOW)
    off = tick(Observations(rules(fail_open=FailOpenRules(enabled=False))))
    for diagnosis, why in ((INTERCEPTED, "the link is intercepted"), (LOCKED, "the longest")):
        _, (event,) = guard_on(over, diagnosis, LOCKED, IN_HAND, off)
        assert f"because {why}" in event.message


def test_nothing_is_opened_that_could_not_be_closed() -> None:
    """Two restarts must be in hand; until then the grace goes on, without a stated end."""
    over = replace(GRACE, grace_served=300.0)
    for in_hand, posture in ((2, Posture.OPEN), (1, Posture.GRACE), (-1, Posture.GRACE)):
        assert on(over, LOCKED, in_hand=in_hand).posture is posture
    assert on(over, PINNED, in_hand=0).posture is Posture.ENFORCING


@pytest.mark.parametrize(("budget", "posture"), [(2, Posture.OPEN), (1, Posture.EXHAUSTED)])
def test_a_budget_below_two_opens_nothing(budget: int, posture: Posture) -> None:
    """What never comes is not waited for; where fail-open is off, that is the reason given."""
    over = replace(GRACE, grace_served=300.0)
    its = rules(restart=RestartRules(budget=budget))
    guard, (event,) = guard_on(over, LOCKED, LOCKED, budget, tick(Observations(its)))
    assert guard.posture is posture
    assert ("edge.restart_budget, being less than two" in event.message) is (budget < 2)
    off = replace(its, fail_open=FailOpenRules(enabled=False))
    guard, (event,) = guard_on(over, LOCKED, LOCKED, budget, tick(Observations(off)))
    assert guard.posture is Posture.EXHAUSTED
    assert "fail-open is off" in event.message


@pytest.mark.parametrize("posture", [GRACE, OPEN, EXHAUSTED])
def test_a_pin_that_the_edge_has_yet_to_load_ends_the_emergency(posture: Guard) -> None:
    """The posture is left by the pin set; the restart follows, and no second grace is counted."""
    assert entered(posture, LEARNED) == [Posture.ENFORCING]
    assert on(Guard(lockout_ticks=1), LEARNED) == Guard()


def test_while_the_edge_does_not_pin_no_grace_is_served() -> None:
    """It begins when the Edge has loaded a document that locks it out, as after an override."""
    assert on(Guard(lockout_ticks=1), LOADED_OFF) == Guard()
    assert on(GRACE, LOADED_OFF).grace_served == 100.0
    assert on(OPEN, LOADED_OFF).posture is Posture.OPEN


@pytest.mark.parametrize("guard", [Guard(), GRACE, OPEN, EXHAUSTED])
def test_an_override_comes_before_everything(guard: Guard) -> None:
    """And when it is over, the lockout has to be confirmed anew."""
    locked = replace(guard, override=OVERRIDE, lockout_ticks=2, grace_served=300.0)
    assert entered(locked, LOCKED) == [Posture.OVERRIDE]
    overridden = on(replace(guard, override=OVERRIDE), PINNED)
    assert overridden.posture is Posture.OVERRIDE
    assert entered(replace(guard, override=OVERRIDE), PINNED) == [Posture.OVERRIDE]
    assert on(overridden, LOCKED).posture is Posture.OVERRIDE
    assert on(replace(overridden, override=None), PINNED).posture is Posture.ENFORCING
    ended = replace(overridden, override=replace(OVERRIDE, ends=NOW), lockout_ticks=2)
    assert on(ended, LOCKED) == replace(
        ended, posture=Posture.ENFORCING, lockout_ticks=0, since=LATER, reminded=None
    )


def test_every_posture_but_enforcing_repeats_a_warning() -> None:
    """A quarter of an hour after it was entered, or was told last; with what time is left."""
    quarter = Monotonic(NOW - 900)
    guard, (event,) = guard_on(replace(OPEN, reminded=quarter), LOCKED, LOCKED, IN_HAND, tick())
    assert guard.reminded == NOW
    assert (event.name, event.severity, event.posture) == (None, Severity.WARNING, Posture.OPEN)
    assert "Posture is still open for at most 1min: pinning is let go" in event.message
    assert guard_on(guard, LOCKED, LOCKED, IN_HAND, tick()) == (guard, ())
    fresh = replace(OPEN, reminded=Monotonic(NOW - 899))
    assert guard_on(fresh, LOCKED, LOCKED, IN_HAND, tick()) == (fresh, ())
    _, (event,) = guard_on(replace(EXHAUSTED, reminded=quarter), LOCKED, LOCKED, IN_HAND, tick())
    assert "Posture is still exhausted: the Edge is locked out" in event.message
    assert guard_on(Guard(reminded=quarter), PINNED, PINNED, IN_HAND, tick())[1] == ()
    assert guard_on(replace(EXHAUSTED, reminded=None), LOCKED, LOCKED, IN_HAND, tick())[1] == ()


def test_when_a_posture_ends_at_the_latest() -> None:
    """What is left of the grace, the end of the opening, the end of the override."""
    assert deadline(GRACE, 300.0, NOW) == NOW + 200.0
    assert deadline(GRACE, 100.0, NOW) is None, "it goes on until there are restarts"
    assert deadline(GRACE, 100.1, NOW) == pytest.approx(NOW + 0.1)
    assert deadline(OPEN, 300.0, NOW) == NOW + 60.0
    assert deadline(Guard(Posture.OVERRIDE, override=OVERRIDE), 300.0, NOW) == NOW + 3600.0
    assert deadline(Guard(Posture.OVERRIDE), 300.0, NOW) is None
    assert deadline(Guard(), 300.0, NOW) is None
    assert deadline(EXHAUSTED, 300.0, NOW) is None


# --- findings -----------------------------------------------------------------------------------

PAST = Validity(EPOCH - timedelta(days=9), EPOCH - timedelta(days=1))
PINS = (pin("a", Role.CURRENT), pin("b"), pin("p", Role.PENDING))


def judged(
    serves: Mapping[str, Leaf | HandshakeFault],
    *,
    trusted: bool = True,
    wider_only: bool = False,
    seen: Tick | None = None,
) -> Diagnosis:
    """The diagnosis of a link that serves this, by the pins a (current), b and p (pending)."""
    it = seen or tick(trusted=trusted)
    return diagnose(link(serves, wider_only=wider_only), PINS, it, None)


@pytest.mark.parametrize(
    ("it", "trusted", "finding"),
    [
        (leaf("a"), True, Finding.PINNED),
        (leaf("a"), False, Finding.CLOCK_FAULT),
        (leaf("a", public=False), True, Finding.PINNED),
        (leaf("a", name_matches=False), True, Finding.CERTIFICATE_FAULT),
        (leaf("a", validity=PAST), True, Finding.CERTIFICATE_FAULT),
        (leaf("a", validity=PAST, public=False), True, Finding.CERTIFICATE_FAULT),
        (leaf("a", validity=PAST), False, Finding.CLOCK_FAULT),
        (leaf("a", name_matches=False), False, Finding.CLOCK_FAULT),
        (leaf("b"), True, Finding.ROTATING),
        (leaf("p"), True, Finding.UNANNOUNCED_ROTATION),
        (leaf("x"), True, Finding.UNANNOUNCED_ROTATION),
        (leaf("x"), False, Finding.CLOCK_FAULT),
        (leaf("x", public=False), True, Finding.INTERCEPTION),
        (leaf("x", public=False), False, Finding.INTERCEPTION),
        (leaf("x", name_matches=False), True, Finding.CERTIFICATE_FAULT),
        (leaf("x", validity=PAST), True, Finding.CERTIFICATE_FAULT),
        (leaf("x", validity=PAST), False, Finding.CLOCK_FAULT),
    ],
)
def test_a_leaf_is_judged_by_pin_chain_name_and_time(
    it: Leaf,
    trusted: bool,  # noqa: FBT001 - a case
    finding: Finding,
) -> None:
    """CONTRACT section 6, alone at its address; which pin it matches is a matter of the link.

    By a clock that is known to be wrong the link is not judged, though a leaf may pass.
    """
    found = judged({"1": it}, trusted=trusted)
    assert found.finding is finding
    passes = it == leaf("a") or finding is Finding.ROTATING
    assert found.verdicts[0].verdict is (Finding.PINNED if passes else finding)


def test_a_leaf_that_is_right_at_a_better_time_is_the_clocks_fault() -> None:
    """The time that an earlier run stored, where the clock stands before it."""
    future = Validity(EPOCH + timedelta(days=1), EPOCH + timedelta(days=9))
    floor = EPOCH + timedelta(days=2)
    for it, expected in (
        (leaf("a", validity=future), Finding.CLOCK_FAULT),
        (leaf("x", validity=future), Finding.CLOCK_FAULT),
        (leaf("a", validity=future, name_matches=False), Finding.CERTIFICATE_FAULT),
        (leaf("x", validity=future, name_matches=False), Finding.CLOCK_FAULT),
        (leaf("a", validity=future, public=False), Finding.CLOCK_FAULT),
        (leaf("x"), Finding.UNANNOUNCED_ROTATION),
        (leaf("x", validity=PAST), Finding.CERTIFICATE_FAULT),
        (replace(leaf("x"), public=Chain(PAST)), Finding.CERTIFICATE_FAULT),
    ):
        assert diagnose(link({"1": it}), PINS, tick(), floor).finding is expected
    early = diagnose(link({"1": leaf("a", validity=future)}), PINS, tick(), None)
    assert early.finding is Finding.CERTIFICATE_FAULT


@pytest.mark.parametrize(
    ("graver", "other"),
    [
        (leaf("x", public=False), leaf("y")),
        (leaf("x"), leaf("y", name_matches=False)),
        (leaf("x", name_matches=False), leaf("b")),
        (leaf("x", name_matches=False), leaf("a")),
        (leaf("x"), leaf("a")),
    ],
)
def test_the_link_is_what_the_gravest_of_its_addresses_is(graver: Leaf, other: Leaf) -> None:
    """In whichever order they answer."""
    alone = judged({"1": graver}).finding
    assert judged({"1": graver, "2": other}).finding is alone
    assert judged({"1": other, "2": graver}).finding is alone
    assert judged({"1": other}).finding is not alone


def test_a_clock_that_is_at_fault_at_one_address_is_so_for_the_link() -> None:
    """It comes before every rotation, and behind interception alone."""
    floor = EPOCH + timedelta(days=2)
    early = leaf("a", validity=Validity(EPOCH + timedelta(days=1), EPOCH + timedelta(days=9)))
    for other, expected in (
        (leaf("x"), Finding.CLOCK_FAULT),
        (leaf("x", name_matches=False), Finding.CLOCK_FAULT),
        (leaf("x", public=False), Finding.INTERCEPTION),
    ):
        for serves in ({"1": early, "2": other}, {"1": other, "2": early}):
            assert diagnose(link(serves), PINS, tick(), floor).finding is expected
    wrong = judged({"1": leaf("x"), "2": leaf("y", public=False)}, trusted=False)
    assert wrong.finding is Finding.INTERCEPTION


def test_a_mismatch_at_one_address_is_the_links() -> None:
    """Though the others serve what is pinned, with the Edge's own settings."""
    wide, narrow = link({"1": leaf("a")}, wider_only=True), link({"2": leaf("a")})
    for addresses in (wide.addresses + narrow.addresses, narrow.addresses + wide.addresses):
        found = diagnose(Link(addresses), PINS, tick(), None)
        assert found.finding is Finding.CIPHER_MISMATCH


def test_wider_settings_than_the_edges_own_make_a_mismatch_of_a_usable_leaf() -> None:
    """Not of one that is worse; and a mismatch is graver than a rotation, not than a fault."""
    for it in (leaf("a"), leaf("b"), leaf("x")):
        assert judged({"1": it}, wider_only=True).finding is Finding.CIPHER_MISMATCH
    for it in (leaf("x", public=False), leaf("x", name_matches=False)):
        assert judged({"1": it}, wider_only=True).finding is judged({"1": it}).finding
    both = {"1": leaf("a"), "2": leaf("x", name_matches=False)}
    assert judged(both, wider_only=True).finding is Finding.CERTIFICATE_FAULT


def test_only_the_current_pin_everywhere_is_pinned() -> None:
    """More than one pin, or the backup, is a rotation; silence at an address changes nothing."""
    silent = HandshakeFault.TIMEOUT
    assert judged({"1": leaf("a"), "2": silent}).finding is Finding.PINNED
    assert judged({"1": leaf("a"), "2": leaf("b")}).finding is Finding.ROTATING
    nothing = judged({"1": silent})
    assert (nothing.finding, nothing.accepted) == (Finding.UNREACHABLE, False)


def test_a_link_is_accepted_where_some_leaf_of_it_is() -> None:
    """A pending pin does not do."""
    assert not judged({"1": leaf("x"), "2": leaf("p")}).accepted
    assert judged({"1": leaf("x"), "2": leaf("b")}).accepted


def test_each_address_is_shown_with_what_it_served_or_why_not() -> None:
    """The fingerprint in the kind of its pin, else in that of the settings, and when it ends."""
    keys = tick(Observations(rules(PinRules(kind=PinKind.SPKI))))
    short = replace(leaf("y"), public=Chain(PAST))
    private = leaf("z", public=False)
    serves: dict[str, Leaf | HandshakeFault] = {
        "1": leaf("a"),
        "2": short,
        "3": HandshakeFault.REFUSED,
        "4": private,
    }
    verdicts = judged(serves, seen=keys).verdicts
    assert verdicts == (
        AddressVerdict("1", Finding.PINNED, A, not_after=LONG.not_after),
        AddressVerdict("2", Finding.CERTIFICATE_FAULT, spki("y"), not_after=PAST.not_after),
        AddressVerdict(
            "3",
            Finding.UNREACHABLE,
            error="3 does not answer (refused)",
            fault=HandshakeFault.REFUSED,
        ),
        AddressVerdict("4", Finding.INTERCEPTION, spki("z"), not_after=LONG.not_after),
    )
    assert judged({"1": leaf("x")}).verdicts[0].fingerprint == fingerprint("x")


def test_a_leaf_matches_the_current_pin_first_and_each_pin_by_its_own_kind() -> None:
    """A pin of a key does not match a certificate of the same octets."""
    twin = replace(pin("b"), fingerprint=spki("a"), kind=PinKind.SPKI)
    found = pin_of(leaf("a"), (twin, pin("a", Role.CURRENT)))
    assert found is not None
    assert found.role is Role.CURRENT
    confused = replace(pin("b"), fingerprint=spki("b"))
    assert pin_of(leaf("b"), (confused,)) is None
    assert pin_of(leaf("p"), PINS) is None
    assert pin_of(leaf("b"), PINS) == pin("b")
