"""The cloud changes its certificate and tells nobody: the normal case with public certificates."""

import time

from edgepind.lab.chapter import Chapter
from edgepind.lab.stage import Stage
from edgepind.lab.timers import GRACE, LEAST_AGE, span

_LONG_GRACE = 4 * LEAST_AGE


async def _hold_down(stage: Stage) -> None:
    world = stage.world
    old, new = world.cloud.status.current, world.issue()
    stage.say("Every address shows a new certificate; the status page still names the old one.")
    world.cloud.serve(new)
    await stage.until("the new pin waits", lambda: stage.events("pin_pending", new.fingerprint))
    await stage.until("the lockout is noticed", lambda: stage.in_posture("grace"))
    stage.say("Its chain is public and it is the same everywhere: it is held down, then accepted.")
    await stage.until(
        "the hold-down is served and the new pin accepted",
        lambda: stage.in_allowlist(new.fingerprint),
    )
    await stage.until("the Edge has loaded it", lambda: stage.edge_accepts(new.fingerprint))
    loaded = time.monotonic()
    await stage.until("the Edge is connected again", lambda: stage.accepted_since(loaded))
    await stage.until("the old pin is retired", lambda: stage.events("pin_retired", old))
    await stage.until(
        "the Edge has loaded the new one alone", lambda: stage.edge_loaded(new.fingerprint)
    )
    postures = stage.postures()
    stage.expect("the Edge was never opened", postures == ["grace", "enforcing"], postures)
    stage.expect_restarts(2)


async def _fail_open(stage: Stage) -> None:
    world = stage.world
    new = world.issue()
    stage.say("The load balancers are replaced, and with them, unannounced, the certificate.")
    world.cloud.rotate(new)
    world.cloud.hang_up()  # or the daemon would hear of it over a line that was pinned
    await stage.until("the grace is over and the Edge opens", lambda: stage.in_posture("open"))
    await stage.until("the Edge has loaded that", stage.edge_open)
    opened = time.monotonic()
    await stage.until("the Edge is connected again", lambda: stage.accepted_since(opened))
    tls = (world.kept.content() or {}).get("tlsSettings", {})
    stage.expect("the chain is still checked", tls.get("strictValidation") is True, tls)
    stage.say("Calls go on while the long hold-down of this site runs; then pinning is armed.")
    await stage.until(
        "the new pin is accepted, and the Edge has loaded it with pinning on",
        lambda: stage.edge_accepts(new.fingerprint),
    )
    armed = time.monotonic()
    await stage.until("the Edge is connected with pinning on", lambda: stage.accepted_since(armed))
    postures = stage.postures()
    stage.expect(
        "grace, open, enforcing, in this order",
        postures == ["grace", "open", "enforcing"],
        postures,
    )
    stage.expect_restarts(3)


HOLD_DOWN = Chapter(
    "hold-down",
    "An unannounced rotation, survived by hold-down",
    _hold_down,
    settings=lambda _trust: {"fail_open": {"grace": span(_LONG_GRACE)}},
)
FAIL_OPEN = Chapter(
    "fail-open",
    "An unannounced rotation, survived through fail-open and re-armed",
    _fail_open,
    settings=lambda _trust: {"pins": {"hold_down": span(4 * GRACE)}},
)
