"""`decide` by itself, on what a real look at the closed world saw in a steady state."""

import os
import time
from statistics import median

from edgepind.clock import SystemClock
from edgepind.components import StartRefused, build
from edgepind.core.decide import decide
from edgepind.settings.load import SettingsRefused, load
from tests.bench.figures import Figure
from tests.support.small_site import Site

_BATCHES = 5


async def deciding(site: Site, calls: int) -> Figure:
    """Look once with the settings and the state of a daemon at rest, and decide again and again.

    The daemon must have ended.
    """
    settings, clock = load(site.settings, os.environ), SystemClock()
    if isinstance(settings, SettingsRefused):
        raise TypeError(str(settings))
    components = await build(settings, clock, dry_run=True)
    if isinstance(components, StartRefused):
        raise TypeError(components.error)
    try:
        reconciler = components.reconciler
        await reconciler.tick(prompted=True)  # what a start has to settle is settled
        seen = await reconciler.observer.look(reconciler.state, (), prompted=True)
        taken = []
        for _ in range(_BATCHES):
            began = time.process_time()
            for _ in range(calls):
                decide(reconciler.state, seen, clock.now())
            taken.append((time.process_time() - began) / calls)
    finally:
        await components.close()
    return Figure("decide_cpu", "one decide(), 1 address: CPU", median(taken) * 1e6, "µs")
