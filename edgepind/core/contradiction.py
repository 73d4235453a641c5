"""Contradiction: what one address shows that speaks against a pending pin (CONTRACT section 11).

There are two of them. Another leaf that could be accepted as well is served at an address that does
not serve the pin; or an address that had shown the pin serves others for good, which is ten looks
without it. Leaves that one address serves in turn, or to one offer and the next, are a set and
contradict nothing; nor do the leaves of inspecting CAs that the site has named, among themselves.
A pinned leaf at an address that has not yet changed is a rotation that rolls over. What could never
be accepted speaks for its own address alone (`core.sight`).

What a contradiction does to a hold-down is in `core.hold_down`.
"""

from edgepind.core.admission import Evidence
from edgepind.core.live_leaves import RECENT, answering, keys_of, live_at, serves_lately
from edgepind.core.sight import Sight, origin_of
from edgepind.core.wait import other_ca
from edgepind.model.enums import Origin
from edgepind.model.pin import Pin
from edgepind.model.rules import PinRules
from edgepind.model.state import LastServed, State


def is_contradicted(pin: Pin, sights: tuple[Sight, ...], state: State, rules: PinRules) -> bool:
    """Whether what is seen elsewhere speaks against the pin; `sights` are those that count."""
    set_at = {it.address for it in answering(state) if serves_lately(pin.key, it)}
    for other in sights:
        if other.evidence is Evidence.CA_CHANGED and not other_ca(pin, state, rules):
            continue  # a stranger's CA has no say about a leaf under the cloud's own
        alike = other.fingerprint == pin.fingerprint or _named_alike(pin, origin_of((other,)))
        if not alike and other.address not in set_at:
            return True
    shown_at = {address for address, _ in pin.seen_at}
    return any(it.address in shown_at and _has_left(pin, it, state) for it in answering(state))


def _has_left(pin: Pin, it: LastServed, state: State) -> bool:
    """Whether an address has changed its mind: it serves other pins for good.

    One that serves something else has lost its say with it, as one that is silent has.
    """
    if it.looks < RECENT or serves_lately(pin.key, it):
        return False
    origins = {
        other.origin for other in state.pins for leaf in live_at(it) if other.key in keys_of(leaf)
    }
    return bool(origins) and not any(_named_alike(pin, origin) for origin in origins)


def _named_alike(pin: Pin, other: Origin | None) -> bool:
    """Whether both are of inspecting CAs that the site has named: they contradict nothing."""
    return pin.origin is Origin.EXCEPTION and other is Origin.EXCEPTION
