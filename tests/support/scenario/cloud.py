"""The verbs about the cloud and those on its path."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from edgepind.lab.sim_observations import EPOCH, LONG, leaf, spki
from edgepind.model.enums import Channel
from edgepind.model.instants import Validity
from edgepind.model.observation import (
    HandshakeFault,
    Leaf,
    StatusAnswer,
    StatusRejected,
    StatusUnreachable,
)
from tests.support.scenario.stage import Stage, Verb, Words, pairs, seconds

_DAY = timedelta(days=1)
_VALIDITIES: Mapping[str, Validity] = {
    "expired": Validity(EPOCH - 90 * _DAY, EPOCH - _DAY),
    "future": Validity(EPOCH + 30 * _DAY, EPOCH + 120 * _DAY),
    "expiring": Validity(EPOCH - 90 * _DAY, EPOCH + timedelta(hours=1)),
}


def _leaf(stage: Stage, words: Words) -> None:
    """`leaf NAME [private|excepted] [othername] [expired|future|expiring] FACT...`.

    Facts are `issuer=CA`, `key=K` and `breach=RULE`, the rule that only adoption asks for.
    """
    name, *facts = words
    plain = {fact for fact in facts if "=" not in fact}
    named = pairs(tuple(fact for fact in facts if "=" in fact), {"issuer", "key", "breach"})
    unknown = plain - {"private", "excepted", "othername", *_VALIDITIES}
    if unknown:
        raise ValueError(f"no leaf is {min(unknown)}")
    made = leaf(
        name,
        public=not plain & {"private", "excepted"},
        excepted="excepted" in plain,
        name_matches="othername" not in plain,
        validity=next((_VALIDITIES[it] for it in plain if it in _VALIDITIES), LONG),
        issuer=named.get("issuer", "Imagined Public CA"),
        breach=named.get("breach"),
    )
    stage.leaves[name] = replace(made, spki=spki(named.get("key", name)))


def _serve(stage: Stage, words: Words) -> None:
    """`serve ADDRESS=LEAF ...`: also `LEAF/wider`, or how the handshake fails; no word: nothing.

    `A~B*3`: one A and three B in turn, look by look; `A+B`: B under other offers than the Edge's.
    """
    serves: dict[str, Leaf | HandshakeFault] = {}
    wider = set()
    world = stage.world
    world.turns, world.offers = {}, {}
    for word in words:
        address, _, what = word.partition("=")
        if "~" in what:
            turns = tuple(leaf for it in what.split("~") for leaf in _times(stage, it))
            world.turns, serves[address] = {**world.turns, address: turns}, turns[0]
            continue
        what, *others = what.split("+")
        if others:
            world.offers = {**world.offers, address: tuple(stage.leaf(it) for it in others)}
        name, _, how = what.partition("/")
        if how == "wider":
            wider.add(address)
        serves[address] = HandshakeFault(name) if name in set(HandshakeFault) else stage.leaf(name)
    world.serves, world.wider_at = serves, frozenset(wider)


def _times(stage: Stage, word: str) -> tuple[Leaf, ...]:
    name, _, times = word.partition("*")
    return (stage.leaf(name),) * int(times or 1)


def _status(stage: Stage, words: Words) -> None:
    """`status [current=A] [next=B]`, or rejected, silent, busy DURATION, tagged, off."""
    world = stage.world
    world.rules = replace(world.rules, status_enabled=words != ("off",))
    match words:
        case ("rejected",):
            world.says = StatusRejected(Channel.NONE, "it is null, not text")
        case ("silent",):
            world.says = StatusUnreachable("HTTP 500")
        case ("busy", duration):
            world.says = StatusUnreachable("HTTP 429", retry_after=seconds(duration))
        case ("tagged",):
            world.tags = True
        case ("off",):
            pass
        case _:
            said = pairs(words, {"current", "next"})
            current, following = (
                stage.pin(said[it]) if it in said else None for it in ("current", "next")
            )
            world.says = StatusAnswer(Channel.NONE, current, following)


def _channel(stage: Stage, words: Words) -> None:
    """`channel pinned|without_standing|unpinned`, whatever the leaves say; `true` ends it."""
    (word,) = words
    stage.world.channel = None if word == "true" else Channel(word)


CLOUD_VERBS: Mapping[str, Verb] = {
    "leaf": _leaf,
    "serve": _serve,
    "status": _status,
    "channel": _channel,
}
