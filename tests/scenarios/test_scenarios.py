"""Every scenario beside this file, played on an imagined world.

Each decision in it is also held to the invariants, and each tick to the truth about the Edge.
"""

from pathlib import Path

import pytest

from edgepind.model.enums import Policy
from tests.support.scenario.play import play
from tests.support.scenario.text import Scenario, parse_scenario

_SCENARIOS = [
    parse_scenario(path.stem, path.read_text("utf-8"))
    for path in sorted(Path(__file__).parent.glob("*.scenario"))
]
_PLAYS = [
    pytest.param(it, policy, id=f"{it.name}-{policy}" if len(it.policies) > 1 else it.name)
    for it in _SCENARIOS
    for policy in it.policies
]


@pytest.mark.parametrize(("scenario", "policy"), _PLAYS)
def test_scenario(scenario: Scenario, policy: Policy) -> None:
    """Everything that the scenario expects is met, in its order."""
    play(scenario, policy)
