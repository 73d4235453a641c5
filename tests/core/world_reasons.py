"""Whether each pin of an imagined world, and each wait, has the reason that it is kept for."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.enums import Channel, Origin
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.pin import accepted
from tests.core.world_choices import LEAVES


def unreasoned(
    world: ImaginedWorld,
    operators: AbstractSet[Fingerprint],
    signed: AbstractSet[Fingerprint],
) -> Iterator[str]:
    """Name what is there without its reason.

    `operators` is all that one ever named, `signed` what bundles did.
    What edgepind wrote itself is no operator's word, though the state be lost; and what nobody
    with standing named was not announced.
    """
    spoken_for = {
        Origin.OPERATOR: operators,
        Origin.BUNDLE: signed,
        Origin.ANNOUNCED: world.vouched_for,
    }
    for pin in accepted(world.state.pins):
        named = spoken_for.get(pin.origin)
        if named is not None and pin.fingerprint not in _kin(named):
            yield f"{pin} was never named by whom it is kept for"
    status = world.state.status
    if status.told_to_wait is not None and status.channel is not Channel.PINNED:
        yield f"a stranger is waited for: {status}"


def _kin(named: AbstractSet[Fingerprint]) -> set[Fingerprint]:
    """`named`, and whatever is another hash of their leaves: pins have twins of another kind."""
    kin, before = set(named), 0
    while len(kin) > before:
        before = len(kin)
        for leaf in LEAVES.values():
            if not kin.isdisjoint({leaf.certificate, leaf.spki}):
                kin |= {leaf.certificate, leaf.spki}
    return kin
