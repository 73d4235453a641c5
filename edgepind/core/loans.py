"""Loans: the leaves that an opening lends to the Edge (CONTRACT section 7).

Theory of operation. In `open` the Edge goes on pinning. Its allowlist is widened by the leaves that
are served and not pinned, as far as they could be lent: `Finding.UNANNOUNCED_ROTATION` at a look
of the last few, a chain that both verifiers find good, and never removed by an operator. So what a
stranger gains is one leaf, and what another stranger has gains nothing. `offer` says what could be
lent now and whether the Edge would connect with it. Where there are more such leaves than
`fail_open.loans`, or the Edge would not connect, the offer does not `suffice`; what then remains is
the last resort, `enabled: false`, and not where what is served was removed by an operator.

A loan is no pin: it stands in `Guard.loans` and nowhere in `State.pins`, so it is never current, it
makes no pinned channel, announces nothing and gets no token. It ends with the opening, by an
operator's `pin remove`, or by becoming a pin, which changes no set and so owes no restart. Under
`validator = "single"` the first loan is the document's `fingerprint` while it lasts.

When an opening begins and ends is decided in `core.posture`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgepind.core.live_leaves import answering, first_looks, keys_of, live_at, passes, recent_at
from edgepind.core.sticky import heard
from edgepind.core.tick import Tick
from edgepind.model.decision import Event
from edgepind.model.document import Pinning
from edgepind.model.enums import EventName, Finding, PinKind, Posture, Severity, Validator
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import PinKey, accepted
from edgepind.model.state import Edge, Guard, Loan, ServedLeaf, State


@dataclass(frozen=True, slots=True)
class Offer:
    """What an opening could lend now: the leaves on loan already, and those to be lent with them.

    `suffices`: there are no more than may be lent, and the Edge connects with them. `barred`: what
    is served was removed by an operator, so that no last resort lets it in.
    """

    loans: tuple[Loan, ...] = ()
    suffices: bool = False
    barred: bool = False


def offer(state: State, tick: Tick) -> Offer:
    """Say what could be lent to the Edge by what was served at the last few looks.

    A new address has no say while others serve a pinned leaf, so it gets no leaf lent and does not
    bring about the last resort (`core.sticky`).
    """
    state = heard(state)
    rules, lent = tick.rules, state.guard.loans
    fresh = [it for it in _lendable(state, tick) if it.fingerprint not in _values(lent)]
    fresh.sort(key=lambda it: _looks(it, state), reverse=True)
    every = (*lent, *fresh)
    loans = every[: rules.fail_open.loans]
    if rules.restart.validator is Validator.SINGLE:
        # The first is the one that the Edge reads.
        loans = tuple(sorted(loans, key=lambda it: _looks(it, state), reverse=True))
        keys = {(it.kind, it.fingerprint) for it in loans[:1]}
    else:
        keys = {(it.kind, it.fingerprint) for it in loans}
        keys |= {pin.key for pin in accepted(state.pins)}
    connects = bool(loans) and (passes(keys, state) or not passes(keys | _let_in(state), state))
    return Offer(loans, len(loans) == len(every) and connects, barred=_is_barred(state))


def _let_in(state: State) -> frozenset[PinKey]:
    """What an Edge that pins nothing would take besides, by the chain alone.

    A leaf that no Edge takes, as a stranger's of his own making, is no reason for a last resort.
    """
    return frozenset().union(
        *(
            keys_of(leaf)
            for it in answering(state)
            for leaf in live_at(it)
            if leaf.finding is Finding.UNANNOUNCED_ROTATION
        )
    )


def _lendable(state: State, tick: Tick) -> Iterator[Loan]:
    """Each leaf that could be lent, once; several under one key are one where keys are pinned."""
    kind = tick.rules.pins.kind
    pinned = {pin.key for pin in accepted(state.pins)}
    told: set[Fingerprint] = set()
    for it in answering(state):
        for leaf in recent_at(it):
            value = leaf.certificate if kind is PinKind.CERTIFICATE else leaf.spki
            good = leaf.finding is Finding.UNANNOUNCED_ROTATION and leaf.sound and not leaf.wider
            if value in told or not good or _is_removed(leaf, state):
                continue
            if pinned.isdisjoint(keys_of(leaf)):
                told.add(value)
                yield Loan(value, kind, tick.now.wall)


def _is_removed(leaf: ServedLeaf, state: State) -> bool:
    return leaf.certificate in state.removed or leaf.spki in state.removed


def _is_barred(state: State) -> bool:
    return any(_is_removed(leaf, state) for it in answering(state) for leaf in live_at(it))


def _looks(loan: Loan, state: State) -> int:
    """At how many of the recent looks it was served to the Edge's own offer."""
    key: PinKey = (loan.kind, loan.fingerprint)
    return sum(first_looks(key, it) for it in answering(state))


