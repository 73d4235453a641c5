"""Live leaves: what each address serves, beyond the look that saw it (CONTRACT section 6).

Theory of operation. An address serves a set of leaves: one kind of key under one offer and another
under the next, or several in turn, as a load balancer does whose nodes are renewed one by one. One
look sees a part of that. So `State.served` keeps for each address, of the last `WINDOW` looks that
got an answer, which leaf was served at which look, and from that follow:

- *live* at an address are the leaves of the newest look, those of the last look that made every
  offer and, if leaves are served in turn there, those of the last `RECENT` looks.
- leaves are served *in turn* if, to the Edge's own offer, two of them have each come back after a
  look without them, or one has where a look showed both. A rotation is not that, nor one that is
  taken back, nor a leaf for another kind of key that is added. It ends when one leaf alone was
  served for `RECENT` looks.
- keys *pass* if one of them is live; where leaves are served in turn, if more than half of the
  recent looks showed one to the Edge's own offer.

A leaf lasts in the memory for as long as it is in the window, an address that is silent for
`pins.overlap`. Nothing is accepted or retired here. It must not be that silence, or a look that
made fewer offers, counts as the absence of a leaf.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import combinations

from edgepind.core.diagnosis import judge_leaf
from edgepind.core.tick import Tick, shown
from edgepind.model.enums import PinKind
from edgepind.model.instants import Monotonic
from edgepind.model.observation import Leaf, Served
from edgepind.model.pin import PinKey, accepted
from edgepind.model.state import LastServed, ServedLeaf, State

MOST = 64
"""How many addresses are remembered; those that have been silent for longest are dropped."""
MOST_LEAVES = 8
"""How many leaves of one address; a server with a new one for each look must not fill the state."""
RECENT = 10
"""Looks after which a leaf that did not come back is gone, where leaves are served in turn."""
TURN = 15
"""Looks within which a leaf that is served to one connection in ten has its turn again."""
WINDOW = 24
"""Looks that are remembered: two turns of one leaf in ten, and what is between."""
_RECENT = (1 << RECENT) - 1
_WINDOW = (1 << WINDOW) - 1


def note_served(state: State, tick: Tick) -> State:
    """Remember what each address served; one that is no longer in the link is silent, too."""
    link = tick.seen.link
    if link is None:
        return state
    now = tick.now.monotonic
    known = {it.address: it for it in state.served}
    answered = {
        address: _look(known.get(address, LastServed(address)), it, state, tick)
        for address, it in shown(link)
    }
    silent = [
        it
        for it in state.served
        if it.address not in answered and _silence(it, now) <= tick.rules.pins.overlap
    ]
    silent.sort(key=lambda it: _silence(it, now))
    newest = (*answered.values(), *(_fallen_silent(it, now) for it in silent))[:MOST]
    return replace(state, served=tuple(sorted(newest, key=lambda it: it.address)))


def _look(before: LastServed, seen: Served, state: State, tick: Tick) -> LastServed:
    """One more look at an address that answered."""
    leaves = {
        (it.certificate, it.spki): replace(
            it, seen=it.seen << 1 & _WINDOW, first=it.first << 1 & _WINDOW
        )
        for it in before.leaves
    }
    for leaf in (seen.leaf, *seen.others):
        key = leaf.certificate, leaf.spki
        known = leaves.get(key, ServedLeaf(*key, seen=0, first=0))
        leaves[key] = replace(
            known,
            seen=known.seen | 1,
            first=known.first | (leaf is seen.leaf),
            finding=judge_leaf(leaf, state.pins, tick, state.floor),
            wider=seen.wider_only,
        )
    kept = sorted((it for it in leaves.values() if it.seen), key=lambda it: it.seen & -it.seen)
    last = tuple(sorted(kept[:MOST_LEAVES], key=lambda it: str(it.certificate)))
    several = sum(it.seen & _RECENT != 0 for it in last) > 1
    return LastServed(
        before.address,
        last,
        in_turn=several and (before.in_turn or _are_in_turn(last)),
        looks=min(before.looks + 1, WINDOW),
        since_full=0 if seen.full else min(before.since_full + 1, WINDOW),
    )


def _silence(it: LastServed, now: Monotonic) -> float:
    """Seconds for which its address has been silent."""
    return 0.0 if it.silent_since is None else now - it.silent_since


def _fallen_silent(it: LastServed, now: Monotonic) -> LastServed:
    return it if it.silent_since is not None else replace(it, silent_since=now)


# --- one address ------------------------------------------------------------------------------


def _are_in_turn(leaves: tuple[ServedLeaf, ...]) -> bool:
    """Whether an address serves several leaves in turn, under one and the same offers."""
    own = [leaf for leaf in leaves if leaf.first]
    return any(
        _came_back(one.first) + _came_back(other.first) + bool(one.seen & other.seen) > 1
        for one, other in combinations(own, 2)
    )


def _came_back(looks: int) -> bool:
    """Whether a leaf was served, then not, then again: a gap between two bits."""
    gapless = looks // (looks & -looks) if looks else 0
    return gapless & (gapless + 1) != 0


def live_at(it: LastServed) -> tuple[ServedLeaf, ...]:
    """The leaves that an address serves, as far as its looks showed them."""
    mask = 1 | 1 << it.since_full | (_RECENT if it.in_turn else 0)
    return tuple(leaf for leaf in it.leaves if leaf.seen & mask)


def recent_at(it: LastServed, looks: int = RECENT) -> tuple[ServedLeaf, ...]:
    """The leaves that an address served at one of its last `looks`, `WINDOW` at the most."""
    return tuple(leaf for leaf in it.leaves if leaf.seen & ((1 << looks) - 1))


def keys_of(leaf: Leaf | ServedLeaf) -> frozenset[PinKey]:
    """What pins of either kind would have to be to accept a leaf."""
    return frozenset({(PinKind.CERTIFICATE, leaf.certificate), (PinKind.SPKI, leaf.spki)})


def serves_lately(key: PinKey, it: LastServed, looks: int = RECENT) -> bool:
    """Whether an address served the leaf of a pin at one of its last `looks`."""
    return any(key in keys_of(leaf) for leaf in recent_at(it, looks))


def first_looks(key: PinKey, it: LastServed) -> int:
    """How many of the recent looks the leaf of a pin was served to the Edge's own offer."""
    looks = 0
    for leaf in it.leaves:
        if key in keys_of(leaf):
            looks |= leaf.first
    return (looks & _RECENT).bit_count()


