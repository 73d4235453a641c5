"""The imagined site that most tests begin with: one pin, an Edge that has loaded it, a cloud."""

from collections.abc import Mapping
from datetime import timedelta

from edgepind.lab.sim_edge import ImaginedEdge
from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.observation import DocumentRead, HandshakeFault, Leaf
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules, Rules
from tests.support.sim_truth import check_truth


def rules(
    pins: PinRules = PinRules(),
    fail_open: FailOpenRules = FailOpenRules(),
    restart: RestartRules = RestartRules(),
) -> Rules:
    """Give the settings' defaults but for these, with no status endpoint to be asked."""
    return Rules(
        "the cloud",
        EPOCH - timedelta(days=30),
        status_enabled=False,
        pins=pins,
        fail_open=fail_open,
        restart=restart,
    )


def site(
    rules: Rules, *pins: str, serves: Mapping[str, Leaf | HandshakeFault] | None = None
) -> ImaginedWorld:
    """A world whose Edge has loaded `pins`, the first of them current and served everywhere.

    Without pins the document does not pin. `serves` stands in the place of two such addresses.
    """
    edge = ImaginedEdge()
    named = tuple(fingerprint(name) for name in pins)
    current = named[0] if named else None
    edge.put(DocumentRead(bool(pins) or None, current, named, "", EPOCH))
    edge.start(EPOCH)
    world = ImaginedWorld(rules, edge=edge, after_tick=check_truth)
    world.serves = serves if serves is not None else {it: leaf(pins[0]) for it in ("1", "2")}
    return world
