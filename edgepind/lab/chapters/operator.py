"""An operator takes over: the emergency procedure, then the operator's own word on a pin."""

import json
import time

from edgepind.lab.chapter import Chapter
from edgepind.lab.stage import Stage
from edgepind.lab.timers import span


async def _override(stage: Stage) -> None:
    world = stage.world
    new = world.issue()
    stage.say("This site accepts only what is announced, and the certificate changes unannounced.")
    world.cloud.serve(new)
    await stage.until("an operator is called", lambda: stage.in_posture("exhausted"))
    stage.say("The operator turns pinning off for an hour, with a reason.")
    await _command(stage, "override", "on", "--for", "1h", "--reason", "calls are down")
    await stage.until("the override is in force", lambda: stage.in_posture("override"))
    await stage.until("the Edge has loaded that", stage.edge_open)
    overridden = time.monotonic()
    await stage.until("the Edge is connected again", lambda: stage.accepted_since(overridden))
    stage.say("With calls running, the operator compares the live leaf and adds it.")
    seen = json.loads((await world.daemon.command("probe", "--json")).output)
    leaves = {address["fingerprint"] for address in seen["addresses"]}
    stage.expect("probe shows the new leaf", leaves == {str(new.fingerprint)}, leaves)
    await _command(stage, "pin", "add", str(new.fingerprint), "--role", "current")
    await _command(stage, "override", "off")
    await stage.until("the override is over", lambda: stage.in_posture("enforcing"))
    await stage.until(
        "the Edge has loaded the operator's pin", lambda: stage.edge_accepts(new.fingerprint)
    )
    armed = time.monotonic()
    await stage.until("the Edge is connected with pinning on", lambda: stage.accepted_since(armed))
    stage.expect("pinning is on", world.kept.pinning().get("enabled") is True)
    stage.expect("both ends are told", stage.events("override_on") and stage.events("override_off"))
    stage.expect_restarts(3)


async def _command(stage: Stage, *words: str) -> None:
    answer = await stage.world.daemon.command(*words)
    stage.expect(f"edgepind {' '.join(words[:2])} answers 0", answer.code == 0, answer)


OVERRIDE = Chapter(
    "override",
    "An operator's override",
    _override,
    settings=lambda _trust: {
        "pins": {"policy": "strict", "overlap": span(60)},  # no restart of its own meanwhile
        "fail_open": {"enabled": False},
    },
)
