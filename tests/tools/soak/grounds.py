"""What a soak is run on: one site, its cloud, and who else is on the path."""

import json
import os
import random
import signal
from dataclasses import dataclass, field

from edgepind.lab.cloud import Cloud
from edgepind.lab.pki import Credential
from edgepind.lab.proxy import Interceptor
from edgepind.lab.timers import Table
from edgepind.lab.trust import Trust
from tests.support.small_site import Site
from tests.tools.bench.subject import Subject

PACE: dict[str, Table] = {
    "cloud": {"timeout": "2s"},
    "edge": {"settle": "100ms", "restart_budget": 50, "restart_window": "10s"},
    "pins": {"hold_down": "20s", "sightings": 3, "overlap": "2s"},
    "fail_open": {"grace": "3s", "limit": "10s", "budget_window": "1min"},
}
"""Settings under which a rotation, announced or not, is over in seconds."""


@dataclass(slots=True)
class Grounds:
    """The daemon under watch and the world around it, with the dice that are thrown for both."""

    daemon: Subject
    cloud: Cloud
    trust: Trust
    dice: random.Random
    serving: Credential
    proxy: Interceptor = field(init=False)
    impostor: Interceptor = field(init=False)
    former: Credential = field(init=False)

    def __post_init__(self) -> None:
        """Mint what the two on the path will show."""
        roots = self.trust.public_roots.read_text()
        self.proxy = Interceptor("inspecting proxy", self.trust.corporate, self.cloud, roots)
        self.impostor = Interceptor("impostor", self.trust.compromised, self.cloud, roots)
        self.impostor.announces_itself = True
        self.former = self.serving

    @property
    def site(self) -> Site:
        """The folder with settings, state and document."""
        return self.daemon.site

    def rotate(self, credential: Credential) -> None:
        """Serve another certificate everywhere, and admit it."""
        self.former, self.serving = self.serving, credential
        self.cloud.rotate(credential)

    async def reload(self) -> None:
        """Send SIGHUP, and wait for the tick that follows it."""
        os.kill(self.daemon.pid, signal.SIGHUP)
        await self.daemon.ticked()

    def intruders_in(self, text: str) -> list[str]:
        """Whose leaves stand in it that must never be accepted."""
        strangers = (self.proxy, self.impostor)
        return [it.name for it in strangers if str(it.credential.fingerprint) in text]

    def document_problem(self) -> str | None:
        """What is wrong with the pinning config as it stands; None where nothing is."""
        try:
            text = self.site.document.read_text()
        except FileNotFoundError:
            return "it is missing"
        try:
            pinning = json.loads(text)["certificatePinning"]
            pins = pinning["fingerprints"]
        except (ValueError, KeyError, TypeError) as error:
            return f"it is torn or has lost its pins ({error!r}): {text[:200]}"
        if not pins:
            return "its allowlist is empty"
        strangers = self.intruders_in(json.dumps(pins))
        return f"it accepts the leaf of {strangers[0]}" if strangers else None
