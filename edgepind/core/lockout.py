"""Whether a document, once the Edge has loaded it, accepts anything that the cloud serves.

A lockout is judged by what the Edge has loaded, and not by the pin set (CONTRACT section 1): a pin
that is accepted connects nobody before the Edge has read it.
"""

from collections.abc import Iterable, Iterator

from edgepind.core.last_served import live_keys
from edgepind.model.document import Pinning
from edgepind.model.enums import PinKind
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Pin, accepted
from edgepind.model.rules import Rules
from edgepind.model.state import State


def accepts_live(document: Pinning, state: State, rules: Rules) -> bool:
    """Whether an Edge with `document` accepts something of what is live.

    Also where nothing is known to be live: then nothing speaks against it.
    """
    live = live_keys(state)
    if not document.enabled or not live:
        return True
    read = document.read_under(rules.restart.validator)
    return not live.isdisjoint(_keys(read, state.pins, rules.pins.kind))


def is_locked_out(state: State, rules: Rules) -> bool:
    """Whether the Edge accepted nothing of what the cloud served when it answered last.

    Where it is not known what the Edge has loaded, the pin set stands in its place.
    """
    loaded, live = state.edge.loaded, live_keys(state)
    if loaded is not None:
        return not accepts_live(loaded, state, rules)
    pinned = {pin.key for pin in accepted(state.pins)}
    return bool(pinned) and bool(live) and live.isdisjoint(pinned)


def is_lockout(state: State, rules: Rules) -> bool:
    """Whether that is so while the cloud answers."""
    answers = any(it.silent_since is None for it in state.served)
    return answers and is_locked_out(state, rules)


def _keys(
    values: Iterable[Fingerprint], pins: tuple[Pin, ...], kind: PinKind
) -> Iterator[tuple[PinKind, Fingerprint]]:
    """What the values in a document are pins of: what the pin set says or, of others, `kind`."""
    for value in values:
        kinds = {pin.kind for pin in pins if pin.fingerprint == value}
        yield from ((it, value) for it in kinds or {kind})
