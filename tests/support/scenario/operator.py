"""The verbs about what the operator does."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from edgepind.lab.sim_observations import spki
from edgepind.model.bundle import Bundle, BundlePin, KeptSerial, RefusedBundle, SignedBundle
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


def _bundle(stage: Stage, words: Words) -> None:
    """`bundle SERIAL FACT...`: a signed one. `bundle unsigned`: one that nobody has signed.

    Facts are `current=A`, `backup=A[@FROM[-UNTIL]]` and `revoke=A`, `host=NAME`, `kind=KIND`,
    `issued=` in so long, `expires=` in so long (in an hour), and `kept=N`, which root's helper
    remembers of another. Times are from now on.
    """
    serial, *facts = words
    digest = hashlib.sha256(" ".join(words).encode()).hexdigest()
    if serial == "unsigned":
        stage.world.say(RefusedBundle(digest, "folder", "nobody has signed it", "have it signed"))
        return
    world, known = stage.world, {"host", "kind", "issued", "expires", "kept"}
    named = [fact.split("=", 1) for fact in facts]
    said = dict(it for it in named if it[0] in known)
    roles = {"current": Role.CURRENT, "backup": Role.BACKUP}
    if unknown := {it for it, _ in named} - known - {*roles, "revoke"}:
        raise ValueError(f"no bundle has {min(unknown)}")
    bundle = Bundle(
        host=said.get("host", world.rules.host),
        kind=PinKind(said.get("kind", world.rules.pins.kind)),
        pins=tuple(_bundle_pin(stage, roles[it], what) for it, what in named if it in roles),
        revoked=tuple(stage.pin(what) for it, what in named if it == "revoke"),
        serial=int(serial),
        issued_at=_in(stage, said.get("issued", "0s")),
        expires=_in(stage, said.get("expires", "1h")),
    )
    kept = KeptSerial(int(said.get("kept", "0")), "another's")
    world.say(SignedBundle(bundle, digest, "folder", kept))


def _bundle_pin(stage: Stage, role: Role, what: str) -> BundlePin:
    name, _, times = what.partition("@")
    begins, _, ends = times.partition("-")
    not_before, not_after = (_in(stage, it) if it else None for it in (begins, ends))
    return BundlePin(stage.pin(name), role, not_before, not_after)


def _in(stage: Stage, duration: str) -> datetime:
    return stage.world.wall + timedelta(seconds=seconds(duration))


OPERATOR_VERBS: Mapping[str, Verb] = {
    "settings": _settings,
    "pin": _pin,
    "bundle": _bundle,
    "override": _override,
}
