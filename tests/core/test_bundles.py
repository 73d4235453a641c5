"""Which bundles are taken, by what clock, and what they say of themselves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edgepind.core.bundles import KEPT, came_from, note_bundles, objection_to
from edgepind.core.explain_pin import explain_unpinned
from edgepind.core.tick import Tick
from edgepind.lab.sim_observations import EPOCH
from edgepind.model.bundle import (
    Bundle,
    BundlePin,
    BundleWord,
    KeptSerial,
    RefusedBundle,
    SignedBundle,
)
from edgepind.model.enums import EventName, Origin, PinKind, Role
from edgepind.model.observation import ClockSource, Observations
from edgepind.model.state import BundleMemory, ClockJudgement, State
from tests.core.situations import RULES, A, B, C, pin, state_of, tick

HOUR = timedelta(hours=1)
CURRENT = replace(pin("a", Role.CURRENT), ever_live=True, proven=True)
SITE = state_of([CURRENT])
RIGHT = ClockJudgement()


def signed(*pins: BundlePin, digest: str = "", **more: Any) -> SignedBundle:
    """A bundle of serial 7, for this site and hour, unless it says otherwise."""
    said = {
        "host": RULES.host,
        "kind": PinKind.CERTIFICATE,
        "revoked": (),
        "serial": 7,
        "issued_at": EPOCH,
        "expires": EPOCH + HOUR,
        **more,
    }
    bundle = Bundle(pins=pins, **said)
    return SignedBundle(bundle, digest or f"{bundle}", "folder")


def at(*words: BundleWord, clock: ClockJudgement = RIGHT, after: timedelta = timedelta()) -> Tick:
    """A tick at which these came, so long after the epoch."""
    made = tick(Observations(RULES, words=words), wall=EPOCH + after)
    return replace(made, clock=clock)


NEXT = signed(BundlePin(B, Role.BACKUP))
WRONG = ClockJudgement(trusted=False, error=-7200.0, source=ClockSource.CHRONY)
DOUBTED = replace(WRONG, source=ClockSource.DATE_HEADER)


@pytest.mark.parametrize(
    ("clock", "after", "taken"),
    [
        (RIGHT, 0, True),
        (RIGHT, -2, False),
        (RIGHT, 2, False),
        (WRONG, -2, True),
        (WRONG, 0, False),
        (replace(WRONG, error=None), 0, False),
        (replace(WRONG, source=ClockSource.NONE), -2, False),
        (DOUBTED, -2, False),
        (replace(DOUBTED, error=-61.0), 0, True),
    ],
)
def test_a_bundle_is_judged_by_the_best_time_there_is(
    clock: ClockJudgement,
    after: int,
    taken: bool,  # noqa: FBT001 - a case
) -> None:
    """A wrong clock gives way to the source that is believed; a mere `Date` must agree with it."""
    state, _ = note_bundles(SITE, at(NEXT, clock=clock, after=after * HOUR))
    assert (state.bundle.accepted == NEXT.own) is taken


def test_no_time_is_before_what_an_earlier_run_stored() -> None:
    """So a clock that was set back brings no expired bundle back."""
    later = replace(SITE, floor=EPOCH + 2 * HOUR)
    objection = objection_to(later, NEXT, at(NEXT))
    assert objection is not None
    assert objection.reason == "it expired on 2027-01-01 01:00:00 UTC"


def test_while_the_clock_is_wrong_a_bundle_waits_and_is_not_lost() -> None:
    """That is told once, and it is no refusal for good."""
    unknown = replace(WRONG, error=None)
    state, [told] = note_bundles(SITE, at(NEXT, clock=unknown))
    assert told.name is EventName.BUNDLE_REJECTED
    assert "is not taken yet" in told.message
    again, events = note_bundles(state, at(NEXT, clock=unknown))
    assert (again.bundle.refused, events) == ((), ())
    taken, _ = note_bundles(again, at(NEXT))
    assert taken.bundle.accepted == NEXT.own


def test_a_pin_does_not_come_in_by_a_clock_that_is_wrong() -> None:
    """It waits on until the time is known."""
    waiting = signed(BundlePin(B, Role.BACKUP, not_before=EPOCH + HOUR))
    state, _ = note_bundles(SITE, at(waiting))
    kept, events = note_bundles(state, at(clock=replace(WRONG, error=None), after=2 * HOUR))
    assert (kept, events) == (state, ())
    there, _ = note_bundles(state, at(after=2 * HOUR))
    assert [it.fingerprint for it in there.pins] == [A, B]


def test_the_bundle_in_force_comes_back_where_the_state_was_lost() -> None:
    """Root's helper knows its serial, and it is the same one."""
    kept = replace(NEXT, kept=NEXT.own)
    state, [applied, prepared] = note_bundles(SITE, at(kept))
    assert (applied.name, prepared.name) == (EventName.BUNDLE_APPLIED, EventName.PIN_PREPARED)
    assert state.bundle.accepted == NEXT.own
    other = replace(NEXT, kept=KeptSerial(7, "another's"))
    objection = objection_to(SITE, other, at(other))
    assert objection is not None
    assert "--serial 8" in objection.remedy


