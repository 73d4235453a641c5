"""What an operator removed, and how it is known again: by either hash of a leaf.

The settings may ask for pins of the other kind later, and a leaf that was removed by the one hash
must not come back by the other.
"""

from edgepind.core.tick import served
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf, Link
from edgepind.model.state import State

BY_AN_OPERATOR_ALONE = "an operator removed it, and an operator alone brings it back"
"""Why it is refused, as a clause."""


def is_removed(leaf: Leaf, state: State) -> bool:
    """Whether an operator removed a pin of this very leaf."""
    return leaf.certificate in state.removed or leaf.spki in state.removed


def is_removed_hash(fingerprint: Fingerprint, link: Link | None, state: State) -> bool:
    """Whether an operator removed it, or the other hash of a leaf that `link` shows."""
    leaves = () if link is None else tuple(it.leaf for _, it in served(link))
    return fingerprint in state.removed or any(
        fingerprint in {leaf.certificate, leaf.spki} and is_removed(leaf, state) for leaf in leaves
    )
