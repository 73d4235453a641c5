"""Chapters of the story, played with the real daemon; and a chapter that cannot go well."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from edgepind.lab.chapter import Chapter, Result
from edgepind.lab.chapters.path import MAN_IN_THE_MIDDLE
from edgepind.lab.chapters.rotations import ANNOUNCED, ROLLING
from edgepind.lab.prompt import Prompt
from edgepind.lab.shell_loop import missing_tools
from edgepind.lab.stage import Stage
from edgepind.lab.story import play, settled, staged
from edgepind.lab.timers import Pace
from edgepind.lab.view import Nobody
from edgepind.lab.wait import until
from edgepind.lab.world import World


class _Remembers(Nobody):
    """An audience that keeps hold of the world, to see what becomes of it."""

    world: World | None = None

    def look(self, world: World) -> None:
        self.world = world


def _unmet(result: Result) -> list[str]:
    return [f"{check.what}: {check.detail}" for check in result.checks if not check.met]


async def _nothing(_stage: Stage) -> None:
    """Change nothing."""


@pytest.mark.parametrize("chapter", [ANNOUNCED, ROLLING], ids=lambda chapter: chapter.name)
async def test_an_announced_rotation_costs_no_connection(chapter: Chapter) -> None:
    """Whether all at once or address by address: no rejection, and two restarts at the most."""
    result = await play(chapter, Pace(), Nobody())
    assert _unmet(result) == []
    assert result.edgepind.rejected == 0
    assert result.edgepind.restarts <= 2


async def test_an_attackers_pin_is_never_accepted() -> None:
    """A man in the middle with a public CA gets no pin, no connection and no secret from it."""
    result = await play(MAN_IN_THE_MIDDLE, Pace(), Nobody())
    assert _unmet(result) == []
    ours, theirs = result.edgepind, result.shell
    assert (ours.attackers_pins, ours.carried, ours.secrets) == (0, 0, 0)
    assert theirs is not None or missing_tools()
    assert theirs is None or theirs.attackers_pins == 1


async def test_the_lab_would_notice() -> None:
    """Without the settings that keep a patient attacker out, the same chapter is a failure.

    So the figures of the chapter above are measured, not hoped for.
    """
    careless = replace(
        MAN_IN_THE_MIDDLE,
        settings=lambda _: {"fail_open": {"enabled": False}},
    )
    result = await play(careless, Pace(), Nobody())
    assert not result.met
    assert result.edgepind.attackers_pins == 1


async def test_a_daemon_that_does_not_start_is_no_success() -> None:
    """Where there is nobody to keep the pins, the chapter fails soon, and says why."""
    broken = Chapter(
        "broken", "Wrong settings", _nothing, settings=lambda _: {"cloud": {"interval": "soon"}}
    )
    result = await play(broken, Pace(), Nobody())
    assert not result.met
    assert any("the daemon has ended" in sentence for sentence in _unmet(result))


async def test_nothing_is_left_behind() -> None:
    """After a chapter no process of it runs, and its folder is gone."""
    audience = _Remembers()
    await play(Chapter("still", "Nothing happens", _nothing), Pace(), audience)
    world = audience.world
    assert world is not None
    assert not world.daemon.running
    assert not any(site.edge.running for site in world.sites())
    assert world.loop is None or not world.loop.running
    assert not world.folder.exists()


async def test_a_person_can_play() -> None:
    """The prompt rotates, intercepts and restores; what it does not know it says, and goes on."""
    console = Console(record=True, width=120, file=StringIO())
    playground = Chapter("playground", "A world to play with", _nothing)
    async with staged(playground, Pace(), Nobody()) as stage:
        prompt = Prompt(stage, console)
        assert await until(settled(stage), 20)
        old = stage.world.cloud.status.current
        await prompt.obey(["rotate"])
        assert stage.world.cloud.status.current != old
        await prompt.obey(["intercept", "compromised", stage.world.cloud.addresses[0]])
        names = [face.name for face in stage.world.cloud.served().values()]
        assert names == ["man in the middle", "cloud", "cloud"]
        await prompt.obey(["restore"])
        await prompt.obey(["intercept", "nobody"])
        await prompt.obey(["status", "null"])
        assert stage.world.cloud.status.scripted is not None
        await prompt.obey(["restart"])
        assert stage.world.daemon.running
        await prompt.obey(["show"])
    said = console.export_text()
    assert "not understood" in said
    assert "Edge kept by" in said
    assert "exit code 0" in said
