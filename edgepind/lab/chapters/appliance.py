"""The appliance itself misbehaves: a dead clock battery, a software update, a killed daemon."""

import json
import signal
import time

from edgepind.lab import killed_daemon, skewed_daemon
from edgepind.lab.chapter import Chapter
from edgepind.lab.site import SAMPLE_PIN
from edgepind.lab.stage import Stage
from edgepind.lab.timers import LEAST_AGE
from edgepind.model.fingerprint import Fingerprint, parse_fingerprint

_YEAR = 365 * 86_400.0
_NOTICE = 8.0


async def _wrong_clock(stage: Stage) -> None:
    world = stage.world
    before, new = world.kept.document.read_bytes(), world.issue()
    skew = world.kept.folder / "skew"
    stage.say("The host boots with its clock a year slow; meanwhile the certificate has changed.")
    await world.daemon.stop()
    skewed_daemon.set_skew(skew, -_YEAR)
    world.cloud.serve(new)
    await world.daemon.start(skewed_daemon.RUN, skewed_daemon.environment(skew))
    await stage.until("the clock is blamed", lambda: _clock_fault(stage))
    await stage.stay(2 * LEAST_AGE)
    accepted = stage.in_allowlist(new.fingerprint)
    stage.expect("nothing is accepted by a wrong clock", not accepted)
    stage.expect("the document is untouched", world.kept.document.read_bytes() == before)
    stage.expect("the Edge is not opened", "open" not in stage.postures(), stage.postures())
    stage.say("The clock is set right; now the hold-down can be served.")
    skewed_daemon.set_skew(skew, 0.0)
    await stage.until(
        "the new pin is accepted, and the Edge has loaded it",
        lambda: stage.edge_accepts(new.fingerprint),
    )
    loaded = time.monotonic()
    await stage.until("the Edge is connected again", lambda: stage.accepted_since(loaded))
    stage.expect_restarts(3)


def _clock_fault(stage: Stage) -> bool:
    status = stage.status()
    return status.get("finding") == "clock_fault" and not status["clock"]["trusted"]


async def _software_update(stage: Stage) -> None:
    world = stage.world
    stage.say("A software update lays down a factory document and restarts the Edge with it.")
    current = world.cloud.status.current
    for site in world.sites():
        await site.software_update()
    await stage.until("the right pin is put back", lambda: stage.in_allowlist(current))
    repaired = time.monotonic()
    await stage.until("the Edge is connected again", lambda: stage.accepted_since(repaired))
    await stage.until("the daemon is content", stage.at_rest)
    stage.expect("the repair is told", stage.events("config_repaired"))
    stage.expect("the sample pin is gone", not stage.in_allowlist(SAMPLE_PIN))
    content = world.kept.content() or {}
    stage.expect("what the update brought is kept", content.get("edgeVersion") == "2.0", content)
    stage.expect_restarts(1)


async def _killed(stage: Stage) -> None:
    world = stage.world
    old, new = world.cloud.status.current, world.issue()
    stage.say("A rotation is announced, and the daemon dies in the middle of writing its pin.")
    await world.daemon.stop()
    comes = stage.announce(new, _NOTICE)
    for point in killed_daemon.Point:
        await world.daemon.start(killed_daemon.RUN, killed_daemon.environment(point))
        code = await world.daemon.wait()
        stage.expect(f"killed {point.value}", code == -signal.SIGKILL, f"exit code {code}")
        pins = world.kept.pins()
        whole = pins and all(isinstance(parse_fingerprint(pin), Fingerprint) for pin in pins)
        stage.expect(f"killed {point.value}, the document is whole", whole, json.dumps(pins))
    await world.daemon.start()
    await stage.until(
        "the debt of a restart is remembered and paid",
        lambda: stage.edge_loaded(old, new.fingerprint),
    )
    await stage.timetable(comes)
    world.cloud.rotate(new)
    await stage.until("the old pin is retired", lambda: stage.events("pin_retired", old))
    await stage.until(
        "the Edge has loaded the new one alone", lambda: stage.edge_loaded(new.fingerprint)
    )
    left = [path.name for path in world.kept.document.parent.glob(".*.tmp")]
    stage.expect("no half-written file is left", not left, left)
    stage.expect_no_rejection()
    stage.expect_restarts(2)


WRONG_CLOCK = Chapter("wrong-clock", "A clock a year off", _wrong_clock)
SOFTWARE_UPDATE = Chapter(
    "software-update", "A software update that resets the file", _software_update
)
KILLED = Chapter("killed", "A SIGKILL in the middle of a write", _killed)
