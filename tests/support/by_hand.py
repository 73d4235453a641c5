"""Scenes and worlds made by hand, for whoever must know every minute of them: tests do."""

from edgepind.lab.sim_observations import leaf
from edgepind.lab.simulation.adversaries import Attacker, Kind
from edgepind.lab.simulation.rates import HOUR
from edgepind.lab.simulation.scene import Scene
from edgepind.lab.simulation.world import World
from edgepind.model.enums import Channel
from edgepind.model.observation import Leaf, Status, StatusAnswer

ADDRESS = "address"
FIRST = leaf("first")
SECOND = leaf("second")
FORGED = leaf("forged", issuer="Compromised Public CA")
FORGED_OWN = leaf("forged own")
"""An adversary's, too, of the CA that issues the cloud's leaves."""


def says(current: Leaf, coming: Leaf | None = None) -> Status:
    """What an endpoint says that names these."""
    named = coming.certificate if coming else None
    return StatusAnswer(Channel.UNPINNED, current.certificate, named)


def scene(begin: float, end: float, serves: Leaf = FIRST, word: Status | None = None) -> Scene:
    """A scene of one address at which `serves` is met by all; the forged are an adversary's."""
    forged = serves in {FORGED, FORGED_OWN}
    return Scene(
        begin,
        end,
        boot=1,
        ahead=0.0,
        clock_known=False,
        shown={ADDRESS: serves},
        wider_at=frozenset(),
        words={ADDRESS: word or says(serves)},
        honest=() if forged else (serves.certificate,),
        held=forged,
        attackers=(serves.certificate,) if forged else (),
        restart_fails=False,
        override=None,
        view_ends=end,
        calm=0,
    )


def world(*scenes: Scene) -> World:
    """A world of these scenes, in which `FIRST` is pinned when it begins."""
    forged = {
        FORGED.certificate: Attacker(Kind.HOURS, own=False),
        FORGED_OWN.certificate: Attacker(Kind.PATIENT, own=True),
    }
    return World(
        "by hand",
        scenes[-1].end,
        100,
        (FIRST,),
        scenes,
        forged,
        frozenset(),
        4 * HOUR,
    )