def _values(loans: tuple[Loan, ...]) -> frozenset[Fingerprint]:
    return frozenset(it.fingerprint for it in loans)


# --- what the document and the Edge have of them ------------------------------------------------


def lent_in(pinning: Pinning, state: State) -> tuple[Fingerprint, ...]:
    """Those of the values that a document accepts which are on loan, and no pins."""
    lent = _values(state.guard.loans) - {pin.fingerprint for pin in accepted(state.pins)}
    return tuple(it for it in pinning.accepted if it in lent)


def may_have_loaded(edge: Edge, loading: Pinning | None) -> Edge:
    """`edge`, which may have loaded this beside what it had; None: whatever was written."""
    lent = tuple(dict.fromkeys((*edge.may_lend, *edge.lent)))
    off = edge.may_be_off or loading is None or not loading.enabled
    return replace(edge, may_be_off=off, may_lend=lent)


def is_opened(edge: Edge, goal: Pinning | None) -> bool:
    """Whether the Edge may accept more than is wanted, because of an opening or an override."""
    if goal is None or not goal.enabled:
        return False
    return edge.may_be_off or not set(edge.may_lend) <= set(goal.accepted)


# --- one tick -----------------------------------------------------------------------------------


def drop_ended(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """End the loans that have become pins, and those that an operator has removed.

    What the Edge has loaded on loan and is pinned now is on loan no more.
    """
    pinned = {pin.fingerprint for pin in accepted(state.pins)}
    guard, edge = state.guard, state.edge
    kept = tuple(it for it in guard.loans if it.fingerprint not in pinned | set(state.removed))
    events = tuple(
        _ended(it, "it is a pin now" if it.fingerprint in pinned else "an operator removed it")
        for it in guard.loans
        if it not in kept
    )
    single = tick.rules.restart.validator is Validator.SINGLE
    guard = replace(guard, loans=kept, loan_leads=single and bool(kept))
    still = tuple(it for it in edge.may_lend if it not in pinned)
    return replace(state, guard=guard, edge=replace(edge, may_lend=still)), events


def lend(guard: Guard, offered: Offer, tick: Tick) -> Guard:
    """`guard`, which is open, with what is offered; where it does not suffice, the last resort."""
    last = not offered.suffices and tick.rules.fail_open.last_resort and not offered.barred
    loans = () if last else offered.loans
    single = tick.rules.restart.validator is Validator.SINGLE
    return replace(guard, loans=loans, loan_leads=single and bool(loans), last_resort=last)


def told(before: Guard, after: Guard) -> Iterator[Event]:
    """What there is to tell of the loans that began and ended between the two."""
    for loan in before.loans:
        if loan not in after.loans:
            over = "the opening is over"
            yield _ended(loan, "validation is off now" if after.last_resort else over)
    for loan in after.loans:
        if loan not in before.loans:
            yield _granted(loan)
    if after.last_resort and not before.last_resort:
        yield _switched_off()


def _granted(loan: Loan) -> Event:
    text = (
        f"The leaf {loan.fingerprint.short} is lent to the Edge for the time of this opening: its "
        "chain is good and it is not pinned; it is believed in nothing; if you know it not to be "
        f"the cloud's, `edgepind pin remove {loan.fingerprint}` ends that."
    )
    return Event(
        EventName.LOAN_GRANTED, Severity.WARNING, text, loan.fingerprint, posture=Posture.OPEN
    )


def _ended(loan: Loan, why: str) -> Event:
    text = f"The loan of the leaf {loan.fingerprint.short} has ended, because {why}."
    return Event(EventName.LOAN_ENDED, Severity.NOTICE, text, loan.fingerprint)


def _switched_off() -> Event:
    text = (
        "Lending does not connect the Edge: more leaves are served than may be lent, or one whose "
        "chain is not good enough; so pin validation is off as the last resort, for what is left "
        "of this opening; `edgepind explain` names the leaves; set fail_open.last_resort to false "
        "if this must never be."
    )
    return Event(None, Severity.CRIT, text, posture=Posture.OPEN)
