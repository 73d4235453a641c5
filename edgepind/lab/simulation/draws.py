"""What is drawn by chance, and from which stream.

Each kind of event has a stream of its own, named by seed, world and kind: so a changed rate moves
the events of its own kind and of no other, and no draw depends on how work is shared out.
"""

import math
import random
from collections.abc import Iterator

from edgepind.lab.simulation.rates import YEAR


class Draws(random.Random):
    """One stream of chance, the same for the same text on every machine."""

    def happens(self, share: float) -> bool:
        """Whether something with this share of all cases is the case."""
        return self.random() < share

    def span(self, least: float, most: float) -> float:
        """Whole seconds, log-uniform between two spans: as many of minutes as of hours."""
        low, high = math.log(max(1.0, least)), math.log(max(1.0, least, most))
        return float(round(math.exp(self.uniform(low, high))))

    def instants(self, rate: float, until: float) -> Iterator[float]:
        """When something happens that does so `rate` times a year, in whole seconds."""
        if rate <= 0:
            return
        instant = 0.0
        while True:
            instant += self.expovariate(rate / YEAR)
            if instant >= until:
                return
            yield float(int(instant))


def stream(*names: object) -> Draws:
    """Give the stream of these names."""
    return Draws(":".join(str(name) for name in names))
