"""The verbs about what the operator does."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from edgepind.lab.sim_observations import spki
from edgepind.model.enums import Bootstrap, ExceptionPin, PinKind, Policy, Role, Validator
from edgepind.model.observation import OverrideFile, OverrideRejected, PinAdd, PinRemove
from edgepind.model.rules import FailOpenRules, PinRules, RestartRules, Rules
from tests.support.scenario.stage import Stage, Verb, Words, seconds

_WORDS_OF: Mapping[str, type[Any]] = {
    "kind": PinKind,
    "policy": Policy,
    "bootstrap": Bootstrap,
    "validator": Validator,
    "exception_pin": ExceptionPin,
}


def _settings(stage: Stage, words: Words) -> None:
    """`settings KEY=VALUE ...`: a reload, which also wakes the daemon."""
    rules = stage.world.rules
    for word in words:
        key, _, value = word.partition("=")
        rules = _with_setting(rules, key, value)
    stage.world.rules = rules
    stage.world.prompt()


def _with_setting(rules: Rules, key: str, value: str) -> Rules:
    if key == "pins.issuers":
        issuers = frozenset(spki(name) for name in value.split(",") if name)
        return replace(rules, pins=replace(rules.pins, issuers=issuers))
    if key == "fail_open.enabled":
        allowed = replace(rules.fail_open, enabled={"yes": True, "no": False}[value])
        return replace(rules, fail_open=allowed)
    if key == "interval":
        return replace(rules, interval=seconds(value))
    if key == "max_clock_error":
        return replace(rules, max_clock_error=seconds(value))
    table, _, name = key.rpartition(".")
    holders = {"pins": PinRules, "fail_open": FailOpenRules, "restart": RestartRules}
    if table not in holders or name not in {it.name for it in fields(holders[table])}:
        raise ValueError(f"no setting is called {key}; name its table, as in pins.policy")
    holder = getattr(rules, table)
    return replace(rules, **{table: replace(holder, **{name: _value(name, value)})})


def _value(name: str, text: str) -> Any:
    if name in _WORDS_OF:
        return _WORDS_OF[name](text)
    return int(text) if name in {"sightings", "budget"} else seconds(text)


def _pin(stage: Stage, words: Words) -> None:
    """`pin add NAME [current|backup]`, `pin remove NAME`."""
    match words:
        case ("add", name, *role):
            stage.world.say(PinAdd(stage.pin(name), Role(role[0]) if role else None))
        case ("remove", name):
            stage.world.say(PinRemove(stage.pin(name)))
        case _:
            raise ValueError("a pin is added or removed")


def _override(stage: Stage, words: Words) -> None:
    """`override for DURATION`, `touched`, `garbage`, `removed`, `stuck`."""
    world = stage.world
    match words:
        case ("for", duration):
            until = world.wall + timedelta(seconds=seconds(duration))
            world.override = OverrideFile(world.wall, until, "the site is down", "root")
        case ("touched",):
            world.override = OverrideFile(world.wall)
        case ("garbage",):
            world.override = OverrideRejected("override", "it is not JSON")
        case ("removed",):
            world.override, world.override_stuck = None, ""
        case ("stuck",):
            world.override_stuck = "override: read-only file system"
        case _:
            raise ValueError("an override is for a time, touched, garbage, removed or stuck")
    world.prompt()


OPERATOR_VERBS: Mapping[str, Verb] = {
    "settings": _settings,
    "pin": _pin,
    "override": _override,
}
