"""The verbs that let time pass, and those about clocks and accidents."""

from collections.abc import Mapping

from edgepind.model.observation import ClockSource
from tests.support.scenario.stage import Stage, Verb, Words, seconds


def _clock(stage: Stage, words: Words) -> None:
    """`clock +1h`, `clock -30s` steps the host's; `clock right`; `clock witness SOURCE...`.

    `clock date behind 2min`: what the `Date` of the endpoint says is older than the truth by that.
    """
    world = stage.world
    match words:
        case ("right",):
            world.step_clock(-world.ahead)
        case ("witness", *sources):
            world.witnesses = tuple(ClockSource(source) for source in sources)
        case ("date", "behind", duration):
            world.date_behind = seconds(duration)
        case (step,) if step[0] in "+-":
            world.step_clock(seconds(step[1:]) * (1 if step[0] == "+" else -1))
        case _:
            raise ValueError("a clock is stepped by +TIME or -TIME, set right, or witnessed")


def _pass(stage: Stage, words: Words) -> None:
    """`pass DURATION`."""
    (duration,) = words
    stage.time_begins()
    stage.world.run(seconds(duration))


def _tick(stage: Stage, words: Words) -> None:
    """`tick [COUNT]`: pass the time until so many ticks were made."""
    stage.time_begins()
    for _ in range(int(words[0]) if words else 1):
        stage.world.run(max(0.0, stage.world.due - stage.world.monotonic))


def _away(stage: Stage, words: Words) -> None:
    """`away DURATION`: the daemon is stopped that long, and the host runs on."""
    (duration,) = words
    stage.time_begins()
    stage.world.crash()
    stage.world.due = stage.world.monotonic + seconds(duration)
    stage.world.run(seconds(duration) - 1.0)


def _crash(stage: Stage, _: Words) -> None:
    """`crash`: the daemon is killed and started again."""
    stage.time_begins()
    stage.world.crash()


def _reboot(stage: Stage, words: Words) -> None:
    """`reboot OFF_FOR`."""
    (duration,) = words
    stage.time_begins()
    stage.world.reboot(seconds(duration))


def _kill(stage: Stage, words: Words) -> None:
    """`kill STEP`: the daemon is killed at that step of its next tick, a save or an action."""
    stage.world.kill_in = int(words[0])


def _lose(stage: Stage, words: Words) -> None:
    """`lose state`, or `lose newest`: the newest generation only."""
    stage.time_begins()
    stage.world.lose_state(newest_only={"state": False, "newest": True}[words[0]])


TIME_VERBS: Mapping[str, Verb] = {
    "clock": _clock,
    "pass": _pass,
    "tick": _tick,
    "away": _away,
    "crash": _crash,
    "reboot": _reboot,
    "kill": _kill,
    "lose": _lose,
}
