"""What a chapter of the story is, and what comes of playing it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from edgepind.lab.stage import Check, Stage
from edgepind.lab.timers import Table
from edgepind.lab.trust import Trust

Play = Callable[[Stage], Awaitable[None]]
SiteSettings = Callable[[Trust], Mapping[str, Table]]


def _lab_settings(_trust: Trust) -> Mapping[str, Table]:
    return {}


@dataclass(frozen=True, slots=True)
class Chapter:
    """One hazard, played on a fresh world.

    What `settings` makes of the world's CAs is laid over the lab's own settings. `pinned`: the
    installer left the right pin, and the chapter begins when both Edges are connected; else it
    begins with the first start.
    """

    name: str
    title: str
    play: Play
    settings: SiteSettings = _lab_settings
    pinned: bool = True


@dataclass(frozen=True, slots=True)
class Score:
    """What one Edge went through in one chapter.

    `locked_out` is in seconds; `at_the_end` tells that it still was when the chapter ended.
    `carried`: connections that reached an attacker while pinning was off. `secrets`: tokens and
    client secrets that whoever keeps this Edge sent to somebody on the path.
    """

    rejected: int
    locked_out: float
    at_the_end: bool
    restarts: int
    attackers_pins: int
    carried: int
    secrets: int


@dataclass(frozen=True, slots=True)
class Result:
    """A chapter that was played. `shell` is None where the shell loop could not be played."""

    name: str
    title: str
    seconds: float
    checks: tuple[Check, ...]
    edgepind: Score
    shell: Score | None

    @property
    def met(self) -> bool:
        """Whether everything that must hold, held."""
        return all(check.met for check in self.checks)
