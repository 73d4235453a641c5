"""Plays a scenario on an imagined world, line by line."""

from edgepind.lab.imagined_truth import UntrueError
from edgepind.lab.imagined_world import ImaginedWorld, InvariantError
from edgepind.lab.scenario.appliance import APPLIANCE_VERBS
from edgepind.lab.scenario.cloud import CLOUD_VERBS
from edgepind.lab.scenario.facts import objection
from edgepind.lab.scenario.operator import OPERATOR_VERBS
from edgepind.lab.scenario.stage import Stage, new_stage
from edgepind.lab.scenario.text import Line, Scenario, ScenarioError
from edgepind.lab.scenario.time import TIME_VERBS
from edgepind.model.words import Policy

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
