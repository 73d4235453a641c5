"""Plays a scenario on an imagined world, line by line."""

from edgepind.lab.sim_world import ImaginedWorld, InvariantError
from edgepind.model.enums import Policy
from tests.support.scenario.appliance import APPLIANCE_VERBS
from tests.support.scenario.cloud import CLOUD_VERBS
from tests.support.scenario.facts import objection
from tests.support.scenario.operator import OPERATOR_VERBS
from tests.support.scenario.stage import Stage, new_stage
from tests.support.scenario.text import Line, Scenario, ScenarioError
from tests.support.scenario.time import TIME_VERBS
from tests.support.sim_truth import UntrueError

VERBS = {**CLOUD_VERBS, **APPLIANCE_VERBS, **OPERATOR_VERBS, **TIME_VERBS}


def play(scenario: Scenario, policy: Policy, world: type[ImaginedWorld] = ImaginedWorld) -> Stage:
    """Play all of it. Raises ScenarioError at the first line that is wrong or is not met."""
    stage = new_stage(policy, world)
    for line in scenario.lines:
        problem = objection_to(stage, line)
        if problem is not None:
            raise ScenarioError(f"{scenario.name}:{line.number}: {line}\n  {problem}")
    return stage


def objection_to(stage: Stage, line: Line) -> str | None:
    """Carry out one line. Give why it is wrong or not met; None where all is well."""
    try:
        if line.verb == "expect":
            return objection(stage, line.words)
        if line.verb not in VERBS:
            return f"no verb is called {line.verb}"
        VERBS[line.verb](stage, line.words)
    except (ValueError, KeyError, IndexError) as error:
        return f"the line cannot be carried out: {error}"
    except (InvariantError, UntrueError) as error:
        return f"a promise was broken: {'; '.join(map(str, error.args))}"
    return None
