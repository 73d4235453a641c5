"""The daemon with a rule that breaks a promise while a file is there: an entry of these tests.

Nothing of the product is like it; what the daemon makes of a fault of its own is tried with it.
"""

import importlib
import os
import sys
from dataclasses import replace
from pathlib import Path

from edgepind.core.rollover import accept_evidence
from edgepind.core.tick import Tick
from edgepind.lab.entry import run
from edgepind.model.decision import Event
from edgepind.model.state import State

RUN = (__file__,)
_VARIABLE = "EDGEPIND_TEST_BREAK_FILE"


def environment(file: Path) -> dict[str, str]:
    """What tells this entry which file breaks the rule."""
    return {_VARIABLE: str(file)}


def main() -> int:
    """Run the daemon; what accepts evidence loses all pins where the status endpoint answered."""
    file = Path(os.environ[_VARIABLE])

    def broken(state: State, tick: Tick) -> tuple[State, tuple[Event, ...]]:
        state, events = accept_evidence(state, tick)
        wrong = tick.seen.status is not None and file.exists()
        return (replace(state, pins=()) if wrong else state), events

    module = importlib.import_module("edgepind.core.decide")
    setattr(module, accept_evidence.__name__, broken)
    return run()


if __name__ == "__main__":
    sys.exit(main())
