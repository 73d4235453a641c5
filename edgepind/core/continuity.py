"""Continuity of the CA: whose public roots the cloud's leaves are under (CONTRACT section 6).

Theory of operation. A stranger with a leaf of some public CA passes every check that a rotation
passes. But the cloud seldom changes its CA, so the organisations that own the roots which its
pinned leaves reach are learned, and a leaf that reaches none of them is `ca_changed`: it opens
nothing, and waits longer, or for a person.

- An owner is *kept* by each accepted pin with standing whose leaf was seen to reach a root of his
  (`core.standing`): not by a loan, an exception, or a pin that was merely observed, which may be
  the stranger's. So a stranger who waited long enough for one pin has not got his CA with it.
- An owner whom no pin keeps any more is forgotten after `pins.overlap` of observed time: a pin that
  retires does not take its CA along at once, and one that was a stranger's leaves no friend behind.
- `pins.cas` may name the owners instead, and then what is learned is shown and has no say.

Nothing is known before the first pin, nor in a state of an earlier release until a pinned leaf is
seen: then every public CA will do. Where something is known, a leaf whose owners could not be told
is another's. Nothing is learned while the clock is not trusted.
"""

from collections.abc import Iterable
from dataclasses import replace

from edgepind.core.admission import hold_down
from edgepind.core.diagnosis import judge_leaf
from edgepind.core.live_leaves import keys_of
from edgepind.core.messages import ca_changed
from edgepind.core.standing import has_standing
from edgepind.core.tick import Tick, leaves_in, served
from edgepind.model.decision import Event
from edgepind.model.enums import Cas, Finding, Origin
from edgepind.model.observation import Link
from edgepind.model.organisation import disjoint
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import CaOwner, State

MOST_OWNERS = 16
"""Of the cloud, and of others; there are some sixty of public roots in all."""
MOST_OF_A_LEAF = 8
"""A chain may name ten certificates, and hardly ever leads to two owners."""


def known_owners(state: State, rules: PinRules) -> frozenset[str]:
    """The organisations whose public CAs the cloud is known to use; empty: any will do."""
    match rules.cas:
        case Cas.ANY:
            return frozenset()
        case Cas.LEARNED:
            pinned = any(pin.accepted for pin in state.pins)
            return frozenset(it.name for it in state.owners) if pinned else frozenset()
        case named:
            return frozenset(named)


def is_of_another(owners: Iterable[str], known: Iterable[str]) -> bool:
    """Whether a leaf that reaches roots of `owners` is under another CA than the `known` ones."""
    known = tuple(known)
    return bool(known) and disjoint(owners, known)


def note_owners(state: State, tick: Tick) -> State:
    """Learn whose roots the leaves of pins reach, by what this look shows."""
    link = tick.seen.link
    if link is None or not served(link):
        return state
    if tick.clock.trusted:
        state = replace(state, pins=tuple(_seen(pin, tick) for pin in state.pins))
    overlap = tick.rules.pins.overlap
    kept = [it for pin in state.pins if has_standing(pin, overlap) for it in pin.owners]
    return replace(state, owners=remembered(state.owners, kept, tick))


def tell_strangers(state: State, link: Link, tick: Tick) -> tuple[State, tuple[Event, ...]]:
    """Tell of each owner whose leaf is of another CA, once until none was served for an overlap."""
    need = hold_down(Origin.OBSERVED, tick.rules.pins, other_ca=True)
    told = [it.name for it in state.owners_told]
    seen: list[str] = []
    events = []
    for address, it in served(link):
        for leaf in (it.leaf, *it.others):
            if judge_leaf(leaf, state.pins, tick, state.floor) is not Finding.CA_CHANGED:
                continue
            names = cut(leaf.public.owners) or ("",)
            if disjoint(names, (*told, *seen)):
                events.append(ca_changed(leaf, address, need, tick))
            seen += names
    if not served(link):
        return state, ()
    return replace(state, owners_told=remembered(state.owners_told, seen, tick)), tuple(events)


def remembered(
    before: tuple[CaOwner, ...], fresh: Iterable[str], tick: Tick
) -> tuple[CaOwner, ...]:
    """Those owners that are `fresh` now, or were within the overlap; the newest, where too many."""
    now = tuple(CaOwner(name) for name in dict.fromkeys(fresh))
    names = [it.name for it in now]
    aged = (
        replace(it, unseen=it.unseen + tick.observed) for it in before if disjoint([it.name], names)
    )
    lately = (it for it in aged if it.unseen <= tick.rules.pins.overlap)
    newest = sorted((*now, *lately), key=lambda it: it.unseen)[:MOST_OWNERS]
    return tuple(sorted(newest, key=lambda it: it.name))


def cut(owners: Iterable[str]) -> tuple[str, ...]:
    """The owners of one leaf as they are kept."""
    return tuple(sorted(owners)[:MOST_OF_A_LEAF])


def _seen(pin: Pin, tick: Tick) -> Pin:
    """The pin with the owners of its leaf at this look; of one that is accepted, never none."""
    leaves = [it for it in leaves_in(tick.seen.link) if pin.key in keys_of(it)]
    owners = cut(frozenset().union(*(it.public.owners for it in leaves)))
    if not leaves or owners == pin.owners or (pin.accepted and not owners):
        return pin
    return replace(pin, owners=owners)
