"""Sticky addresses: where a pinned leaf was served lately, whatever DNS says (CONTRACT section 6).

Who can write into DNS, and holds nothing on the path, can add addresses of his own and take the
cloud's away. So an address that served a pinned leaf is dialled for `LASTS` seconds longer, though
the name may not lead to it any more; and while one of them still serves a pinned leaf, what is seen
only at addresses that came later has no say: it is not adopted and opens nothing (`without_say`).
The addresses of the very first look are not new, for there is nothing to compare them with, and one
that has served a pinned leaf itself is not new any more.

`dialled` says which addresses the next look dials as well; with `cloud.addresses` set, none is.
"""

from dataclasses import replace

from edgepind.core.live_leaves import answering, keys_at
from edgepind.core.tick import Tick
from edgepind.model.instants import Monotonic
from edgepind.model.pin import PinKey, accepted
from edgepind.model.state import LastServed, State

LASTS = 86_400.0
"""Seconds for which an address is dialled after it served a pinned leaf last."""
MOST = 16
"""How many addresses are dialled that DNS does not name: those that served one last."""


def note_pinned(state: State, tick: Tick) -> State:
    """Note which addresses serve a pinned leaf, or did lately; after `live_leaves.note_served`."""
    if tick.seen.link is None:
        return state
    pinned, now = _pinned(state), tick.now.monotonic
    served = tuple(_noted(it, pinned, now) for it in state.served)
    return state if served == state.served else replace(state, served=served)


def _noted(it: LastServed, pinned: frozenset[PinKey], now: Monotonic) -> LastServed:
    if it.silent_since is None and not pinned.isdisjoint(keys_at(it)):
        return replace(it, pinned=True, pinned_until=None, new=False)
    if it.pinned and it.pinned_until is None:
        return replace(it, pinned_until=now)
    if it.pinned_until is not None and now - it.pinned_until > LASTS:
        return replace(it, pinned=False, pinned_until=None)
    return it


def dialled(state: State) -> tuple[str, ...]:
    """The addresses that the next look dials whatever DNS says, in the order of their names."""
    sticky = sorted(
        (it for it in state.served if it.pinned),
        key=lambda it: (it.pinned_until is not None, -(it.pinned_until or 0.0)),
    )
    return tuple(sorted(it.address for it in sticky[:MOST]))


def without_say(state: State) -> frozenset[str]:
    """The new addresses, while one that is not new still serves a pinned leaf."""
    pinned, here = _pinned(state), answering(state)
    if all(pinned.isdisjoint(keys_at(it)) for it in here if it.pinned):
        return frozenset()
    return frozenset(it.address for it in here if it.new)


def heard(state: State) -> State:
    """`state`, as if the addresses that have no say had answered nothing."""
    unheard = without_say(state)
    if not unheard:
        return state
    return replace(state, served=tuple(it for it in state.served if it.address not in unheard))


def _pinned(state: State) -> frozenset[PinKey]:
    return frozenset(pin.key for pin in accepted(state.pins))
