"""Somebody sits on the path to the cloud: one who may, and one who must not be believed."""

import time

from edgepind.lab.chapter import Chapter
from edgepind.lab.stage import Stage
from edgepind.lab.timers import GRACE, LEAST_AGE

_LONGER_THAN_ANY_TIMER = 2 * max(LEAST_AGE, GRACE)


async def _inspecting_proxy(stage: Stage) -> None:
    world = stage.world
    before = world.kept.document.read_bytes()
    stage.say("The company's firewall begins to inspect: its CA is in the host's store alone.")
    world.cloud.take_path(world.corporate.face)
    await stage.until(
        "it is called an interception", lambda: stage.status().get("finding") == "interception"
    )
    issuer = world.trust.corporate.certificate.subject.rfc4514_string()
    named = [e for e in stage.events("finding_changed") if _common_name(issuer) in e["MESSAGE"]]
    stage.expect("the inspecting CA is named", named, stage.events("finding_changed"))
    await stage.stay(_LONGER_THAN_ANY_TIMER)
    stage.expect("the document is untouched", world.kept.document.read_bytes() == before)
    stage.expect("the Edge is not opened", stage.postures() == [], stage.postures())
    stage.say("The firewall is told to exempt the cloud.")
    world.cloud.free_path()
    freed = time.monotonic()
    await stage.until("the link is pinned again", stage.at_rest)
    await stage.until("the Edge is connected again", lambda: stage.accepted_since(freed))
    stage.expect_restarts(0)


async def _man_in_the_middle(stage: Stage) -> None:
    world = stage.world
    before = world.kept.document.read_bytes()
    attacker = world.compromised.credential.fingerprint
    stage.say("A man in the middle shows a certificate of a public CA and announces himself.")
    world.cloud.take_path(world.compromised.face)
    await stage.until("the lockout is noticed", lambda: stage.in_posture("grace", "exhausted"))
    await stage.until("an operator is called", lambda: stage.in_posture("exhausted"))
    await stage.stay(_LONGER_THAN_ANY_TIMER)
    role = stage.roles().get(str(attacker), "unknown")
    stage.expect("his pin is not accepted", role in {"pending", "unknown"}, role)
    stage.expect("the document is untouched", world.kept.document.read_bytes() == before)
    carried = world.kept.tally.carried
    stage.expect("no connection reached him", carried == 0, carried)
    stage.say("He is found and thrown out.")
    world.cloud.free_path()
    freed = time.monotonic()
    await stage.until("the link is pinned again", stage.at_rest)
    await stage.until("the Edge is connected again", lambda: stage.accepted_since(freed))
    stage.expect_restarts(0)


def _common_name(subject: str) -> str:
    return subject.removeprefix("CN=")


INSPECTING_PROXY = Chapter(
    "inspecting-proxy", "An inspecting proxy, named and refused", _inspecting_proxy
)
MAN_IN_THE_MIDDLE = Chapter(
    "man-in-the-middle",
    "A man in the middle with a compromised CA that announces itself",
    _man_in_the_middle,
    # Against a whole CA the site says which CA its cloud uses, and would rather stay shut.
    settings=lambda trust: {
        "pins": {"issuers": [trust.issuer.spki.base64]},
        "fail_open": {"enabled": False},
    },
)
