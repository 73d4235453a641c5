"""What a scenario may expect: one function a fact, which says what is so, in its own words."""

from collections.abc import Callable, Mapping
from itertools import groupby

from edgepind.core.desired import is_written
from edgepind.core.problems import problems
from edgepind.core.standing import has_standing
from edgepind.model.fingerprint import Fingerprint
from edgepind.model.observation import DocumentRead, DocumentRejected, Leaf
from edgepind.model.state import Owing
from tests.support.scenario.stage import Stage, Words

Fact = Callable[[Stage], str]


def _names(stage: Stage, pins: tuple[Fingerprint, ...]) -> list[str]:
    known = {stage.pin(name): name for name in stage.leaves}
    known |= {it.certificate: f"cert-{name}" for name, it in stage.leaves.items()} | known
    known |= {it.spki: f"key-{name}" for name, it in stage.leaves.items()} | known
    return [known.get(pin, str(pin)) for pin in pins]


def _pins(stage: Stage) -> str:
    pins = stage.world.state.pins
    names = _names(stage, tuple(pin.fingerprint for pin in pins))
    roles = (f"{it}:{pin.role}:{pin.origin}" for it, pin in zip(names, pins, strict=True))
    return " ".join(sorted(roles)) or "none"


def _believed(stage: Stage) -> str:
    state, overlap = stage.world.state, stage.world.rules.pins.overlap
    believed = tuple(pin.fingerprint for pin in state.pins if has_standing(pin, overlap))
    return " ".join(sorted(_names(stage, believed))) or "none"


def _on_disk(stage: Stage) -> str:
    return _as_words(stage, stage.world.edge.document)


def _loaded(stage: Stage) -> str:
    return _as_words(stage, stage.world.edge.loaded)


def _as_words(stage: Stage, document: object) -> str:
    if isinstance(document, DocumentRejected):
        return "rejected"
    if not isinstance(document, DocumentRead):
        return "nothing"
    enabled = {True: "on", False: "off", None: "unset"}[document.enabled]
    return " ".join((enabled, *_names(stage, document.accepted)))


def _connected(stage: Stage) -> str:
    world = stage.world
    leaves = [it for it in world.serves.values() if isinstance(it, Leaf)]
    validator = world.rules.restart.validator
    takes = [world.edge.connects(it, validator, world.wall) for it in leaves]
    if not any(takes):
        return "no"
    return "yes" if all(takes) else "partly"


def _events(stage: Stage) -> str:
    """What was told, in order; the same thing many times in a row as `write_failed*60`."""
    runs = ((name, len(list(run))) for name, run in groupby(_told(stage)))
    return " ".join(name if n == 1 else f"{name}*{n}" for name, n in runs) or "none"


def _told(stage: Stage) -> list[str]:
    return [it.name or "reminder" for it in stage.world.events[stage.seen_events :]]


def _addresses(stage: Stage) -> str:
    return " ".join(f"{it.address}={it.verdict}" for it in stage.world.state.addresses)


FACTS: Mapping[str, Fact] = {
    "posture": lambda it: it.world.state.guard.posture,
    "finding": lambda it: it.world.state.finding or "none",
    "addresses": _addresses,
    "lockout": lambda it: "yes" if it.world.state.lockout else "no",
    "pins": _pins,
    "believed": _believed,
    "document": _on_disk,
    "loaded": _loaded,
    "events": _events,
    "connected": _connected,
    "clock": lambda it: "trusted" if it.world.state.clock.trusted else "distrusted",
    "restarts": lambda it: str(len(it.world.edge.restarts)),
    "asked-whether-ready": lambda it: str(it.world.deferrals),
    "owed": lambda it: "yes" if isinstance(it.world.state.edge.restart, Owing) else "no",
    "phase": lambda it: it.world.state.edge.restart.phase,
    "override": lambda it: "there" if it.world.override else "gone",
    "unit": lambda it: it.world.edge.state,
    "written": lambda it: "yes" if is_written(it.world.state) else "no",
    "problems": lambda it: (
        " ".join(sorted(row.id for row in problems(it.world.state, it.world.rules))) or "none"
    ),
}
"""What can be expected word for word; `believed` are the pins with standing."""

_SORTED = frozenset({"pins", "believed", "problems"})
"""Those whose words are sorted by name."""


def objection(stage: Stage, words: Words) -> str | None:
    """Why an expectation is not met; None where it is. Raises ValueError for an unknown one.

    Besides the facts: `told EVENT...` and `untold EVENT...`, whatever else was told since time
    last began to pass, and `says WORDS`, which stand in the sentence that `status` gives.
    """
    stage.looked = True
    subject, wanted = words[0], words[1:]
    match subject:
        case "told":
            missing = [it for it in wanted if it not in _told(stage)]
            return f"not told: {' '.join(missing)}; but {_events(stage)}" if missing else None
        case "untold":
            told = [it for it in wanted if it in _told(stage)]
            return f"told: {' '.join(told)}" if told else None
        case "says":
            sentence, words_wanted = stage.world.state.reason, " ".join(wanted)
            return None if words_wanted in sentence else f"it says: {sentence}"
        case _ if subject in FACTS:
            expected = " ".join(sorted(wanted) if subject in _SORTED else wanted)
            found = FACTS[subject](stage)
            return None if found == expected else f"it is: {found}"
        case _:
            raise ValueError(f"nothing called {subject} can be expected")