# --- all that answer ----------------------------------------------------------------------------


def answering(state: State) -> tuple[LastServed, ...]:
    """The addresses that answered at the last look that got any answer."""
    silences = {it.silent_since for it in state.served}
    known = [it for it in silences if it is not None]
    last = max(known) if known and None not in silences else None
    return tuple(it for it in state.served if it.silent_since == last)


def live_keys(state: State) -> frozenset[PinKey]:
    """What is live, as keys of pins: both hashes of each live leaf.

    Empty where nothing has answered for longer than an overlap, or ever.
    """
    return frozenset().union(*(keys_of(leaf) for it in answering(state) for leaf in live_at(it)))


def pinned_in_turn(state: State) -> bool:
    """Whether an address serves an accepted leaf in turn with others."""
    keys = {pin.key for pin in accepted(state.pins)}
    return any(
        not keys.isdisjoint(keys_of(leaf))
        for it in answering(state)
        if it.in_turn
        for leaf in live_at(it)
    )


def serves_in_turn(state: State) -> bool:
    """Whether some address serves leaves in turn."""
    return any(it.in_turn for it in answering(state))


def passes(keys: AbstractSet[PinKey], state: State) -> bool:
    """Whether an Edge that accepts `keys` connects to what is live; not, where nothing is."""
    now = answering(state)
    if not serves_in_turn(state):
        return not keys.isdisjoint(live_keys(state))
    passed, looks = 0, 0
    for it in now:
        looks = max(looks, min(it.looks, RECENT))
        for leaf in it.leaves:
            if not keys.isdisjoint(keys_of(leaf)):
                passed |= leaf.first & _RECENT
    return 2 * passed.bit_count() > looks


def others_live(state: State) -> Iterator[ServedLeaf]:
    """Leaves that are live and were not served to the Edge's own offer at the newest look."""
    for it in answering(state):
        yield from (leaf for leaf in live_at(it) if not leaf.first & 1)
