"""Lockout: whether the Edge accepts what the cloud serves (CONTRACT sections 1 and 11).

Half of the recent looks refused, at all addresses that answer, and more is a lockout. It is judged
by what the Edge has loaded, not by the pin set: a pin that is accepted connects nobody before the
Edge has loaded it. What is live is remembered (`core.live_leaves`), so that a look at which little
answers, or another leaf in turn, changes no judgement.
"""

from collections.abc import Set as AbstractSet

from edgepind.core.live_leaves import answering, keys_of, live_at, live_keys, passes
from edgepind.core.sticky import without_say
from edgepind.model.document import Pinning
from edgepind.model.enums import Finding
from edgepind.model.pin import PinKey, accepted
from edgepind.model.rules import Rules
from edgepind.model.state import LastServed, State


def accepts_live(document: Pinning, state: State, rules: Rules) -> bool:
    """Whether an Edge with `document` accepts something of what is live.

    True where nothing is known to be live.
    """
    live = live_keys(state)
    if not document.enabled or not live:
        return True
    return not live.isdisjoint(_keys(document, state, rules))


def is_locked_out(state: State, rules: Rules) -> bool:
    """Whether the Edge refused half or more of what the cloud served when it answered last.

    Where it is not known what the Edge has loaded, it is what the document says: a pin that stands
    on no disk connects nobody. Only where that is not known either, the pin set is judged.
    """
    loaded = state.edge.loaded or state.edge.on_disk
    if not answering(state) or (loaded is not None and not loaded.enabled):
        return False
    if loaded is not None:
        return not passes(_keys(loaded, state, rules), state)
    pinned = {pin.key for pin in accepted(state.pins)}
    return bool(pinned) and not passes(pinned, state)


def is_lockout(state: State, rules: Rules) -> bool:
    """Whether the Edge is locked out and the cloud answers now."""
    answers = any(it.silent_since is None for it in state.served)
    return answers and is_locked_out(state, rules)


def shows_rotation(state: State) -> bool:
    """Whether some address serves an unannounced leaf, and nothing that can never be accepted.

    Such a leaf alone lets a grace run and the Edge be opened: a stranger at one address keeps only
    that one closed. A new address has no say while others serve a pinned leaf (`core.sticky`).
    """
    pinned = {pin.key for pin in accepted(state.pins)}
    unheard = without_say(state)
    return any(_is_rotated(it, pinned) for it in answering(state) if it.address not in unheard)


def _is_rotated(it: LastServed, pinned: AbstractSet[PinKey]) -> bool:
    strange = [leaf for leaf in live_at(it) if not leaf.wider and pinned.isdisjoint(keys_of(leaf))]
    newest = (leaf for leaf in strange if leaf.seen & 1)
    fine = all(leaf.finding is Finding.UNANNOUNCED_ROTATION for leaf in newest)
    return fine and any(leaf.finding is Finding.UNANNOUNCED_ROTATION for leaf in strange)


def _keys(document: Pinning, state: State, rules: Rules) -> frozenset[PinKey]:
    """The keys of what an Edge with `document` accepts; of a value not in the pin set, `kind`."""
    return frozenset(
        (kind, value)
        for value in document.read_under(rules.restart.validator)
        for kind in {it.kind for it in state.pins if it.fingerprint == value} or {rules.pins.kind}
    )