def test_an_operators_pin_stays_the_operators() -> None:
    """It does not lapse because a bundle names it; any other becomes the bundle's, and does."""
    state = state_of([CURRENT, pin("b"), pin("c", origin=Origin.ANNOUNCED)])
    ends = EPOCH + HOUR
    named = (BundlePin(it, Role.BACKUP, not_after=ends) for it in (B, C))
    state, _ = note_bundles(state, at(signed(*named)))
    assert [(it.origin, it.not_after) for it in state.pins[1:]] == [
        (Origin.OPERATOR, None),
        (Origin.BUNDLE, ends),
    ]


def test_before_the_first_pin_nothing_can_be_emptied() -> None:
    """What is revoked then is refused later; the first pin of a bundle is the current one."""
    state, _ = note_bundles(State(), at(signed(BundlePin(B, Role.BACKUP), revoked=(A,))))
    assert [(it.fingerprint, it.role) for it in state.pins] == [(B, Role.CURRENT)]
    assert state.removed == (A,)


def test_what_a_bundle_says_is_told_in_one_sentence() -> None:
    """What it names, from when and until when, and what it revokes."""
    whole = signed(
        BundlePin(A, Role.CURRENT, not_after=EPOCH + HOUR),
        BundlePin(B, Role.BACKUP, not_before=EPOCH + HOUR),
        revoked=(C,),
    )
    _, events = note_bundles(SITE, at(whole))
    assert events[0].message == (
        f"The signed bundle 7 from the drop folder is in force: it names {A.short} until "
        f"2027-01-01 01:00:00 UTC as current; names {B.short} from 2027-01-01 01:00:00 UTC on as "
        f"backup; revokes {C.short}; compare `edgepind pin list` with what you expect."
    )
    _, [empty] = note_bundles(SITE, at(signed()))
    assert "it names no pin;" in empty.message
    assert came_from("url") == "bundle.url"


def test_refusals_are_remembered_up_to_a_bound_and_told_once() -> None:
    """What nobody has signed costs one line a reason, however often it comes."""
    state, told = SITE, 0
    for number in range(2 * KEPT):
        for again in range(2):
            refused = RefusedBundle(f"{number}-{again}", "url", f"reason {number}", "mend it")
            state, events = note_bundles(state, at(refused, refused))
            told += len(events)
    assert told == 2 * KEPT
    assert len(state.bundle.refused) == len(state.bundle.told) == KEPT
    taken, _ = note_bundles(state, at(NEXT))
    assert taken.bundle.told == ()


def test_explain_knows_what_is_to_come() -> None:
    """A fingerprint that waits in the bundle in force."""
    waiting = BundlePin(B, Role.BACKUP, not_before=EPOCH + HOUR)
    memory = BundleMemory(accepted=KeptSerial(7, ""), waiting=(waiting,))
    state = replace(SITE, bundle=memory)
    named = "the signed bundle 7 names it as backup pin from 2027-01-01 01:00:00 UTC on"
    assert named in explain_unpinned(B, state, RULES).evidence_for
    assert explain_unpinned(C, state, RULES).evidence_for == ()
