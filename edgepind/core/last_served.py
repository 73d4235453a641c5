"""What each address served last, remembered while it is silent.

One tick looks at whatever answers just then. What would lock the Edge out, and what speaks against
a pin, is asked of what the cloud served when it last could be seen.
"""

from dataclasses import replace

from edgepind.core.tick import Tick, served
from edgepind.model.enums import PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic
from edgepind.model.state import LastServed, State

MOST = 64
"""How many addresses are remembered; those that have been silent for longest are forgotten."""


def note_served(state: State, tick: Tick) -> State:
    """Take in what the link served; an address that is not in it any more is silent, too."""
    if tick.seen.link is None:
        return state
    now = tick.now.monotonic
    answered = {
        address: LastServed(address, it.leaf.certificate, it.leaf.spki)
        for address, it in served(tick.seen.link)
    }
    silent = [
        it
        for it in state.served
        if it.address not in answered and _silence(it, now) <= tick.rules.pins.overlap
    ]
    silent.sort(key=lambda it: _silence(it, now))
    newest = (*answered.values(), *(_fallen_silent(it, now) for it in silent))[:MOST]
    remembered = tuple(sorted(newest, key=lambda it: it.address))
    return state if remembered == state.served else replace(state, served=remembered)


def _silence(it: LastServed, now: Monotonic) -> float:
    """Seconds for which its address has been seen to be silent."""
    return 0.0 if it.silent_since is None else now - it.silent_since


def _fallen_silent(it: LastServed, now: Monotonic) -> LastServed:
    return it if it.silent_since is not None else replace(it, silent_since=now)


def live_keys(state: State) -> frozenset[tuple[PinKind, Fingerprint]]:
    """What is live, as keys of pins: both hashes of each leaf of the last look that saw any.

    Empty where nothing has answered for longer than an overlap, or ever.
    """
    silences = {it.silent_since for it in state.served}
    known = [it for it in silences if it is not None]
    last = max(known) if known and None not in silences else None
    live = (it for it in state.served if it.silent_since == last)
    return frozenset(
        key
        for it in live
        for key in ((PinKind.CERTIFICATE, it.certificate), (PinKind.SPKI, it.spki))
    )
