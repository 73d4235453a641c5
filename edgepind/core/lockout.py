"""Lockout: whether the Edge accepts anything of what the cloud serves (CONTRACT section 1).

It is judged by what the Edge has loaded, not by the pin set: a pin that is accepted connects nobody
before the Edge has loaded it. An address that is silent counts with what it served last, so that a
look at which little answers changes no judgement.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from edgepind.core.tick import Tick, served
from edgepind.model.document import Pinning
from edgepind.model.enums import PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.instants import Monotonic
from edgepind.model.pin import Pin, accepted
from edgepind.model.rules import Rules
from edgepind.model.state import LastServed, State

MOST = 64
"""How many addresses are remembered; those that have been silent for longest are dropped."""


def note_served(state: State, tick: Tick) -> State:
    """Remember what each address served; one that is no longer in the link is silent, too."""
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
    return replace(state, served=tuple(sorted(newest, key=lambda it: it.address)))


def _silence(it: LastServed, now: Monotonic) -> float:
    """Seconds for which its address has been silent."""
    return 0.0 if it.silent_since is None else now - it.silent_since


def _fallen_silent(it: LastServed, now: Monotonic) -> LastServed:
    return it if it.silent_since is not None else replace(it, silent_since=now)


def live_keys(state: State) -> frozenset[tuple[PinKind, Fingerprint]]:
    """What is live, as keys of pins: both hashes of each leaf of the last look that got an answer.

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


def accepts_live(document: Pinning, state: State, rules: Rules) -> bool:
    """Whether an Edge with `document` accepts something of what is live.

    True where nothing is known to be live.
    """
    live = live_keys(state)
    if not document.enabled or not live:
        return True
    read = document.read_under(rules.restart.validator)
    return not live.isdisjoint(_keys(read, state.pins, rules.pins.kind))


def is_locked_out(state: State, rules: Rules) -> bool:
    """Whether the Edge accepted nothing of what the cloud served when it answered last.

    Where it is not known what the Edge has loaded, it is what the document says: a pin that stands
    on no disk connects nobody. Only where that is not known either, the pin set is judged.
    """
    loaded, live = state.edge.loaded or state.edge.on_disk, live_keys(state)
    if loaded is not None:
        return not accepts_live(loaded, state, rules)
    pinned = {pin.key for pin in accepted(state.pins)}
    return bool(pinned) and bool(live) and live.isdisjoint(pinned)


def is_lockout(state: State, rules: Rules) -> bool:
    """Whether the Edge is locked out and the cloud answers now."""
    answers = any(it.silent_since is None for it in state.served)
    return answers and is_locked_out(state, rules)


def _keys(
    values: Iterable[Fingerprint], pins: tuple[Pin, ...], kind: PinKind
) -> Iterator[tuple[PinKind, Fingerprint]]:
    """The keys of the values in a document; one that is not in the pin set is of `kind`."""
    for value in values:
        kinds = {pin.kind for pin in pins if pin.fingerprint == value}
        yield from ((it, value) for it in kinds or {kind})
