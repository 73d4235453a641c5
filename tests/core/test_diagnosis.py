"""What a look at the link is found to be, row by row."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from edgepind.core.diagnosis import (
    Diagnosis,
    better_times,
    diagnose,
    judge_clock,
    pin_of,
    with_known_leaves,
)
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH, LONG, fingerprint, leaf, link, spki
from edgepind.model.enums import Finding, PinKind, Role
from edgepind.model.instants import Moment, Validity
from edgepind.model.observation import (
    AddressSeen,
    Chain,
    ClockReading,
    ClockSource,
    HandshakeFault,
    Leaf,
    Link,
    Observations,
    Served,
)
from edgepind.model.rules import PinRules
from edgepind.model.state import AddressVerdict, ClockJudgement
from tests.core.situations import NOW, RULES, A, B, pin, rules, tick

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
        AddressVerdict("1", Finding.PINNED, A, not_after=LONG.not_after, leaves=(A,)),
        AddressVerdict(
            "2",
            Finding.CERTIFICATE_FAULT,
            spki("y"),
            not_after=PAST.not_after,
            leaves=(spki("y"),),
        ),
        AddressVerdict(
            "3",
            Finding.UNREACHABLE,
            error="3 does not answer (refused)",
            fault=HandshakeFault.REFUSED,
        ),
        AddressVerdict(
            "4", Finding.INTERCEPTION, spki("z"), not_after=LONG.not_after, leaves=(spki("z"),)
        ),
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


# --- the clock ----------------------------------------------------------------------------------

CHRONY, KERNEL, HEADER = ClockSource.CHRONY, ClockSource.KERNEL, ClockSource.DATE_HEADER
MOMENT = Moment(NOW, EPOCH)
HOUR = timedelta(hours=1)


def test_one_witness_against_the_clock_is_enough() -> None:
    """By what exceeds its own uncertainty; of several, the best is named.

    The `Date` of a server has no say beside one that is surer than the error that is borne.
    """
    for readings, trusted, error, source in (
        ((), True, None, ClockSource.NONE),
        ((ClockReading(HEADER, 2.0),), True, 2.0, HEADER),
        ((ClockReading(HEADER, 2.0), ClockReading(KERNEL, 1.0)), True, 1.0, KERNEL),
        ((ClockReading(KERNEL, 1.0), ClockReading(CHRONY, 3.0)), True, 3.0, CHRONY),
        ((ClockReading(HEADER, 60.0),), True, 60.0, HEADER),
        ((ClockReading(HEADER, 60.1),), False, 60.1, HEADER),
        ((ClockReading(HEADER, -60.1),), False, -60.1, HEADER),
        ((ClockReading(HEADER, 61.0, 1.0),), True, 61.0, HEADER),
        ((ClockReading(HEADER, 61.5, 1.0),), False, 61.5, HEADER),
        ((ClockReading(HEADER, 99.0), ClockReading(CHRONY, 0.0)), True, 0.0, CHRONY),
        ((ClockReading(HEADER, 99.0), ClockReading(KERNEL, 0.0, 60.0)), True, 0.0, KERNEL),
        ((ClockReading(HEADER, 99.0), ClockReading(CHRONY, 0.0, 60.1)), False, 99.0, HEADER),
        ((ClockReading(HEADER, 0.0), ClockReading(CHRONY, 99.0)), False, 99.0, CHRONY),
        ((ClockReading(KERNEL, 99.0), ClockReading(CHRONY, 0.0)), False, 99.0, KERNEL),
        ((ClockReading(HEADER, 99.0), ClockReading(KERNEL, 88.0)), False, 88.0, KERNEL),
    ):
        expected = ClockJudgement(trusted=trusted, error=error, source=source)
        assert judge_clock(readings, RULES, MOMENT) == expected


def test_a_clock_before_the_day_of_the_release_is_wrong() -> None:
    """By at least so much; a witness against it is heard first."""
    early = Moment(NOW, RULES.earliest - timedelta(seconds=90))
    wrong = ClockJudgement(trusted=False, error=-90.0, source=ClockSource.NONE)
    assert judge_clock((), RULES, early) == wrong
    assert judge_clock((ClockReading(CHRONY, 0.0),), RULES, early) == wrong
    assert judge_clock((ClockReading(CHRONY, -99.0),), RULES, early).error == -99.0
    assert judge_clock((), RULES, Moment(NOW, RULES.earliest)) == ClockJudgement()


def test_better_times_are_what_the_witnesses_and_an_earlier_run_say() -> None:
    """Nothing where the clock is trusted and does not stand before what was stored."""
    wrong = ClockJudgement(trusted=False, error=90.0)
    then = EPOCH - timedelta(seconds=90)
    assert better_times(wrong, MOMENT, EPOCH + HOUR) == (then, EPOCH + HOUR)
    assert better_times(wrong, MOMENT, None) == (then,)
    assert better_times(replace(wrong, trusted=True), MOMENT, EPOCH + HOUR) == (EPOCH + HOUR,)
    assert better_times(replace(wrong, error=None), MOMENT, EPOCH) == ()
    assert better_times(ClockJudgement(), MOMENT, then) == ()


def test_a_look_at_one_offer_keeps_the_leaves_that_others_showed() -> None:
    """As long as what it saw is one of them; a full look says what there is now."""
    full = judged({"1": leaf("a"), "2": leaf("a"), "3": leaf("a")}).verdicts
    before = (
        replace(full[0], leaves=(A, B)),
        replace(full[1], leaves=(B,)),
    )
    after = with_known_leaves(full, before)
    assert [it.leaves for it in after] == [(A, B), (A,), (A,)]


def test_the_gravest_leaf_of_a_set_is_the_verdict_and_a_refusal_is_told() -> None:
    """An address is as good as what it may serve to the Edge at worst."""
    refused = Served(leaf("a"), "TLSv1.2", "x", others=(leaf("x"),), refused="it refused")
    link = Link((AddressSeen("1", refused),))
    verdict = diagnose(link, PINS, tick(Observations(RULES)), None).verdicts[0]
    assert verdict.verdict is Finding.UNANNOUNCED_ROTATION
    assert (verdict.fingerprint, len(verdict.leaves), verdict.error) == (A, 2, "it refused")
