"""What keeps a hold-down from being served as things stand, in words.

The rules themselves are in `core.hold_down`; nothing is decided or counted here.
"""

from collections.abc import Iterator

from edgepind.core.admission import Condition, condition_for
from edgepind.core.live_leaves import serves_lately
from edgepind.core.messages import BREAKS_A_RULE
from edgepind.model.enums import Finding, Origin, Role
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import Pin, with_role
from edgepind.model.rules import PinRules
from edgepind.model.state import State

_UNPINNED = frozenset({Finding.UNANNOUNCED_ROTATION, Finding.INTERCEPTION})


def contradictions(pin: Pin, state: State) -> Iterator[str]:
    """Why a pending pin is contradicted now, a clause for each address."""
    alike = {it.fingerprint for it in state.pins if _of_named_ca(pin) and _of_named_ca(it)}
    seen_at = {address for address, _ in pin.seen_at}
    set_at = {it.address for it in state.served if serves_lately(pin.key, it)}
    for it in state.addresses:
        if it.fingerprint in {None, pin.fingerprint, *alike} or it.address in set_at:
            continue
        if it.verdict in _UNPINNED:
            yield f"{it.address} serves another unpinned leaf, which contradicts it"
        elif it.address in seen_at and it.verdict is Finding.PINNED:
            yield f"{it.address} serves a pinned leaf again, which contradicts it"


def broken_rules(fingerprint: Fingerprint, state: State) -> Iterator[str]:
    """Which rule the chain of this leaf breaks, if it is served and breaks one."""
    for it in state.breaches:
        if it.fingerprint == fingerprint:
            yield f"{BREAKS_A_RULE}, so no hold-down runs for it: {it.rule}"


def obstacle(state: State, rules: PinRules) -> str | None:
    """Why no leaf that is served and not pinned will serve a hold-down while that lasts."""
    first = not any(pin.accepted for pin in state.pins)
    if condition_for(Origin.BOOTSTRAP if first else Origin.OBSERVED, rules) is Condition.NEVER:
        return f"pins.policy is {rules.policy}"
    unpinned = {it.fingerprint for it in state.addresses if it.verdict in _UNPINNED}
    broken = {it.fingerprint: it.rule for it in state.breaches}
    if unpinned and unpinned <= broken.keys():
        return f"{BREAKS_A_RULE} ({', '.join(dict.fromkeys(broken[it] for it in unpinned if it))})"
    waiting = [it for it in with_role(state.pins, Role.PENDING) if it.fingerprint in unpinned]
    if waiting and all(any(contradictions(it, state)) for it in waiting):
        return "leaves contradict each other"
    return None


def _of_named_ca(pin: Pin) -> bool:
    return pin.origin is Origin.EXCEPTION
