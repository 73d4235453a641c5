"""The cloud does as it should: a first pin, then rotations that are announced."""

import time

from edgepind.lab.chapter import Chapter
from edgepind.lab.stage import Stage

NOTICE = 2.5
BETWEEN_ADDRESSES = 0.75


async def _bootstrap(stage: Stage) -> None:
    world = stage.world
    leaf = world.cloud.status.current
    stage.say("Nobody knows a pin yet: the installer left pinning off.")
    await stage.until("the leaf that the cloud serves is adopted", lambda: stage.in_allowlist(leaf))
    await stage.until("the Edge has loaded it", lambda: stage.edge_loaded(leaf))
    loaded = time.monotonic()
    await stage.until("the Edge is connected", lambda: stage.accepted_since(loaded))
    origins = [pin["origin"] for pin in stage.status()["pins"]]
    stage.expect("its origin is told as bootstrap", origins == ["bootstrap"], origins)
    stage.expect("pinning is on", world.kept.pinning().get("enabled") is True)
    stage.expect_no_rejection()
    stage.expect_restarts(1)


async def _announced(stage: Stage) -> None:
    world = stage.world
    old, new = world.cloud.status.current, world.issue()
    stage.say("The cloud announces its next certificate, and when it comes.")
    comes = stage.announce(new, NOTICE)
    await stage.until(
        "the announced pin is prepared", lambda: stage.events("pin_prepared", new.fingerprint)
    )
    await stage.until("the Edge has loaded both", lambda: stage.edge_loaded(old, new.fingerprint))
    stage.expect("it was loaded before the rotation", time.monotonic() < comes, "too late")
    await stage.timetable(comes)
    stage.say("The certificate changes at every address at once.")
    world.cloud.rotate(new)
    await stage.until(
        "the new pin is current", lambda: stage.events("pin_activated", new.fingerprint)
    )
    stage.say("The old pin is kept for the overlap, then retired.")
    await stage.until("the old pin is retired", lambda: stage.events("pin_retired", old))
    await stage.until(
        "the Edge has loaded the new one alone", lambda: stage.edge_loaded(new.fingerprint)
    )
    stage.expect_no_rejection()
    stage.expect_restarts(2)


async def _rolling(stage: Stage) -> None:
    world = stage.world
    old, new = world.cloud.status.current, world.issue()
    stage.say("The cloud announces its next certificate.")
    comes = stage.announce(new, NOTICE)
    await stage.until("the Edge has loaded both", lambda: stage.edge_loaded(old, new.fingerprint))
    for address in world.cloud.addresses:
        await stage.timetable(comes)
        stage.say(f"{address} shows it now; the status page still names the old one.")
        world.cloud.serve(new, [address])
        comes += world.pace.seconds(BETWEEN_ADDRESSES)
    await stage.timetable(comes)
    world.cloud.admit(new)
    await stage.until(
        "the new pin is current", lambda: stage.events("pin_activated", new.fingerprint)
    )
    await stage.until("the old pin is retired", lambda: stage.events("pin_retired", old))
    await stage.until(
        "the Edge has loaded the new one alone", lambda: stage.edge_loaded(new.fingerprint)
    )
    rotating = [e for e in stage.events("finding_changed") if e["EDGEPIND_FINDING"] == "rotating"]
    stage.expect("it was told as a rotation", rotating)
    stage.expect_no_rejection()
    stage.expect_restarts(2)


BOOTSTRAP = Chapter("bootstrap", "The first pin, from nothing", _bootstrap, pinned=False)
ANNOUNCED = Chapter("announced", "An announced rotation", _announced)
ROLLING = Chapter("rolling", "A rotation that rolls over three addresses one by one", _rolling)
