"""What every verb of a scenario is given: the world, and the names that it uses for leaves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from edgepind.lab.sim_observations import EPOCH, fingerprint, leaf, spki
from edgepind.lab.sim_world import ImaginedWorld
from edgepind.model.enums import Policy
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import Leaf
from edgepind.model.rules import PinRules, Rules
from edgepind.settings.durations import RefusedDuration, parse_duration
from tests.support.sim_truth import check_truth

Words = tuple[str, ...]


@dataclass(slots=True)
class Stage:
    """A world with the names that a scenario uses for its leaves."""

    world: ImaginedWorld
    leaves: dict[str, Leaf] = field(default_factory=dict)
    seen_events: int = 0
    """How many of the world's events were there when time last began to pass."""
    looked: bool = False

    def leaf(self, name: str) -> Leaf:
        """The leaf called `name`, a plain public one where nothing else was said of it."""
        return self.leaves.setdefault(name, leaf(name))

    def pin(self, name: str) -> Fingerprint:
        """What a pin on that leaf would be, under the settings in force."""
        if name.startswith("key-"):
            return spki(name.removeprefix("key-"))
        if name.startswith("cert-"):
            return fingerprint(name.removeprefix("cert-"))
        return self.leaf(name).value(self.world.rules.pins.kind)

    def time_begins(self) -> None:
        """Start to count events anew, if something was expected since."""
        if self.looked:
            self.seen_events, self.looked = len(self.world.events), False


def new_stage(policy: Policy, kind: type[ImaginedWorld] = ImaginedWorld) -> Stage:
    """A site with the settings' defaults, no status endpoint and nothing served."""
    earliest = EPOCH - timedelta(days=30)
    rules = Rules("the cloud", earliest, status_enabled=False, pins=PinRules(policy=policy))
    return Stage(kind(rules, after_tick=check_truth))


Verb = Callable[[Stage, Words], None]


def seconds(text: str) -> float:
    """Read a duration; raises ValueError where it is none."""
    length = parse_duration(text)
    if isinstance(length, RefusedDuration):
        raise ValueError(str(length))  # noqa: TRY004 - the text is wrong, not its type
    return length


def pairs(words: Words, keys: set[str]) -> dict[str, str]:
    """Read words like `current=a`; raises ValueError for any other key."""
    found = dict(word.split("=", 1) for word in words)
    if unknown := found.keys() - keys:
        raise ValueError(f"unknown word: {min(unknown)}")
    return found
