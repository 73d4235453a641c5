"""The core's rules are the settings', figure for figure."""

import dataclasses
import tomllib

from edgepind import RELEASED
from edgepind.model.enums import Policy, Validator
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules, Rules
from edgepind.settings.load import judge
from edgepind.settings.sample import sample
from edgepind.settings.schema import CloudSettings, Settings, rules_of

_EVERYTHING = """
[cloud]
host = "a.example"
interval = "1s"
[status]
enabled = false
[edge]
validator = "single"
ready_deadline = "2s"
urgent_ready_deadline = "3s"
health_deadline = "15s"
start_timeout = "16s"
settle = "4s"
restart_budget = 5
restart_window = "6s"
[pins]
kind = "spki"
policy = "strict"
bootstrap = "operator"
hold_down = "7s"
sightings = 8
overlap = "9s"
issuers = ["abababababababababababababababababababababababababababababababab"]
[interception]
exception_pin = "ca"
[fail_open]
enabled = false
grace = "10s"
limit = "11s"
budget = 12
budget_window = "13s"
[clock]
max_error = "14s"
"""


def test_the_defaults_of_both_are_the_same() -> None:
    """So a rule that is tried with the core's defaults is tried with the contract's."""
    settings = Settings(CloudSettings("a.example"))
    assert rules_of(settings) == Rules(host="a.example", earliest=RELEASED)


def test_every_rule_comes_from_its_setting() -> None:
    """Nothing is left at its default and nothing is mixed up."""
    settings = judge(tomllib.loads(_EVERYTHING), {})
    assert isinstance(settings, Settings)
    rules = rules_of(settings)
    assert (rules.interval, rules.max_clock_error, rules.status_enabled) == (1.0, 14.0, False)
    assert rules.restart == RestartRules(Validator.SINGLE, 2.0, 3.0, 15.0, 4.0, 5, 6.0, 16.0)
    assert rules.fail_open == FailOpenRules(
        enabled=False, grace=10.0, limit=11.0, budget=12, budget_window=13.0
    )
    assert rules.pins.policy is Policy.STRICT
    defaults = dataclasses.asdict(PinRules())
    assert all(dataclasses.asdict(rules.pins)[name] != defaults[name] for name in defaults)
    assert (rules.pins.hold_down, rules.pins.sightings, rules.pins.overlap) == (7.0, 8, 9.0)


def test_the_samples_rules_are_the_defaults() -> None:
    """What is shipped behaves as the contract says."""
    settings = judge(tomllib.loads(sample()), {})
    assert isinstance(settings, Settings)
    assert rules_of(settings) == Rules(host="acme.mypurecloud.com", earliest=RELEASED)
