"""What a way of keeping pins is to the simulation: it notices scenes, and acts on its Edge."""

from typing import Protocol

from edgepind.lab.sim_edge import ImaginedEdge
from edgepind.lab.simulation.scene import Scene
from edgepind.model.fingerprint import Fingerprint

NEVER = float("inf")
POLL = 60.0
"""Seconds between two looks of any way that polls: the same for all."""


class Keeper(Protocol):
    """One way of keeping pins, at work for one Edge.

    `due` is when it acts next by itself, `NEVER` where nothing will change until the scene does.
    `pins` is what it accepts, `openings` how often it widened that by itself to what it does not
    believe. Instants are seconds since the life began.
    """

    edge: ImaginedEdge
    due: float
    pins: frozenset[Fingerprint]
    openings: int

    @property
    def overridden(self) -> bool:
        """Whether the Edge does not pin because an operator wanted it so."""

    def enter(self, scene: Scene) -> None:
        """Let the world be as `scene` says; called once at its beginning."""

    def act(self) -> None:
        """Do what is due, at `due`."""

    def mend(self, now: float, live: tuple[Fingerprint, ...]) -> None:
        """Let a person come who knows that `live` is the cloud's, pins it, restarts the Edge."""
