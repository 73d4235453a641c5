"""What the imagined world is made of at random: its leaves, its rules, and what is drawn of them.

The rules are quicker than the settings' defaults, so that a short history sees each of them act.
"""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from edgepind.lab.sim_observations import EPOCH, leaf
from edgepind.model.enums import Channel, PinKind
from edgepind.model.fingerprint import RefusedFingerprint
from edgepind.model.instants import Validity
from edgepind.model.observation import (
    DocumentRead,
    HandshakeFault,
    Leaf,
    StatusRejected,
    StatusUnreachable,
)
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules

PINS = PinRules(hold_down=600.0, sightings=3, overlap=900.0)
FAIL_OPEN = FailOpenRules(grace=180.0, limit=1800.0, budget=2, budget_window=5400.0)
RESTART = RestartRules(ready_deadline=900.0, health_deadline=60.0, budget=4, window=1800.0)

WEAK = RefusedFingerprint("aa" * 16, "it has 16 octets, which is MD5 whatever its label says")
_GONE = Validity(EPOCH - timedelta(days=9), EPOCH - timedelta(days=1))
LEAVES: dict[str, Leaf] = {
    "a": leaf("a", issuer="Amazon"),
    "b": leaf("b", issuer="Amazon"),
    "c": leaf("c", issuer="Other"),
    "renewed": replace(leaf("renewed", issuer="Amazon"), spki=leaf("a").spki),
    "m": leaf("m", issuer="Broken"),
    "n": leaf("n", issuer="Broken"),
    "proxy": leaf("proxy", public=False, issuer="Corp"),
    "excepted": leaf("excepted", public=False, excepted=True, issuer="Corp"),
    "othername": leaf("othername", name_matches=False),
    "expired": leaf("expired", validity=_GONE),
}
PRIVATE = frozenset({LEAVES["proxy"].certificate, LEAVES["proxy"].spki})
"""What reaches no public root, and is accepted where somebody vouches for it alone."""

ADDRESSES = st.sampled_from(["1", "2", "3"])
STEADY = st.sampled_from(["a", "b", "c", "renewed", "m"])
ANY_LEAF = st.sampled_from(sorted(LEAVES))
NO_STATUS = st.sampled_from(
    [
        StatusRejected(Channel.NONE, "it is null"),
        StatusUnreachable("HTTP 500"),
        StatusUnreachable("HTTP 429", Channel.PINNED, 1e9),
    ]
)
FAULTS = st.sampled_from(list(HandshakeFault))
KINDS = st.sampled_from(list(PinKind))


def document_of(names: list[str], kind: PinKind, *, enabled: bool | None) -> DocumentRead:
    """What a document says that accepts these leaves, the first of them current."""
    pins = tuple(dict.fromkeys(LEAVES[name].value(kind) for name in names))
    return DocumentRead(enabled, pins[0] if pins else None, pins, "", EPOCH)
