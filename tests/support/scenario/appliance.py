"""The verbs about the Edge and its document."""

from collections.abc import Mapping

from edgepind.lab.sim_edge import Swap, never
from edgepind.model.fingerprint import RefusedFingerprint
from edgepind.model.observation import (
    Document,
    DocumentMissing,
    DocumentRead,
    DocumentRejected,
    UnitState,
)
from tests.support.scenario.stage import Stage, Verb, Words, seconds


def _site(stage: Stage, words: Words) -> None:
    """`site DOCUMENT...`: what the Edge has loaded before edgepind is first started."""
    stage.world.edge.put(_document(stage, words))
    stage.world.edge.start(stage.world.wall)


def _replace_document(stage: Stage, words: Words) -> None:
    """`document DOCUMENT...`: something else puts one there, and the Edge goes on."""
    stage.world.edge.put(_document(stage, words))


def _document(stage: Stage, words: Words) -> Document:
    """`missing`, `rejected`, or `on|off|unset PIN...`; `weak` among the pins is an MD5 value."""
    match words:
        case ("missing",):
            return DocumentMissing()
        case ("rejected",):
            return DocumentRejected("it is not JSON")
        case (("on" | "off" | "unset") as enabled, *names):
            return _read(stage, enabled, names)
        case _:
            raise ValueError("a document is missing, rejected, or on, off or unset with pins")


def _read(stage: Stage, enabled: str, names: list[str]) -> DocumentRead:
    pins = tuple(stage.pin(name) for name in names if name not in {"weak", "-"})
    weak = RefusedFingerprint("aa" * 16, "it has 16 octets, which is MD5 whatever its label says")
    bare = not names or names[0] in {"-", "weak"}
    return DocumentRead(
        enabled={"on": True, "off": False, "unset": None}[enabled],
        current=None if bare else pins[0],
        accepted=pins,
        digest="",
        changed=stage.world.wall,
        refused=(weak,) if "weak" in names else (),
    )


def _file(stage: Stage, words: Words) -> None:
    """`file unreadable|readable|unwritable|full|writable`; a rename needs no room."""
    troubles = stage.world.edge.troubles
    match words:
        case ("unreadable",):
            troubles.read = "pinning-config.json: permission denied"
        case ("readable",):
            troubles.read = ""
        case ("unwritable",):
            troubles.write = "pinning-config.json: read-only file system"
        case ("full",):
            troubles.write, troubles.full = "pinning-config.json: no space left on device", True
        case ("writable",):
            troubles.write, troubles.full = "", False
        case _:
            raise ValueError("a file is unreadable, readable, unwritable, full or writable")


def _edge(stage: Stage, words: Words) -> None:
    """`edge command`; `edge stopped|failed|masked|started`; `edge dies`: it is started again.

    `edge waits`, after a reboot: systemd has not come to it yet.
    """
    (word,) = words
    edge = stage.world.edge
    match word:
        case "command":
            edge.commanded = True
        case "stopped":
            edge.stop()
        case "failed" | "masked":
            edge.stop(UnitState(word))
        case "waits":
            edge.stop(UnitState.ACTIVATING)
        case "started" | "dies":
            edge.start(stage.world.wall)
        case _:
            raise ValueError(f"no Edge is {word}")


def _health(stage: Stage, words: Words) -> None:
    """`health good`; `health bad`; `health bad with PIN` in its document; `health bad when off`.

    `health registers DURATION`: it is well when it has been connected for so long.
    """
    troubles = stage.world.edge.troubles
    match words:
        case ("good",):
            troubles.sick_of, troubles.registration = never, 0.0
        case ("registers", duration):
            troubles.registration = seconds(duration)
        case ("bad",):
            troubles.sick_of = lambda _: True
        case ("bad", "with", name):
            pin = stage.pin(name)
            troubles.sick_of = lambda loaded: loaded is not None and pin in loaded.accepted
        case ("bad", "when", "off"):
            troubles.sick_of = lambda loaded: loaded is not None and loaded.enabled is False
        case _:
            raise ValueError(
                "health is good or bad, bad with a pin or when off, or registers in a time"
            )


def _calls(stage: Stage, words: Words) -> None:
    """`calls up`: `ready_command` asks for patience; `calls over`."""
    stage.world.edge.troubles.unready = {"up": "two calls are up", "over": ""}[words[0]]


def _restarts(stage: Stage, words: Words) -> None:
    """`restarts fail|work|refused`, `take DURATION`, `start DURATION`, `swap [back] DOCUMENT...`.

    One that takes a time is done after it; one that starts for a time is activating meanwhile.

    A swap puts another document there while the Edge stops; `back`: until it has been read.
    """
    world = stage.world
    match words:
        case ("fail",):
            world.edge.troubles.restart = "its job failed"
        case ("refused",):
            world.edge.troubles.refusal = "the helper's own budget is spent"
        case ("work",):
            world.edge.troubles.restart = world.edge.troubles.refusal = ""
            world.edge.troubles.swap = None
        case ("swap", "back", enabled, *names):
            world.edge.troubles.swap = Swap(_read(stage, enabled, names), back=True)
        case ("swap", enabled, *names):
            world.edge.troubles.swap = Swap(_read(stage, enabled, names))
        case ("take", duration):
            world.restart_takes = seconds(duration)
        case ("start", duration):
            world.edge.troubles.start = seconds(duration)
        case _:
            raise ValueError("restarts fail, work, are refused, take a time or swap a document")


APPLIANCE_VERBS: Mapping[str, Verb] = {
    "site": _site,
    "document": _replace_document,
    "file": _file,
    "edge": _edge,
    "health": _health,
    "calls": _calls,
    "restarts": _restarts,
}
