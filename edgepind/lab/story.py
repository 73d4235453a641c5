"""Plays chapters: a fresh world for each, everything counted, everything ended."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from edgepind.lab.chapter import Chapter, Result, Score
from edgepind.lab.site import Premises
from edgepind.lab.stage import Stage, Unmet
from edgepind.lab.timers import Pace
from edgepind.lab.world import KEPT, SHELL, World, open_world

_LOOK = 0.1
_CONNECTED = 6


class Audience(Protocol):
    """Who watches: the live view, plain lines, or nobody."""

    def begin(self, chapter: Chapter) -> None:
        """A chapter begins."""

    def told(self, sentence: str) -> None:
        """The narrator says something."""

    def look(self, world: World) -> None:
        """The world may have changed; called several times a second."""

    def end(self, result: Result) -> None:
        """A chapter is over."""


@contextlib.asynccontextmanager
async def staged(chapter: Chapter, pace: Pace, audience: Audience) -> AsyncIterator[Stage]:
    """A world for this chapter with the audience watching; all of it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="edgepind-lab-") as folder:
        async with open_world(Path(folder), pace, chapter.settings, pinned=chapter.pinned) as world:
            watching = asyncio.create_task(_watch(world, audience))
            try:
                yield Stage(world, audience.told)
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching


async def play(chapter: Chapter, pace: Pace, audience: Audience) -> Result:
    """Play one chapter to its end and close its world."""
    audience.begin(chapter)
    async with staged(chapter, pace, audience) as stage:
        return await perform(chapter, stage, audience)


async def perform(chapter: Chapter, stage: Stage, audience: Audience) -> Result:
    """Play a chapter on a world that stands already, and leave that standing."""
    began = time.monotonic()
    try:
        if chapter.pinned:
            await stage.until("both Edges are connected and the daemon is content", settled(stage))
            stage.checks.clear()
        stage.mark()
        await chapter.play(stage)
        ended = time.monotonic()
        await stage.until("at the end the Edge is connected", lambda: stage.accepted_since(ended))
    except Unmet:
        pass  # the failed check says it
    _expect_always(stage)
    result = _result(chapter, stage, time.monotonic() - began)
    audience.end(result)
    return result


def settled(stage: Stage) -> Callable[[], bool]:
    """Whether every Edge has been connected a while and the daemon is at rest."""

    def holds() -> bool:
        connected = all(
            site.tally.accepted >= _CONNECTED and not site.tally.locked_out_now
            for site in stage.world.sites()
        )
        return connected and stage.at_rest()

    return holds


def _expect_always(stage: Stage) -> None:
    """What must hold in every chapter, whatever it is about."""
    world = stage.world
    world.observe()
    accepted = world.kept.tally.attackers_accepted
    stage.expect("no attacker's pin was accepted", not accepted, accepted)
    given = world.secrets_given_away(KEPT)
    stage.expect("no secret was sent to anybody on the path", given == 0, given)
    stray = [event["text"] for event in world.daemon.events if "text" in event]
    stage.expect("the daemon's log holds events alone", not stray, stray[-1:])
    stage.expect("the daemon still runs", world.daemon.running)


def _result(chapter: Chapter, stage: Stage, seconds: float) -> Result:
    world = stage.world
    shell = None if world.shell is None else _score(world.shell, world.secrets_given_away(SHELL))
    return Result(
        name=chapter.name,
        title=chapter.title,
        seconds=seconds,
        checks=tuple(stage.checks),
        edgepind=_score(world.kept, world.secrets_given_away(KEPT)),
        shell=shell,
    )


def _score(site: Premises, secrets: int) -> Score:
    tally = site.tally
    return Score(
        rejected=tally.rejected,
        locked_out=tally.locked_out(time.monotonic()),
        at_the_end=tally.locked_out_now,
        restarts=site.restarts,
        attackers_pins=len(tally.attackers_accepted),
        carried=tally.carried,
        secrets=secrets,
    )


async def _watch(world: World, audience: Audience) -> None:
    while True:
        world.observe()
        audience.look(world)
        await asyncio.sleep(_LOOK)
