"""Somebody on the path: an inspecting proxy, or a man in the middle with a compromised CA.

It ends TLS with a leaf of its own CA and relays each request to the cloud's own back door. The
difference between the two is the CA, and whether the status answer is rewritten on its way.
"""

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass, field

from edgepind.lab.cloud import STATUS_PATH, Cloud
from edgepind.lab.http1 import (
    ConnectionOver,
    Request,
    Response,
    read_response,
    write_request,
)
from edgepind.lab.listener import Face
from edgepind.lab.oauth import bearer_token, client_credentials
from edgepind.lab.pki import Authority, Credential


@dataclass(slots=True, eq=False)
class Interceptor:
    """One such somebody. `roots` is the PEM of the roots by which it checks the cloud itself.

    `announces_itself`: the status answer that passes names its leaf as the cloud's.
    `secrets_seen` collects every token and client secret that was sent to it.
    """

    name: str
    authority: Authority
    cloud: Cloud
    roots: str
    announces_itself: bool = False
    secrets_seen: set[str] = field(default_factory=set)
    relayed: int = 0
    credential: Credential = field(init=False)
    face: Face = field(init=False)
    _upstream: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        """Mint the leaf that it will show."""
        self.credential = self.authority.leaf([self.cloud.host])
        self.face = Face.of(self.name, self.credential, self.relay)
        self._upstream = ssl.create_default_context(cadata=self.roots)

    async def relay(self, request: Request) -> Response:
        """Pass one request on, keeping what it gives away."""
        self._note_secrets(request)
        self.relayed += 1
        try:
            response = await self._ask_cloud(request)
        except (OSError, ConnectionOver):
            return Response(502)
        if self.announces_itself and request.path == STATUS_PATH:
            return self._forged()
        return response

    async def _ask_cloud(self, request: Request) -> Response:
        reader, writer = await asyncio.open_connection(
            self.cloud.origin.ip,
            self.cloud.origin.port,
            ssl=self._upstream,
            server_hostname=self.cloud.host,
        )
        try:
            writer.write(write_request(request))
            return await read_response(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _forged(self) -> Response:
        """A status answer that names its own leaf, also for those the cloud would turn away."""
        page = {"certificateFingerprint": str(self.credential.fingerprint), "algorithm": "SHA256"}
        return Response(200, {"content-type": "application/json"}, json.dumps(page).encode())

    def _note_secrets(self, request: Request) -> None:
        if token := bearer_token(request):
            self.secrets_seen.add(token)
        if secret := client_credentials(request)[1]:
            self.secrets_seen.add(secret)
