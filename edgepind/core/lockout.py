"""Lockout: whether the Edge accepts anything of what the cloud serves (CONTRACT section 1).

It is judged by what the Edge has loaded, not by the pin set: a pin that is accepted connects nobody
before the Edge has loaded it. What is live is remembered (`core.live_leaves`), so that a look at
which little answers, or another leaf in turn, changes no judgement.
"""

from edgepind.core.live_leaves import answering, live_keys, passes
from edgepind.model.document import Pinning
from edgepind.model.pin import PinKey, accepted
from edgepind.model.rules import Rules
from edgepind.model.state import State


def accepts_live(document: Pinning, state: State, rules: Rules) -> bool:
    """Whether an Edge with `document` accepts something of what is live.

    True where nothing is known to be live.
    """
    live = live_keys(state)
    if not document.enabled or not live:
        return True
    return not live.isdisjoint(_keys(document, state, rules))


def is_locked_out(state: State, rules: Rules) -> bool:
    """Whether the Edge accepted nothing of what the cloud served when it answered last.

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


def _keys(document: Pinning, state: State, rules: Rules) -> frozenset[PinKey]:
    """The keys of what an Edge with `document` accepts; of a value not in the pin set, `kind`."""
    return frozenset(
        (kind, value)
        for value in document.read_under(rules.restart.validator)
        for kind in {it.kind for it in state.pins if it.fingerprint == value} or {rules.pins.kind}
    )
