"""The word on the Edge's service in a dry run, and the count of calls that a command prints."""

from pathlib import Path

import pytest

from edgepind.effects.restart import objection_of_calls
from edgepind.effects.service import DryService
from edgepind.lab.sim_service import ImaginedService
from edgepind.model.action import ServiceOutcome, ServiceSet, SetService
from edgepind.model.observation import EdgeService, ServiceSeen, ServiceUnknown


class Told:
    """An API whose answers are an imagined one's, and which notes what it is told."""

    def __init__(self) -> None:
        self.imagined = ImaginedService(calls=2)
        self.said: list[SetService] = []

    async def look(self) -> EdgeService:
        """Answer."""
        return self.imagined.look(0.0)

    async def put(self, word: SetService) -> ServiceOutcome:
        """Obey."""
        self.said.append(word)
        return self.imagined.put(word, 0.0)


async def test_a_dry_run_gives_no_word_and_shows_what_it_would_have_done() -> None:
    """So that the same is not decided again at each tick."""
    real = Told()
    dry = DryService(real)
    assert await dry.look() == ServiceSeen(in_service=True)
    assert await dry.put(SetService(in_service=False, wait=60.0)) == ServiceSet(in_service=False)
    assert await dry.look() == ServiceSeen(in_service=False, draining="COMPLETE")
    await dry.put(SetService(in_service=True))
    assert await dry.look() == ServiceSeen(in_service=True)
    real.imagined.trouble = "HTTP 500"
    assert await dry.look() == ServiceUnknown("HTTP 500")
    assert real.said == []


@pytest.mark.parametrize(
    ("prints", "objection"),
    [
        ("0", None),
        ("  0 ", None),
        ("3", "3 calls are up"),
        ("", "prints no number"),
        ("none", "prints no number"),
        ("-1", "prints no number"),
        ("0; exit 1", "prints no number"),
    ],
)
async def test_a_command_prints_how_many_calls_are_up(
    tmp_path: Path, prints: str, objection: str | None
) -> None:
    """Anything but a number is an objection: it is not known that no call is up."""
    script = tmp_path / "calls"
    word, _, rest = prints.partition(";")
    script.write_text(f"#!/bin/sh\necho '{word}'\n{rest}\n")
    script.chmod(0o700)
    said = await objection_of_calls((str(script),))
    assert (said is None) is (objection is None)
    assert objection is None or objection in str(said)
    assert await objection_of_calls(()) is None
